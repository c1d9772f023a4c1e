//! x

mod body;
mod claim;
mod future;
mod layer;
mod rejection;
mod secret;
mod secrets;
mod service;
mod settings;
mod signature;
mod trace;
mod verdict;

pub use body::BufferedBody;
pub use future::ResponseFuture;
pub use layer::TawkSignatureLayer;
pub use rejection::{EmptyResponse, Rejection, RejectionKind, RejectionResponse};
pub use secret::{InvalidSecret, Secret};
pub use secrets::{InvalidSecrets, Secrets};
pub use service::TawkSignature;
pub use signature::{InvalidSignature, Malformed, Signature};
pub use verdict::{LikelyCause, Mismatch, Reason, Verdict, VerifiedSignature};
