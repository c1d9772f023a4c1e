//! What all pages share: errors, and how values are shown.

use std::borrow::Borrow;
use std::time::SystemTime;

use anyhow::Error;
use askama::Template;
use axum::http::StatusCode;
use axum::response::{self, IntoResponse, Response};
use humantime::format_rfc3339_seconds;
use reqwest::Url;
use tower_tawk::event::Timestamp;

/// An error as a page, which asks for the token if the status is 401.
pub struct PageError(StatusCode, String);

impl<E: Into<Error>> From<E> for PageError {
    fn from(error: E) -> Self {
        Self(StatusCode::INTERNAL_SERVER_ERROR, format!("{:#}", error.into()))
    }
}

impl PageError {
    pub fn new(status: StatusCode, text: &str) -> Self {
        Self(status, text.to_owned())
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
