//! [`TawkSignatureLayer`] and its settings.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use tower_layer::Layer;

use crate::collect::Limits;
use crate::rejection::EmptyResponse;
use crate::secret::Secrets;
use crate::service::TawkSignature;
use crate::verifier::{Mode, Policy, SecretSource};

/// Leaves room for transcripts, which grow to about 1 MB.
const DEFAULT_BODY_LIMIT: usize = 2 * 1024 * 1024;

/// Tawk.to's own timeout (developer.tawk.to/webhooks).
const DEFAULT_BODY_DEADLINE: Duration = Duration::from_secs(30);

/// Layer that applies the [`TawkSignature`] middleware.
///
/// Choose between [`enforce`](Self::enforce), which rejects unverified requests, and
/// [`observe`](Self::observe), which forwards them. See the [crate documentation](crate) for where
/// to apply the layer.
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
/// With the feature `deadline`, which is enabled by default, a body that is not immediately
/// available or has 1,024 frames or more is timed by Tokio. The
/// [`ResponseFuture`](crate::ResponseFuture) then panics outside of a Tokio runtime with the time
/// driver enabled. On other runtimes, disable the feature and apply a timeout around the service.
#[derive(Clone)]
#[must_use]
pub struct TawkSignatureLayer<R = EmptyResponse> {
    policy: Policy,
    limits: Limits,
    rejection_response: R,
}

impl TawkSignatureLayer {
    /// Creates a layer that rejects unverified requests with `403 Forbidden`.
    ///
    /// The inner service only receives verified requests. Accepts a [`Secret`](crate::Secret) or
    /// several [`Secrets`].
    pub fn enforce(secrets: impl Into<Secrets>) -> Self {
        Self::new(Mode::Enforce, SecretSource::Fixed(secrets.into()))
    }

    /// Creates a layer that forwards every complete request with its
    /// [`Verdict`](crate::Verdict).
    ///
    /// **The inner service must check the verdict**, because it also receives unverified requests.
    /// The verdict is also inserted into the extensions of the response, for outer layers.
    ///
    /// Only use this mode to evaluate a new setup. Tawk.to does not retry a delivery that gets a
    /// 2xx response, so a misconfigured secret loses deliveries.
    ///
    /// ```
    /// use axum::{Extension, Router, body::Bytes, http::StatusCode, routing::post};
    /// use tower_tawk::{Secret, TawkSignatureLayer, Verdict};
    ///
    /// async fn webhook(Extension(verdict): Extension<Verdict>, body: Bytes) -> StatusCode {
    ///     match verdict {
    ///         Verdict::Verified(verified) => {
    ///             println!("{} bytes from {}", body.len(), verified.secret_label());
    ///         }
    ///         // Not authenticated: don't process the body.
    ///         Verdict::Unverified(reason) => println!("would be rejected: {reason}"),
    ///     }
    ///     StatusCode::OK
    /// }
    ///
    /// let layer = TawkSignatureLayer::observe(Secret::new("an invented secret")?);
    /// let app: Router = Router::new().route("/tawk-webhook", post(webhook).route_layer(layer));
    /// # Ok::<_, tower_tawk::InvalidSecret>(())
    /// ```
    pub fn observe(secrets: impl Into<Secrets>) -> Self {
        Self::new(Mode::Observe, SecretSource::Fixed(secrets.into()))
    }

    /// Creates a layer that rejects unverified requests, with secrets chosen for each request.
    ///
    /// `secrets` is called once for each request with a well-formed signature, before its body is
    /// read. If it returns `None`, the request is unverified with
    /// [`Reason::UnknownSecret`](crate::Reason::UnknownSecret). It runs on the request path, so
    /// keep it cheap: create the [`Secrets`] beforehand and clone them.
    ///
    /// Clients can find out whether a tenant exists: a request without secrets is rejected before
    /// its body is read.
    ///
    /// # Tenants
    ///
    /// Choose the secrets by path if each tenant has its own. The closure sees the same path as the
    /// layer, so `Router::nest` strips the prefix from it (axum's `OriginalUri` extension contains
    /// the full path). Or let an earlier middleware insert the secrets into the request extensions:
    ///
    /// ```
    /// use std::collections::HashMap;
    /// use http::request::Parts;
    /// use tower_tawk::{Secret, Secrets, TawkSignatureLayer};
    ///
    /// let tenants: HashMap<&str, Secrets> = HashMap::from([
    ///     ("/tawk/harbor-lane", Secret::new("one invented secret")?.into()),
    ///     ("/tawk/pinewood", Secret::new("another invented secret")?.into()),
    /// ]);
    /// let by_path = TawkSignatureLayer::enforce_with(move |parts: &Parts| {
    ///     tenants.get(parts.uri.path()).cloned()
    /// });
    ///
    /// let by_middleware = TawkSignatureLayer::enforce_with(|parts: &Parts| {
    ///     parts.extensions.get::<Secrets>().cloned()
    /// });
    /// # Ok::<_, tower_tawk::InvalidSecret>(())
    /// ```
    pub fn enforce_with<F>(secrets: F) -> Self
    where
        F: Fn(&Parts) -> Option<Secrets> + Send + Sync + 'static,
    {
        Self::new(Mode::Enforce, SecretSource::Dynamic(Arc::new(secrets)))
    }

    /// Creates a layer that forwards every complete request, with secrets chosen for each request.
    ///
    /// See [`observe`](Self::observe) and [`enforce_with`](Self::enforce_with).
    pub fn observe_with<F>(secrets: F) -> Self
    where
        F: Fn(&Parts) -> Option<Secrets> + Send + Sync + 'static,
    {
        Self::new(Mode::Observe, SecretSource::Dynamic(Arc::new(secrets)))
    }

    const fn new(mode: Mode, secrets: SecretSource) -> Self {
        Self {
            policy: Policy { secrets, mode, expose_expected_signature: false },
            limits: Limits { body_limit: DEFAULT_BODY_LIMIT, body_deadline: DEFAULT_BODY_DEADLINE },
            rejection_response: EmptyResponse,
        }
    }
}

impl<R> TawkSignatureLayer<R> {
    /// Sets the maximum body size in bytes. Defaults to 2 MiB.
    ///
    /// Larger bodies are rejected with `413 Payload Too Large`. Memory grows with the bytes
    /// received and not with `Content-Length`, so a high limit is free for small bodies.
    ///
    /// axum's `DefaultBodyLimit` for extractors is also 2 MiB and applies separately. To accept
    /// larger bodies, disable it on the same route, or use the extractor `Delivery`, which ignores
    /// it.
    pub const fn body_limit(mut self, bytes: usize) -> Self {
        self.limits.body_limit = bytes;
        self
    }

    /// Sets the timeout for receiving the whole body. Defaults to 30 s, Tawk.to's own timeout.
    ///
    /// Slower bodies are rejected with `408 Request Timeout`.
    #[cfg(feature = "deadline")]
    #[cfg_attr(docsrs, doc(cfg(feature = "deadline")))]
    #[doc(alias = "timeout")]
    pub const fn body_deadline(mut self, deadline: Duration) -> Self {
        self.limits.body_deadline = deadline;
        self
    }

    /// Sets the function or type that creates responses to rejected requests. Defaults to
    /// [`EmptyResponse`].
    ///
    /// Accepts any [`RejectionResponse`](crate::RejectionResponse), such as a closure whose
    /// argument is annotated. Required if the response body of the inner service does not
    /// implement `Default`.
    ///
    /// ```
    /// use axum::body::Body;
    /// use tower_tawk::{Rejection, Secret, TawkSignatureLayer};
    ///
    /// let layer = TawkSignatureLayer::enforce(Secret::new("an invented secret")?)
    ///     .rejection_response(|rejection: &Rejection| rejection.response(Body::from("rejected")));
    /// # Ok::<_, tower_tawk::InvalidSecret>(())
    /// ```
    pub fn rejection_response<N: Clone>(self, rejection_response: N) -> TawkSignatureLayer<N> {
        TawkSignatureLayer { policy: self.policy, limits: self.limits, rejection_response }
    }

    /// Exposes the expected signature of a mismatch in
    /// [`Mismatch::expected_signature`](crate::Mismatch::expected_signature), for debugging a
    /// sender.
    ///
    /// **Anyone who knows it can forge that request.** It never appears in `Debug`, `Display` or
    /// tracing events. Do not log it.
    pub const fn expose_expected_signature(mut self) -> Self {
        self.policy.expose_expected_signature = true;
        self
    }
}

impl<S, R: Clone> Layer<S> for TawkSignatureLayer<R> {
    type Service = TawkSignature<S, R>;

    fn layer(&self, inner: S) -> Self::Service {
        let rejection_response = self.rejection_response.clone();
        TawkSignature::new(inner, self.policy.clone(), self.limits, rejection_response)
    }
}

impl<R> fmt::Debug for TawkSignatureLayer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TawkSignatureLayer")
            .field("policy", &self.policy)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
