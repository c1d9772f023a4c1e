//! [`Secrets`]: the one or several secrets that a request may be signed with.

use std::collections::HashSet;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use http::request::Parts;

use crate::secret::{Digest, Secret};
use crate::signature::Signature;

/// So many that rotation and a webhook for each property fit, and so few that a stranger's wrong
/// signature does not make us hash without end.
const MOST: usize = 16;

/// One to sixteen secrets, each with a label of its own; cheap to clone.
///
/// Several are needed while a secret is changed, and where several webhooks post to one address:
/// a Tawk.to property can have several webhooks, and each has its own secret. The first secret's
/// digest is computed while the body arrives; the others are tried, in order, only when it does
/// not match: a wrong signature costs as many passes over the body as there are secrets. The
/// verdict names the label of the one that did match.
///
/// A single [`Secret`] is turned into `Secrets` by `From`, under the label `default`.
///
/// ```
/// use tower_tawk::{Secret, Secrets};
///
/// let secrets = Secrets::new([
///     ("2026-11", Secret::new("the new secret")?),
///     ("2025-03", Secret::new("the old secret")?),
/// ])?;
///
/// assert_eq!(format!("{secrets:?}"), r#"Secrets(["2026-11", "2025-03"])"#);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Secrets(Arc<[Labelled]>);

struct Labelled {
    label: Arc<str>,
    secret: Secret,
}

impl Secrets {
    /// Takes labels and secrets, the one that is expected most often first.
    ///
    /// Labels are for people: they appear in verdicts and logs, so they must not be secret.
    ///
    /// # Errors
    ///
    /// [`InvalidSecrets`] when there is none, when there are more than 16 (choose them for each
    /// request then, with [`enforce_with`](crate::TawkSignatureLayer::enforce_with)), or when two
    /// have the same label.
    pub fn new<L: Into<Arc<str>>>(
        secrets: impl IntoIterator<Item = (L, Secret)>,
    ) -> Result<Self, InvalidSecrets> {
        let secrets: Arc<[Labelled]> = secrets
            .into_iter()
            .take(MOST + 1)
            .map(|(label, secret)| Labelled { label: label.into(), secret })
            .collect();
        let labels: HashSet<_> = secrets.iter().map(|secret| &secret.label).collect();
        match secrets.len() {
            0 => Err(InvalidSecrets::Empty),
            1..=MOST if labels.len() == secrets.len() => Ok(Self(secrets)),
            1..=MOST => Err(InvalidSecrets::RepeatedLabel),
            _ => Err(InvalidSecrets::TooMany),
        }
    }

    /// The first secret's digest, to be fed the body as it arrives.
    pub(crate) fn digest(&self) -> Digest {
        self.0[0].secret.digest()
    }

    /// The label of the secret that `signature` was made with, given the first secret's digest of
    /// the whole body; or else that digest.
    pub(crate) fn verify(
        &self,
        signature: Signature,
        first_digest: Digest,
        body: &[u8],
    ) -> Result<Arc<str>, Signature> {
        let computed = first_digest.finish();
        if computed == signature {
            return Ok(self.0[0].label.clone());
        }
        self.0[1..]
            .iter()
            .find(|labelled| labelled.secret.sign(body) == signature)
            .map(|labelled| labelled.label.clone())
            .ok_or(computed)
    }
}

impl From<Secret> for Secrets {
    fn from(secret: Secret) -> Self {
        Self(Arc::new([Labelled { label: "default".into(), secret }]))
    }
}

/// Shows the labels alone.
impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let labels: Vec<_> = self.0.iter().map(|secret| &secret.label).collect();
        f.debug_tuple("Secrets").field(&labels).finish()
    }
}

/// Where a request's secrets come from.
#[derive(Clone)]
pub(crate) enum SecretSource {
    Fixed(Secrets),
    Chosen(Arc<Choose>),
}

type Choose = dyn Fn(&Parts) -> Option<Secrets> + Send + Sync;

impl SecretSource {
    pub(crate) fn secrets(&self, parts: &Parts) -> Option<Secrets> {
        match self {
            Self::Fixed(secrets) => Some(secrets.clone()),
            Self::Chosen(choose) => choose(parts),
        }
    }
}

impl fmt::Debug for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(secrets) => secrets.fmt(f),
            Self::Chosen(_) => f.write_str("Fn(&Parts) -> Option<Secrets>"),
        }
    }
}

/// Why secrets cannot stand together as [`Secrets`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidSecrets {
    /// There is none: nothing could ever verify.
    Empty,
    /// There are more than 16.
    TooMany,
    /// Two have the same label, so a verdict could not tell them apart.
    RepeatedLabel,
}

impl fmt::Display for InvalidSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("there is no webhook secret; give at least one"),
            Self::TooMany => {
                write!(f, "there are more than {MOST} webhook secrets; remove those out of use")
            }
            Self::RepeatedLabel => {
                f.write_str("two webhook secrets have the same label; give each its own")
            }
        }
    }
}

impl Error for InvalidSecrets {}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(count: usize) -> Result<Secrets, InvalidSecrets> {
        Secrets::new((0..count).map(|at| (at.to_string(), Secret::new(at.to_string()).unwrap())))
    }

    #[test]
    fn one_to_sixteen_secrets_stand_together() {
        assert_eq!(numbered(0).unwrap_err(), InvalidSecrets::Empty);
        assert!(numbered(1).is_ok());
        assert!(numbered(16).is_ok());
        assert_eq!(numbered(17).unwrap_err(), InvalidSecrets::TooMany);
    }

    #[test]
    fn an_endless_list_of_secrets_is_refused() {
        let secret = Secret::new("text").unwrap();
        let endless = (0..).map(|at: usize| (at.to_string(), secret.clone()));
        assert_eq!(Secrets::new(endless).unwrap_err(), InvalidSecrets::TooMany);
    }

    #[test]
    fn labels_are_unique() {
        let secret = Secret::new("text").unwrap();
        let error = Secrets::new([("a", secret.clone()), ("a", secret)]).unwrap_err();
        assert_eq!(error, InvalidSecrets::RepeatedLabel);
    }
}
