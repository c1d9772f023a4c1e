//! Receivers that are down, slow, overloaded, broken, gone, moved, or that send too much.

use super::outbox::{assert_sent, deliver, outbox_when, reply};
use super::receiver::{Receiver, Reply, distinct, status, unavailable};
use crate::support::{Reserved, Store, sign, until};

pub(crate) fn a_failed_notification_is_retried_with_the_same_key(store: &Store) {
    let broken = Receiver::start([status("500 Internal Server Error"), status("200 OK")]);
    let retry_after = vec!["retry-after: 1\r\n".to_owned()];
    let limited = Reply::Response("429 Too Many Requests", retry_after, r#"{"code":42901}"#);
    let overloaded = Receiver::start([limited, status("200 OK")]);
    let urls = format!("{},{}", broken.url(), overloaded.ntfy_url());
    let listener = store.listener_with(&[("NOTIFY_URL", &urls)]);
    assert_eq!(listener.deliver(&reply(0)).status, 200);
    for receiver in [&broken, &overloaded] {
        let received = receiver.wait_for(2);
        assert_eq!(received[0].key(), received[1].key());
        assert_eq!(received[0].body, received[1].body);
    }
    listener.line("receiver responded with 429: 42901");
    assert_eq!(listener.stop().code, Some(0));
    assert_sent(store, 2);
    assert_eq!((broken.received().len(), overloaded.received().len()), (2, 2));
    assert_ne!(broken.received()[0].key(), overloaded.received()[0].key());
}

pub(crate) fn an_outcome_that_cannot_be_recorded_is_recorded_later_and_not_sent_again(
    store: &Store,
) {
    let [first, second] = [(); 2].map(|()| Receiver::start([status("200 OK")]));
    let urls = format!("{},{}", first.url(), second.url());
    let listener = store.listener_with(&[("NOTIFY_URL", &urls)]);
    let [fail, recover] = if store.url.starts_with("sqlite:") {
        [
            "CREATE TRIGGER broken BEFORE UPDATE ON outbox \
             WHEN NEW.state = 'sent' AND NEW.channel = '127.0.0.1-1' \
             BEGIN SELECT raise(ABORT, 'broken'); END",
            "DROP TRIGGER broken",
        ]
    } else {
        [
            "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS \
             'BEGIN RAISE EXCEPTION ''broken''; END'; \
             CREATE TRIGGER broken BEFORE UPDATE ON outbox FOR EACH ROW \
             WHEN (NEW.state = 'sent' AND NEW.channel = '127.0.0.1-1') \
             EXECUTE FUNCTION broken()",
            "DROP TRIGGER broken ON outbox",
        ]
    };
    let mut session = store.session();
    session.execute(fail);
    deliver(&mut listener.connect(), [0]);
    let line = listener.line("failed to record notification outcome; retrying");
    assert!(line.contains("error=broken"), "{line}");
    // The other channel continues.
    deliver(&mut listener.connect(), [1]);
    second.wait_for(2);
    session.execute(recover);
    session.close();
    outbox_when(store, |notifications| notifications.iter().all(|it| it.state == "sent"));
    listener.stop();
    assert_sent(store, 4);
    assert_eq!((first.received().len(), second.received().len()), (2, 2));
}

#[test]
fn a_receiver_that_is_down_does_not_delay_others_and_is_retried() {
    let store = Store::sqlite();
    let (down, up) = (Reserved::new(), Receiver::start([status("200 OK")]));
    let urls = format!("http://{}/hook,{}", down.address(), up.url());
    let listener = store.listener_with(&[("NOTIFY_URL", &urls)]);
    assert_eq!(listener.deliver(&reply(0)).status, 200);
    up.wait_for(1);
    let notifications = outbox_when(&store, |notifications| {
        !notifications[0].error.is_empty() && notifications[1].state == "sent"
    });
    assert_eq!(notifications[0].state, "waiting");
    let error = &notifications[0].error;
    assert!(error.starts_with("failed to connect to receiver: Connection refused"), "{error}");
    assert_eq!(listener.connect().request("GET", "/readyz").status, 200);

    let down = Receiver::listen(down.listen(), [status("200 OK")]);
    let received = down.wait_for(1);
    assert_ne!(received[0].key(), up.received()[0].key());
    assert_eq!(listener.stop().code, Some(0));
    assert_sent(&store, 2);
    assert_eq!((down.received().len(), up.received().len()), (1, 1));
}

/// Takes 10 s, until the request times out.
#[test]
fn a_receiver_that_does_not_respond_does_not_delay_others_and_is_retried() {
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
    // Nothing has timed out yet.
    assert_eq!(slow.disconnected(), 0);

    listener.line("receiver timed out after 10 s");
    let received = slow.wait_for(4);
    assert_eq!(distinct(&received).len(), 2);
    assert_eq!(listener.stop().code, Some(0));
    assert_sent(&store, 4);
    assert_eq!((slow.received().len(), up.received().len()), (4, 2));
}

#[test]
fn gone_is_final_and_the_url_is_in_no_output() {
    const BODY: &str = "no /hiddenpath for hiddenuser and hiddenpassword";
    let store = Store::sqlite();
    let gone = Receiver::start([Reply::Response("410 Gone", Vec::new(), BODY)]);
    let url = format!("http://hiddenuser:hiddenpassword@{}/hiddenpath?hiddenquery", gone.address);
    let listener = store.listener_with(&[("NOTIFY_URL", &url), ("RUST_LOG", "trace")]);
    assert_eq!(listener.deliver(&reply(0)).status, 200);
    let notifications = outbox_when(&store, |notifications| notifications[0].state == "failed");
    assert_eq!(notifications.len(), 1);
    assert_eq!((notifications[0].delivery, notifications[0].attempts), (1, 1));
    assert_eq!(notifications[0].error, "receiver responded with 410");
    let line = listener.line("notification failed");
    assert!(line.contains(" WARN ") && line.contains("responded with 410"), "{line}");

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
fn redirects_are_not_followed() {
    let store = Store::sqlite();
    let elsewhere = Receiver::start([status("200 OK")]);
    let location = vec![format!("location: {}\r\n", elsewhere.url())];
    let moved = Receiver::start([Reply::Response("302 Found", location, "")]);
    let listener = store.listener_with(&[("NOTIFY_URL", &moved.url())]);
    assert_eq!(listener.deliver(&reply(0)).status, 200);
    let notifications = outbox_when(&store, |notifications| !notifications[0].error.is_empty());
    assert_eq!(notifications[0].state, "waiting");
    assert_eq!(notifications[0].error, "receiver responded with 302: moved; set its new URL");
    listener.stop();
    assert_eq!(elsewhere.connections(), 0);
}

#[test]
fn a_response_of_a_gigabyte_is_not_read_to_its_end() {
    let store = Store::sqlite();
    let accepting = Receiver::start([Reply::Gigabyte("200 OK")]);
    let rejecting = Receiver::start([Reply::Gigabyte("503 Service Unavailable"), status("200 OK")]);
    let urls = format!("{},{}", accepting.url(), rejecting.url());
    let listener = store.listener_with(&[("NOTIFY_URL", &urls)]);
    assert_eq!(listener.deliver(&reply(0)).status, 200);
    accepting.wait_for_disconnect();
    rejecting.wait_for_disconnect();
    let line = listener.line("receiver responded with 503");
    assert!(line.len() < 1_000, "{line}");
    rejecting.wait_for(2);
    listener.stop();
    assert_sent(&store, 2);
    assert_eq!((accepting.received().len(), rejecting.received().len()), (1, 2));
}

#[test]
fn retry_after_postpones_all_notifications_of_the_channel() {
    let store = Store::sqlite();
    let busy = Receiver::start([unavailable()]);
    let listener = store.listener_with(&[("NOTIFY_URL", &busy.url())]);
    deliver(&mut listener.connect(), 0..100);
    let soon = "UPDATE outbox SET due_at = due_at WHERE due_at < created_at + 3000000";
    let mut session = store.session();
    until(|| (session.execute(soon) == 0).then_some(()));
    session.close();
    listener.stop();
    // Only those in flight at the first response.
    assert!(busy.received().len() <= 4, "{}", busy.received().len());
}
