//! Receivers that are down, slow, overloaded, broken, gone, moved, or that do not stop talking.

use super::deliveries::{deliver, reply};
use super::outbox::{assert_sent, outbox_when};
use super::receiver::{Receiver, Reply, distinct, status};
use crate::support::{Reserved, Store, sign, until};

pub(crate) fn a_receiver_that_fails_or_asks_for_time_is_told_again_with_the_same_key(
    store: &Store,
) {
    let broken = Receiver::start([status("500 Internal Server Error"), status("200 OK")]);
    let asking = vec!["retry-after: 1\r\n".to_owned()];
    let asking = Reply::Answer("429 Too Many Requests", asking, "slow down");
    let overloaded = Receiver::start([asking, status("200 OK")]);
    let urls = format!("{},{}", broken.url(), overloaded.ntfy_url());
    let listener = store.listener_with(&[("NOTIFY_URL", &urls)]);
    assert_eq!(listener.deliver(&reply(0)).status, 200);
    for receiver in [&broken, &overloaded] {
        let received = receiver.wait_for(2);
        assert_eq!(received[0].key(), received[1].key());
        assert_eq!(received[0].body, received[1].body);
    }
    listener.line("the receiver answered 429: slow down");
    assert_eq!(listener.stop().code, Some(0));
    assert_sent(store, 2);
    assert_eq!((broken.received().len(), overloaded.received().len()), (2, 2));
    assert_ne!(broken.received()[0].key(), overloaded.received()[0].key());
}

#[test]
fn a_receiver_that_is_down_holds_up_nobody_and_is_told_once_it_is_up() {
    let store = Store::sqlite();
    let (down, up) = (Reserved::new(), Receiver::start([status("200 OK")]));
    let urls = format!("http://{}/hook,{}", down.address(), up.url());
    let listener = store.listener_with(&[("NOTIFY_URL", &urls)]);
    assert_eq!(listener.deliver(&reply(0)).status, 200);
    up.wait_for(1);
    let notifications = outbox_when(&store, |notifications| {
        !notifications[0].why.is_empty() && notifications[1].state == "sent"
    });
    assert_eq!(notifications[0].state, "waiting");
    let why = &notifications[0].why;
    assert!(why.starts_with("cannot connect to the receiver: Connection refused"), "{why}");
    assert_eq!(listener.connect().request("GET", "/readyz").status, 200);

    let down = Receiver::listen(down.listen(), [status("200 OK")]);
    let told = down.wait_for(1);
    assert_ne!(told[0].key(), up.received()[0].key());
    assert_eq!(listener.stop().code, Some(0));
    assert_sent(&store, 2);
    assert_eq!((down.received().len(), up.received().len()), (1, 1));
}

/// Takes 10 s, after which a receiver is given up.
#[test]
fn a_receiver_that_does_not_answer_holds_up_nobody_and_is_told_again() {
    let store = Store::sqlite();
    let slow = Receiver::start([Reply::Silence, Reply::Silence, status("200 OK")]);
    let up = Receiver::start([status("200 OK")]);
    let urls = format!("{},{}", slow.url(), up.url());
    let listener = store.listener_with(&[("NOTIFY_URL", &urls)]);
    for number in [0, 1] {
        assert_eq!(listener.deliver(&reply(number)).status, 200);
    }
    slow.wait_for(2);
    up.wait_for(2);
    assert_eq!(listener.connect().request("GET", "/readyz").status, 200);
    // So far nobody has given it up.
    assert_eq!(slow.hung_up(), 0);

    listener.line("the receiver did not answer within 10 s");
    let received = slow.wait_for(4);
    assert_eq!(distinct(&received).len(), 2);
    assert_eq!(listener.stop().code, Some(0));
    assert_sent(&store, 4);
    assert_eq!((slow.received().len(), up.received().len()), (4, 2));
}

#[test]
fn a_receiver_that_is_gone_is_told_no_more_and_its_address_is_nowhere() {
    const BODY: &str = "no /hiddenpath for hiddenuser and hiddenpassword";
    let store = Store::sqlite();
    let gone = Receiver::start([Reply::Answer("410 Gone", Vec::new(), BODY)]);
    let url = format!("http://hiddenuser:hiddenpassword@{}/hiddenpath?hiddenquery", gone.address);
    let listener = store.listener_with(&[("NOTIFY_URL", &url), ("RUST_LOG", "trace")]);
    assert_eq!(listener.deliver(&reply(0)).status, 200);
    let notifications = outbox_when(&store, |notifications| notifications[0].state == "failed");
    assert_eq!(notifications.len(), 1);
    assert_eq!((notifications[0].delivery, notifications[0].tries), (1, 1));
    assert_eq!(notifications[0].why, "the receiver answered 410: no /… for … and …");
    let line = listener.line("notification failed");
    assert!(line.contains(" WARN ") && line.contains("answered 410"), "{line}");

    let output = listener.stop().output();
    assert_eq!(gone.received().len(), 1);
    assert_eq!(gone.received()[0].path(), "/hiddenpath?hiddenquery");
    let basic = gone.received()[0].header("authorization").to_owned();
    assert_eq!(basic, "Basic aGlkZGVudXNlcjpoaWRkZW5wYXNzd29yZA==");
    let table = store.inbox(&["outbox"]).stdout;
    for secret in ["hidden", &basic[6..], &sign(&reply(0))] {
        assert!(!output.contains(secret), "{secret} in {output}");
        assert!(!table.contains(secret), "{secret} in {table}");
    }
}

#[test]
fn a_receiver_that_has_moved_is_not_followed() {
    let store = Store::sqlite();
    let elsewhere = Receiver::start([status("200 OK")]);
    let location = vec![format!("location: {}\r\n", elsewhere.url())];
    let moved = Receiver::start([Reply::Answer("302 Found", location, "")]);
    let listener = store.listener_with(&[("NOTIFY_URL", &moved.url())]);
    assert_eq!(listener.deliver(&reply(0)).status, 200);
    let notifications = outbox_when(&store, |notifications| !notifications[0].why.is_empty());
    assert_eq!(notifications[0].state, "waiting");
    assert_eq!(
        notifications[0].why,
        "the receiver answered 302: it has moved; name its new address in NOTIFY_URL"
    );
    listener.stop();
    assert_eq!(elsewhere.connections(), 0);
}

#[test]
fn of_a_gigabyte_the_beginning_is_read() {
    let store = Store::sqlite();
    let taken = Receiver::start([Reply::Gigabyte("200 OK")]);
    let refused = Receiver::start([Reply::Gigabyte("503 Service Unavailable"), status("200 OK")]);
    let urls = format!("{},{}", taken.url(), refused.url());
    let listener = store.listener_with(&[("NOTIFY_URL", &urls)]);
    assert_eq!(listener.deliver(&reply(0)).status, 200);
    taken.wait_for_hanging_up();
    refused.wait_for_hanging_up();
    let line = listener.line("the receiver answered 503: xxx");
    assert!(line.len() < 1_000, "{line}");
    refused.wait_for(2);
    listener.stop();
    assert_sent(&store, 2);
    assert_eq!((taken.received().len(), refused.received().len()), (1, 2));
}

#[test]
fn a_receiver_that_asks_for_time_is_left_alone_by_all_that_waits_for_it() {
    let store = Store::sqlite();
    let headers = vec!["retry-after: 3600\r\n".to_owned()];
    let busy = Receiver::start([Reply::Answer("429 Too Many Requests", headers, "")]);
    let listener = store.listener_with(&[("NOTIFY_URL", &busy.url())]);
    deliver(&mut listener.connect(), 0..100);
    let soon = "UPDATE outbox SET due_at = due_at WHERE due_at < created_at + 3000000";
    let mut session = store.session();
    until(|| (session.execute(soon) == 0).then_some(()));
    session.close();
    listener.stop();
    // No more than were under way when the first was told so.
    assert!(busy.received().len() <= 4, "{}", busy.received().len());
}
