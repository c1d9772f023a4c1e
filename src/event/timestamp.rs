//! [`Timestamp`] and [`InvalidTimestamp`].

use std::error::Error;
use std::fmt;
use std::time::SystemTime;

use serde::Serialize;

use super::json::Object;

/// A timestamp, such as `2024-08-15T09:12:41.307Z`.
///
/// The text is kept as it was sent and is only parsed by
/// [`to_system_time`](Self::to_system_time).
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use tower_tawk::event::Event;
///
/// let event = Event::from_slice(
///     br#"{"event":"chat:end","chatId":"c","property":{"id":"p"},
///         "time":"1970-01-01T00:00:01.500Z"}"#,
/// )?;
/// let time = event.time().expect("the event has a time");
///
/// assert_eq!(time.as_str(), "1970-01-01T00:00:01.500Z");
/// assert_eq!(time.to_system_time()?, SystemTime::UNIX_EPOCH + Duration::from_millis(1500));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Timestamp(String);

impl Timestamp {
    /// Decodes the field `time` of `parent`.
    pub(super) fn decode(parent: &Object<'_>) -> Option<Self> {
        parent.string("time").map(Self)
    }

    /// Formats `time` in the format of Tawk.to, with milliseconds.
    #[cfg(feature = "test-util")]
    pub(crate) fn from_system_time(time: SystemTime) -> Self {
        Self(humantime::format_rfc3339_millis(time).to_string())
    }

    /// Returns the text as it was sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Parses the timestamp.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidTimestamp`] if the text is not an RFC 3339 timestamp in UTC from 1970 or
    /// later.
    pub fn to_system_time(&self) -> Result<SystemTime, InvalidTimestamp> {
        humantime::parse_rfc3339(&self.0).map_err(|_| InvalidTimestamp(()))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Error returned by [`Timestamp::to_system_time`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidTimestamp(());

impl fmt::Display for InvalidTimestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "timestamp is invalid; expected RFC 3339 in UTC, such as 2024-08-15T09:12:41.307Z",
        )
    }
}

impl Error for InvalidTimestamp {}
