//! [`Settings`]: the plain values of the layer's configuration, as every request gets them.

#[cfg(feature = "deadline")]
use std::time::Duration;

/// Set on the layer, copied into each request's future.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// Answer what is unverified, rather than let it go on.
    pub(crate) enforce: bool,
    pub(crate) body_limit: usize,
    #[cfg(feature = "deadline")]
    pub(crate) body_deadline: Duration,
    pub(crate) keep_computed_digest: bool,
}

impl Settings {
    pub(crate) const fn new(enforce: bool) -> Self {
        Self {
            enforce,
            // Transcripts reach about 1 MB, and what is refused is sent again for 12 hours.
            body_limit: 2 * 1024 * 1024,
            // Tawk.to gives up after as long (developer.tawk.to/webhooks).
            #[cfg(feature = "deadline")]
            body_deadline: Duration::from_secs(30),
            keep_computed_digest: false,
        }
    }
}
