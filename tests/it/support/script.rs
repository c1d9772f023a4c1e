//! [`Script`]: a request body that does what a test tells it to.

use std::collections::VecDeque;
use std::error::Error;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use tokio::time::Interval;

/// A body made of steps, taken one at each poll.
#[derive(Debug, Default)]
pub(crate) struct Script {
    steps: VecDeque<Step>,
    hint: SizeHint,
}

#[derive(Debug)]
pub(crate) enum Step {
    Data(Bytes),
    Trailers(HeaderMap),
    /// The body breaks off.
    Break(Box<dyn Error + Send + Sync>),
    /// Nothing comes any more.
    Wait,
    /// Empty frames without end.
    Empties,
    /// The same, using up the task's budget as tokio's own channels and sockets do.
    BudgetedEmpties,
    /// One byte at each tick, without end.
    Drip(Interval),
    /// Whoever polls so far has read too much.
    Forbidden,
}

impl Script {
    pub(crate) fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self { steps: steps.into_iter().collect(), hint: SizeHint::default() }
    }

    pub(crate) fn frames<'a>(frames: impl IntoIterator<Item = &'a [u8]>) -> Self {
        Self::new(frames.into_iter().map(|frame| Step::Data(Bytes::copy_from_slice(frame))))
    }

    pub(crate) fn declaring(mut self, length: u64) -> Self {
        self.hint = SizeHint::with_exact(length);
        self
    }
}

impl Body for Script {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match self.steps.pop_front() {
            None => Poll::Ready(None),
            Some(Step::Data(data)) => Poll::Ready(Some(Ok(Frame::data(data)))),
            Some(Step::Trailers(trailers)) => Poll::Ready(Some(Ok(Frame::trailers(trailers)))),
            Some(Step::Break(error)) => Poll::Ready(Some(Err(error))),
            Some(Step::Wait) => {
                self.steps.push_front(Step::Wait);
                Poll::Pending
            }
            Some(Step::Empties) => {
                self.steps.push_front(Step::Empties);
                Poll::Ready(Some(Ok(Frame::data(Bytes::new()))))
            }
            Some(Step::BudgetedEmpties) => {
                self.steps.push_front(Step::BudgetedEmpties);
                let budget = pin!(tokio::task::coop::consume_budget());
                budget.poll(context).map(|()| Some(Ok(Frame::data(Bytes::new()))))
            }
            Some(Step::Drip(mut ticks)) => {
                let tick = ticks.poll_tick(context);
                self.steps.push_front(Step::Drip(ticks));
                tick.map(|_| Some(Ok(Frame::data(Bytes::from_static(b"x")))))
            }
            Some(Step::Forbidden) => panic!("the body was read further than it may be"),
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.hint
    }
}
