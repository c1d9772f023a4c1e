//! [`MockBody`]: a request body that yields a scripted sequence of frames.

use std::collections::VecDeque;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use tokio::time::Interval;
use tower::BoxError;

/// A body that takes one [`Step`] per poll.
#[derive(Debug, Default)]
pub(crate) struct MockBody {
    steps: VecDeque<Step>,
    size_hint: SizeHint,
}

#[derive(Debug)]
pub(crate) enum Step {
    Data(Bytes),
    Trailers(HeaderMap),
    Error(BoxError),
    /// Stays pending forever.
    Pending,
    /// Yields empty frames forever.
    EmptyFrames,
    /// Yields empty frames until the task's budget is used up, as tokio's channels and sockets do.
    BudgetedEmptyFrames,
    /// Yields one byte per tick, forever.
    Trickle(Interval),
    /// Panics if polled.
    Panic,
}

impl Step {
    pub(crate) fn data(data: impl Into<Bytes>) -> Self {
        Self::Data(data.into())
    }
}

impl MockBody {
    pub(crate) fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self { steps: steps.into_iter().collect(), size_hint: SizeHint::default() }
    }

    pub(crate) fn from_frames<'a>(frames: impl IntoIterator<Item = &'a [u8]>) -> Self {
        Self::new(frames.into_iter().map(|frame| Step::Data(Bytes::copy_from_slice(frame))))
    }

    /// Declares this exact length, true or not.
    pub(crate) fn with_declared_length(mut self, length: u64) -> Self {
        self.size_hint = SizeHint::with_exact(length);
        self
    }
}

impl Body for MockBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.steps.pop_front() {
            None => Poll::Ready(None),
            Some(Step::Data(data)) => Poll::Ready(Some(Ok(Frame::data(data)))),
            Some(Step::Trailers(trailers)) => Poll::Ready(Some(Ok(Frame::trailers(trailers)))),
            Some(Step::Error(error)) => Poll::Ready(Some(Err(error))),
            Some(Step::Pending) => {
                self.steps.push_front(Step::Pending);
                Poll::Pending
            }
            Some(Step::EmptyFrames) => {
                self.steps.push_front(Step::EmptyFrames);
                Poll::Ready(Some(Ok(Frame::data(Bytes::new()))))
            }
            Some(Step::BudgetedEmptyFrames) => {
                self.steps.push_front(Step::BudgetedEmptyFrames);
                let budget = pin!(tokio::task::coop::consume_budget());
                budget.poll(cx).map(|()| Some(Ok(Frame::data(Bytes::new()))))
            }
            Some(Step::Trickle(mut interval)) => {
                let tick = interval.poll_tick(cx);
                self.steps.push_front(Step::Trickle(interval));
                tick.map(|_| Some(Ok(Frame::data(Bytes::from_static(b"x")))))
            }
            Some(Step::Panic) => panic!("the body was polled too far"),
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.size_hint
    }
}
