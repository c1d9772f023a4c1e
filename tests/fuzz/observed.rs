//! What the layer lets through: the targets' way through the crate, polled by hand.

use std::convert::Infallible;
use std::error::Error;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Body;
use tower::{ServiceBuilder, ServiceExt};
use tower_tawk::{BufferedBody, TawkSignatureLayer, Verdict};

/// The verdict that the inner service found and the bytes that it read; or else the status that
/// the layer answered with.
pub(crate) fn observed<B>(
    layer: TawkSignatureLayer,
    request: Request<B>,
) -> Result<(Verdict, Bytes), StatusCode>
where
    B: Body,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let service = ServiceBuilder::new().layer(layer).service_fn(inner);
    let Ok(response) = finish(service.oneshot(request));
    let status = response.status();
    response.into_body().ok_or(status)
}

/// Answers with what the inner service alone can see.
async fn inner(
    request: Request<BufferedBody>,
) -> Result<Response<Option<(Verdict, Bytes)>>, Infallible> {
    let verdict = request.extensions().get().cloned().expect("a request without a verdict");
    Ok(Response::new(Some((verdict, request.into_body().into_bytes()))))
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Polls to the end. Everything waits for itself alone, so what is not ready has to wake.
fn finish<F: Future>(future: F) -> F::Output {
    let woken = Arc::new(Woken(AtomicBool::new(false)));
    let waker = Arc::clone(&woken).into();
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        assert!(woken.0.swap(false, Ordering::Relaxed), "pending, and nobody wakes the task");
    }
}
