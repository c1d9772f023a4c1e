//! [`Deadline`]: the time that a whole body may take.
//!
//! The timer is made when the body is first waited for: one that is there already costs none, and
//! needs no runtime.

#[cfg(feature = "deadline")]
pub(super) use timed::Deadline;

#[cfg(feature = "deadline")]
mod timed {
    use std::pin::Pin;
    use std::task::{Context, Poll};
    use std::time::Duration;

    use pin_project_lite::pin_project;
    use tokio::time::{Sleep, sleep};

    use crate::settings::Settings;

    pin_project! {
        pub(in crate::body) struct Deadline {
            after: Duration,
            #[pin]
            timer: Option<Sleep>,
        }
    }

    impl Deadline {
        pub(in crate::body) const fn new(settings: Settings) -> Self {
            Self { after: settings.body_deadline, timer: None }
        }

        /// Ready once the time is over; until then the task is woken when it will be.
        pub(in crate::body) fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
            let mut this = self.project();
            loop {
                match this.timer.as_mut().as_pin_mut() {
                    Some(timer) => return timer.poll(context),
                    None => this.timer.set(Some(sleep(*this.after))),
                }
            }
        }
    }
}

/// Without the feature there is no timer, and nothing ever expires.
#[cfg(not(feature = "deadline"))]
pub(super) struct Deadline;

#[cfg(not(feature = "deadline"))]
impl Deadline {
    pub(super) const fn new(_: crate::settings::Settings) -> Self {
        Self
    }

    pub(super) const fn poll(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<()> {
        std::task::Poll::Pending
    }
}
