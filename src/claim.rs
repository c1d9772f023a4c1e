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
    /// The first secret's; made in its place when there is something to hash, since it is large.
    digest: Option<Digest>,
}

impl Claim {
    pub(crate) const fn new(signature: Signature, secrets: Secrets) -> Self {
        Self { signature, secrets, digest: None }
    }

    /// Takes the next bytes of the body.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.digest.get_or_insert_with(|| self.secrets.digest()).update(bytes);
    }

    /// Judges the claim, once [`update`](Self::update) has had the whole of `body`.
    pub(crate) fn judge(
        &mut self,
        body: &[u8],
        headers: &HeaderMap,
        keep_computed_digest: bool,
    ) -> Verdict {
        let digest = self.digest.take().unwrap_or_else(|| self.secrets.digest());
        match self.secrets.verify(self.signature, digest, body) {
            Ok(label) => Verdict::Verified(VerifiedSignature::new(self.signature, label)),
            Err(computed) => Verdict::Unverified(Reason::Mismatch(Mismatch::new(
                self.signature,
                LikelyCause::find(headers, body),
                keep_computed_digest.then_some(computed),
            ))),
        }
    }
}
