//! [`Fault`].

use bytes::Bytes;

use crate::secret::Secret;
use crate::signature::Signature;

/// A defect to introduce into a [`SignedRequest`](super::SignedRequest).
///
/// A layer in [enforcing](crate::TawkSignatureLayer::enforce) mode rejects all of them with
/// `403 Forbidden`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// The `X-Tawk-Signature` header is missing.
    Missing,
    /// The header is empty.
    Empty,
    /// The signature has the prefix `sha1=`, as other webhook providers send it.
    Prefixed,
    /// The signature is encoded as base64 instead of hex.
    Base64,
    /// The signature has 64 hex digits, the length of an HMAC-SHA256.
    Sha256,
    /// The last digit of the signature is missing.
    TooShort,
    /// The last character of the signature is not a hex digit.
    NotHex,
    /// The header is sent twice, each time with the valid signature.
    MultipleSignatures,
    /// The body is signed with another secret.
    WrongSecret,
    /// One byte of the body is changed after signing. An empty body gets one byte.
    Altered,
}

impl Fault {
    /// All faults.
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

    /// Returns the values of the signature header for `body`.
    pub(super) fn header_values(self, signature: Signature, body: &[u8]) -> Vec<String> {
        let digits = signature.to_string();
        match self {
            Self::Missing => vec![],
            Self::Empty => vec![String::new()],
            Self::Prefixed => vec![format!("sha1={digits}")],
            Self::Base64 => vec![base64(signature)],
            // Not a real HMAC-SHA256, because a `Secret` does not keep its text. The layer only
            // checks the length.
            Self::Sha256 => vec![format!("{digits}{}", &digits[..24])],
            Self::TooShort => vec![digits[..39].to_owned()],
            Self::NotHex => vec![format!("{}g", &digits[..39])],
            Self::MultipleSignatures => vec![digits.clone(), digits],
            Self::WrongSecret => vec![other_secret().sign(body).to_string()],
            Self::Altered => vec![digits],
        }
    }

    /// Returns the body to send instead of the signed one.
    pub(super) fn alter_body(self, signed: Bytes) -> Bytes {
        if self != Self::Altered {
            return signed;
        }
        let mut body = Vec::from(signed);
        let middle = body.len() / 2;
        match body.get_mut(middle) {
            Some(byte) => *byte ^= 1,
            None => body.push(b' '),
        }
        body.into()
    }
}

fn other_secret() -> Secret {
    Secret::new("not the secret of this webhook").expect("secret is valid")
}

/// Encodes the 20 bytes of a signature as base64 (RFC 4648, section 4).
fn base64(signature: Signature) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for bytes in signature.as_bytes().chunks(3) {
        let mut group = [0; 4];
        group[1..=bytes.len()].copy_from_slice(bytes);
        let bits = u32::from_be_bytes(group);
        for digit in 0..=bytes.len() {
            let index = (bits >> (18 - 6 * digit)) & 0x3f;
            text.push(char::from(ALPHABET[index as usize]));
        }
    }
    // The last group has two bytes, which are three digits.
    text.push('=');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `printf '{"event":"chat:start"}' | openssl dgst -sha1 -hmac 'an invented secret' -binary |
    /// base64`
    #[test]
    fn base64_matches_openssl() {
        let signature =
            Secret::new("an invented secret").unwrap().sign(br#"{"event":"chat:start"}"#);
        assert_eq!(base64(signature), "IDjZ3s1s4Io49pRyXe80Bf1Wuz4=");
    }
}
