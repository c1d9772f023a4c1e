//! What `inbox list` and `inbox export` find.

use serde_json::{Value, json};

use super::deliveries::{STORED, delivery, outcome};
use crate::support::{Listener, Store};

/// Returns the start of a chat.
pub(crate) fn start(chat: &str, name: &str, email: &str, text: &str) -> Value {
    json!({
        "event": "chat:start",
        "chatId": chat,
        "visitor": { "name": name, "email": email },
        "message": { "text": text, "type": "msg", "sender": { "type": "visitor" } },
        "property": { "id": "shop", "name": "Lantern Shop" },
    })
}

/// Returns a transcript of messages of the visitor.
pub(crate) fn transcript(chat: &str, name: &str, email: &str, texts: &[&str]) -> Value {
    let message = |text: &&str| json!({ "sender": { "t": "v" }, "type": "msg", "msg": text });
    let messages: Vec<_> = texts.iter().map(message).collect();
    json!({
        "event": "chat:transcript_created",
        "chat": {
            "id": chat,
            "visitor": { "name": name, "email": email },
            "messages": messages,
        },
        "property": { "id": "shop" },
    })
}

pub(crate) fn ticket(id: &str, email: &str, subject: &str, message: &str) -> Value {
    json!({
        "event": "ticket:create",
        "requester": { "name": "Ravi", "email": email, "type": "visitor" },
        "ticket": { "id": id, "subject": subject, "message": message },
        "property": { "id": "other" },
    })
}

pub(crate) fn deliver(listener: &Listener, bodies: &[Value]) {
    for body in bodies {
        assert_eq!(outcome(&listener.deliver(body.to_string().as_bytes())), (200, STORED));
    }
}

/// Returns the ids that a command prints as JSON.
pub(crate) fn ids(store: &Store, arguments: &[&str]) -> Vec<i64> {
    let finished = store.inbox(arguments);
    assert_eq!((finished.code, &*finished.stderr), (Some(0), ""), "{finished:?}");
    let lines = finished.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.map(|delivery| delivery["id"].as_i64().unwrap()).collect()
}

pub(crate) fn finds_words_of_all_scripts_in_names_subjects_and_messages(store: &Store) {
    let bodies = [
        start("1", "Jörg Weiß", "joerg@example.com", "Haben Sie große Laternen?"),
        transcript("2", "Анна", "anna@example.com", &["Здравствуйте!", "Это моё ЗАКАЗ."]),
        transcript("3", "佐藤", "sato@example.com", &["ランタンの注文番号は１２３です"]),
        ticket("4", "ravi@example.com", "दीपक टूट गया", "<p>Die T&uuml;r <b>klem</b>mt</p>"),
        start("5", "نادية", "nadia@example.com", "أين طلبي؟"),
        json!({ "event": "chat:moved", "room": "Conservatory" }),
    ];
    deliver(&store.listener(), &bodies);
    for (words, found) in [
        ("GROSSE laternen", &[1][..]),
        ("weiss", &[1]),
        ("lantern shop laternen", &[1]),
        ("lantern shop joerg@EXAMPLE.com", &[1]),
        ("мое заказ", &[2]),
        ("анна ЗДРАВСТВУЙТЕ", &[2]),
        ("анна laternen", &[]),
        ("注文番号", &[3]),
        ("123", &[3]),
        ("ﾗﾝﾀﾝ", &[3]),
        ("टूट", &[4]),
        ("tür klemmt", &[4]),
        ("طلبي", &[5]),
        ("conservatory", &[6]),
        ("example.com", &[5, 4, 3, 2, 1]),
        ("' OR 1=1 --", &[]),
        ("%", &[]),
    ] {
        assert_eq!(ids(store, &["list", "--json", "--search", words]), found, "{words}");
    }
}

pub(crate) fn filters_by_event_chat_property_person_and_time(store: &Store) {
    let listener = store.listener();
    deliver(
        &listener,
        &[
            start("a", "Tomasz Ek", "ek@example.com", "Ines?"),
            transcript("a", "Tomasz Ek", "ek@example.com", &["Ines"]),
            start("b", "Ines Ek", "ines@example.com", "Tomasz"),
            ticket("t", "ravi@example.com", "Tomasz", "Ines"),
        ],
    );
    let mut session = store.session();
    let age = "UPDATE deliveries SET received_at = received_at - 7200000 WHERE id = 1";
    assert_eq!(session.execute(age), 1);
    session.close();
    for (filters, found) in [
        (&[][..], &[4, 3, 2, 1][..]),
        (&["--event", "chat:start"], &[3, 1]),
        (&["--chat", "a"], &[2, 1]),
        (&["--chat", "t"], &[4]),
        (&["--property", "other"], &[4]),
        (&["--person", "tomasz"], &[2, 1]),
        (&["--person", "TOMASZ ek@example"], &[2, 1]),
        (&["--person", "ek"], &[3, 2, 1]),
        (&["--person", "ek", "--search", "ines", "--event", "chat:start"], &[3, 1]),
        (&["--since", "1h"], &[4, 3, 2]),
        (&["--until", "1h"], &[1]),
        (&["--since", "3h", "--until", "1h"], &[1]),
        (&["--since", "2026-01-31T09:00:00+01:00"], &[4, 3, 2, 1]),
        (&["--until", "2026-01-31T09:00:00Z"], &[]),
    ] {
        assert_eq!(ids(store, &[&["list", "--json"], filters].concat()), found, "{filters:?}");
        let mut oldest_first = ids(store, &[&["export"], filters].concat());
        oldest_first.reverse();
        assert_eq!(oldest_first, found, "{filters:?}");
    }
    assert_eq!(ids(store, &["export", "--limit", "2"]), [1, 2]);
    let finished = store.inbox(&["list", "--since", "yesterday"]);
    assert_eq!((finished.code, finished.stderr.lines().count()), (Some(2), 1), "{finished:?}");
}

pub(crate) fn list_prints_the_newest_first_and_continues(store: &Store) {
    let listener = store.listener();
    for number in 0..60 {
        assert_eq!(outcome(&listener.deliver(&delivery(number))), (200, STORED));
    }
    let first = store.inbox(&["list"]);
    assert_eq!(first.stdout.lines().count(), 1 + 50, "{first:?}");
    assert!(first.stderr.ends_with("continue with --before 11"), "{first:?}");
    let first_ids = first.stdout.lines().skip(1).map(|line| line.split_whitespace().next());
    assert!(
        first_ids.eq((11..=60)
            .rev()
            .map(|id| id.to_string())
            .collect::<Vec<_>>()
            .iter()
            .map(|id| Some(id.as_str())))
    );
    let rest = ids(store, &["list", "--json", "--before", "11"]);
    assert_eq!(rest, (1..=10).rev().collect::<Vec<_>>());
    let one = store.inbox(&["list", "--limit", "1", "--before", "2", "--json"]);
    assert_eq!((&*one.stderr, one.stdout.lines().count()), ("", 1));
    assert!(!one.stdout.contains("headers") && !one.stdout.contains("body"), "{one:?}");
}

/// A query examines 10,000 ids.
pub(crate) fn finds_deliveries_however_far_apart_their_ids_are(store: &Store) {
    let listener = store.listener();
    deliver(&listener, &[start("a", "Ada", "ada@example.com", "first")]);
    listener.stop();
    let mut session = store.session();
    session.execute(if store.url.starts_with("sqlite:") {
        "UPDATE sqlite_sequence SET seq = 25000 WHERE name = 'deliveries'"
    } else {
        "ALTER TABLE deliveries ALTER COLUMN id RESTART WITH 25001"
    });
    session.close();
    let listener = store.listener();
    deliver(&listener, &[start("b", "Ada", "ada@example.com", "second")]);
    assert_eq!(ids(store, &["list", "--json"]), [25_001, 1]);
    assert_eq!(ids(store, &["export", "--search", "ada"]), [1, 25_001]);
}

pub(crate) fn export_of_a_person_includes_deliveries_without_the_name(store: &Store) {
    deliver(
        &store.listener(),
        &[
            start("a", "V1725725990017734", "", "My name is Nadia"),
            start("b", "V1725725990017735", "", "Another visitor"),
            transcript("a", "Nadia", "nadia@example.com", &["My name is Nadia"]),
            ticket("t", "nadia@example.com", "Lantern", "broken"),
        ],
    );
    assert_eq!(ids(store, &["export", "--person", "nadia@example.com"]), [1, 3, 4]);
    assert_eq!(ids(store, &["export", "--person", "nadia", "--event", "chat:start"]), [1]);
    assert_eq!(ids(store, &["list", "--json", "--person", "nadia"]), [4, 3]);
}

pub(crate) fn makes_earlier_deliveries_searchable(store: &Store) {
    let listener = store.listener();
    for number in 0..40 {
        assert_eq!(outcome(&listener.deliver(&delivery(number))), (200, STORED));
    }
    listener.stop();
    let mut session = store.session();
    assert_eq!(session.execute("UPDATE deliveries SET search_text = NULL"), 40);
    session.close();
    for command in
        [&["list", "--search", "a"][..], &["export", "--person", "a"], &["erase", "--email", "a"]]
    {
        let finished = store.inbox(command);
        assert_eq!((finished.code, &*finished.stdout), (Some(1), ""), "{finished:?}");
        assert!(finished.stderr.contains("are not searchable yet"), "{finished:?}");
    }

    let listener = store.listener();
    listener.line("earlier deliveries are searchable");
    assert_eq!(ids(store, &["list", "--json", "--search", "visitor 39"]), [40]);
    let all = ids(store, &["export", "--search", "visitor"]);
    assert_eq!(all, (1..=40).collect::<Vec<_>>());
}

pub(crate) fn stores_and_searches_any_text(store: &Store) {
    let long = "\u{fdfa}".repeat(500_000);
    let bodies = [
        start("a", "nul\0nul", "a\0b@example.com", "before\0after").to_string(),
        start("b", "SURROGATE", "b@example.com", "x").to_string().replace("SURROGATE", r"\ud800s"),
        start("c", "Ada", "c@example.com", &long).to_string(),
        transcript("d", "Ada", "d@example.com", &["needle", &"hay ".repeat(450_000), "end"])
            .to_string(),
    ];
    let listener = store.listener();
    for body in &bodies {
        assert_eq!(outcome(&listener.deliver(body.as_bytes())), (200, STORED));
    }
    for (words, found) in
        [("before after", 1), ("b@example.com x", 2), ("ada c@example", 3), ("needle end hay", 4)]
    {
        assert_eq!(ids(store, &["list", "--json", "--search", words])[0], found, "{words}");
    }
    listener.stop();
    // As old ones, too.
    let mut session = store.session();
    session.execute("UPDATE deliveries SET search_text = NULL");
    session.close();
    let listener = store.listener_with(&[("TAWK_RETENTION_DAYS", "0")]);
    listener.line("earlier deliveries are searchable");
    assert_eq!(ids(store, &["list", "--json", "--search", "needle end"]), [4]);
}
