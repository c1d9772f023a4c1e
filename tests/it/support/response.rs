//! [`send`] and [`TestResponse`]: a request through the layer to an echo service, and the response.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use tower::{BoxError, ServiceBuilder, ServiceExt};
use tower_tawk::{BufferedBody, Reason, Rejection, TawkSignatureLayer, Verdict};

/// Responds with the request's body and, in the extensions, its verdict.
pub(crate) async fn echo(
    request: Request<BufferedBody>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let verdict = request.extensions().get::<Verdict>().cloned().expect("a verdict");
    let mut response = Response::new(Full::new(request.into_body().into_bytes()));
    response.extensions_mut().insert(verdict);
    Ok(response)
}

/// Sends a request through the layer to [`echo`].
pub(crate) async fn send<B>(layer: TawkSignatureLayer, request: Request<B>) -> TestResponse
where
    B: Body,
    B::Error: Into<BoxError>,
{
    let service = ServiceBuilder::new().layer(layer).service_fn(echo);
    let Ok(response) = service.oneshot(request).await;
    let (parts, body) = response.into_parts();
    let body = body.collect().await.expect("a complete body").to_bytes();
    TestResponse { response: Response::from_parts(parts, body) }
}

#[derive(Debug)]
pub(crate) struct TestResponse {
    pub(crate) response: Response<Bytes>,
}

impl TestResponse {
    pub(crate) fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    pub(crate) fn body(&self) -> &Bytes {
        self.response.body()
    }

    /// Returns the verdict that reached the inner service.
    pub(crate) fn verdict(&self) -> Option<&Verdict> {
        self.response.extensions().get()
    }

    pub(crate) fn is_verified(&self) -> bool {
        self.verdict().is_some_and(Verdict::is_verified)
    }

    pub(crate) fn rejection(&self) -> Option<Rejection> {
        self.response.extensions().get().cloned()
    }

    /// Returns the reason why the rejected request is unverified.
    pub(crate) fn rejection_reason(&self) -> Option<&Reason> {
        self.response.extensions().get().and_then(Rejection::reason)
    }

    /// Returns whether the response announces that the connection closes.
    pub(crate) fn closes_connection(&self) -> bool {
        self.response.headers().get("connection").is_some_and(|value| value == "close")
    }
}
