//! Live updates of the inbox.

use std::net::TcpListener;

use super::{open, samples};
use crate::inbox::search::{deliver, ticket, transcript};
use crate::notify::receiver::{Receiver, status};
use crate::support::{Browser, Store, payload, until};

/// Asserts that the page is the one that was marked.
fn assert_marked(browser: &Browser) {
    assert_eq!(browser.run("return window.isMarked"), true);
}

fn rows(browser: &Browser) -> Vec<String> {
    browser.attributes("#deliveries tr", "id")
}

#[test]
fn a_new_delivery_is_added_as_the_first_row() {
    let store = Store::sqlite();
    let listener = store.listener();
    let Some((_desk, browser)) = open(&store) else { return };
    browser.run("window.isMarked = true");
    assert_eq!(browser.texts("#deliveries"), ["No deliveries."]);
    assert_eq!(listener.deliver(&payload("06-chat-end")).status, 200);
    assert!(browser.text("#delivery-1").contains("Tomasz Wielgosz"));
    assert_eq!(listener.deliver(&payload("11-ticket-create-by-agent")).status, 200);
    assert!(browser.text("#delivery-2").contains("Ruth Abenov"));
    assert_eq!(rows(&browser), ["delivery-2", "delivery-1"]);
    assert_marked(&browser);
}

#[test]
fn a_filter_also_selects_what_is_added() {
    let store = samples();
    let listener = store.listener();
    let Some((desk, browser)) = open(&store) else { return };
    browser.open(&desk.url("/?event=ticket%3Acreate&person=ada"));
    browser.run("window.isMarked = true");
    let ticket = |name: &str| ticket(name, &format!("{name}@example.com"), "Lamp", "broken");
    assert_eq!(browser.texts("#deliveries"), ["No deliveries."]);
    deliver(&listener, &[ticket("ben"), ticket("ada"), ticket("cem")]);
    browser.text("#delivery-14");
    deliver(&listener, &[ticket("ada.ek")]);
    browser.text("#delivery-16");
    assert_eq!(rows(&browser), ["delivery-16", "delivery-14"]);
    assert_marked(&browser);
}

/// Regression: the rows were replaced by equal ones after each page load, and clicks were lost.
#[test]
fn an_update_that_changes_nothing_keeps_the_rows() {
    let store = samples();
    let listener = store.listener();
    let Some((desk, browser)) = open(&store) else { return };
    browser.open(&desk.url("/?event=ticket%3Acreate"));
    browser.run("document.querySelector('#deliveries tr').isMarked = true");
    browser.run("window.updates = 0; new EventSource('/live').onmessage = () => { updates += 1 }");
    until(|| (browser.run("return updates") == 1).then_some(()));
    deliver(&listener, &[transcript("chat", "Ada", "ada@example.com", &["hello"])]);
    until(|| (browser.run("return updates") == 2).then_some(()));
    assert_eq!(browser.run("return document.querySelector('#deliveries tr').isMarked"), true);
}

#[test]
fn a_state_changes_from_waiting_to_sent() {
    // Connections wait until the receiver listens.
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", socket.local_addr().unwrap());
    let store = Store::sqlite();
    let listener = store.listener_with(&[("NOTIFY_URL", &url), ("NOTIFY_ON", "chat-start")]);
    let Some((_desk, browser)) = open(&store) else { return };
    browser.run("window.isMarked = true");
    assert_eq!(listener.deliver(&payload("02-chat-start-anonymous")).status, 200);
    assert!(browser.text("#delivery-1 .waiting").starts_with("127.0.0.1-"));
    let _receiver = Receiver::listen(socket, [status("200 OK")]);
    assert!(browser.text("#delivery-1 .sent").starts_with("127.0.0.1-"));
    assert_eq!(browser.count("#delivery-1 .state span"), 1);
    assert_eq!(rows(&browser), ["delivery-1"]);
    assert_marked(&browser);
}

#[test]
fn the_page_says_that_the_desk_has_stopped() {
    let store = samples();
    let Some((desk, browser)) = open(&store) else { return };
    assert_eq!(browser.text("#status"), "");
    let finished = desk.stop();
    assert_eq!(finished.code, Some(0), "{finished:?}");
    until(|| browser.text("#status").starts_with("Not connected.").then_some(()));
}
