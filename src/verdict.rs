//! [`Verdict`]: what the layer found out about a request, and why.
//!
//! The layer puts one into the extensions of every request that it lets through, in place of any
//! that is already there, and (when observing) into those of the response.

use std::fmt;
use std::sync::Arc;

use http::HeaderMap;
use http::header::CONTENT_ENCODING;

use crate::signature::{Malformed, Signature};

/// Whether a request's body is what the holder of a secret signed.
///
/// A handler behind [`TawkSignatureLayer::observe`] must look at it; one behind
/// [`TawkSignatureLayer::enforce`] is only reached by verified requests.
///
/// ```
/// use tower_tawk::{Reason, Verdict};
///
/// fn describe(request: &http::Request<()>) -> String {
///     match request.extensions().get::<Verdict>() {
///         Some(Verdict::Verified(by)) => format!("signed with {}", by.secret_label()),
///         Some(Verdict::Unverified(reason)) => format!("not to be trusted: {reason}"),
///         None => "no TawkSignatureLayer is mounted here".to_owned(),
///     }
/// }
///
/// let mut request = http::Request::new(());
/// assert_eq!(describe(&request), "no TawkSignatureLayer is mounted here");
///
/// request.extensions_mut().insert(Verdict::Unverified(Reason::Missing));
/// assert_eq!(describe(&request), "not to be trusted: the X-Tawk-Signature header is missing");
/// ```
///
/// [`TawkSignatureLayer::observe`]: crate::TawkSignatureLayer::observe
/// [`TawkSignatureLayer::enforce`]: crate::TawkSignatureLayer::enforce
#[derive(Clone, Debug)]
pub enum Verdict {
    /// The body is, byte for byte, what the holder of the secret signed. Only the layer can say
    /// so.
    Verified(VerifiedSignature),
    /// Anybody can have written this request.
    Unverified(Reason),
}

impl Verdict {
    /// Whether the request is verified.
    #[must_use]
    pub const fn is_verified(&self) -> bool {
        matches!(self, Self::Verified(_))
    }

    /// The signature of a verified request: the key to recognise a repeat by. `None` for an
    /// unverified one, whatever it carried.
    #[must_use]
    pub const fn signature(&self) -> Option<Signature> {
        match self {
            Self::Verified(verified) => Some(verified.signature),
            Self::Unverified(_) => None,
        }
    }

    /// The label of the secret that a verified request was signed with.
    #[must_use]
    pub fn secret_label(&self) -> Option<&str> {
        match self {
            Self::Verified(verified) => Some(verified.secret_label()),
            Self::Unverified(_) => None,
        }
    }
}

/// A signature that was found right. Only the layer makes one.
#[derive(Clone, Debug)]
pub struct VerifiedSignature {
    signature: Signature,
    secret_label: Arc<str>,
}

impl VerifiedSignature {
    pub(crate) const fn new(signature: Signature, secret_label: Arc<str>) -> Self {
        Self { signature, secret_label }
    }

    /// The signature: the key to recognise a repeat by.
    #[must_use]
    pub const fn signature(&self) -> Signature {
        self.signature
    }

    /// The label of the secret that the request was signed with.
    #[must_use]
    pub fn secret_label(&self) -> &str {
        &self.secret_label
    }

    /// The label, to keep without a copy.
    #[cfg(all(feature = "axum", feature = "events"))]
    pub(crate) fn shared_secret_label(&self) -> Arc<str> {
        Arc::clone(&self.secret_label)
    }
}

/// Why a request is unverified. Its `Display` is for logs; strangers are not told.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Reason {
    /// There is no `X-Tawk-Signature`: the request is not from Tawk.to, or a proxy removed it.
    Missing,
    /// There are two or more, equal or not.
    Repeated,
    /// It is not 40 hex digits.
    Malformed(Malformed),
    /// It is a signature, but not of this body under a known secret.
    Mismatch(Mismatch),
    /// The closure that chooses secrets has none for this request.
    UnknownSecret,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("the X-Tawk-Signature header is missing"),
            Self::Repeated => f.write_str("there is more than one X-Tawk-Signature header"),
            Self::Malformed(malformed) => malformed.fmt(f),
            Self::Mismatch(mismatch) => mismatch.fmt(f),
            Self::UnknownSecret => f.write_str("no secret is known for this request"),
        }
    }
}

/// A signature that does not fit the body.
#[derive(Clone)]
pub struct Mismatch {
    signature: Signature,
    likely_cause: Option<LikelyCause>,
    computed_digest: Option<Signature>,
}

impl Mismatch {
    pub(crate) const fn new(
        signature: Signature,
        likely_cause: Option<LikelyCause>,
        computed_digest: Option<Signature>,
    ) -> Self {
        Self { signature, likely_cause, computed_digest }
    }

    /// The signature that was received: a stranger's word.
    #[must_use]
    pub const fn signature(&self) -> Signature {
        self.signature
    }

    /// What is likely wrong, where the request shows it.
    #[must_use]
    pub const fn likely_cause(&self) -> Option<LikelyCause> {
        self.likely_cause
    }

    /// What the signature should have been under the first secret: **a forgery ready to use**.
    ///
    /// `None` unless [`TawkSignatureLayer::keep_computed_digest`] was called.
    ///
    /// [`TawkSignatureLayer::keep_computed_digest`]: crate::TawkSignatureLayer::keep_computed_digest
    #[must_use]
    pub const fn computed_digest(&self) -> Option<Signature> {
        self.computed_digest
    }
}

/// Leaves the computed digest out.
impl fmt::Debug for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mismatch")
            .field("signature", &self.signature)
            .field("likely_cause", &self.likely_cause)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the signature does not fit the body: ")?;
        match self.likely_cause {
            Some(cause) => cause.fmt(f),
            None => f.write_str("the secret is another, or the body was changed on its way"),
        }
    }
}

/// What is likely wrong where a signature does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LikelyCause {
    /// The request has a `Content-Encoding`: something on the way has compressed the body after it
    /// was signed.
    ContentEncoding,
    /// The body is empty: something in front has read it already.
    EmptyBody,
}

impl LikelyCause {
    pub(crate) fn find(headers: &HeaderMap, body: &[u8]) -> Option<Self> {
        if body.is_empty() {
            Some(Self::EmptyBody)
        } else if headers.contains_key(CONTENT_ENCODING) {
            Some(Self::ContentEncoding)
        } else {
            None
        }
    }
}

impl fmt::Display for LikelyCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ContentEncoding => {
                "it has a Content-Encoding, so something compressed it after it was signed"
            }
            Self::EmptyBody => "it is empty, so something in front may have read it already",
        })
    }
}
