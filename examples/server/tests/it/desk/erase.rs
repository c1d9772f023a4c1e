//! Erasing a person or a chat.

use super::{CHAT, open, samples, status};

#[test]
fn a_person_is_erased_after_confirmation() {
    let store = samples();
    let Some((desk, browser)) = open(&store) else { return };
    browser.open(&desk.url(&format!("/conversation?id={CHAT}")));
    browser.follow("main a[href^='/erase']");
    assert_eq!(browser.url(), desk.url("/erase?email=t.wielgosz%40example.com"));
    let rows = browser.attributes("#deliveries tr", "id");
    assert_eq!(rows, ["delivery-3", "delivery-6", "delivery-8"]);
    assert!(browser.text("main").contains("This cannot be undone."));
    // Nothing is erased yet.
    browser.follow("#erase a");
    assert_eq!((browser.url(), browser.count("#deliveries tr")), (desk.url("/"), 12));
    assert_eq!(store.export().len(), 12);

    browser.open(&desk.url("/erase?email=t.wielgosz%40example.com"));
    assert_eq!(browser.text("#erase button"), "Erase 3 deliveries");
    browser.follow("#erase button");
    assert!(browser.text("[role=status]").starts_with("3 deliveries are erased."));
    for path in [&*format!("/conversation?id={CHAT}"), "/deliveries/8", "/deliveries/8/body"] {
        browser.open(&desk.url(path));
        assert_eq!(status(&browser), 404, "{path}");
    }
    browser.open(&desk.url("/"));
    assert_eq!(browser.count("#deliveries tr"), 9);
    assert!(!browser.source().contains("Wielgosz"));
    assert_eq!(store.export().len(), 9);
}

#[test]
fn a_chat_of_an_anonymous_visitor_is_erased() {
    let store = samples();
    let Some((desk, browser)) = open(&store) else { return };
    browser.follow("#delivery-10 .event a");
    browser.follow("main a[href^='/erase']");
    let rows = browser.attributes("#deliveries tr", "id");
    assert_eq!(rows, ["delivery-2", "delivery-7", "delivery-10"]);
    browser.follow("#erase button");
    browser.open(&desk.url("/"));
    assert_eq!(browser.count("#deliveries tr"), 9);
}

#[test]
fn the_form_asks_for_a_whole_email_address() {
    let store = samples();
    let Some((_desk, browser)) = open(&store) else { return };
    browser.follow("nav a[href='/erase']");
    browser.fill("input[name=email]", "wielgosz@example.com");
    browser.follow("main button");
    assert_eq!(browser.texts("#deliveries"), ["No deliveries."]);
    browser.follow("nav a[href='/erase']");
    browser.fill("input[name=email]", "Ruth.Abenov@Example.com");
    browser.follow("main button");
    assert_eq!(browser.attributes("#deliveries tr", "id"), ["delivery-11"]);
}

#[test]
fn an_empty_selection_erases_nothing() {
    let store = samples();
    let Some((desk, browser)) = open(&store) else { return };
    for selection in ["", "?email=&chat=", "?email=%20&chat=", "?email=%E3%80%80"] {
        browser.open(&desk.url(&format!("/erase{selection}")));
        assert_eq!(browser.count("input[type=email]") + browser.count("#deliveries"), 1);
    }
    // As sent by a form without values.
    browser.open(&desk.url(&format!("/erase?chat={CHAT}")));
    browser.run("document.querySelector('#erase [name=chat]').value = ''");
    browser.follow("#erase button");
    assert_eq!((browser.count("input[type=email]"), store.export().len()), (1, 12));
}

#[test]
fn a_link_to_what_was_erased_meanwhile_is_not_found() {
    let store = samples();
    let Some((desk, browser)) = open(&store) else { return };
    // Older deliveries have no live updates, which would remove the link.
    browser.open(&desk.url("/?before=100"));
    assert_eq!(store.inbox(&["erase", "--chat", CHAT, "--yes"]).code, Some(0));
    browser.follow("#delivery-8 .event a");
    assert_eq!((status(&browser), browser.text("h1")), (404, "Not Found".to_owned()));
    browser.open(&desk.url("/"));
    assert_eq!(browser.count("#deliveries tr"), 9);
}
