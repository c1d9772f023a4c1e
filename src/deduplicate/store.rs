//! [`DeduplicationStore`] and [`ClaimGuard`].

use std::error::Error;

use crate::signature::Signature;

/// Stores the keys of deliveries that are in flight or committed.
///
/// The key of a delivery is its [`Signature`]: equal signatures mean equal bytes under the same
/// secret. Claims are atomic: exactly one of several concurrent claims of a free key returns
/// [`Claim::First`].
///
/// [`InMemory`](super::InMemory) is an implementation. In a SQL database, a claim is a row with a
/// random token and an expiry (a lease). Claim, commit and release are separate short transactions,
/// so that no connection is held while the handler runs. See `examples/deduplicate.rs`.
///
/// In Redis, a claim is `SET key <random token> NX PX <lease>`. A commit is a script that replaces
/// the token with `committed` and sets the final expiry, and a release is a script that deletes the
/// key. Both have no effect if the key does not hold the token of the claim.
///
/// A lease must be longer than the slowest handler, and shorter than the 12 hours for which Tawk.to
/// retries.
///
/// Run `test_util::deduplication_contract` against your implementation.
pub trait DeduplicationStore: Clone + Send + Sync + 'static {
    /// Error of the store. Logged, so it must not contain credentials.
    type Error: Into<Box<dyn Error + Send + Sync>>;

    /// The claim of a key.
    type Guard: ClaimGuard<Error = Self::Error>;

    /// Future of [`claim`](Self::claim). If it is dropped, the key is or becomes free.
    type ClaimFuture: Future<Output = Result<Claim<Self::Guard>, Self::Error>> + Send;

    /// Claims a key.
    ///
    /// Returns an error if the outcome is unknown or the store is full.
    fn claim(&self, key: Signature) -> Self::ClaimFuture;
}

/// The claim of a key, until it is committed or dropped.
///
/// If it is dropped, the key becomes free: at once, or when the lease expires.
pub trait ClaimGuard: Send + 'static {
    /// Error of the store.
    type Error;

    /// Future of [`commit`](Self::commit). If it is dropped, the key is either committed or free.
    type CommitFuture: Future<Output = Result<(), Self::Error>> + Send;

    /// Commits the claim, so that further claims of the key return [`Claim::Committed`].
    ///
    /// Returns an error if the outcome is unknown, or if the lease has expired and another claim
    /// may exist.
    fn commit(self) -> Self::CommitFuture;
}

/// The outcome of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim<G> {
    /// The key was free. It is claimed until the guard is committed or dropped.
    First(G),
    /// The key is committed: the delivery has been handled.
    Committed,
    /// Another claim of the key exists.
    InFlight,
}
