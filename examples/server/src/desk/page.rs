//! What all pages share: how text is escaped, errors, and how values are shown.

use std::borrow::Borrow;
use std::fmt::{self, Write};
use std::time::SystemTime;

use anyhow::Error;
use askama::Template;
use askama::filters::{Escaper, Html};
use axum::http::StatusCode;
use axum::response::{self, IntoResponse, Response};
use humantime::format_rfc3339_seconds;
use reqwest::Url;
use tower_tawk::event::Timestamp;

/// Escapes what people wrote: markup, and characters that control how the text around them is shown.
#[derive(Clone, Copy, Default)]
pub struct Visible;

impl Escaper for Visible {
    fn write_escaped_str<W: Write>(&self, mut to: W, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some(index) = rest.find(is_control) {
            Html.write_escaped_str(&mut to, &rest[..index])?;
            let control = rest[index..].chars().next().unwrap_or_default();
            // Line breaks of HTML have none.
            if control != '\r' {
                write!(to, "\u{27e8}U+{:04X}\u{27e9}", u32::from(control))?;
            }
            rest = &rest[index + control.len_utf8()..];
        }
        Html.write_escaped_str(&mut to, rest)
    }
}

/// Control characters, and those that change the direction of text (Unicode Standard Annex 9). Those
/// that join letters are part of words and emoji.
pub fn is_control(c: char) -> bool {
    c.is_control() && !"\n\t".contains(c)
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' |
            '\u{2066}'..='\u{2069}')
}

/// An error as a page, which asks for the token if the status is 401.
pub struct PageError(pub StatusCode, pub String);

impl<E: Into<Error>> From<E> for PageError {
    fn from(error: E) -> Self {
        Self(StatusCode::INTERNAL_SERVER_ERROR, format!("{:#}", error.into()))
    }
}

impl PageError {
    /// Creates the error about what does not exist, or was erased.
    pub fn not_found(what: &str) -> Self {
        Self(StatusCode::NOT_FOUND, format!("There is no such {what}."))
    }
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    status: StatusCode,
    text: String,
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let Self(status, text) = self;
        let page = ErrorPage { status, text }.render().unwrap_or_default();
        (status, response::Html(page)).into_response()
    }
}

/// A rendered page.
pub type Page = Result<response::Html<String>, PageError>;

pub fn render(template: &impl Template) -> Page {
    Ok(response::Html(template.render()?))
}

/// Formats a time in UTC, in a format that the element `time` has too.
pub fn utc(time: impl Borrow<SystemTime>) -> String {
    format_rfc3339_seconds(*time.borrow()).to_string().replace('T', " ").replace('Z', "")
}

/// Formats a time of Tawk.to, which may be any text.
pub fn sent_at(time: &Timestamp) -> String {
    time.to_system_time().map_or_else(|_| time.as_str().to_owned(), utc)
}

/// Returns a URL that a visitor sent, if it may be a link.
pub fn web_link(url: &Option<String>) -> Option<Url> {
    let url = Url::parse(url.as_ref()?).ok()?;
    ["http", "https"].contains(&url.scheme()).then_some(url)
}

pub fn size(bytes: impl Borrow<u64>) -> bytesize::Display {
    bytesize::ByteSize(*bytes.borrow()).display().iec()
}
