//! What all pages share: how text is escaped, errors, and how values are shown.

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

#[derive(Debug)]
pub enum PageError {
    /// What does not exist, or was erased.
    NotFound(&'static str),
    UnknownHost,
    Failed(Error),
}

impl<E: Into<Error>> From<E> for PageError {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    text: String,
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let (status, text) = match self {
            Self::NotFound(what) => (StatusCode::NOT_FOUND, format!("There is no such {what}.")),
            Self::UnknownHost => (
                StatusCode::MISDIRECTED_REQUEST,
                "The desk is not served under this host; add it to DESK_ALLOWED_HOSTS.".to_owned(),
            ),
            Self::Failed(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}")),
        };
        (status, response::Html(ErrorPage { text }.render().unwrap_or_default())).into_response()
    }
}

/// A rendered page.
pub type Page = Result<response::Html<String>, PageError>;

pub fn render(template: &impl Template) -> Page {
    Ok(response::Html(template.render()?))
}

/// A time in UTC, for machines and for people.
#[derive(Clone)]
pub struct Time {
    pub iso: String,
    pub text: String,
}

impl From<SystemTime> for Time {
    fn from(time: SystemTime) -> Self {
        let iso = format_rfc3339_seconds(time).to_string();
        Self { text: iso.replace('T', " ").replace('Z', ""), iso }
    }
}

/// Returns a time of Tawk.to, which may be any text.
pub fn sent_at(time: Option<&Timestamp>) -> Option<Time> {
    let unknown = |text: &str| Time { iso: String::new(), text: text.to_owned() };
    time.map(|time| time.to_system_time().map_or_else(|_| unknown(time.as_str()), Time::from))
}

/// Returns a URL that a visitor sent, if it may be a link.
pub fn link(url: Option<&str>) -> Option<String> {
    let url = Url::parse(url?).ok()?;
    ["http", "https"].contains(&url.scheme()).then(|| url.into())
}

pub fn size(bytes: u64) -> String {
    bytesize::ByteSize(bytes).display().iec().to_string()
}
