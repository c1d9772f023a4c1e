//! `tawk-listener inbox outbox`: what is waiting, sent and failed.

use crate::support::{Store, until};

/// A line of its table, with what does not depend on the time.
#[derive(Debug, PartialEq)]
pub(crate) struct Notification {
    pub(crate) delivery: usize,
    pub(crate) channel: String,
    pub(crate) state: String,
    pub(crate) tries: usize,
    pub(crate) why: String,
}

impl Notification {
    /// `id delivery channel state tries time why`
    fn read(line: &str) -> Self {
        let mut words = line.split_whitespace();
        let mut word = || words.next().unwrap().to_owned();
        let (_id, delivery, channel, state, tries, _time) =
            (word(), word(), word(), word(), word(), word());
        Self {
            delivery: delivery.parse().unwrap(),
            channel,
            state,
            tries: tries.parse().unwrap(),
            why: words.collect::<Vec<_>>().join(" "),
        }
    }
}

pub(crate) fn outbox(store: &Store) -> Vec<Notification> {
    let finished = store.inbox(&["outbox"]);
    assert_eq!((finished.code, &*finished.stderr), (Some(0), ""), "{finished:?}");
    finished.stdout.lines().skip(1).map(Notification::read).collect()
}

/// The outbox once it is as expected.
pub(crate) fn outbox_when(
    store: &Store,
    is_expected: impl Fn(&[Notification]) -> bool,
) -> Vec<Notification> {
    until(|| {
        let notifications = outbox(store);
        is_expected(&notifications).then_some(notifications)
    })
}

/// Nothing is left to be told.
pub(crate) fn assert_sent(store: &Store, count: usize) {
    let notifications = outbox(store);
    let sent = notifications.iter().filter(|notification| notification.state == "sent").count();
    assert_eq!((sent, notifications.len()), (count, count), "{notifications:#?}");
}
