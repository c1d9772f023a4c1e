//! `inbox erase`.

use std::fs;

use serde_json::Value;

use super::deliveries::{DUPLICATE, outcome};
use super::search::{deliver, ids, start, ticket, transcript};
use crate::notify::receiver::{Receiver, status, unavailable};
use crate::support::{Finished, Store, until};

/// Three deliveries of a person, the first without her name, and three of others.
fn fill(store: &Store) -> Vec<Value> {
    let bodies = vec![
        start("chat-1", "V1725725990017734", "", "quincunx"),
        start("chat-2", "Other", "xnadia@example.com", "kept"),
        transcript("chat-1", "Zinnia", "nadia@example.com", &["quincunx", "verbena"]),
        ticket("ticket-1", "Nadia@Example.com", "quincunx", "petrichor"),
        transcript("chat-3", "Nadia", "other@example.com", &["kept"]),
        ticket("ticket-2", "other@example.com", "kept", "nadia@example.com"),
    ];
    deliver(&store.listener(), &bodies);
    bodies
}

fn erase(store: &Store, arguments: &[&str]) -> Finished {
    let finished = store.inbox(&[&["erase"], arguments].concat());
    assert_eq!(finished.code, Some(0), "{finished:?}");
    finished
}

/// Returns the ids in a table.
fn listed(finished: &Finished) -> Vec<i64> {
    let lines = finished.stdout.lines().skip(1);
    lines.map(|line| line.split_whitespace().next().unwrap().parse().unwrap()).collect()
}

pub(crate) fn prints_what_it_would_erase(store: &Store) {
    fill(store);
    let before = store.export();
    let printed = erase(store, &["--email", " NADIA@example.com"]);
    assert_eq!(listed(&printed), [1, 3, 4]);
    assert!(printed.stderr.contains("add --yes"), "{printed:?}");
    assert_eq!(listed(&erase(store, &["--email", "nadia@example.co"])), [0; 0]);
    assert_eq!(listed(&erase(store, &["--email", "nadia"])), [0; 0]);
    assert_eq!(store.export(), before);
    for arguments in
        [&[][..], &["--yes"], &["--email", " ", "--yes"], &["--email", "a", "--chat", "b"]]
    {
        let finished = store.inbox(&[&["erase"], arguments].concat());
        assert!(matches!(finished.code, Some(1 | 2)), "{finished:?}");
        assert_eq!((&*finished.stdout, finished.stderr.lines().count()), ("", 1), "{finished:?}");
    }
    assert_eq!(store.export(), before);
}

pub(crate) fn erases_the_deliveries_of_an_email_address_and_of_their_chats(store: &Store) {
    let bodies = fill(store);
    let listener = store.listener();
    let erased = erase(store, &["--email", "nadia@example.com", "--yes"]);
    assert_eq!(listed(&erased), [1, 3, 4]);
    assert_eq!(ids(store, &["export"]), [2, 5, 6]);
    assert_eq!(ids(store, &["export", "--search", "quincunx"]), [0; 0]);
    for body in &bodies {
        let answer = listener.deliver(body.to_string().as_bytes());
        assert_eq!(outcome(&answer), (200, DUPLICATE));
    }
    assert_eq!(ids(store, &["export"]), [2, 5, 6]);
    let empty = "UPDATE deliveries SET received_at = received_at WHERE body IS NULL \
                 AND headers IS NULL AND event_id IS NULL AND event IS NULL AND chat_id IS NULL \
                 AND ticket_id IS NULL AND property_id IS NULL AND search_text IS NULL \
                 AND signature IS NOT NULL AND received_at > 0";
    let mut session = store.session();
    assert_eq!(session.execute(empty), 3);
    session.close();
    assert_eq!(listed(&erase(store, &["--email", "nadia@example.com", "--yes"])), [0; 0]);
}

pub(crate) fn erases_a_chat_or_a_ticket(store: &Store) {
    fill(store);
    assert_eq!(listed(&erase(store, &["--chat", "chat-1", "--yes"])), [1, 3]);
    assert_eq!(listed(&erase(store, &["--chat", "ticket-1", "--yes"])), [4]);
    assert_eq!(ids(store, &["export"]), [2, 5, 6]);
}

pub(crate) fn what_is_pending_for_an_erased_delivery_is_not_sent(store: &Store) {
    let down = Receiver::start([unavailable()]);
    let settings = [("NOTIFY_URL", &*down.url()), ("NOTIFY_ON", "chat-start")];
    let listener = store.listener_with(&settings);
    deliver(&listener, &[start("chat-1", "Nadia", "nadia@example.com", "quincunx")]);
    down.wait_for(1);
    until(|| store.inbox(&["outbox"]).stdout.contains("out_of_order").then_some(()));
    erase(store, &["--chat", "chat-1", "--yes"]);
    assert_eq!(store.inbox(&["outbox"]).stdout.lines().count(), 1);
    listener.stop();

    let up = Receiver::start([status("200 OK")]);
    let settings = [("NOTIFY_URL", &*up.url()), ("NOTIFY_ON", "chat-start")];
    let listener = store.listener_with(&settings);
    deliver(&listener, &[start("chat-2", "Other", "other@example.com", "kept")]);
    up.wait_for(1);
    listener.stop();
    assert_eq!((down.received().len(), up.received().len()), (1, 1));
}

/// In the database and its write-ahead log, while the listener runs.
#[test]
fn leaves_no_erased_word_in_the_files_of_sqlite() {
    let store = Store::sqlite();
    let receiver = Receiver::start([unavailable()]);
    let settings = [("NOTIFY_URL", &*receiver.url()), ("NOTIFY_ON", "chat-start,ticket")];
    let listener = store.listener_with(&settings);
    let long = "petrichor ".repeat(10_000);
    for number in 0..20 {
        let (kept, erased) = (format!("kept-{number}"), format!("erased-{number}"));
        deliver(
            &listener,
            &[
                start(&erased, "Zinnia", "nadia@example.com", "quincunx"),
                start(&kept, "Other", "other@example.com", &format!("kept {number}")),
                transcript(&erased, "Zinnia", "nadia@example.com", &["verbena", &long]),
            ],
        );
    }
    receiver.wait_for(1);
    let contents = || {
        let files = store.directory.path().read_dir().unwrap().map(Result::unwrap);
        let contents = files.flat_map(|file| fs::read(file.path()).unwrap()).collect::<Vec<_>>();
        String::from_utf8_lossy(&contents).to_lowercase()
    };
    let words = ["zinnia", "nadia@", "quincunx", "verbena", "petrichor", "erased-"];
    for word in words {
        assert!(contents().contains(word), "{word}");
    }
    let erased = erase(&store, &["--email", "nadia@example.com", "--yes"]);
    assert_eq!(listed(&erased).len(), 40);
    for word in words {
        assert!(!contents().contains(word), "{word}");
    }
    assert!(contents().contains("kept-19"));
    let event = start("kept-20", "Other", "other@example.com", "kept");
    deliver(&listener, &[event]);
    assert_eq!(ids(&store, &["export"]).len(), 21);
    listener.stop();
    for word in words {
        assert!(!contents().contains(word), "{word}");
    }
}
