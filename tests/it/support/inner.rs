//! Services to put inside the layer, and the answers that come out.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use tower::{BoxError, Service, ServiceBuilder, ServiceExt};
use tower_tawk::{BufferedBody, Rejection, TawkSignatureLayer, Verdict};

/// Answers with the bytes that it was given, whatever the verdict.
pub(crate) async fn echo(
    request: Request<BufferedBody>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    assert!(request.extensions().get::<Verdict>().is_some(), "a request without a verdict");
    let verdict = request.extensions().get::<Verdict>().cloned().expect("a verdict");
    let mut response = Response::new(Full::new(request.into_body().into_bytes()));
    response.extensions_mut().insert(verdict);
    Ok(response)
}

/// The layer's answer to `request` over [`echo`].
pub(crate) async fn answer<B>(layer: TawkSignatureLayer, request: Request<B>) -> Answer
where
    B: Body,
    B::Error: Into<BoxError>,
{
    Answer::of(ServiceBuilder::new().layer(layer).service_fn(echo), request).await
}

/// What came out of a service.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) response: Response<Bytes>,
}

impl Answer {
    pub(crate) async fn of<S, R>(service: S, request: R) -> Self
    where
        S: Service<R, Response = Response<Full<Bytes>>, Error = Infallible>,
    {
        let Ok(response) = service.oneshot(request).await;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("a whole body").to_bytes();
        Self { response: Response::from_parts(parts, body) }
    }

    pub(crate) fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    pub(crate) fn body(&self) -> &Bytes {
        self.response.body()
    }

    /// The verdict that the inner service was given.
    pub(crate) fn verdict(&self) -> Option<&Verdict> {
        self.response.extensions().get()
    }

    pub(crate) fn is_verified(&self) -> bool {
        self.verdict().is_some_and(Verdict::is_verified)
    }

    pub(crate) fn rejection(&self) -> Option<Rejection> {
        self.response.extensions().get().cloned()
    }

    /// Whether the sender is told that the connection ends.
    pub(crate) fn closes(&self) -> bool {
        self.response.headers().get("connection").is_some_and(|value| value == "close")
    }
}
