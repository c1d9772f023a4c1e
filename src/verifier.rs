//! Verifies requests, and decides whether to forward or reject them. Each request is logged once,
//! when it is decided.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::request::Parts;
use http::{HeaderMap, Request};

use crate::body::BufferedBody;
use crate::collect::CollectError;
use crate::log;
use crate::rejection::Rejection;
use crate::secret::{LabeledSecret, Mac, Secrets};
use crate::signature::{Signature, X_TAWK_SIGNATURE};
use crate::verdict::{Hint, Mismatch, Reason, Verdict, VerifiedSignature};

/// Maximum length of a body that is hashed under all secrets in one poll.
const MAX_LENGTH_WITHOUT_YIELD: usize = 64 * 1024;

/// Configuration of the verification.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    pub(crate) secrets: SecretSource,
    pub(crate) mode: Mode,
    pub(crate) expose_expected_signature: bool,
}

/// How unverified requests are handled.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mode {
    /// They are rejected.
    Enforce,
    /// They are forwarded with their verdict.
    Observe,
}

/// Source of the secrets for a request.
#[derive(Clone)]
pub(crate) enum SecretSource {
    Fixed(Secrets),
    Dynamic(Arc<SecretsFn>),
}

pub(crate) type SecretsFn = dyn Fn(&Parts) -> Option<Secrets> + Send + Sync;

impl fmt::Debug for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(secrets) => secrets.fmt(f),
            Self::Dynamic(_) => f.write_str("Fn(&Parts) -> Option<Secrets>"),
        }
    }
}

impl Policy {
    /// Checks the head of a request.
    ///
    /// # Errors
    ///
    /// Returns a rejection if the request can be rejected without its body.
    pub(crate) fn check_head(
        &self,
        parts: &Parts,
        content_length: Option<usize>,
        body_limit: usize,
    ) -> Result<Verifier, Rejection> {
        let check = self.check_signature_header(parts);
        if let (Mode::Enforce, Err(reason)) = (self.mode, &check) {
            log::unverified(reason, &parts.headers, 0);
            return Err(Rejection::Unverified(reason.clone()));
        }
        if content_length.is_some_and(|length| length > body_limit) {
            log::rejected_body(&Rejection::BodyTooLarge, &parts.headers, 0);
            return Err(Rejection::BodyTooLarge);
        }
        let Self { mode, expose_expected_signature, .. } = *self;
        Ok(Verifier { check, mac: None, mode, expose_expected_signature })
    }

    /// Parses the header before looking up secrets, so that a malformed signature never calls the
    /// user's closure.
    fn check_signature_header(&self, parts: &Parts) -> Result<SignatureCheck, Reason> {
        let mut values = parts.headers.get_all(X_TAWK_SIGNATURE).iter();
        let value = values.next().ok_or(Reason::Missing)?;
        if values.next().is_some() {
            return Err(Reason::MultipleSignatures);
        }
        let signature = Signature::parse(value.as_bytes()).map_err(Reason::Malformed)?;
        let secrets = match &self.secrets {
            SecretSource::Fixed(secrets) => secrets.clone(),
            SecretSource::Dynamic(secrets) => secrets(parts).ok_or(Reason::UnknownSecret)?,
        };
        Ok(SignatureCheck { signature, secrets })
    }
}

/// Verifies a request while its body arrives.
pub(crate) struct Verifier {
    /// An invalid header only gets here when observing.
    check: Result<SignatureCheck, Reason>,
    /// Computes the signature under the first secret. Created lazily, because it is large.
    mac: Option<Mac>,
    mode: Mode,
    expose_expected_signature: bool,
}

struct SignatureCheck {
    signature: Signature,
    secrets: Secrets,
}

/// Outcome of verifying a request under the first secret.
pub(crate) enum FirstSecret {
    Decided(Decision),
    Mismatch(OtherSecrets),
}

/// Decision on a request with a complete body.
pub(crate) enum Decision {
    /// Insert the verdict into the request and call the inner service. When observing, insert
    /// `response_verdict` into the response.
    Forward {
        verdict: Verdict,
        response_verdict: Option<Verdict>,
    },
    Reject(Rejection),
}

impl Verifier {
    /// Hashes the next bytes of the body.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        if let Ok(SignatureCheck { secrets, .. }) = &self.check {
            self.mac.get_or_insert_with(|| secrets.first().secret.mac()).update(bytes);
        }
    }

    /// Verifies the request under the first secret, after [`update`](Self::update) has been called
    /// with the whole body.
    pub(crate) fn finish(&mut self, request: &Request<BufferedBody>) -> FirstSecret {
        let (signature, secrets) = match &self.check {
            Ok(SignatureCheck { signature, secrets }) => (*signature, secrets),
            Err(reason) => {
                let verdict = Verdict::Unverified(reason.clone());
                return FirstSecret::Decided(decide(self.mode, verdict, request));
            }
        };
        let LabeledSecret { label, secret } = secrets.first();
        let expected = self.mac.take().unwrap_or_else(|| secret.mac()).finalize();
        if expected == signature {
            let verdict = Verdict::Verified(VerifiedSignature::new(signature, Arc::clone(label)));
            return FirstSecret::Decided(decide(self.mode, verdict, request));
        }
        FirstSecret::Mismatch(OtherSecrets {
            signature,
            secrets: secrets.clone(),
            next: 1,
            expected_signature: self.expose_expected_signature.then_some(expected),
            mode: self.mode,
        })
    }
}

/// Verifies a request under the secrets after the first one.
pub(crate) struct OtherSecrets {
    signature: Signature,
    secrets: Secrets,
    next: usize,
    /// The signature under the first secret, if exposed.
    expected_signature: Option<Signature>,
    mode: Mode,
}

impl OtherSecrets {
    /// Tries the remaining secrets in order, but only one in each poll if the body is large.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        request: &Request<BufferedBody>,
    ) -> Poll<Decision> {
        let body = request.body().as_bytes();
        while let Some(LabeledSecret { label, secret }) = self.secrets.get(self.next) {
            self.next += 1;
            if secret.sign(body) == self.signature {
                let verified = VerifiedSignature::new(self.signature, Arc::clone(label));
                return Poll::Ready(decide(self.mode, Verdict::Verified(verified), request));
            }
            if body.len() > MAX_LENGTH_WITHOUT_YIELD && self.secrets.get(self.next).is_some() {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
        let hint = Hint::detect(request.headers(), body);
        let mismatch = Mismatch::new(self.signature, hint, self.expected_signature);
        let verdict = Verdict::Unverified(Reason::Mismatch(mismatch));
        Poll::Ready(decide(self.mode, verdict, request))
    }
}

/// Decides whether to forward or reject a request, and logs its verdict.
fn decide(mode: Mode, verdict: Verdict, request: &Request<BufferedBody>) -> Decision {
    let (headers, length) = (request.headers(), request.body().as_bytes().len());
    match &verdict {
        Verdict::Verified(verified) => log::verified(verified, headers, length),
        Verdict::Unverified(reason) => log::unverified(reason, headers, length),
    }
    match (mode, verdict) {
        (Mode::Enforce, Verdict::Unverified(reason)) => {
            Decision::Reject(Rejection::Unverified(reason))
        }
        (Mode::Enforce, verdict) => Decision::Forward { verdict, response_verdict: None },
        (Mode::Observe, verdict) => {
            Decision::Forward { response_verdict: Some(verdict.clone()), verdict }
        }
    }
}

/// Rejects a request whose body failed after `received` bytes.
pub(crate) fn reject_body(error: CollectError, headers: &HeaderMap, received: usize) -> Rejection {
    let rejection = match error {
        CollectError::LimitExceeded { .. } | CollectError::OuterLimitExceeded => {
            Rejection::BodyTooLarge
        }
        CollectError::Timeout => Rejection::BodyTimeout,
        CollectError::Incomplete => Rejection::BodyIncomplete,
    };
    log::rejected_body(&rejection, headers, received);
    rejection
}
