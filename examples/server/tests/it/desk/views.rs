//! What each page shows of the sample payloads.

use super::{TICKET, open, samples, status};
use crate::notify::outbox::outbox_when;
use crate::notify::receiver::{self, Receiver, unavailable};
use crate::support::{Browser, Store, payload, payloads};

#[test]
fn the_inbox_shows_all_deliveries_the_newest_first() {
    let store = samples();
    let Some((_desk, browser)) = open(&store) else { return };
    assert_eq!(browser.title(), "Inbox · tawk-listener");
    let rows = browser.attributes("#deliveries tr", "id");
    let expected: Vec<_> = (1..=12).rev().map(|id| format!("delivery-{id}")).collect();
    assert_eq!(rows, expected);
    let cells = browser.texts("#delivery-8 td");
    let [time, event, person, property, size, secret, state] = &cells[..] else {
        panic!("{cells:?}")
    };
    assert_eq!([event, person], ["chat:transcript_created", "Tomasz Wielgosz"]);
    assert_eq!([property, size], ["Harbor Lane Outfitters", "922 B"]);
    assert_eq!([&**secret, &**state], ["default", ""]);
    let (date, _) = time.split_once(' ').unwrap();
    let bars = browser.run("return document.querySelector('g:last-child title').textContent");
    assert_eq!(bars, format!("{date}: 5 chats, 2 tickets"));
    assert_eq!(browser.texts("#delivery-11 .event"), ["ticket:create"]);
}

#[test]
fn a_chat_shows_the_visitor_and_what_was_said() {
    let store = samples();
    let Some((_desk, browser)) = open(&store) else { return };
    browser.follow("#delivery-3 .event a");
    assert_eq!(browser.text("h1"), "Chat with Tomasz Wielgosz");
    let facts = browser.text("dl");
    for fact in [
        "Harbor Lane Outfitters",
        "t.wielgosz@example.com",
        "https://www.example.com/search?q=waterproof+boots",
        "2024-09-07 15:44:02",
        "2024-09-07 15:58:27",
    ] {
        assert!(facts.contains(fact), "{fact} in {facts}");
    }
    assert_eq!(browser.texts(".messages .text")[2], "Yes, two pairs left in brown.");
    let rows = browser.attributes("#deliveries tr", "id");
    assert_eq!(rows, ["delivery-8", "delivery-6", "delivery-3"]);
    // Of the same person.
    browser.follow("a[href*='person=']");
    assert_eq!(browser.attributes("#deliveries tr", "id"), rows);
}

#[test]
fn a_chat_that_has_only_started_shows_its_form() {
    let store = samples();
    let Some((_desk, browser)) = open(&store) else { return };
    browser.follow("#delivery-1 .event a");
    let facts = browser.text("dl");
    assert!(facts.contains("How can we help?\nDo the rain jackets run small?"), "{facts}");
    assert!(facts.contains("Phone\n5550142087"), "{facts}");
    assert!(browser.text(".note").starts_with("Not ended yet."), "{}", browser.source());
}

#[test]
fn a_ticket_shows_its_requester_and_message() {
    let store = samples();
    let Some((_desk, browser)) = open(&store) else { return };
    browser.follow("#delivery-12 .event a");
    assert!(browser.url().ends_with(&format!("/conversation?id={TICKET}")));
    assert_eq!(browser.text("h1"), "Retour d’un article");
    assert_eq!(browser.text("dd.person"), "Léonie Béranger");
    assert!(browser.text("dl").contains("leonie.beranger@example.com"));
    assert_eq!(browser.attributes(".messages > li", "class"), ["visitor"]);
    assert_eq!(browser.texts(".messages time"), ["2024-09-13 22:41:55"]);
    let message = browser.text(".messages .text");
    assert!(message.starts_with("Bonjour,\n\nJe souhaite") && message.ends_with("Léonie"));
}

#[test]
fn a_delivery_shows_its_headers_its_json_and_its_bytes() {
    let store = samples();
    let Some((desk, browser)) = open(&store) else { return };
    browser.follow("#delivery-8 .time a");
    assert_eq!(browser.url(), desk.url("/deliveries/8"));
    let body = String::from_utf8(payload("08-transcript")).unwrap();
    assert_eq!(browser.run("return document.querySelector('pre.body').textContent"), body);
    assert!(browser.text("pre.json").contains("\n      \"city\": \"wroclaw\","));
    assert!(browser.text("pre.headers").contains(r#""content-type": "application/json""#));
    let curl = browser.text("#curl");
    assert!(curl.contains("127.0.0.1:8000/tawk-webhook") && !curl.contains("signature"), "{curl}");
    // The signature is shown on request.
    assert!(!browser.source().contains("9adcf979d6f72e02"));
    browser.follow("a[href$='signature=true']");
    assert!(browser.text("pre.headers").contains("9adcf979d6f72e02aeb9c5059af5ff9eab9d3867"));
}

#[test]
fn a_body_that_is_no_text_is_shown_in_hex() {
    let store = Store::sqlite();
    assert_eq!(store.listener().deliver(b"no JSON \xff\x00").status, 200);
    let Some((_desk, browser)) = open(&store) else { return };
    assert_eq!(browser.texts("#delivery-1 .event"), ["no event"]);
    browser.follow("#delivery-1 .time a");
    let hex = browser.text("pre.body");
    assert_eq!(hex.trim_end(), "6e 6f 20 4a 53 4f 4e 20 ff 00");
    assert_eq!(browser.count("pre.json") + browser.count("#curl"), 0);
}

#[test]
fn the_outbox_shows_what_waits_and_what_has_failed() {
    let receivers = [unavailable(), receiver::status("410 Gone"), receiver::status("200 OK")];
    let receivers = receivers.map(|reply| Receiver::start([reply]));
    let urls = receivers.each_ref().map(Receiver::url).join(",");
    let store = Store::sqlite();
    let settings = [("NOTIFY_URL", &*urls), ("NOTIFY_ON", "ticket")];
    let listener = store.listener_with(&settings);
    assert_eq!(listener.deliver(payloads().last().unwrap()).status, 200);
    outbox_when(&store, |rows| rows.iter().all(|row| row.attempts == 1) && rows.len() == 3);
    let Some((desk, browser)) = open(&store) else { return };
    assert_eq!(browser.texts("#delivery-1 .state span").len(), 3);
    browser.follow("nav a[href='/outbox']");
    assert_eq!(states(&browser), ["failed", "waiting"]);
    let waiting = browser.text("#notification-1");
    assert!(waiting.contains("127.0.0.1-"), "{waiting}");
    browser.click("#notification-1 summary");
    let attempts = browser.text("#notification-1 .attempts");
    assert!(attempts.contains("503: out_of_order"), "{attempts}");
    // What was sent is below the delivery.
    browser.follow("tbody td a");
    assert_eq!(browser.url(), desk.url("/deliveries/1"));
    assert_eq!(states(&browser), ["failed", "sent", "waiting"]);
}

fn states(browser: &Browser) -> Vec<String> {
    let mut states = browser.texts("tr[id^=notification] .state");
    states.sort();
    states
}

#[test]
fn what_does_not_exist_is_not_found() {
    let store = samples();
    let Some((desk, browser)) = open(&store) else { return };
    for path in ["/deliveries/13", "/conversation?id=none", "/none"] {
        browser.open(&desk.url(path));
        assert!(browser.text("[role=alert]").starts_with("There is no such"), "{path}");
        assert_eq!(status(&browser), 404, "{path}");
    }
}
