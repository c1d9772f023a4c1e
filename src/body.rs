//! [`BufferedBody`], which the inner service reads, and how a request's body becomes one.
//!
//! Receiving is bounded in memory (`buffer.rs`) and in time (`deadline.rs`), and is one state
//! machine over the frames (`receive.rs`).

mod buffer;
mod deadline;
mod receive;

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};

pub(crate) use receive::{READ_OF_REFUSED_MOST, Receive, Received, Refused};

/// A request's body that has arrived whole: the bytes that were verified, and any trailers.
///
/// As a [`Body`] it is one frame of data, and a frame of trailers if the request had any.
/// **Trailers are not signed.** Reading it neither waits nor fails.
#[derive(Clone)]
pub struct BufferedBody {
    data: Bytes,
    trailers: Trailers,
}

/// Tawk.to sends none: as good as nobody pays for the box, and every request would for 96 bytes
/// that are moved along with it.
type Trailers = Option<Box<HeaderMap>>;

impl BufferedBody {
    const fn new(data: Bytes, trailers: Trailers) -> Self {
        Self { data, trailers }
    }

    /// Stands in a request until its body is here.
    pub(crate) const fn empty() -> Self {
        Self::new(Bytes::new(), None)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.data
    }

    /// The bytes, without a copy. Trailers are dropped.
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
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.data)))));
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

/// Shows the length alone: bodies hold people's names and addresses.
impl fmt::Debug for BufferedBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BufferedBody").field("length", &self.data.len()).finish_non_exhaustive()
    }
}
