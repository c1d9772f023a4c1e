//! [`Timestamp`]: a time stamp, as it was sent.

use std::error::Error;
use std::fmt;
use std::time::SystemTime;

use serde::Serialize;

use super::json::Json;

/// A time stamp, kept as it was sent and parsed when asked.
///
/// Tawk.to writes `2024-08-15T09:12:41.307Z` (developer.tawk.to/webhooks).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Timestamp(String);

impl Timestamp {
    pub(super) fn read(json: Json<'_>) -> Option<Self> {
        json.string().map(Self)
    }

    /// As Tawk.to would write it.
    #[cfg(feature = "test-util")]
    pub(crate) fn new(moment: SystemTime) -> Self {
        Self(humantime::format_rfc3339_millis(moment).to_string())
    }

    /// The text, as it was sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The moment that is meant.
    ///
    /// # Errors
    ///
    /// [`InvalidTimestamp`] when the text is not a time stamp of RFC 3339 in UTC, from 1970 on.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use tower_tawk::event::Event;
    ///
    /// let event = Event::from_slice(
    ///     br#"{"event":"chat:end","chatId":"c","time":"1970-01-01T00:00:01.500Z","property":{"id":"p"}}"#,
    /// )?;
    /// let time = event.time().expect("the event has a time").to_system_time()?;
    ///
    /// assert_eq!(time, SystemTime::UNIX_EPOCH + Duration::from_millis(1500));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn to_system_time(&self) -> Result<SystemTime, InvalidTimestamp> {
        humantime::parse_rfc3339(&self.0).map_err(|_| InvalidTimestamp(()))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that is not a time stamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidTimestamp(());

impl fmt::Display for InvalidTimestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a time stamp such as 2024-08-15T09:12:41.307Z")
    }
}

impl Error for InvalidTimestamp {}
