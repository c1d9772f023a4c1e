//! [`Fault`]: the ways to misbehave, and how a listener that is right answers each.

use bytes::Bytes;
use clap::ValueEnum;
use http::StatusCode;
use tower_tawk::Secret;

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

    /// The values of the signature's header.
    pub(super) fn signatures(self, secret: &Secret, signed: &[u8]) -> Vec<String> {
        let signature = secret.sign(signed).to_string();
        match self {
            Self::Missing => vec![],
            Self::Malformed => vec![format!("sha1={signature}")],
            // It is told by its form. A `Secret` does not keep its text, so a true HMAC-SHA256
            // under it cannot be made here.
            Self::Sha256 => vec![format!("{signature}{}", &signature[..24])],
            Self::Repeated => vec![signature.clone(), signature],
            Self::WrongSecret => vec![another_secret().sign(signed).to_string()],
            Self::Altered | Self::Truncated | Self::Oversize | Self::Slow | Self::Replay => {
                vec![signature]
            }
        }
    }

    /// The bytes to sign.
    pub(super) fn signed(self, payload: Bytes) -> Bytes {
        if self == Self::Oversize { padded(&payload).into() } else { payload }
    }

    /// The bytes to send, made of the signed ones.
    pub(super) fn sent(self, signed: Bytes) -> Bytes {
        if self == Self::Altered { altered(signed.into()).into() } else { signed }
    }
}

fn another_secret() -> Secret {
    Secret::new("not the secret of this webhook").expect("a text without white space at its ends")
}

/// Spaces behind it leave a JSON object what it is (RFC 8259, section 2).
fn padded(payload: &[u8]) -> Vec<u8> {
    let mut body = payload.to_vec();
    body.resize(OVERSIZE.max(payload.len()), b' ');
    body
}

fn altered(mut body: Vec<u8>) -> Vec<u8> {
    let middle = body.len() / 2;
    if let Some(byte) = body.get_mut(middle) {
        *byte ^= 1;
    }
    body
}
