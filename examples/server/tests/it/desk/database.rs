//! What the desk does to the database and the log.

use rusqlite::Connection;

use super::{CHAT, open, samples, views};
use crate::inbox::search::{deliver, start, ticket, transcript};
use crate::notify::receiver::{Receiver, unavailable};
use crate::support::{Browser, Desk, Store, TOKEN, payloads, until};

#[test]
fn reading_changes_nothing() {
    let store = samples();
    let connection = Connection::open(store.directory.path().join("tawk.db")).unwrap();
    let version = || connection.query_row("PRAGMA data_version", [], |row| row.get::<_, i64>(0));
    // Includes what other connections wrote.
    let before = version().unwrap();
    let Some((desk, browser)) = open(&store) else { return };
    for path in views() {
        browser.open(&desk.url(&path));
    }
    assert_eq!(desk.stop().code, Some(0));
    assert_eq!(version().unwrap(), before);
}

#[test]
fn works_with_postgresql() {
    let Some(store) = Store::postgres() else { return };
    let listener = store.listener();
    for body in payloads() {
        assert_eq!(listener.deliver(&body).status, 200);
    }
    deliver(&listener, &[start("a\0b", "Ada", "", "hello")]);
    let Some((desk, browser)) = open(&store) else { return };
    assert_eq!(browser.count("#deliveries tr"), 13);
    let bars = browser.run("return document.querySelector('g:last-child title').textContent");
    assert!(bars.as_str().unwrap().ends_with(": 6 chats, 2 tickets"), "{bars}");
    browser.follow("#delivery-13 .event a");
    assert_eq!(browser.text("h1"), "Chat with Ada");
    browser.open(&desk.url("/?search=ridgeway&person=wielgosz"));
    assert_eq!(browser.attributes("#deliveries tr", "id"), ["delivery-8", "delivery-3"]);
    deliver(&listener, &[transcript("c", "Wielgosz", "w@example.com", &["Ridgeway"])]);
    assert!(browser.text("#delivery-14").contains("Wielgosz"));
    browser.follow("#delivery-8 .event a");
    assert_eq!(browser.count(".messages > li"), 4);
    browser.follow("main a[href^='/erase']");
    browser.follow("#erase button");
    assert!(browser.text("[role=status]").starts_with("3 deliveries are erased."));
    browser.open(&desk.url(&format!("/conversation?id={CHAT}")));
    assert_eq!(super::status(&browser), 404);
    assert_eq!(store.export().len(), 11);
}

#[test]
fn the_log_has_a_line_for_each_action_without_its_content() {
    let receiver = Receiver::start([unavailable()]);
    let url = receiver.url();
    let settings = [("NOTIFY_URL", &*url), ("NOTIFY_ON", "ticket")];
    let store = Store::sqlite();
    let listener = store.listener_with(&settings);
    deliver(&listener, &[ticket("t-quincunx", "nadia@example.com", "verbena", "petrichor")]);
    receiver.wait_for(1);
    let Some(browser) = Browser::start() else { return };
    let desk = Desk::start(&store, &settings);
    browser.open(&desk.url("/?token=a-wrong-token-of-the-desk"));
    browser.fill("input[name=token]", TOKEN);
    browser.follow("main button");
    browser.follow("#delivery-1 .event a");
    browser.open(&desk.url("/?search=petrichor"));
    browser.follow("#delivery-1 .time a");
    browser.follow("form[action$=notify] button");
    browser.open(&desk.url("/outbox"));
    until(|| {
        browser.reload();
        (browser.count("#notification-1 button") == 1).then_some(())
    });
    browser.follow("#notification-1 button");
    browser.open(&desk.url("/conversation?id=t-quincunx"));
    browser.follow("main a[href^='/erase']");
    browser.follow("#erase button");
    let log = desk.stop().output();
    for line in [
        "notifying again, as requested at the desk delivery=1",
        "retrying, as requested at the desk notification=1",
        "erased, as requested at the desk deliveries=1",
    ] {
        assert!(log.contains(line), "{line} in {log}");
    }
    for word in ["nadia", "quincunx", "verbena", "petrichor", "Ravi", "wrong-token", &url] {
        assert!(!log.contains(word), "{word} in {log}");
    }
}
