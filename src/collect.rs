//! Collecting a body into a [`BufferedBody`], and draining the body of a rejected request.

mod buffer;
mod deadline;

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Buf;
use http_body::{Body, Frame};
use http_body_util::LengthLimitError;
use pin_project_lite::pin_project;

use self::buffer::{Buffer, LimitExceeded};
use self::deadline::Deadline;
use crate::body::{BufferedBody, Trailers};

/// Maximum number of bytes that are drained.
pub(crate) const MAX_DRAIN: usize = 64 * 1024;

/// Timeout for draining, unless the body deadline is shorter.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);

/// Maximum number of frames read in one poll, so that a body that is always ready, even one of
/// endless empty frames, yields to its deadline and to other tasks.
const MAX_FRAMES_PER_POLL: usize = 1024;

type BoxError = Box<dyn Error + Send + Sync>;

/// Limits on a body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Maximum length in bytes.
    pub(crate) body_limit: usize,
    /// Timeout for the whole body.
    pub(crate) body_deadline: Duration,
}

/// The reason why a body was not collected.
#[derive(Clone, Copy, Debug)]
pub(crate) enum CollectError {
    /// The body exceeds `body_limit`. `dropped` is the length of the frame that exceeded it. The
    /// rest of the body can be drained.
    LimitExceeded { dropped: usize },
    /// The body exceeds the limit of an outer layer.
    OuterLimitExceeded,
    /// The deadline elapsed.
    Timeout,
    /// The body failed before its end.
    Incomplete,
}

impl CollectError {
    /// Classifies an error of the body itself. `RequestBodyLimitLayer` reports its limit as a
    /// [`LengthLimitError`] in the source chain.
    fn from_body(error: &(dyn Error + 'static)) -> Self {
        let mut source = Some(error);
        while let Some(error) = source {
            if error.is::<LengthLimitError>() {
                return Self::OuterLimitExceeded;
            }
            source = error.source();
        }
        Self::Incomplete
    }
}

pin_project! {
    /// Collects a body.
    pub(crate) struct Collect {
        buffer: Buffer,
        trailers: Trailers,
        received: usize,
        #[pin]
        deadline: Deadline,
    }
}

impl Collect {
    #[inline]
    pub(crate) const fn new(content_length: Option<usize>, limits: Limits) -> Self {
        Self {
            buffer: Buffer::new(content_length, limits.body_limit),
            trailers: None,
            received: 0,
            deadline: Deadline::new(limits.body_deadline),
        }
    }

    /// Polls `body` to its end, and calls `on_chunk` with each chunk of data.
    ///
    /// Must not be called again after it has returned `Ready`.
    pub(crate) fn poll<B>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        body: Pin<&mut B>,
        mut on_chunk: impl FnMut(&[u8]),
    ) -> Poll<Result<BufferedBody, CollectError>>
    where
        B: Body,
        B::Error: Into<BoxError>,
    {
        let this = self.project();
        ready!(poll_frames(cx, body, this.deadline, |frame| {
            let data = match frame.into_data() {
                Ok(data) => data,
                Err(frame) => {
                    *this.trailers = frame.into_trailers().ok().map(Box::new);
                    return Ok(());
                }
            };
            let length = data.remaining();
            *this.received = this.received.saturating_add(length);
            this.buffer
                .push(data, &mut on_chunk)
                .map_err(|LimitExceeded| CollectError::LimitExceeded { dropped: length })
        }))?;
        Poll::Ready(Ok(BufferedBody::new(this.buffer.take(), this.trailers.take())))
    }

    /// Returns the number of bytes received, including those that exceeded the limit.
    pub(crate) const fn received(&self) -> usize {
        self.received
    }
}

pin_project! {
    /// Reads and drops the rest of a body, so that the client sees the response instead of a reset.
    pub(crate) struct Drain {
        drained: usize,
        #[pin]
        deadline: Deadline,
    }
}

/// How far a body was drained.
pub(crate) enum Drained {
    /// To its end.
    Complete,
    /// To a limit or an error. An HTTP/1 connection can't be reused.
    Incomplete,
}

impl Drain {
    /// Starts after `drained` bytes that have already been dropped.
    pub(crate) fn new(drained: usize, limits: Limits) -> Self {
        let timeout = DRAIN_TIMEOUT.min(limits.body_deadline);
        Self { drained, deadline: Deadline::new(timeout) }
    }

    /// Polls `body` to its end, but not beyond [`MAX_DRAIN`] or the deadline.
    ///
    /// Must not be called again after it has returned `Ready`.
    pub(crate) fn poll<B>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        body: Pin<&mut B>,
    ) -> Poll<Drained>
    where
        B: Body,
        B::Error: Into<BoxError>,
    {
        let this = self.project();
        let drained = this.drained;
        if *drained > MAX_DRAIN {
            return Poll::Ready(Drained::Incomplete);
        }
        let result = ready!(poll_frames(cx, body, this.deadline, |frame| {
            let length = frame.data_ref().map_or(0, Buf::remaining);
            *drained = drained.saturating_add(length);
            if *drained > MAX_DRAIN { Err(CollectError::Incomplete) } else { Ok(()) }
        }));
        Poll::Ready(if result.is_ok() { Drained::Complete } else { Drained::Incomplete })
    }
}

/// Polls frames until the body ends, fails or times out, or until `on_frame` fails.
fn poll_frames<B>(
    cx: &mut Context<'_>,
    mut body: Pin<&mut B>,
    mut deadline: Pin<&mut Deadline>,
    mut on_frame: impl FnMut(Frame<B::Data>) -> Result<(), CollectError>,
) -> Poll<Result<(), CollectError>>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    // Before the body, which may use up tokio's budget for the task: the timer would never fire.
    if deadline.as_mut().has_elapsed(cx) {
        return Poll::Ready(Err(CollectError::Timeout));
    }
    for _ in 0..MAX_FRAMES_PER_POLL {
        match body.as_mut().poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => on_frame(frame)?,
            Poll::Ready(Some(Err(error))) => {
                return Poll::Ready(Err(CollectError::from_body(&*error.into())));
            }
            Poll::Ready(None) => return Poll::Ready(Ok(())),
            Poll::Pending => return deadline.poll(cx).map(|()| Err(CollectError::Timeout)),
        }
    }
    cx.waker().wake_by_ref();
    deadline.poll(cx).map(|()| Err(CollectError::Timeout))
}
