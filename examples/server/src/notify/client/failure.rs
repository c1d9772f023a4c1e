//! [`Failure`]: why a notification was not taken, in words that may be stored and logged.

use std::error::Error;
use std::io;
use std::iter::successors;
use std::time::{Duration, SystemTime};

use http::header::{HeaderMap, RETRY_AFTER};
use http::status::StatusCode;
use hyper_util::client::legacy;
use tokio_rustls::rustls::{CertificateError, Error as TlsError};
use tower::timeout::error::Elapsed;

use super::CONNECT_LIMIT;

/// A receiver that is in its right mind does not ask for more.
const RETRY_AFTER_MOST: Duration = Duration::from_secs(60 * 60);

/// Why a notification was not taken. Holds neither an address nor a secret.
#[derive(Debug)]
pub(crate) struct Failure {
    /// One line
    pub(crate) why: String,
    /// The receiver asked not to be told again before this time is over
    pub(crate) retry_after: Option<Duration>,
    /// Telling it again is pointless
    pub(crate) is_final: bool,
    /// False where the receiver kept silent
    pub(crate) is_answer: bool,
}

impl Failure {
    /// The receiver refused it, and `quote` is what it said to that.
    ///
    /// Gone alone is for good (RFC 9110, section 15.5.11): a receiver that is being deployed again
    /// answers 404, or anything else.
    pub(super) fn refused(status: StatusCode, headers: &HeaderMap, quote: &str) -> Self {
        let code = status.as_u16();
        let why = if status.is_redirection() && status != StatusCode::NOT_MODIFIED {
            // Where it has moved to may be as secret as where it was.
            format!(
                "the receiver answered {code}: it has moved; name its new address in NOTIFY_URL"
            )
        } else if quote.is_empty() {
            format!("the receiver answered {code}")
        } else {
            format!("the receiver answered {code}: {quote}")
        };
        let retry_after = retry_after(headers, SystemTime::now());
        Self { why, retry_after, is_final: status == StatusCode::GONE, is_answer: true }
    }

    /// Not the receiver's fault.
    pub(crate) fn here(why: &str, is_final: bool) -> Self {
        Self { why: why.to_owned(), retry_after: None, is_final, is_answer: true }
    }

    pub(super) fn late(limit: Duration) -> Self {
        Self::without_answer(format!("the receiver did not answer within {} s", limit.as_secs()))
    }

    pub(super) fn broken(error: &legacy::Error) -> Self {
        let why = because(error);
        Self::without_answer(if error.is_connect() {
            format!("cannot connect to the receiver: {why}")
        } else {
            format!("the exchange with the receiver broke off: {why}")
        })
    }

    const fn without_answer(why: String) -> Self {
        Self { why, retry_after: None, is_final: false, is_answer: false }
    }
}

/// What is at the bottom of an error, of which what lies above only says where it happened.
///
/// Only errors that are known to name no host are repeated. Those about certificates do.
fn because(error: &(dyn Error + 'static)) -> String {
    let mut why = error.to_string();
    for cause in successors(Some(error), |error| beneath(*error)) {
        if cause.is::<Elapsed>() {
            return format!("that took longer than {} s", CONNECT_LIMIT.as_secs());
        }
        if let Some(error) = cause.downcast_ref() {
            return tls(error);
        }
        if cause.is::<io::Error>() || cause.is::<hyper::Error>() {
            why = cause.to_string();
        }
    }
    why
}

/// The source of an error. That of an I/O error is what it wraps: its own `source` leaves it out.
fn beneath<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>() {
        Some(error) => error.get_ref().map(|error| -> &'a (dyn Error + 'static) { error }),
        None => error.source(),
    }
}

fn tls(error: &TlsError) -> String {
    let TlsError::InvalidCertificate(error) = error else { return format!("TLS: {error}") };
    match error {
        CertificateError::UnknownIssuer => {
            "its certificate is from nobody whom this system trusts; if it is right, install the \
             certificate of its issuer among those of the system"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has expired"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "its certificate is for another host"
        }
        _ => "its certificate is not valid",
    }
    .to_owned()
}

/// Seconds, or a date (RFC 9110, section 10.2.3). A date that is over asks for nothing.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?;
    let time = match value.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => httpdate::parse_http_date(value).ok()?.duration_since(now).unwrap_or_default(),
    };
    Some(time.min(RETRY_AFTER_MOST))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_receiver_asks_for_time_in_seconds_or_with_a_date_and_gets_an_hour_at_most() {
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
}
