//! [`SendError`]: why a notification was not sent, without a URL, a host or a secret.

use std::error::Error;
use std::io;
use std::iter::successors;
use std::time::{Duration, SystemTime};

use http::header::{HeaderMap, LOCATION, RETRY_AFTER};
use http::status::StatusCode;
use tokio_rustls::rustls::{CertificateError, Error as TlsError};

use super::notifier::{CONNECT_TIMEOUT, TIMEOUT};

/// Cap on `Retry-After`.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(60 * 60);

const MAX_ERROR_CODE_LEN: usize = 64;

#[derive(Debug)]
pub struct SendError {
    /// One line, fit for the log and the database.
    pub reason: String,
    pub kind: SendErrorKind,
}

#[derive(Debug, PartialEq, Eq)]
pub enum SendErrorKind {
    /// A retry cannot succeed.
    Permanent,
    /// The receiver responded, and may have asked for a pause.
    Rejected { retry_after: Option<Duration> },
    /// The receiver cannot be reached or did not respond.
    NoResponse,
    /// Transient failure on our side.
    Internal,
}

impl SendError {
    pub fn new(kind: SendErrorKind, reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), kind }
    }

    /// Creates the error of an unsuccessful response. `code` is the error code of the service.
    ///
    /// Only 410 Gone is permanent (RFC 9110, section 15.5.11): a receiver that is being redeployed
    /// may respond with 404, or anything else.
    pub fn rejected(status: StatusCode, headers: &HeaderMap, code: Option<&str>) -> Self {
        let kind = match status {
            StatusCode::GONE => SendErrorKind::Permanent,
            _ => SendErrorKind::Rejected { retry_after: retry_after(headers, SystemTime::now()) },
        };
        let mut reason = format!("receiver responded with {}", status.as_u16());
        if status.is_redirection() && headers.contains_key(LOCATION) {
            // The new URL may be as secret as the old one.
            reason.push_str(": moved; set its new URL in NOTIFY_URL");
        } else if let Some(code) = code {
            reason.push_str(": ");
            reason.push_str(code);
        }
        Self { reason, kind }
    }

    /// Creates the error of a request without a response.
    pub fn no_response(error: reqwest::Error) -> Self {
        let error = error.without_url();
        let reason = match (error.is_connect(), error.is_timeout()) {
            (true, true) => format!(
                "failed to connect to receiver: timed out after {} s",
                CONNECT_TIMEOUT.as_secs()
            ),
            (true, false) => format!("failed to connect to receiver: {}", cause(&error)),
            (false, true) => format!("receiver timed out after {} s", TIMEOUT.as_secs()),
            (false, false) => format!("connection to receiver failed: {}", cause(&error)),
        };
        Self::new(SendErrorKind::NoResponse, reason)
    }
}

/// Returns whether an error code may be logged.
pub fn is_error_code(code: &str) -> bool {
    (1..=MAX_ERROR_CODE_LEN).contains(&code.len())
        && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.".contains(&byte))
}

/// Describes the root cause. Only errors that do not name a host are displayed. Those about
/// certificates do.
fn cause(error: &(dyn Error + 'static)) -> String {
    let mut cause = "unknown error".to_owned();
    for error in successors(Some(error), |error| source(*error)) {
        if let Some(error) = error.downcast_ref() {
            return tls_cause(error);
        }
        if error.is::<io::Error>() || error.is::<hyper::Error>() {
            cause = error.to_string();
        }
    }
    cause
}

/// Returns the source of an error. `source` of an I/O error skips the error that it wraps.
fn source<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>() {
        Some(error) => Some(error.get_ref()?),
        None => error.source(),
    }
}

fn tls_cause(error: &TlsError) -> String {
    let TlsError::InvalidCertificate(error) = error else { return format!("TLS: {error}") };
    match error {
        CertificateError::UnknownIssuer => {
            "certificate signed by an unknown authority; to trust it, install the authority's \
             certificate on this system"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "certificate expired"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "certificate is for another host"
        }
        _ => "invalid certificate",
    }
    .to_owned()
}

/// Parses seconds or a date (RFC 9110, section 10.2.3). A date in the past is zero.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?;
    let time = match value.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => httpdate::parse_http_date(value).ok()?.duration_since(now).unwrap_or_default(),
    };
    Some(time.min(MAX_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date_and_at_most_an_hour() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        for (value, seconds) in [
            ("0", Some(0)),
            ("120", Some(120)),
            ("86400", Some(3600)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60)),
            ("Sunday, 06-Nov-94 08:50:37 GMT", Some(60)),
            ("Mon, 07 Nov 1994 08:49:37 GMT", Some(3600)),
            ("Sun, 06 Nov 1994 08:49:36 GMT", Some(0)),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
            ("", None),
        ] {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(value))]);
            let expected = seconds.map(Duration::from_secs);
            assert_eq!(retry_after(&headers, now), expected, "{value}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }

    #[test]
    fn only_gone_is_permanent() {
        for status in [302, 400, 404, 429, 500, 503] {
            let error = SendError::rejected(status.try_into().unwrap(), &HeaderMap::new(), None);
            assert_eq!(error.kind, SendErrorKind::Rejected { retry_after: None }, "{status}");
        }
        let gone = SendError::rejected(StatusCode::GONE, &HeaderMap::new(), None);
        assert_eq!(gone.kind, SendErrorKind::Permanent);
    }

    #[test]
    fn an_error_code_is_a_short_ascii_word() {
        for code in ["invalid_payload", "10015", "a.b", &"a".repeat(64)] {
            assert!(is_error_code(code), "{code}");
        }
        for code in ["", "two words", "/path", "é", "a-b", "a\n", &"a".repeat(65)] {
            assert!(!is_error_code(code), "{code}");
        }
    }
}
