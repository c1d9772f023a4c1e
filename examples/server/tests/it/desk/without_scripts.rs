//! All actions in a browser that runs no scripts.

use serde_json::json;

use super::{CHAT, samples};
use crate::inbox::search::{deliver, transcript};
use crate::notify::receiver::{Receiver, status};
use crate::support::{Browser, Desk, Store, payload, until};

/// Signs in without scripts.
fn open(store: &Store, settings: &[(&str, &str)]) -> Option<(Desk, Browser)> {
    let browser = Browser::start_without_scripts()?;
    let desk = Desk::start(store, settings);
    browser.open("data:text/html,<title>none</title><script>document.title = 'ran'</script>");
    assert_eq!(browser.title(), "none");
    browser.open(&desk.link());
    Some((desk, browser))
}

#[test]
fn the_inbox_is_filtered() {
    let store = samples();
    let Some((_desk, browser)) = open(&store, &[]) else { return };
    browser.fill("input[name=search]", "ridgeway");
    browser.select("select[name=event]", "chat:start");
    browser.follow("#filters button");
    assert_eq!(browser.attributes("#deliveries tr", "id"), ["delivery-3"]);
    browser.follow("#delivery-3 .event a");
    assert_eq!(browser.text("h1"), "Chat with Tomasz Wielgosz");
}

#[test]
fn a_chat_has_pages() {
    let store = Store::sqlite();
    let texts: Vec<_> = (0..500).map(|number| number.to_string()).collect();
    let texts: Vec<_> = texts.iter().map(|text| &**text).collect();
    deliver(&store.listener(), &[transcript("long", "Nadia", "nadia@example.com", &texts)]);
    let Some((_desk, browser)) = open(&store, &[]) else { return };
    browser.follow("#delivery-1 .event a");
    browser.follow("a[rel=next]");
    browser.follow("a[rel=next]");
    assert_eq!(browser.texts(".messages .text"), texts[400..]);
    browser.follow("a[rel=prev]");
    assert_eq!(browser.texts(".messages .text"), texts[200..400]);
}

#[test]
fn a_person_is_erased() {
    let store = samples();
    let Some((desk, browser)) = open(&store, &[]) else { return };
    browser.open(&desk.url(&format!("/conversation?id={CHAT}")));
    browser.follow("main a[href^='/erase']");
    browser.follow("#erase button");
    assert!(browser.text("[role=status]").starts_with("3 deliveries are erased."));
    assert_eq!(store.export().len(), 9);
}

#[test]
fn a_delivery_is_notified_and_forwarded_again() {
    let [notified, forwarded] = [(); 2].map(|()| Receiver::start([status("200 OK")]));
    let (notify_url, forward_url) = (notified.url(), forwarded.url());
    let secret = "whsec_aW52ZW50ZWQtaW52ZW50ZWQtaW52ZW50ZWQ=";
    let settings = [
        ("NOTIFY_URL", &*notify_url),
        ("NOTIFY_ON", "ticket"),
        ("FORWARD_URL", &*forward_url),
        ("FORWARD_SECRET", secret),
    ];
    let store = Store::sqlite();
    let listener = store.listener_with(&settings);
    assert_eq!(listener.deliver(&payload("11-ticket-create-by-agent")).status, 200);
    notified.wait_for(1);
    forwarded.wait_for(1);
    let Some((desk, browser)) = open(&store, &settings) else { return };
    browser.open(&desk.url("/deliveries/1"));
    browser.follow("form[action$=notify] button");
    assert_eq!(browser.url(), desk.url("/deliveries/1"));
    browser.follow("form[action$=forward] button");
    assert_eq!(browser.url(), desk.url("/deliveries/1"));
    notified.wait_for(2);
    assert_eq!(forwarded.wait_for(2)[1].bytes, payload("11-ticket-create-by-agent"));
    until(|| {
        browser.reload();
        (browser.texts("tr .state .sent").len() >= 4).then_some(())
    });
}

#[test]
fn a_failed_notification_is_retried() {
    let receiver = Receiver::start([status("410 Gone"), status("200 OK")]);
    let url = receiver.url();
    let settings = [("NOTIFY_URL", &*url), ("NOTIFY_ON", "ticket")];
    let store = Store::sqlite();
    let listener = store.listener_with(&settings);
    assert_eq!(listener.deliver(&payload("11-ticket-create-by-agent")).status, 200);
    receiver.wait_for(1);
    let Some((desk, browser)) = open(&store, &settings) else { return };
    browser.open(&desk.url("/outbox"));
    until(|| {
        browser.reload();
        (browser.count("#notification-1 .failed") == 1).then_some(())
    });
    browser.follow("#notification-1 button");
    assert_eq!(browser.url(), desk.url("/outbox"));
    receiver.wait_for(2);
    until(|| {
        browser.open(&desk.url("/deliveries/1"));
        (browser.count("#notification-1 .sent") == 1).then_some(())
    });
}

#[test]
fn what_cannot_be_done_is_an_error() {
    let store = samples();
    let Some((desk, browser)) = open(&store, &[]) else { return };
    for action in ["notify", "forward"] {
        browser.open(&desk.url("/deliveries/8"));
        browser.follow(&format!("form[action$={action}] button"));
        assert_eq!(super::status(&browser), 500);
        let alert = browser.text("[role=alert]");
        assert!(alert.contains("_URL"), "{alert}");
    }
    assert_eq!(browser.run("return document.forms.length"), json!(0));
}
