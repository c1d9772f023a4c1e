//! [`Verdict`] and [`Reason`].

use std::fmt;
use std::sync::Arc;

use http::HeaderMap;
use http::header::CONTENT_ENCODING;

use crate::signature::{InvalidSignature, Signature};

/// The outcome of verifying a request.
///
/// [`TawkSignature`](crate::TawkSignature) inserts a verdict into the extensions of every request
/// that it forwards, replacing any that is already present. When observing, it also inserts the
/// verdict into the extensions of the response.
///
/// Behind [`enforce`], a handler only receives verified requests. Behind [`observe`], it must check
/// the verdict.
///
/// ```
/// use tower_tawk::{Reason, Verdict};
///
/// fn describe(request: &http::Request<()>) -> String {
///     match request.extensions().get::<Verdict>() {
///         Some(Verdict::Verified(verified)) => format!("verified: {}", verified.secret_label()),
///         Some(Verdict::Unverified(reason)) => format!("unverified: {reason}"),
///         None => "missing TawkSignatureLayer".to_owned(),
///     }
/// }
///
/// let mut request = http::Request::new(());
/// assert_eq!(describe(&request), "missing TawkSignatureLayer");
///
/// request.extensions_mut().insert(Verdict::Unverified(Reason::UnknownSecret));
/// assert_eq!(describe(&request), "unverified: no secret for this request; check enforce_with");
/// ```
///
/// [`enforce`]: crate::TawkSignatureLayer::enforce
/// [`observe`]: crate::TawkSignatureLayer::observe
#[derive(Clone, Debug)]
pub enum Verdict {
    /// The body contains exactly the bytes that the holder of the secret signed. Only the layer
    /// can create this variant.
    Verified(VerifiedSignature),
    /// The request is not authenticated.
    Unverified(Reason),
}

impl Verdict {
    /// Returns `true` for [`Verdict::Verified`].
    #[must_use]
    pub const fn is_verified(&self) -> bool {
        matches!(self, Self::Verified(_))
    }

    /// Returns the signature of a verified request, which is the deduplication key.
    ///
    /// Returns `None` for an unverified request, even if it has a signature.
    #[must_use]
    pub const fn signature(&self) -> Option<Signature> {
        match self {
            Self::Verified(verified) => Some(verified.signature),
            Self::Unverified(_) => None,
        }
    }

    /// Returns the label of the secret that a verified request was signed with.
    #[must_use]
    pub fn secret_label(&self) -> Option<&str> {
        match self {
            Self::Verified(verified) => Some(verified.secret_label()),
            Self::Unverified(_) => None,
        }
    }
}

/// A verified signature. Only the layer can create one.
#[derive(Clone, Debug)]
pub struct VerifiedSignature {
    signature: Signature,
    secret_label: Arc<str>,
}

impl VerifiedSignature {
    pub(crate) const fn new(signature: Signature, secret_label: Arc<str>) -> Self {
        Self { signature, secret_label }
    }

    /// Returns the signature, which is the deduplication key.
    #[must_use]
    pub const fn signature(&self) -> Signature {
        self.signature
    }

    /// Returns the label of the secret that the request was signed with.
    #[must_use]
    pub fn secret_label(&self) -> &str {
        &self.secret_label
    }

    #[cfg(all(feature = "axum", feature = "events"))]
    pub(crate) fn clone_secret_label(&self) -> Arc<str> {
        Arc::clone(&self.secret_label)
    }
}

/// The reason why a request is unverified.
///
/// `Display` is intended for logs. Don't send it to clients, because it would help an attacker.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// There is no `X-Tawk-Signature` header. The request was not sent by Tawk.to, or a proxy
    /// removed the header.
    Missing,
    /// There are several `X-Tawk-Signature` headers, equal or not.
    MultipleSignatures,
    /// The signature is not exactly 40 hex digits.
    Malformed(InvalidSignature),
    /// The signature does not match the body under any of the secrets.
    Mismatch(Mismatch),
    /// The closure passed to [`enforce_with`](crate::TawkSignatureLayer::enforce_with) or
    /// [`observe_with`](crate::TawkSignatureLayer::observe_with) returned no secrets.
    UnknownSecret,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => {
                f.write_str("missing X-Tawk-Signature header; check that no proxy removes it")
            }
            Self::MultipleSignatures => {
                f.write_str("multiple X-Tawk-Signature headers; check that no proxy adds one")
            }
            Self::Malformed(error) => error.fmt(f),
            Self::Mismatch(mismatch) => mismatch.fmt(f),
            Self::UnknownSecret => f.write_str("no secret for this request; check enforce_with"),
        }
    }
}

/// A signature that does not match the body.
#[derive(Clone, PartialEq, Eq)]
pub struct Mismatch {
    signature: Signature,
    hint: Option<Hint>,
    expected_signature: Option<Signature>,
}

impl Mismatch {
    pub(crate) const fn new(
        signature: Signature,
        hint: Option<Hint>,
        expected_signature: Option<Signature>,
    ) -> Self {
        Self { signature, hint, expected_signature }
    }

    /// Returns the received signature.
    #[must_use]
    pub const fn signature(&self) -> Signature {
        self.signature
    }

    /// Returns the likely cause, if the request indicates one.
    #[must_use]
    pub const fn hint(&self) -> Option<Hint> {
        self.hint
    }

    /// Returns the signature of the body under the first secret.
    ///
    /// **Anyone who knows it can forge this request.** It is `None` unless
    /// [`TawkSignatureLayer::expose_expected_signature`] was called.
    ///
    /// [`TawkSignatureLayer::expose_expected_signature`]: crate::TawkSignatureLayer::expose_expected_signature
    #[must_use]
    pub const fn expected_signature(&self) -> Option<Signature> {
        self.expected_signature
    }
}

/// Omits the expected signature.
impl fmt::Debug for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mismatch")
            .field("signature", &self.signature)
            .field("hint", &self.hint)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("signature does not match the body; ")?;
        match self.hint {
            Some(hint) => hint.fmt(f),
            None => f.write_str("check the secret, and that no proxy modifies the body"),
        }
    }
}

/// A likely cause of a [`Mismatch`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Hint {
    /// The request has a `Content-Encoding` header, so a proxy may have compressed the body after
    /// it was signed.
    ContentEncoding,
    /// The body is empty, so a proxy or middleware may have consumed it.
    EmptyBody,
}

impl Hint {
    pub(crate) fn detect(headers: &HeaderMap, body: &[u8]) -> Option<Self> {
        if body.is_empty() {
            Some(Self::EmptyBody)
        } else if headers.contains_key(CONTENT_ENCODING) {
            Some(Self::ContentEncoding)
        } else {
            None
        }
    }
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ContentEncoding => {
                "check that no proxy compresses it (request has a Content-Encoding)"
            }
            Self::EmptyBody => "check that no proxy or middleware consumes it (body is empty)",
        })
    }
}
