//! [`BufferedBody`]: the request body of the inner service.

use std::convert::Infallible;
use std::fmt;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};

/// The body of a request that [`TawkSignature`](crate::TawkSignature) forwards.
///
/// It contains the bytes that were verified. As a [`Body`] it yields at most one data frame,
/// followed by the trailers if the request had any, and it is always ready. **Trailers are not
/// signed.**
///
/// axum extractors such as `Bytes` and `Json` read it like any other body, and without copying it.
///
/// # hyper
///
/// ```
/// # use std::convert::Infallible;
/// use bytes::Bytes;
/// use http::{Request, Response};
/// use http_body_util::Full;
/// use hyper_util::rt::{TokioExecutor, TokioIo};
/// use hyper_util::server::conn::auto::Builder;
/// use hyper_util::service::TowerToHyperService;
/// use tower::ServiceBuilder;
/// use tower_tawk::{BufferedBody, Secret, TawkSignatureLayer};
///
/// async fn webhook(request: Request<BufferedBody>) -> Result<Response<Full<Bytes>>, Infallible> {
///     println!("{} bytes", request.into_body().into_bytes().len());
///     Ok(Response::default())
/// }
///
/// # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
/// let layer = TawkSignatureLayer::enforce(Secret::new("an invented secret")?);
/// let service = ServiceBuilder::new().layer(layer).service_fn(webhook);
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:8000").await?;
/// loop {
///     let (stream, _) = listener.accept().await?;
///     let service = TowerToHyperService::new(service.clone());
///     tokio::spawn(async move {
///         Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await
///     });
/// }
/// # }
/// ```
///
/// # tonic
///
/// The layer buffers the whole request, so it suits unary and client-streaming calls. A tonic
/// client sees a rejected call as `PermissionDenied`.
///
/// ```
/// use tonic::transport::Server;
/// use tower_tawk::{Secret, TawkSignatureLayer};
///
/// # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
/// let (_, health) = tonic_health::server::health_reporter();
/// Server::builder()
///     .layer(TawkSignatureLayer::enforce(Secret::new("an invented secret")?))
///     .add_service(health)
///     .serve("127.0.0.1:50051".parse()?)
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct BufferedBody {
    data: Bytes,
    trailers: Trailers,
}

/// Boxed, because trailers are rare and a `HeaderMap` would add 96 bytes to every request.
pub(crate) type Trailers = Option<Box<HeaderMap>>;

impl BufferedBody {
    pub(crate) const fn new(data: Bytes, trailers: Trailers) -> Self {
        Self { data, trailers }
    }

    /// Placeholder for the body of a request that has been moved out of a state.
    pub(crate) const fn empty() -> Self {
        Self::new(Bytes::new(), None)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.data
    }

    /// Consumes the body, returning its bytes without a copy. Discards trailers.
    ///
    /// ```
    /// # use std::convert::Infallible;
    /// use bytes::Bytes;
    /// use http::{Request, Response};
    /// use http_body_util::Full;
    /// use tower::{ServiceBuilder, ServiceExt};
    /// use tower_tawk::{BufferedBody, Secret, TawkSignatureLayer};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let secret = Secret::new("an invented secret")?;
    /// let signature = secret.sign(b"{}").to_string();
    ///
    /// let service = ServiceBuilder::new().layer(TawkSignatureLayer::enforce(secret)).service_fn(
    ///     async |request: Request<BufferedBody>| {
    ///         let bytes: Bytes = request.into_body().into_bytes();
    ///         Ok::<_, Infallible>(Response::new(bytes))
    ///     },
    /// );
    /// let request = Request::builder()
    ///     .header("X-Tawk-Signature", signature)
    ///     .body(Full::<Bytes>::from("{}"))?;
    ///
    /// assert_eq!(service.oneshot(request).await?.into_body(), "{}");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.data
    }
}

impl Body for BufferedBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if !self.data.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(mem::take(&mut self.data)))));
        }
        Poll::Ready(self.trailers.take().map(|trailers| Ok(Frame::trailers(*trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_empty() && self.trailers.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.data.len() as u64)
    }
}

/// Omits the contents, which may be personal data.
impl fmt::Debug for BufferedBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BufferedBody").field("length", &self.data.len()).finish_non_exhaustive()
    }
}
