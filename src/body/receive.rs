//! [`Receive`]: polls a body to its end, to keep it or only to be rid of it.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Buf;
use http::HeaderMap;
use http_body::{Body, Frame};
use http_body_util::LengthLimitError;
use pin_project_lite::pin_project;

use super::BufferedBody;
use super::buffer::Buffer;
use super::deadline::Deadline;
use crate::claim::Claim;
use crate::rejection::RejectionKind;
use crate::settings::Settings;
use crate::verdict::Reason;

type BoxError = Box<dyn Error + Send + Sync>;

/// How much of a refused body is read, so that its connection stays usable.
pub(crate) const READ_OF_REFUSED_MOST: usize = 64 * 1024;

/// A body that is always ready must not hold the task: after so many frames in one poll, empty
/// ones too, the deadline is looked at and other tasks get their turn.
const FRAMES_A_POLL: usize = 1024;

pin_project! {
    /// A body on its way in.
    pub(crate) struct Receive<B> {
        #[pin]
        body: B,
        #[pin]
        deadline: Deadline,
        purpose: Purpose,
        trailers: Option<HeaderMap>,
        bytes: usize,
    }
}

/// What a body is read for.
#[expect(clippy::large_enum_variant, reason = "one a request; the larger is the usual one")]
enum Purpose {
    /// To be judged and handed on.
    Keep { buffer: Buffer, claim: Result<Claim, Reason> },
    /// Nothing: the answer is settled.
    Discard { answer: RejectionKind, left: usize },
}

/// A body that is here whole, and the claim that has seen all of it.
pub(crate) struct Received {
    pub(crate) body: BufferedBody,
    pub(crate) claim: Result<Claim, Reason>,
}

/// Why there is no [`Received`].
pub(crate) struct Failure {
    pub(crate) kind: RejectionKind,
    /// How many bytes came, kept or not.
    pub(crate) bytes: usize,
    /// Whether there may be more that nobody reads.
    pub(crate) unread: bool,
}

impl<B> Receive<B> {
    /// Receives a body to keep it, unless it is longer than the limit.
    pub(crate) fn keep(
        body: B,
        declared: Option<usize>,
        claim: Result<Claim, Reason>,
        settings: Settings,
    ) -> Self {
        let buffer = Buffer::new(declared, settings.body_limit);
        Self::new(body, Purpose::Keep { buffer, claim }, settings)
    }

    /// Reads and drops the body of a refused request.
    pub(crate) fn discard(body: B, settings: Settings) -> Self {
        Self::new(body, Purpose::discard(RejectionKind::Unverified), settings)
    }

    fn new(body: B, purpose: Purpose, settings: Settings) -> Self {
        Self { body, deadline: Deadline::new(settings), purpose, trailers: None, bytes: 0 }
    }
}

impl<B> Receive<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    /// Ready when the body has ended, was given up, or has failed; not to be polled after that.
    pub(crate) fn poll(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Result<Received, Failure>> {
        for _ in 0..FRAMES_A_POLL {
            let mut this = self.as_mut().project();
            let Poll::Ready(frame) = this.body.as_mut().poll_frame(context) else {
                return this
                    .deadline
                    .poll(context)
                    .map(|()| Err(self.fail(RejectionKind::BodyTimeout)));
            };
            match frame {
                Some(Ok(frame)) => {
                    if self.as_mut().take(frame).is_none() {
                        return Poll::Ready(Err(self.fail(RejectionKind::BodyTooLarge)));
                    }
                }
                Some(Err(error)) => return Poll::Ready(Err(self.fail(classify(&*error.into())))),
                None => return Poll::Ready(self.finish()),
            }
        }
        if self.as_mut().project().deadline.poll(context).is_ready() {
            return Poll::Ready(Err(self.fail(RejectionKind::BodyTimeout)));
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// Takes a frame, or returns `None` when no more should be read.
    fn take(self: Pin<&mut Self>, frame: Frame<B::Data>) -> Option<()> {
        let this = self.project();
        let data = match frame.into_data() {
            Ok(data) => data,
            Err(frame) => {
                *this.trailers = frame.into_trailers().ok();
                return Some(());
            }
        };
        let length = data.remaining();
        *this.bytes = this.bytes.saturating_add(length);
        if let Purpose::Keep { buffer, claim } = this.purpose {
            let kept = buffer.push(data, |bytes| {
                if let Ok(claim) = claim {
                    claim.update(bytes);
                }
            });
            if kept.is_some() {
                return kept;
            }
            // What was kept is freed here, before the rest is read.
            *this.purpose = Purpose::discard(RejectionKind::BodyTooLarge);
        }
        if let Purpose::Discard { left, .. } = this.purpose {
            *left = left.checked_sub(length)?;
        }
        Some(())
    }

    /// The body has ended as a body should.
    fn finish(self: Pin<&mut Self>) -> Result<Received, Failure> {
        let this = self.project();
        // What is left in its place holds nothing and is not used again.
        match std::mem::replace(this.purpose, Purpose::discard(RejectionKind::BodyIncomplete)) {
            Purpose::Keep { buffer, claim } => Ok(Received {
                body: BufferedBody::new(buffer.into_bytes(), this.trailers.take()),
                claim,
            }),
            Purpose::Discard { answer, .. } => {
                Err(Failure { kind: answer, bytes: *this.bytes, unread: false })
            }
        }
    }

    /// The body ends here for us, with this for an answer if none is settled yet.
    fn fail(&self, kind: RejectionKind) -> Failure {
        let kind = match self.purpose {
            Purpose::Keep { .. } => kind,
            Purpose::Discard { answer, .. } => answer,
        };
        Failure { kind, bytes: self.bytes, unread: true }
    }
}

impl Purpose {
    const fn discard(answer: RejectionKind) -> Self {
        Self::Discard { answer, left: READ_OF_REFUSED_MOST }
    }
}

/// A limit that a layer outside has set shows as an error of the body, somewhere in its chain.
fn classify(error: &(dyn Error + 'static)) -> RejectionKind {
    let mut link = Some(error);
    while let Some(error) = link {
        if error.is::<LengthLimitError>() {
            return RejectionKind::BodyTooLarge;
        }
        link = error.source();
    }
    RejectionKind::BodyIncomplete
}
