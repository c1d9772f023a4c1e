//! The names of channels, and notifications under the names of earlier versions.

use std::thread;

use sha2::{Digest, Sha256};

use super::outbox::{Notification, are_attempted, assert_sent, deliver, outbox, outbox_when};
use super::receiver::{Receiver, status, unavailable};
use crate::support::Store;

fn names(notifications: &[Notification]) -> Vec<&str> {
    notifications.iter().map(|notification| &*notification.channel).collect()
}

/// Returns the name that earlier versions gave a channel.
fn earlier_name(url: &str) -> String {
    let digest = Sha256::digest(url);
    format!("127.0.0.1-{:02x}{:02x}{:02x}{:02x}", digest[0], digest[1], digest[2], digest[3])
}

pub(crate) fn a_channel_keeps_its_number_and_reveals_nothing_of_its_url(store: &Store) {
    let receiver = Receiver::start([status("200 OK")]);
    let address = receiver.address;
    let both = format!("{},{}", receiver.url(), receiver.ntfy_url());
    let reversed = format!("ntfy://user:hidden@{address}/shop,http://{address}/hook");
    let listener = store.listener_with(&[("NOTIFY_URL", &both)]);
    deliver(&mut listener.connect(), [0]);
    receiver.wait_for(2);
    listener.stop();
    // Another order, and a password.
    let listener = store.listener_with(&[("NOTIFY_URL", &reversed)]);
    deliver(&mut listener.connect(), [1]);
    receiver.wait_for(4);
    let output = listener.stop().output();
    let notifications = outbox(store);
    let [slack, ntfy] = ["127.0.0.1-1", "127.0.0.1-2"];
    assert_eq!(names(&notifications), [slack, ntfy, ntfy, slack]);
    assert!(output.contains("channel=\"127.0.0.1-2\""), "{output}");
    for url in [receiver.url(), receiver.ntfy_url()] {
        assert!(!output.contains(&earlier_name(&url)), "{output}");
    }
}

pub(crate) fn notifications_under_the_name_of_an_earlier_version_are_sent(store: &Store) {
    let receiver = Receiver::start([unavailable(), status("200 OK")]);
    let url = receiver.url();
    let settings = [("NOTIFY_URL", &*url)];
    let listener = store.listener_with(&settings);
    deliver(&mut listener.connect(), [0]);
    outbox_when(store, are_attempted);
    listener.stop();
    let mut session = store.session();
    let earlier = format!("UPDATE outbox SET due_at = 0, channel = '{}'", earlier_name(&url));
    assert_eq!(session.execute(&earlier), 1);
    session.close();

    let listener = store.listener_with(&settings);
    outbox_when(store, |notifications| notifications.iter().all(|it| it.state == "sent"));
    listener.stop();
    let sent = receiver.received().len();
    assert_eq!(names(&outbox(store)), ["127.0.0.1-1"]);

    // A replay of what an earlier version has sent.
    let mut session = store.session();
    assert_eq!(session.execute(&earlier), 1);
    session.close();
    let listener = store.listener_with(&settings);
    assert_eq!(store.inbox_with(&["replay", "1"], &settings).code, Some(0));
    receiver.wait_for(sent + 1);
    listener.stop();
    assert_sent(store, 2);
}

pub(crate) fn listeners_that_start_concurrently_agree_on_the_names(store: &Store) {
    let receiver = Receiver::start([status("200 OK")]);
    let urls = format!("{},{}", receiver.url(), receiver.ntfy_url());
    thread::scope(|scope| {
        for number in 0..4 {
            let urls = &urls;
            scope.spawn(move || {
                let listener = store.listener_with(&[("NOTIFY_URL", urls)]);
                deliver(&mut listener.connect(), [number]);
            });
        }
    });
    let listener = store.listener_with(&[("NOTIFY_URL", &urls)]);
    outbox_when(store, |notifications| notifications.iter().all(|it| it.state == "sent"));
    listener.stop();
    let notifications = outbox(store);
    let mut names = names(&notifications);
    names.sort_unstable();
    names.dedup();
    assert_eq!((notifications.len(), names.len()), (8, 2), "{notifications:#?}");
}
