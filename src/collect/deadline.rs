//! Timeout for a body.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;
#[cfg(feature = "deadline")]
use tokio::time::{Sleep, sleep};

/// Without the feature there is no timer, and a deadline never elapses.
#[cfg(not(feature = "deadline"))]
type Sleep = std::future::Pending<()>;

#[cfg(not(feature = "deadline"))]
fn sleep(_: Duration) -> Sleep {
    std::future::pending()
}

pin_project! {
    /// A timeout whose timer starts when the body is first waited for.
    ///
    /// A body that is already complete needs no timer, and no runtime.
    pub(super) struct Deadline {
        timeout: Duration,
        #[pin]
        timer: Option<Sleep>,
    }
}

impl Deadline {
    pub(super) const fn new(timeout: Duration) -> Self {
        Self { timeout, timer: None }
    }

    /// Returns whether the timer has been started and has elapsed.
    pub(super) fn has_elapsed(self: Pin<&mut Self>, cx: &mut Context<'_>) -> bool {
        self.project().timer.as_pin_mut().is_some_and(|timer| timer.poll(cx).is_ready())
    }

    /// Polls the timer, starting it if necessary.
    pub(super) fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        if this.timer.is_none() {
            this.timer.set(Some(sleep(*this.timeout)));
        }
        this.timer.as_pin_mut().map_or(Poll::Pending, |timer| timer.poll(cx))
    }
}
