//! [`EventId`]: what a delivery says of its own identity, unsigned.

use std::fmt;

use http::HeaderMap;

/// From developer.tawk.to/webhooks, in the lower case of [`HeaderMap`].
const X_HOOK_EVENT_ID: &str = "x-hook-event-id";

/// The page says nothing of the form, so this is ours: an id that a log or a database can hold.
const LENGTH_MOST: usize = 128;

/// The id of an event, from `X-Hook-Event-Id`: the same over the retries of one event.
///
/// It is 1 to 128 visible ASCII characters (0x21 to 0x7e), otherwise opaque.
///
/// **It is not signed.** Whoever replays a delivery can change it, so it tells no repeat from a
/// new event: deduplicate by the delivery's [`signature`](super::Delivery::signature), and keep
/// the id beside it, to find an event again in the logs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EventId(Box<str>);

impl EventId {
    /// The id, unless there is none, more than one, or one that is not of the form.
    pub(super) fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(X_HOOK_EVENT_ID).iter();
        let text = values.next()?.to_str().ok()?;
        let alone = values.next().is_none();
        let of_the_form = (1..=LENGTH_MOST).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        (alone && of_the_form).then(|| Self(text.into()))
    }

    /// The id's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for EventId {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
