//! [`Claim`]: what a well-formed header says of the body, held against the body as it arrives.

use http::HeaderMap;

use crate::secret::Digest;
use crate::secrets::Secrets;
use crate::signature::Signature;
use crate::verdict::{LikelyCause, Mismatch, Reason, Verdict, VerifiedSignature};

/// The claim that this signature was made over the body under one of these secrets.
pub(crate) struct Claim {
    signature: Signature,
    secrets: Secrets,
    first_digest: Digest,
}

impl Claim {
    pub(crate) fn new(signature: Signature, secrets: Secrets) -> Self {
        Self { signature, first_digest: secrets.digest(), secrets }
    }

    /// Takes the next bytes of the body.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.first_digest.update(bytes);
    }

    /// Judges the claim, once [`update`](Self::update) has had the whole of `body`.
    pub(crate) fn judge(
        self,
        body: &[u8],
        headers: &HeaderMap,
        keep_computed_digest: bool,
    ) -> Verdict {
        match self.secrets.verify(self.signature, self.first_digest, body) {
            Ok(label) => Verdict::Verified(VerifiedSignature::new(self.signature, label)),
            Err(computed) => Verdict::Unverified(Reason::Mismatch(Mismatch::new(
                self.signature,
                LikelyCause::find(headers, body),
                keep_computed_digest.then_some(computed),
            ))),
        }
    }
}
