//! [`Fault`]: the ways to misbehave, and how a listener that is right answers each.
//!
//! What is wrong with a signature is made by the crate's kit for tests; here is what only a sender
//! can do, besides.

use bytes::Bytes;
use clap::ValueEnum;
use http::StatusCode;
use tower_tawk::test_util;

/// More than the listener takes unless told otherwise (2 MiB).
const OVERSIZE: usize = 3 * 1024 * 1024;

// The comments are what `--help` shows.
/// A way to misbehave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Fault {
    /// no X-Tawk-Signature: 403
    Missing,
    /// `sha1=` before the right digits: 403
    Malformed,
    /// 64 hex digits, as an HMAC-SHA256 has: 403
    Sha256,
    /// the right X-Tawk-Signature twice: 403
    Repeated,
    /// signed with another secret: 403
    WrongSecret,
    /// one byte changed after signing: 403
    Altered,
    /// fewer bytes than declared, and then no more: 400
    Truncated,
    /// 3 MiB, above the listener's default limit: 413
    Oversize,
    /// one byte a second, until the listener's deadline for the body: 408
    Slow,
    /// the same delivery twice, with one event id: both are accepted
    Replay,
}

impl Fault {
    /// How it is refused; `None` where it is not, since Tawk.to itself delivers again what it had
    /// no answer to.
    pub(super) const fn refusal(self) -> Option<StatusCode> {
        match self {
            Self::Missing
            | Self::Malformed
            | Self::Sha256
            | Self::Repeated
            | Self::WrongSecret
            | Self::Altered => Some(StatusCode::FORBIDDEN),
            Self::Truncated => Some(StatusCode::BAD_REQUEST),
            Self::Oversize => Some(StatusCode::PAYLOAD_TOO_LARGE),
            Self::Slow => Some(StatusCode::REQUEST_TIMEOUT),
            Self::Replay => None,
        }
    }

    /// What is wrong with the signature.
    pub(super) const fn of_signature(self) -> Option<test_util::Fault> {
        match self {
            Self::Missing => Some(test_util::Fault::Missing),
            Self::Malformed => Some(test_util::Fault::Prefixed),
            Self::Sha256 => Some(test_util::Fault::Sha256),
            Self::Repeated => Some(test_util::Fault::MultipleSignatures),
            Self::WrongSecret => Some(test_util::Fault::WrongSecret),
            Self::Altered => Some(test_util::Fault::Altered),
            Self::Truncated | Self::Oversize | Self::Slow | Self::Replay => None,
        }
    }

    /// The bytes to sign.
    pub(super) fn signed(self, payload: Bytes) -> Bytes {
        if self == Self::Oversize { padded(&payload).into() } else { payload }
    }
}

/// Spaces behind it leave a JSON object what it is (RFC 8259, section 2).
fn padded(payload: &[u8]) -> Vec<u8> {
    let mut body = payload.to_vec();
    body.resize(OVERSIZE.max(payload.len()), b' ');
    body
}
