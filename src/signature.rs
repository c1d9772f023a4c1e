//! [`Signature`]: the 20 bytes of an HMAC-SHA1, parsed, printed and compared.
//!
//! The service parses one from the request's header, the secret computes another over the body,
//! and the comparison of the two, in constant time, is the whole verification.

use std::error::Error;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use subtle::ConstantTimeEq;

/// Bytes in an HMAC-SHA1 (RFC 2104 over the 160-bit SHA-1 of RFC 3174).
pub(crate) const LENGTH: usize = 20;
const HEX_LENGTH: usize = 2 * LENGTH;

/// An HMAC-SHA1 signature of a body, as Tawk.to sends it in `X-Tawk-Signature`.
///
/// Written as 40 hex digits: [`Display`](fmt::Display) prints them in lower case, [`FromStr`]
/// takes either case and nothing else. Comparison takes the same time whatever the bytes are.
///
/// # The replay key
///
/// Two deliveries with the same signature are the same bytes under the same secret, so a verified
/// signature is the key to recognise a repeat by. Tawk.to signs no nonce, and `X-Hook-Event-Id`
/// is not signed at all: whoever replays a delivery can change it. (After a change of secret a
/// retry has another signature, and counts as new.)
///
/// Whoever has a signature and its body can send both again. `Debug` therefore shows the first
/// four bytes only, enough to tell two apart; do not print more to places that strangers read.
///
/// ```
/// use tower_tawk::Signature;
///
/// let signature: Signature = "E48D49C7B34F34D59BED88F2579238F48EA44049".parse()?;
///
/// assert_eq!(signature.to_string(), "e48d49c7b34f34d59bed88f2579238f48ea44049");
/// assert_eq!(format!("{signature:?}"), "Signature(e48d49c7..)");
/// # Ok::<_, tower_tawk::InvalidSignature>(())
/// ```
#[derive(Clone, Copy)]
pub struct Signature([u8; LENGTH]);

impl Signature {
    pub(crate) const fn new(bytes: [u8; LENGTH]) -> Self {
        Self(bytes)
    }

    /// Reads a header's value: exactly 40 hex digits, either case, and nothing around them.
    pub(crate) fn parse(value: &[u8]) -> Result<Self, Malformed> {
        value.try_into().ok().and_then(decode).map(Self).ok_or_else(|| Malformed::diagnose(value))
    }

    const fn words(&self) -> (u128, u32) {
        let [sixteen @ .., a, b, c, d] = self.0;
        (u128::from_ne_bytes(sixteen), u32::from_ne_bytes([a, b, c, d]))
    }

    /// The signature's 20 bytes: what a database keeps as the replay key.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; LENGTH] {
        &self.0
    }
}

/// Decodes without a branch on the digits.
fn decode(digits: &[u8; HEX_LENGTH]) -> Option<[u8; LENGTH]> {
    let mut bytes = [0; LENGTH];
    let mut seen = 0;
    for (byte, [high, low]) in bytes.iter_mut().zip(digits.as_chunks().0) {
        let (high, low) = (NIBBLES[usize::from(*high)], NIBBLES[usize::from(*low)]);
        seen |= high | low;
        *byte = high << 4 | low & 0x0f;
    }
    (seen <= 0x0f).then_some(bytes)
}

/// The value of every hex digit of either case, and 0xff for every other byte.
const NIBBLES: [u8; 256] = {
    let mut nibbles = [0xff; 256];
    let mut value = 0;
    while value < 16 {
        let digit = b"0123456789abcdef"[value as usize];
        nibbles[digit as usize] = value;
        nibbles[digit.to_ascii_uppercase() as usize] = value;
        value += 1;
    }
    nibbles
};

impl FromStr for Signature {
    type Err = InvalidSignature;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text.as_bytes())
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.0;
        write!(f, "Signature({a:02x}{b:02x}{c:02x}{d:02x}..)")
    }
}

/// In constant time, as two words: subtle looks at each only once.
impl PartialEq for Signature {
    fn eq(&self, other: &Self) -> bool {
        let (ours, theirs) = (self.words(), other.words());
        (ours.0.ct_eq(&theirs.0) & ours.1.ct_eq(&theirs.1)).into()
    }
}

impl Eq for Signature {}

impl Hash for Signature {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

/// What [`Signature`]'s [`FromStr`] fails with: the same diagnosis that a header gets.
pub type InvalidSignature = Malformed;

/// Why a text is not a signature, and so what its sender most likely did.
///
/// Each of these is a mistake that real senders and receivers of webhooks make. Its `Display`
/// says what a right value looks like; it never repeats the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Malformed {
    /// Nothing, or white space alone.
    Empty,
    /// An algorithm's name stands in front, as in `sha1=…`; Tawk.to sends none.
    Prefixed,
    /// 64 hex digits: HMAC-SHA256 in place of HMAC-SHA1.
    LooksLikeSha256,
    /// Base64 of 20 or 32 bytes in place of hex.
    LooksLikeBase64,
    /// Neither of these, and not 40 bytes long.
    WrongLength,
    /// 40 bytes, not all of them hex digits.
    NotHex,
}

impl Malformed {
    fn diagnose(value: &[u8]) -> Self {
        let after_prefix = value.iter().take(16).position(|byte| b"=:".contains(byte));
        let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/-_=".contains(byte);
        match value.len() {
            _ if value.trim_ascii_start().is_empty() => Self::Empty,
            64 if value.iter().all(u8::is_ascii_hexdigit) => Self::LooksLikeSha256,
            _ if after_prefix.is_some() => Self::Prefixed,
            27 | 28 | 43 | 44
                if value.iter().all(is_base64) && !value.iter().all(u8::is_ascii_hexdigit) =>
            {
                Self::LooksLikeBase64
            }
            HEX_LENGTH => Self::NotHex,
            _ => Self::WrongLength,
        }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the signature is empty; send 40 hex digits",
            Self::Prefixed => "the signature has a prefix; send the 40 hex digits alone",
            Self::LooksLikeSha256 => "the signature has 64 hex digits; sign with HMAC-SHA1",
            Self::LooksLikeBase64 => "the signature looks like base64; write it as 40 hex digits",
            Self::WrongLength => "the signature has the wrong length; send exactly 40 hex digits",
            Self::NotHex => "the signature is not all hex digits; send 40 of them",
        })
    }
}

impl Error for Malformed {}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGITS: &str = "e48d49c7b34f34d59bed88f2579238f48ea44049";

    #[test]
    fn forty_hex_digits_of_either_case_are_one_signature() {
        let mixed: String = DIGITS
            .chars()
            .enumerate()
            .map(|(at, digit)| if at % 3 == 0 { digit.to_ascii_uppercase() } else { digit })
            .collect();
        let lower: Signature = DIGITS.parse().unwrap();
        assert_eq!(lower, mixed.parse().unwrap());
        assert_eq!(lower, DIGITS.to_uppercase().parse().unwrap());
        assert_eq!(lower.to_string(), DIGITS);
        assert_eq!(lower.as_bytes()[..3], [0xe4, 0x8d, 0x49]);
    }

    #[test]
    fn every_byte_that_is_not_a_hex_digit_is_refused_at_every_place() {
        for at in [0, 1, 20, 38, 39] {
            for byte in (0..=u8::MAX).filter(|byte| !byte.is_ascii_hexdigit()) {
                let mut value = DIGITS.as_bytes().to_vec();
                value[at] = byte;
                assert!(Signature::parse(&value).is_err(), "{byte:#x} at {at}");
            }
        }
    }

    #[test]
    fn a_malformed_value_is_diagnosed() {
        let cases: [(String, Malformed); 14] = [
            ("".into(), Malformed::Empty),
            ("   ".into(), Malformed::Empty),
            (format!("sha1={DIGITS}"), Malformed::Prefixed),
            (format!("sha256={DIGITS}"), Malformed::Prefixed),
            (DIGITS.repeat(2)[..64].into(), Malformed::LooksLikeSha256),
            ("5I1Jx7NPNNWb7YjyV5I49I6kQEk=".into(), Malformed::LooksLikeBase64),
            ("5I1Jx7NPNNWb7YjyV5I49I6kQEk".into(), Malformed::LooksLikeBase64),
            (DIGITS[..28].into(), Malformed::WrongLength),
            (DIGITS[..39].into(), Malformed::WrongLength),
            (format!("{DIGITS}0"), Malformed::WrongLength),
            (format!("{DIGITS}, {DIGITS}"), Malformed::WrongLength),
            (format!(" {DIGITS}"), Malformed::WrongLength),
            (format!("{}g", &DIGITS[..39]), Malformed::NotHex),
            (format!("0x{}", &DIGITS[..38]), Malformed::NotHex),
        ];
        for (value, expected) in cases {
            assert_eq!(value.parse::<Signature>(), Err(expected), "{value:?}");
        }
    }
}
