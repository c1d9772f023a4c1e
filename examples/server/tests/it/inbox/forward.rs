//! `inbox forward`.

use super::deliveries::delivery;
use crate::notify::receiver::{Received, Receiver, status};
use crate::support::{Store, payload, sign};

const BODIES: [&str; 3] = ["06-chat-end", "12-ticket-create-by-visitor", "08-transcript"];

/// Stores three deliveries with the ids 1 to 3, and what they were sent with.
fn fill(store: &Store) {
    let listener = store.listener();
    for (number, body) in BODIES.iter().enumerate() {
        let body = payload(body);
        let (signature, event_id) = (sign(&body), format!("invented-{number}"));
        let headers = [("X-Tawk-Signature", &*signature), ("X-Hook-Event-Id", &event_id)];
        assert_eq!(listener.post(&headers, &body).status, 200);
    }
    listener.stop();
}

fn bodies(received: &[Received]) -> Vec<&[u8]> {
    received.iter().map(|received| &*received.bytes).collect()
}

pub(crate) fn sends_deliveries_as_tawk_to_sent_them_the_oldest_first(store: &Store) {
    fill(store);
    let receiver = Receiver::start([status("204 No Content")]);
    let finished = store.inbox(&["forward", "3", "1", "--to", &receiver.url()]);
    assert_eq!((finished.code, &*finished.stderr), (Some(0), ""), "{finished:?}");
    let lines: Vec<Vec<_>> =
        finished.stdout.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines, [["1", "chat:end", "204"], ["3", "chat:transcript_created", "204"]]);

    let received = receiver.received();
    let [first, last] = &received[..] else { panic!("expected two: {received:#?}") };
    for (received, body, event, event_id) in [
        (first, BODIES[0], "chat:end", "invented-0"),
        (last, BODIES[2], "chat:transcript_created", "invented-2"),
    ] {
        assert_eq!(received.bytes, payload(body));
        assert_eq!(received.header("x-tawk-signature"), sign(&payload(body)));
        assert_eq!(received.header("x-tawk-event"), event);
        assert_eq!(received.header("x-hook-event-id"), event_id);
        assert_eq!(received.header("content-type"), "application/json");
        assert_eq!(received.path(), "/hook");
    }

    // Another listener with the same secret accepts them.
    let other = Store::sqlite();
    let listener = other.listener();
    let finished = store.inbox(&["forward", "1", "2", "3", "--to", &listener.url()]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert_eq!(other.signatures(), store.signatures());
}

pub(crate) fn fails_unless_every_response_is_2xx(store: &Store) {
    fill(store);
    let receiver = Receiver::start([status("200 OK"), status("302 Found"), status("200 OK")]);
    let to = receiver.url();
    let finished = store.inbox(&["forward", "1", "2", "3", "--to", &to]);
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert_eq!(finished.stdout.lines().count(), 3, "{finished:?}");
    assert!(finished.stderr.contains("1 of 3 deliveries got no 2xx response"), "{finished:?}");
    assert_eq!(bodies(&receiver.received()), BODIES.map(payload));

    let finished = store.inbox(&["forward", "1", "--to", "http://127.0.0.1:1/"]);
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(finished.stdout.contains("no response: "), "{finished:?}");
    for (arguments, code, error) in [
        (&["forward", "4", "--to", &to][..], 1, "there is no delivery 4"),
        (&["forward", "1", "--to", "ftp://hidden"], 1, "invalid --to: use an http or https URL"),
        (&["forward", "1"], 2, "--to <URL>"),
        (&["forward", "--to", &to], 2, "required arguments were not provided"),
        (&["forward", "--since", "soon", "--to", &to], 2, "write a time ago, as in 2h"),
    ] {
        let finished = store.inbox(arguments);
        assert_eq!((finished.code, &*finished.stdout), (Some(code), ""), "{finished:?}");
        assert!(finished.stderr.contains(error), "{finished:?}");
        assert!(!finished.stderr.contains("hidden"), "{finished:?}");
    }
    assert_eq!(receiver.received().len(), 3);
}

pub(crate) fn sends_the_deliveries_since_a_time(store: &Store) {
    fill(store);
    let mut session = store.session();
    let age = "UPDATE deliveries SET received_at = received_at - 7200000 WHERE id < 3";
    assert_eq!(session.execute(age), 2);
    session.close();
    let listener = store.listener();
    for number in 0..20 {
        assert_eq!(listener.deliver(&delivery(number)).status, 200);
    }
    listener.stop();

    for (since, expected) in
        [("1h", 21), ("3h", 23), ("2000-01-01T00:00:00Z", 23), ("2200-01-01T00:00:00Z", 0)]
    {
        let receiver = Receiver::start([status("200 OK")]);
        let finished = store.inbox(&["forward", "--since", since, "--to", &receiver.url()]);
        assert_eq!((finished.code, &*finished.stderr), (Some(0), ""), "{finished:?}");
        let received = receiver.received();
        assert_eq!((received.len(), finished.stdout.lines().count()), (expected, expected));
        if expected == 23 {
            assert_eq!(bodies(&received)[..3], BODIES.map(payload));
        }
    }
}
