//! [`Receive`]: polls a body to its end, to keep it or only to be rid of it.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Buf;
use http_body::{Body, Frame};
use http_body_util::LengthLimitError;
use pin_project_lite::pin_project;

use super::buffer::Buffer;
use super::deadline::Deadline;
use super::{BufferedBody, Trailers};
use crate::claim::Claim;
use crate::rejection::{Rejection, RejectionKind};
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
        trailers: Trailers,
        bytes: usize,
    }
}

/// What a body is read for.
#[expect(clippy::large_enum_variant, reason = "one a request; the larger is the usual one")]
enum Purpose {
    /// To be judged and handed on.
    Keep { buffer: Buffer, claim: Result<Claim, Reason> },
    /// To be rid of it: the answer is settled (and taken when the body is over).
    Discard { rejection: Option<Rejection>, left: usize },
}

/// A body that is here whole, and the claim that has seen all of it.
pub(crate) struct Received<'a> {
    pub(crate) body: BufferedBody,
    pub(crate) claim: &'a mut Result<Claim, Reason>,
}

/// A request that is rejected, after its body or over what is left of it.
pub(crate) struct Refused {
    pub(crate) rejection: Rejection,
    /// How many bytes came, kept or not.
    pub(crate) bytes: usize,
    /// Whether there may be more that nobody reads.
    pub(crate) unread: bool,
}

impl<B> Receive<B> {
    /// Receives a body to keep it, unless it is longer than the limit.
    #[inline]
    pub(crate) fn keep(
        body: B,
        declared: Option<usize>,
        claim: Result<Claim, Reason>,
        settings: Settings,
    ) -> Self {
        let buffer = Buffer::new(declared, settings.body_limit);
        Self::new(body, Purpose::Keep { buffer, claim }, settings)
    }

    /// Reads and drops the body of a request that is rejected already.
    pub(crate) fn discard(body: B, rejection: Rejection, settings: Settings) -> Self {
        Self::new(body, Purpose::discard(rejection), settings)
    }

    #[inline]
    fn new(body: B, purpose: Purpose, settings: Settings) -> Self {
        Self { body, deadline: Deadline::new(settings), purpose, trailers: None, bytes: 0 }
    }
}

impl<B> Receive<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    /// Reads on, to the end or to what cuts the body short; not to be polled after that.
    pub(crate) fn poll(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<RejectionKind>> {
        const TIMEOUT: Option<RejectionKind> = Some(RejectionKind::BodyTimeout);

        // Before the body, which may use up the task's budget: tokio's timer never fires then.
        if self.as_mut().project().deadline.is_over(context) {
            return Poll::Ready(TIMEOUT);
        }
        for _ in 0..FRAMES_A_POLL {
            let mut this = self.as_mut().project();
            let Poll::Ready(frame) = this.body.as_mut().poll_frame(context) else {
                return this.deadline.poll(context).map(|()| TIMEOUT);
            };
            match frame {
                Some(Ok(frame)) => {
                    if !self.as_mut().take_frame(frame) {
                        return Poll::Ready(Some(RejectionKind::BodyTooLarge));
                    }
                }
                Some(Err(error)) => return Poll::Ready(Some(classify(&*error.into()))),
                None => return Poll::Ready(None),
            }
        }
        context.waker().wake_by_ref();
        self.project().deadline.poll(context).map(|()| TIMEOUT)
    }

    /// Keeps or drops a frame, and says whether to read on.
    fn take_frame(self: Pin<&mut Self>, frame: Frame<B::Data>) -> bool {
        let this = self.project();
        let data = match frame.into_data() {
            Ok(data) => data,
            Err(frame) => {
                *this.trailers = frame.into_trailers().ok().map(Box::new);
                return true;
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
            if kept {
                return true;
            }
            // What was kept is freed here, before the rest is read.
            let rejection = Rejection::without_verdict(RejectionKind::BodyTooLarge);
            *this.purpose = Purpose::discard(rejection);
        }
        if let Purpose::Discard { left, .. } = this.purpose {
            let rest = left.checked_sub(length);
            *left = rest.unwrap_or(0);
            return rest.is_some();
        }
        false
    }

    /// What came of the body, once [`poll`](Self::poll) was ready. What is large stays where it
    /// is: moving it would cost more than judging a small body.
    pub(crate) fn over(
        self: Pin<&mut Self>,
        cut_short: Option<RejectionKind>,
    ) -> Result<Received<'_>, Refused> {
        let this = self.project();
        let rejection = match (this.purpose, cut_short) {
            (Purpose::Keep { buffer, claim }, None) => {
                let body = BufferedBody::new(buffer.take(), this.trailers.take());
                return Ok(Received { body, claim });
            }
            (Purpose::Keep { .. }, Some(kind)) => Rejection::without_verdict(kind),
            (Purpose::Discard { rejection, .. }, _) => {
                rejection.take().expect("a body is over once")
            }
        };
        Err(Refused { rejection, bytes: *this.bytes, unread: cut_short.is_some() })
    }
}

impl Purpose {
    const fn discard(rejection: Rejection) -> Self {
        Self::Discard { rejection: Some(rejection), left: READ_OF_REFUSED_MOST }
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
