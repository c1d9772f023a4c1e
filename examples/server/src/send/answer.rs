//! [`Answer`]: what a listener said to a delivery, if it said anything, and whether it should
//! have.

use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

use http::StatusCode;

use super::fault::Fault;

pub(super) type Answer = Result<StatusCode, NoAnswer>;

/// Why there is no answer.
#[derive(Clone, Debug)]
pub(super) enum NoAnswer {
    /// None within this time.
    Late(Duration),
    /// Nobody listens there.
    NotListening,
    /// The connection failed, or could not be made.
    Failed(String),
}

impl NoAnswer {
    /// Says the fault of the connection itself, which errors of the layers above wrap.
    pub(super) fn because(error: &(dyn Error + 'static)) -> Self {
        let mut cause = error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        match cause.downcast_ref().map(io::Error::kind) {
            Some(io::ErrorKind::ConnectionRefused) => Self::NotListening,
            Some(io::ErrorKind::ConnectionReset) => Self::Failed("connection reset".to_owned()),
            _ => Self::Failed(cause.to_string()),
        }
    }
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Late(after) => write!(f, "no answer within {} s", after.as_secs()),
            Self::NotListening => f.write_str("no answer: connection refused"),
            Self::Failed(why) => write!(f, "no answer: {why}"),
        }
    }
}

/// How a delivery ended: the listener's last answer.
pub(super) struct Outcome {
    pub(super) answer: Answer,
    /// The answer to the same delivery once more, if it was sent twice.
    pub(super) again: Option<Answer>,
    /// How often it was sent until then.
    pub(super) attempts: u32,
    /// From the first attempt's beginning.
    pub(super) time: Duration,
}

impl Outcome {
    /// Whether it was accepted, or refused if that is how its fault should end.
    pub(super) fn is_expected(&self, fault: Option<Fault>) -> bool {
        match fault.and_then(Fault::refusal) {
            Some(refusal) => self.answer.as_ref().is_ok_and(|status| *status == refusal),
            None => is_accepted(&self.answer) && self.again.as_ref().is_none_or(is_accepted),
        }
    }

    /// What the table says.
    pub(super) fn describe(&self, fault: Option<Fault>) -> String {
        let answer = describe(&self.answer);
        if let Some(refusal) = fault.and_then(Fault::refusal) {
            return match &self.answer {
                Ok(status) if *status == refusal => format!("{answer} refused, as expected"),
                Ok(status) if status.is_success() => {
                    format!("{answer} accepted; {} was expected", refusal.as_str())
                }
                _ => format!("{answer}; {} was expected", refusal.as_str()),
            };
        }
        match &self.again {
            Some(again) if is_accepted(&self.answer) && is_accepted(again) => {
                format!("{answer} and {} again, as expected", describe(again))
            }
            Some(again) => format!("{answer}, then {}; 2xx was expected twice", describe(again)),
            None if self.attempts > 1 => format!("{answer} at attempt {}", self.attempts),
            None => answer,
        }
    }
}

/// What Tawk.to takes for success (developer.tawk.to/webhooks).
pub(super) fn is_accepted(answer: &Answer) -> bool {
    answer.as_ref().is_ok_and(StatusCode::is_success)
}

pub(super) fn describe(answer: &Answer) -> String {
    match answer {
        Ok(status) => status.as_str().to_owned(),
        Err(no_answer) => no_answer.to_string(),
    }
}
