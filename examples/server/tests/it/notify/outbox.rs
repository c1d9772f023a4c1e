//! Deliveries that send notifications, and the outbox as `inbox outbox` prints it.

use serde_json::Value;
use tower_tawk::event::Role;
use tower_tawk::test_util::{encode, samples};

use super::receiver::Received;
use crate::support::{Connection, Store, sign, until};

/// Returns a transcript with a reply of an agent, different for each number.
pub(crate) fn reply(number: usize) -> Vec<u8> {
    let visitor = format!("Visitor {number}");
    let messages = [(Role::Visitor, "In stock in 44?"), (Role::Agent, "Two pairs.")];
    encode(&samples::transcript(&visitor, &messages)).to_vec()
}

/// Returns the number of the delivery that a notification is about.
pub(crate) fn number(Received { body, .. }: &Received) -> usize {
    let text = body.get("text").or(body.get("message")).and_then(Value::as_str).unwrap();
    let (_, visitor) = text.rsplit_once("with Visitor ").unwrap();
    visitor.parse().unwrap()
}

/// Sends deliveries with these numbers, one after the other.
pub(crate) fn deliver(connection: &mut Connection, numbers: impl IntoIterator<Item = usize>) {
    for number in numbers {
        let body = reply(number);
        assert_eq!(connection.post(&[("X-Tawk-Signature", &sign(&body))], &body).status, 200);
    }
}

/// A row of `inbox outbox`, without its id and time.
#[derive(Debug, PartialEq)]
pub(crate) struct Notification {
    pub(crate) delivery: usize,
    pub(crate) channel: String,
    pub(crate) state: String,
    pub(crate) attempts: usize,
    /// What the row says, and the last attempt unless it was successful.
    pub(crate) error: String,
    /// The outcomes of the attempts, the oldest first.
    pub(crate) outcomes: Vec<String>,
}

impl Notification {
    /// Parses `id delivery channel state attempts time error`.
    fn parse(line: &str) -> Self {
        let mut words = line.split_whitespace();
        let mut word = || words.next().unwrap().to_owned();
        let (_id, delivery, channel, state, attempts, _time) =
            (word(), word(), word(), word(), word(), word());
        Self {
            delivery: delivery.parse().unwrap(),
            channel,
            state,
            attempts: attempts.parse().unwrap(),
            error: words.collect::<Vec<_>>().join(" "),
            outcomes: Vec::new(),
        }
    }

    /// Parses an attempt below the row, `time duration ms outcome`.
    fn push(&mut self, line: &str) {
        let words: Vec<_> = line.split_whitespace().collect();
        let [time, millis, "ms", outcome @ ..] = &words[..] else { panic!("{line}") };
        assert!(humantime::parse_rfc3339(time).is_ok() && millis.parse::<u64>().is_ok(), "{line}");
        self.outcomes.push(outcome.join(" "));
    }

    fn end(mut self) -> Self {
        if self.state != "sent" {
            let errors = self.outcomes.last().into_iter().chain([&self.error]);
            let errors: Vec<_> = errors.filter(|error| !error.is_empty()).cloned().collect();
            self.error = errors.join("; ");
        }
        self
    }
}

pub(crate) fn outbox(store: &Store) -> Vec<Notification> {
    let finished = store.inbox(&["outbox"]);
    assert_eq!((finished.code, &*finished.stderr), (Some(0), ""), "{finished:?}");
    let mut rows = Vec::<Notification>::new();
    for line in finished.stdout.lines().skip(1) {
        match rows.last_mut().filter(|_| line.starts_with("       ")) {
            Some(row) => row.push(line),
            None => rows.push(Notification::parse(line)),
        }
    }
    rows.into_iter().map(Notification::end).collect()
}

/// Waits until the outbox is as expected.
pub(crate) fn outbox_when(
    store: &Store,
    is_expected: impl Fn(&[Notification]) -> bool,
) -> Vec<Notification> {
    until(|| {
        let notifications = outbox(store);
        is_expected(&notifications).then_some(notifications)
    })
}

/// Asserts that `count` notifications are sent and none is waiting or failed.
pub(crate) fn assert_sent(store: &Store, count: usize) {
    let notifications = outbox(store);
    let sent = notifications.iter().filter(|notification| notification.state == "sent").count();
    assert_eq!((sent, notifications.len()), (count, count), "{notifications:#?}");
}

/// Returns whether each notification has been attempted and its outcome recorded.
pub(crate) fn are_attempted(notifications: &[Notification]) -> bool {
    let is_attempted = |it: &Notification| it.state != "waiting" || !it.error.is_empty();
    !notifications.is_empty() && notifications.iter().all(is_attempted)
}
