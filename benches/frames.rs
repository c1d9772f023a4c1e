//! [`Frames`]: a body that arrives in pieces.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// A body in frames of equal length, declared, of which the last may be held back.
#[derive(Debug)]
pub struct Frames {
    rest: Bytes,
    each: usize,
    /// Whether the last frame may go.
    released: Arc<AtomicBool>,
}

/// Lets the last frame of a [`Frames`] go.
#[derive(Debug)]
pub struct Last(Arc<AtomicBool>);

impl Last {
    /// From now on the last frame is there.
    pub fn release(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Frames {
    /// `bytes` in frames of `each` bytes; the last may be shorter.
    #[must_use]
    pub fn new(bytes: Bytes, each: usize) -> Self {
        Self { rest: bytes, each, released: Arc::new(AtomicBool::new(true)) }
    }

    /// The same, its last frame held back until it is released. Nobody is woken then.
    #[must_use]
    pub fn with_last_held_back(bytes: Bytes, each: usize) -> (Self, Last) {
        let released = Arc::new(AtomicBool::new(false));
        (Self { rest: bytes, each, released: Arc::clone(&released) }, Last(released))
    }
}

impl Body for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        if self.rest.len() <= self.each && !self.released.load(Ordering::Relaxed) {
            return Poll::Pending;
        }
        let length = self.each.min(self.rest.len());
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(length)))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}
