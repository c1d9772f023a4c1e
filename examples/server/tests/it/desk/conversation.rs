//! A chat as a conversation.

use serde_json::{Value, json};

use super::{CHAT, CHAT_WITH_FILES, open, samples};
use crate::inbox::search::deliver;
use crate::support::{Browser, Store};

const MESSAGES: &str = "ol.messages > li";

/// Returns the left and the right distance of a message from the sides of the list.
fn margins(browser: &Browser, message: &str) -> (f64, f64) {
    let margins = browser.run(&format!(
        "const list = document.querySelector('ol.messages').getBoundingClientRect();\
         const message = document.querySelector('{message}').getBoundingClientRect();\
         return [message.left - list.left, list.right - message.right]"
    ));
    serde_json::from_value(margins).unwrap()
}

#[test]
fn visitors_are_left_agents_right_and_the_system_in_the_center() {
    let store = samples();
    let Some((desk, browser)) = open(&store) else { return };
    browser.open(&desk.url(&format!("/conversation?id={CHAT}")));
    assert_eq!(browser.attributes(MESSAGES, "class"), ["system", "visitor", "agent", "visitor"]);
    let (left, right) = margins(&browser, "li.visitor");
    assert!(left < 1.0 && right > 100.0, "{left} {right}");
    let (left, right) = margins(&browser, "li.agent");
    assert!(left > 100.0 && right < 1.0, "{left} {right}");
    let (left, right) = margins(&browser, "li.system");
    assert!(left > 100.0 && (left - right).abs() < 1.0, "{left} {right}");
    let tops = browser.run(&format!(
        "return [...document.querySelectorAll('{MESSAGES}')].map((it) => it.offsetTop)"
    ));
    let tops: Vec<f64> = serde_json::from_value(tops).unwrap();
    assert!(tops.is_sorted_by(|one, other| one < other), "{tops:?}");
    let senders = ["Harbor Lane Outfitters", "Tomasz Wielgosz", "Ingrid Vale", "Tomasz Wielgosz"];
    assert_eq!(browser.texts(".sender"), senders);
    let times = ["15:43:58", "15:44:02", "15:45:11", "15:46:40"];
    assert_eq!(browser.texts(".messages time"), times.map(|time| format!("2024-09-07 {time}")));
    assert_eq!(browser.texts(".messages .text")[3], "Perfect, ordering now. Thanks!");
    assert_eq!(browser.count(".note"), 0);
}

#[test]
fn attachments_are_links_that_are_not_fetched() {
    let store = samples();
    let Some((desk, browser)) = open(&store) else { return };
    browser.open(&desk.url(&format!("/conversation?id={CHAT_WITH_FILES}")));
    let folder = "https://files.example.com/65c9ab3417f2d80e6a4b1573";
    let files = ["x-ray.png", "intake%20form.pdf", "map.jpg"];
    let links = files.map(|file| format!("{folder}/{file}"));
    assert_eq!(browser.attributes(".attachment a", "href"), links);
    assert_eq!(browser.attributes(".attachment a", "rel"), ["noopener noreferrer nofollow"; 3]);
    let shown = ["x-ray.png (470.8 KiB)", "intake form.pdf (88.7 KiB)", "map.jpg (29.8 KiB)"];
    assert_eq!(browser.texts(".attachment"), shown);
    let counts = browser.run(&format!(
        "return [...document.querySelectorAll('{MESSAGES}')]\
         .map((it) => it.querySelectorAll('.attachment a').length)"
    ));
    assert_eq!(counts, json!([1, 0, 2]));
    let fetched = browser.run(
        "return performance.getEntriesByType('resource').map((it) => new URL(it.name).pathname)",
    );
    assert_eq!(fetched, json!(["/style.css", "/script.js"]));
}

#[test]
fn a_chat_that_ended_without_a_transcript_says_so() {
    let store = samples();
    let Some((desk, browser)) = open(&store) else { return };
    let mut end: Value = serde_json::from_slice(&crate::support::payload("06-chat-end")).unwrap();
    let mut start: Value =
        serde_json::from_slice(&crate::support::payload("03-chat-start-documented-order")).unwrap();
    for event in [&mut start, &mut end] {
        event["chatId"] = "ended".into();
    }
    deliver(&store.listener(), &[start, end]);
    browser.open(&desk.url("/conversation?id=ended"));
    assert_eq!(browser.texts(".messages .text"), ["Is the Ridgeway boot in stock in 44?"]);
    assert_eq!(browser.texts(".note"), ["Ended without a transcript."]);
}

#[test]
fn ten_thousand_messages_are_on_fifty_pages() {
    let message = |number: usize| {
        let sender = ["v", "a"][number % 2];
        json!({ "sender": { "t": sender }, "type": "msg", "msg": format!("message {number}") })
    };
    let messages: Vec<_> = (1..=10_000).map(message).collect();
    let body = json!({
        "event": "chat:transcript_created",
        "chat": { "id": "long & wide", "visitor": { "name": "Nadia" }, "messages": messages },
        "property": { "id": "shop" },
    });
    let store = Store::sqlite();
    deliver(&store.listener(), &[body]);
    let Some((desk, browser)) = open(&store) else { return };
    browser.follow("#delivery-1 .event a");
    let page = |first: usize| (first..first + 200).map(|number| format!("message {number}"));
    let texts = || browser.texts(".messages .text");
    assert_eq!(texts(), page(1).collect::<Vec<_>>());
    assert_eq!(browser.text("main nav span"), "Page 1 of 50");
    assert_eq!(browser.count("a[rel=prev]"), 0);
    browser.follow("a[rel=next]");
    assert_eq!(texts(), page(201).collect::<Vec<_>>());
    browser.follow("a[rel=prev]");
    assert_eq!(texts(), page(1).collect::<Vec<_>>());
    for number in ["49", "50", "18446744073709551615"] {
        browser.open(&desk.url(&format!("/conversation?id=long+%26+wide&page={number}")));
        assert_eq!(browser.text("main nav span"), "Page 50 of 50");
        assert_eq!(texts(), page(9_801).collect::<Vec<_>>());
        assert_eq!(browser.count("a[rel=next]"), 0);
    }
}
