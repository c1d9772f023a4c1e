//! [`Deadline`]: the time that a whole body may take.
//!
//! The timer is made when the body is first waited for, or has come in very many frames: one that
//! is there already costs none, and needs no runtime.

#[cfg(feature = "deadline")]
pub(super) use timed::Deadline;
#[cfg(not(feature = "deadline"))]
pub(super) use untimed::Deadline;

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

        /// Whether the time is over, of a timer that is made already.
        pub(in crate::body) fn is_over(self: Pin<&mut Self>, context: &mut Context<'_>) -> bool {
            self.project().timer.as_pin_mut().is_some_and(|timer| timer.poll(context).is_ready())
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
mod untimed {
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use crate::settings::Settings;

    pub(in crate::body) struct Deadline;

    impl Deadline {
        pub(in crate::body) const fn new(_: Settings) -> Self {
            Self
        }

        pub(in crate::body) const fn is_over(self: Pin<&mut Self>, _: &mut Context<'_>) -> bool {
            false
        }

        pub(in crate::body) const fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
            Poll::Pending
        }
    }
}
