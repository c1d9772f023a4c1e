//! [`SendError`]: why a notification was not sent, without a URL, a host or a secret.

use std::error::Error;
use std::io;
use std::time::{Duration, SystemTime};

use http::header::{HeaderMap, RETRY_AFTER};
use http::status::StatusCode;
use lettre::transport::smtp;
use lettre::transport::smtp::response::Category;
use serde_json::Value;
use tokio_rustls::rustls::{CertificateError, Error as TlsError};

use crate::http_client::{CONNECT_TIMEOUT, TIMEOUT};

const MAX_RETRY_AFTER: Duration = Duration::from_secs(60 * 60);

/// One line, fit for the log and the database.
#[derive(Debug, PartialEq, Eq)]
pub enum SendError {
    /// A retry cannot succeed.
    Permanent(String),
    /// A retry may succeed. The receiver may have asked for a pause.
    Transient { reason: String, retry_after: Option<Duration> },
}

pub fn responded(status: StatusCode) -> String {
    format!("receiver responded with {}", status.as_u16())
}

impl SendError {
    pub fn permanent(reason: &str) -> Self {
        Self::Permanent(reason.to_owned())
    }

    pub fn transient(reason: impl Into<String>) -> Self {
        Self::Transient { reason: reason.into(), retry_after: None }
    }

    /// Creates the error of a response. Only 410 Gone is permanent (RFC 9110, section 15.5.11): a
    /// receiver that is being redeployed may respond with 404, or anything else. An error code that
    /// repeats a part of what was sent is not shown.
    pub fn rejected(status: StatusCode, headers: &HeaderMap, body: &[u8], sent: &str) -> Self {
        let detail = match error_code(body).filter(|code| !sent.contains(code)) {
            // The new URL may be as secret as the old one.
            _ if status.is_redirection() => ": moved; set its new URL".to_owned(),
            Some(code) => format!(": {code}"),
            None => String::new(),
        };
        let an_error = if status.is_success() { " and an error" } else { "" };
        let reason = format!("{}{an_error}{detail}", responded(status));
        let retry_after = retry_after(headers, SystemTime::now());
        match status {
            StatusCode::GONE => Self::Permanent(reason),
            _ => Self::Transient {
                reason,
                retry_after: retry_after.or_else(|| retry_after_in_json(body)),
            },
        }
    }

    pub fn no_response(error: &reqwest::Error) -> Self {
        let connect = CONNECT_TIMEOUT.as_secs();
        let reason = match (error.is_connect(), error.is_timeout()) {
            (true, true) => format!("failed to connect to receiver: timed out after {connect} s"),
            (true, false) => format!("failed to connect to receiver: {}", cause(error)),
            (false, true) => return Self::timed_out(),
            (false, false) => format!("connection to receiver failed: {}", cause(error)),
        };
        Self::transient(reason)
    }

    pub fn timed_out() -> Self {
        Self::transient(format!("receiver timed out after {} s", TIMEOUT.as_secs()))
    }

    /// Creates the error of a mail server. Its text may contain addresses. 5yz is permanent
    /// (RFC 5321, section 4.2.1), except for 53z, as the password can be corrected (RFC 4954).
    pub fn smtp(error: &smtp::Error) -> Self {
        let Some(code) = error.status() else {
            // The text of a client error is constant, such as that STARTTLS is not supported.
            let cause = if error.is_client() { error.to_string() } else { cause(error) };
            return Self::transient(format!("connection to receiver failed: {cause}"));
        };
        let reason = format!("receiver responded with {code}");
        match error.is_permanent() && code.category != Category::Unspecified3 {
            true => Self::Permanent(reason),
            false => Self::transient(reason),
        }
    }
}

/// Fields for an error code, a number or a word. 0 is success.
const CODES: [&str; 5] = ["code", "errcode", "StatusCode", "error_code", "error"];

/// Returns the error code in a JSON object, or a body that is one word, as Slack's `no_text`.
fn error_code(body: &[u8]) -> Option<String> {
    let json = serde_json::from_slice::<Value>(body).unwrap_or_default();
    let code = CODES.iter().find_map(|field| match &json[*field] {
        Value::String(code) => Some(code.clone()),
        Value::Number(code) => Some(code.to_string()).filter(|code| code != "0"),
        _ => None,
    });
    let code = code.or_else(|| Some(str::from_utf8(body).ok()?.trim().to_owned()))?;
    let is_code = (1..=64).contains(&code.len())
        && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.".contains(&byte));
    is_code.then_some(code)
}

/// Returns whether the body of a successful response reports a failure, as Feishu does with a code,
/// Slack's API with `ok`, and Teams with a text (github.com/MicrosoftDocs/msteams-docs/issues/400).
/// Custom receivers may respond with anything, so what is ambiguous is a success.
pub fn reports_failure(body: &[u8]) -> bool {
    let Ok(Value::Object(json)) = serde_json::from_slice(body) else {
        return String::from_utf8_lossy(body).contains("delivery failed");
    };
    json.iter().any(|(field, value)| match (&**field, value) {
        // Some receivers respond with 1, or repeat the status.
        ("code" | "errcode" | "StatusCode" | "error_code", Value::Number(code)) => {
            !matches!(code.as_i64(), Some(0 | 1 | 200..=299))
        }
        ("ok" | "success", value) => *value == Value::Bool(false),
        ("error", Value::String(error)) => !error.is_empty(),
        ("error", Value::Object(error)) => !error.is_empty(),
        ("error", value) => *value == Value::Bool(true),
        _ => false,
    })
}

/// Describes the root cause. Errors that may name a host are not displayed.
fn cause(error: &dyn Error) -> String {
    let mut cause = "unknown error".to_owned();
    let mut source = error.source();
    while let Some(error) = source {
        // `source` of an I/O error skips the error that it wraps.
        source = match error.downcast_ref().and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
        if let Some(error) = error.downcast_ref() {
            return tls_cause(error);
        } else if error.is::<io::Error>() || error.is::<hyper::Error>() {
            cause = error.to_string();
        }
    }
    cause
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

/// Returns the seconds in the JSON of Discord (docs.discord.com/developers/topics/rate-limits) or,
/// in `parameters`, Telegram (core.telegram.org/bots/api#responseparameters).
fn retry_after_in_json(body: &[u8]) -> Option<Duration> {
    let json = serde_json::from_slice::<Value>(body).ok()?;
    let seconds = [&json["retry_after"], &json["parameters"]["retry_after"]];
    let seconds = seconds.into_iter().find_map(Value::as_f64)?;
    Duration::try_from_secs_f64(seconds).ok().map(|time| time.min(MAX_RETRY_AFTER))
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
    fn discord_and_telegram_ask_for_a_pause_in_their_json() {
        let limited = |header: Option<&'static str>, body: &str| {
            let header = header.map(|value| (RETRY_AFTER, HeaderValue::from_static(value)));
            let headers = HeaderMap::from_iter(header);
            let status = StatusCode::TOO_MANY_REQUESTS;
            match SendError::rejected(status, &headers, body.as_bytes(), "") {
                SendError::Transient { retry_after, .. } => retry_after,
                SendError::Permanent(reason) => panic!("{reason}"),
            }
        };
        let discord = r#"{"message":"You are being rate limited.","retry_after":0.5}"#;
        let telegram = r#"{"ok":false,"error_code":429,"parameters":{"retry_after":35}}"#;
        assert_eq!(limited(None, discord), Some(Duration::from_millis(500)));
        assert_eq!(limited(None, telegram), Some(Duration::from_secs(35)));
        assert_eq!(limited(Some("2"), discord), Some(Duration::from_secs(2)));
        assert_eq!(limited(None, r#"{"retry_after":1e9}"#), Some(MAX_RETRY_AFTER));
        for body in ["", "[]", "{}", r#"{"retry_after":-1}"#, r#"{"retry_after":"1"}"#] {
            assert_eq!(limited(None, body), None, "{body}");
        }
    }

    #[test]
    fn only_gone_is_permanent() {
        for status in [302, 400, 404, 429, 500, 503] {
            let error = SendError::rejected(status.try_into().unwrap(), &HeaderMap::new(), b"", "");
            assert!(matches!(error, SendError::Transient { retry_after: None, .. }), "{status}");
        }
        let gone = SendError::rejected(StatusCode::GONE, &HeaderMap::new(), b"", "");
        assert_eq!(gone, SendError::permanent("receiver responded with 410"));
    }

    #[test]
    fn an_error_code_is_in_the_json_or_the_whole_body() {
        for (body, code) in [
            (r#"{"message": "Unknown Webhook", "code": 10015}"#, "10015"),
            (r#"{"code":"gone"}"#, "gone"),
            ("invalid_payload\n", "invalid_payload"),
            ("404", "404"),
            ("a.b", "a.b"),
            (&"a".repeat(64), &"a".repeat(64)),
        ] {
            assert_eq!(error_code(body.as_bytes()).unwrap(), code);
        }
        for body in ["", "two words", "/path", "é", "a-b", "a\nb", &"a".repeat(65)] {
            assert_eq!(error_code(body.as_bytes()), None, "{body}");
        }
        for body in [r#"{"code":null}"#, r#"{"code":0}"#, r#"{"code":"two words"}"#, "[]"] {
            assert_eq!(error_code(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn a_successful_response_may_report_a_failure() {
        for (body, code) in [
            (r#"{"code":19001,"data":{},"msg":"param invalid"}"#, Some("19001")),
            (r#"{"StatusCode":9499,"StatusMessage":"Bad Request"}"#, Some("9499")),
            (r#"{"errcode":310000,"errmsg":"keywords not in content"}"#, Some("310000")),
            (r#"{"errcode":-1,"errmsg":"system busy"}"#, None),
            (r#"{"ok":false,"error":"channel_not_found"}"#, Some("channel_not_found")),
            (r#"{"ok":false,"error_code":400,"description":"Bad Request"}"#, Some("400")),
            (r#"{"success":false,"error":"two words"}"#, None),
            (r#"{"error":{"code":400,"status":"INVALID_ARGUMENT"}}"#, None),
            (
                "Webhook message delivery failed with error: Microsoft Teams endpoint returned \
                 HTTP error 429 with ContextId tcid=0",
                None,
            ),
        ] {
            assert!(reports_failure(body.as_bytes()), "{body}");
            assert_eq!(error_code(body.as_bytes()).as_deref(), code, "{body}");
        }
        for body in [
            "",
            "1",
            "ok",
            "Accepted",
            "<p>0 failed</p>",
            "{}",
            "[]",
            r#"{"code":0,"msg":"success","StatusCode":0,"StatusMessage":"success"}"#,
            r#"{"errcode":0,"errmsg":"ok"}"#,
            r#"{"code":200}"#,
            r#"{"code":1}"#,
            r#"{"code":"SUCCESS"}"#,
            r#"{"ok":true,"error":null}"#,
            r#"{"success":true,"error":""}"#,
            r#"{"error":false}"#,
            r#"{"name":"spaces/a/messages/b","text":"delivery failed"}"#,
        ] {
            assert!(!reports_failure(body.as_bytes()), "{body}");
        }
    }
}
