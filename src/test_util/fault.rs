//! [`Fault`]: what can be wrong with a request's signature.

use bytes::Bytes;

use crate::secret::Secret;
use crate::signature::Signature;

/// A way in which a request can be wrong, so that it must not be taken for one of Tawk.to's.
///
/// There is one for each way in which a signature can be wrong; [`Fault::ALL`] has them all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// There is no `X-Tawk-Signature`.
    Missing,
    /// There is one, and nothing in it.
    Empty,
    /// `sha1=` stands before the right digits, as other senders of webhooks write it.
    Prefixed,
    /// The right signature in base64, not in hex.
    Base64,
    /// 64 hex digits, as an HMAC-SHA256 has.
    Sha256,
    /// The last of the right digits is missing.
    TooShort,
    /// The last of the right digits is none.
    NotHex,
    /// The right signature comes twice.
    MultipleSignatures,
    /// The body is signed with another secret.
    WrongSecret,
    /// One byte of the body was changed after it was signed, or added where there was none.
    Altered,
}

impl Fault {
    /// Every fault, to show that none of them gets through.
    pub const ALL: &[Self] = &[
        Self::Missing,
        Self::Empty,
        Self::Prefixed,
        Self::Base64,
        Self::Sha256,
        Self::TooShort,
        Self::NotHex,
        Self::MultipleSignatures,
        Self::WrongSecret,
        Self::Altered,
    ];

    /// The values of the signature's header, made of the right one.
    pub(super) fn signatures(self, right: Signature, body: &[u8]) -> Vec<String> {
        let digits = right.to_string();
        match self {
            Self::Missing => vec![],
            Self::Empty => vec![String::new()],
            Self::Prefixed => vec![format!("sha1={digits}")],
            Self::Base64 => vec![base64(right)],
            // It is told by its form. A `Secret` does not keep its text, so a true HMAC-SHA256
            // under it cannot be made.
            Self::Sha256 => vec![format!("{digits}{}", &digits[..24])],
            Self::TooShort => vec![digits[..39].to_owned()],
            Self::NotHex => vec![format!("{}g", &digits[..39])],
            Self::MultipleSignatures => vec![digits.clone(), digits],
            Self::WrongSecret => vec![another_secret().sign(body).to_string()],
            Self::Altered => vec![digits],
        }
    }

    /// The body to send, made of the one that is signed.
    pub(super) fn sent(self, signed: Bytes) -> Bytes {
        if self == Self::Altered { altered(signed.into()).into() } else { signed }
    }
}

fn another_secret() -> Secret {
    Secret::new("not the secret of this webhook").expect("a text without white space at its ends")
}

fn altered(mut body: Vec<u8>) -> Vec<u8> {
    let middle = body.len() / 2;
    match body.get_mut(middle) {
        Some(byte) => *byte ^= 1,
        None => body.push(b' '),
    }
    body
}

/// RFC 4648, section 4: 20 bytes are 27 digits, the last of four bits, and one `=`.
fn base64(signature: Signature) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = signature.as_bytes().chunks(3).flat_map(|bytes| {
        let three = [bytes, &[0; 2]].concat();
        let bits = u32::from_be_bytes([0, three[0], three[1], three[2]]);
        let sextets = [bits >> 18, bits >> 12, bits >> 6, bits].map(|bits| (bits & 63) as usize);
        sextets.into_iter().take(bytes.len() + 1)
    });
    digits.map(|digit| char::from(DIGITS[digit])).chain(['=']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `printf '{"event":"chat:start"}' | openssl dgst -sha1 -hmac 'an invented secret' -binary |
    /// base64`
    #[test]
    fn base64_is_that_of_the_right_signature() {
        let signature =
            Secret::new("an invented secret").unwrap().sign(br#"{"event":"chat:start"}"#);
        assert_eq!(base64(signature), "IDjZ3s1s4Io49pRyXe80Bf1Wuz4=");
    }
}
