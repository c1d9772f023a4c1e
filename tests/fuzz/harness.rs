//! [`send`]: a request through the layer to a service, polled without a runtime.

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

/// Returns the verdict and the body that reach the inner service, or the status of a rejection.
pub(crate) fn send<B>(
    layer: TawkSignatureLayer,
    request: Request<B>,
) -> Result<(Verdict, Bytes), StatusCode>
where
    B: Body,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let service = ServiceBuilder::new().layer(layer).service_fn(inner);
    let Ok(response) = block_on(service.oneshot(request));
    let status = response.status();
    response.into_body().ok_or(status)
}

async fn inner(
    request: Request<BufferedBody>,
) -> Result<Response<Option<(Verdict, Bytes)>>, Infallible> {
    let verdict = request.extensions().get().cloned().expect("a verdict");
    Ok(Response::new(Some((verdict, request.into_body().into_bytes()))))
}

struct WakeFlag(AtomicBool);

impl Wake for WakeFlag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Polls a future to completion. Nothing runs between the polls, so a pending future must have
/// woken itself.
fn block_on<F: Future>(future: F) -> F::Output {
    let flag = Arc::new(WakeFlag(AtomicBool::new(false)));
    let waker = Arc::clone(&flag).into();
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        assert!(flag.0.swap(false, Ordering::Relaxed), "pending without a wake-up");
    }
}
