//! [`TawkSignatureLayer`]: what can be configured.

use std::fmt;
use std::sync::Arc;
#[cfg(feature = "deadline")]
use std::time::Duration;

use http::Response;
use http::request::Parts;
use tower_layer::Layer;

use crate::rejection::{EmptyResponse, Rejection};
use crate::secrets::{SecretSource, Secrets};
use crate::service::TawkSignature;
use crate::settings::Settings;

/// Verifies the signature of Tawk.to's webhooks in front of any service.
///
/// The policy is said where the layer is mounted: [`enforce`](Self::enforce) or
/// [`observe`](Self::observe). See the [crate documentation](crate) for how to mount it.
///
/// ```
/// use std::time::Duration;
///
/// use tower_tawk::{Secret, TawkSignatureLayer};
///
/// let layer = TawkSignatureLayer::enforce(Secret::new("an invented secret")?)
///     .body_limit(4 * 1024 * 1024)
///     .body_deadline(Duration::from_secs(10));
/// # Ok::<_, tower_tawk::InvalidSecret>(())
/// ```
///
/// # Panics
///
/// With the feature `deadline` (on by default) a body that has to be waited for, or that comes in
/// 1,024 frames or more, is timed by tokio: the [`ResponseFuture`](crate::ResponseFuture) panics
/// when it is polled for one outside of a tokio runtime whose time is enabled. Switch the feature off on other runtimes, and put a
/// time limit of theirs around the service.
#[derive(Clone)]
#[must_use]
pub struct TawkSignatureLayer<R = EmptyResponse> {
    secrets: SecretSource,
    settings: Settings,
    rejection_response: R,
}

impl TawkSignatureLayer {
    /// Answers 403 to every request that is not verified; the inner service never sees it.
    ///
    /// Takes a [`Secret`](crate::Secret) or several [`Secrets`].
    pub fn enforce(secrets: impl Into<Secrets>) -> Self {
        Self::new(SecretSource::Fixed(secrets.into()), true)
    }

    /// Lets every request that arrives whole go on, with its [`Verdict`](crate::Verdict): to see
    /// what would be refused before it is.
    ///
    /// **The inner service must look at the verdict**: anybody can send it anything. The verdict
    /// is put into the response's extensions too, for layers outside.
    pub fn observe(secrets: impl Into<Secrets>) -> Self {
        Self::new(SecretSource::Fixed(secrets.into()), false)
    }

    /// [`enforce`](Self::enforce), with secrets that are chosen for each request.
    ///
    /// `choose` is asked once for every request that has a well-formed signature, before the
    /// body is read. Where it returns `None` the reason is
    /// [`UnknownSecret`](crate::Reason::UnknownSecret), not a mismatch. It runs on the request's
    /// way, so it should look up and not compute: have [`Secrets`] ready and clone them.
    ///
    /// The crate documentation shows [tenants in the path](crate#several-tenants) and secrets
    /// from an earlier middleware.
    pub fn enforce_with<F>(choose: F) -> Self
    where
        F: Fn(&Parts) -> Option<Secrets> + Send + Sync + 'static,
    {
        Self::new(SecretSource::Chosen(Arc::new(choose)), true)
    }

    /// [`observe`](Self::observe), with secrets that are chosen for each request as in
    /// [`enforce_with`](Self::enforce_with).
    pub fn observe_with<F>(choose: F) -> Self
    where
        F: Fn(&Parts) -> Option<Secrets> + Send + Sync + 'static,
    {
        Self::new(SecretSource::Chosen(Arc::new(choose)), false)
    }

    const fn new(secrets: SecretSource, enforce: bool) -> Self {
        Self { secrets, settings: Settings::new(enforce), rejection_response: EmptyResponse }
    }
}

impl<R> TawkSignatureLayer<R> {
    /// The longest body that is taken, in bytes; 2 MiB unless set. A longer one is answered 413.
    ///
    /// Transcripts reach about 1 MB. No memory is reserved for what is only declared, beyond
    /// 64 KiB, so a large limit costs nothing until such bodies come.
    ///
    /// axum's own limit for its extractors is also 2 MiB, and is another: to take more, lift it
    /// on the same route with `DefaultBodyLimit::disable()`, since this layer has bounded the
    /// body already. (The extractor `Delivery` does without that.)
    pub const fn body_limit(mut self, bytes: usize) -> Self {
        self.settings.body_limit = bytes;
        self
    }

    /// The time that the whole body may take to arrive; 30 s unless set, which is when Tawk.to
    /// gives up. After it the answer is 408.
    #[cfg(feature = "deadline")]
    #[cfg_attr(docsrs, doc(cfg(feature = "deadline")))]
    pub const fn body_deadline(mut self, deadline: Duration) -> Self {
        self.settings.body_deadline = deadline;
        self
    }

    /// What to answer with, in place of an empty body: for every rejection, 403 and the others.
    ///
    /// Needed too where the inner service's response body has no `Default`.
    ///
    /// ```
    /// use tower_tawk::{Secret, TawkSignatureLayer};
    ///
    /// let layer = TawkSignatureLayer::enforce(Secret::new("an invented secret")?)
    ///     .rejection_response(|rejection| rejection.response(axum::body::Body::from("No.")));
    /// # Ok::<_, tower_tawk::InvalidSecret>(())
    /// ```
    pub fn rejection_response<N, B>(self, rejection_response: N) -> TawkSignatureLayer<N>
    where
        N: Fn(&Rejection) -> Response<B> + Clone,
    {
        TawkSignatureLayer { secrets: self.secrets, settings: self.settings, rejection_response }
    }

    /// Keeps the digest that was computed for a mismatch in its
    /// [`Mismatch`](crate::Mismatch::computed_digest), to compare it by eye while a sender is
    /// being set up.
    ///
    /// It is **a forgery ready to use**: whoever reads it can sign that body. It stays out of
    /// every `Debug`, `Display` and trace; see that you do not log it either.
    pub const fn keep_computed_digest(mut self) -> Self {
        self.settings.keep_computed_digest = true;
        self
    }
}

impl<S, R: Clone> Layer<S> for TawkSignatureLayer<R> {
    type Service = TawkSignature<S, R>;

    fn layer(&self, inner: S) -> Self::Service {
        TawkSignature::new(
            inner,
            self.secrets.clone(),
            self.settings,
            self.rejection_response.clone(),
        )
    }
}

impl<R> fmt::Debug for TawkSignatureLayer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TawkSignatureLayer")
            .field("secrets", &self.secrets)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
