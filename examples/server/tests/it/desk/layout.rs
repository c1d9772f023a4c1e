//! What holds on every page: it fits a phone, and can be used with a keyboard and a screen reader.

use serde_json::json;

use super::{open, samples_with, views};
use crate::inbox::search::{deliver, start};
use crate::notify::outbox::outbox_when;
use crate::notify::receiver::{Receiver, unavailable};
use crate::support::{Browser, Desk, Store, until};

const TAB: &str = "\u{e004}";
const ENTER: &str = "\u{e007}";

/// Returns a database with the sample payloads, a notification that is waiting, and long words.
fn filled() -> Store {
    let receiver = Receiver::start([unavailable()]);
    let url = receiver.url();
    let settings = [("NOTIFY_URL", &*url), ("NOTIFY_ON", "ticket")];
    let store = samples_with(&settings);
    let listener = store.listener_with(&settings);
    let long = "Donaudampfschifffahrt".repeat(20);
    deliver(&listener, &[start(&long, &long, &format!("{long}@example.com"), &long)]);
    outbox_when(&store, |rows| rows.iter().any(|row| !row.error.is_empty()));
    store
}

fn long_chat() -> String {
    format!("/conversation?id={}", "Donaudampfschifffahrt".repeat(20))
}

#[test]
fn every_view_fits_a_phone() {
    let store = filled();
    let Some(browser) = Browser::start_narrow() else { return };
    let desk = Desk::start(&store, &[]);
    browser.open(&desk.url("/"));
    assert_eq!(browser.count("input[name=token]"), 1);
    let width = "return [innerWidth, document.documentElement.scrollWidth]";
    assert_eq!(browser.run(width), json!([360, 360]));
    browser.open(&desk.link());
    let long = ["/deliveries/13".to_owned(), long_chat()];
    for path in views().into_iter().chain(long) {
        browser.open(&desk.url(&path));
        assert_eq!(browser.run(width), json!([360, 360]), "{path}");
        assert_eq!(browser.run(BROKEN_TABLES), json!([]), "{path}");
    }
}

/// Returns tables with other columns than headings, and cells in which words are not readable.
const BROKEN_TABLES: &str = "\
    const isShown = (cell) => cell.offsetWidth > 0 && cell.colSpan === 1;\
    const shown = (row) => [...row.cells].filter(isShown);\
    return [...document.querySelectorAll('tbody tr')].filter((row) => shown(row).length)\
      .filter((row) => shown(row).some((cell) => cell.offsetWidth < 80)\
        || shown(row).length !== shown(row.closest('table').tHead.rows[0]).length)\
      .map((row) => row.innerText)";

/// Asserts what a screen reader needs.
fn assert_accessible(browser: &Browser) {
    let url = browser.url();
    assert_eq!(browser.attributes("html", "lang"), ["en"], "{url}");
    assert_eq!(browser.count("h1"), 1, "{url}");
    assert_eq!(browser.count("main") + browser.count("header > nav[aria-label]"), 2, "{url}");
    assert!(!browser.title().starts_with(" ·"), "{url}");
    let unnamed = browser.run(
        "const isUnnamed = (element) => !element.innerText.trim() && !element.ariaLabel;\
         return [\
           ...[...document.querySelectorAll('input:not([type=hidden]), select')]\
             .filter((field) => !field.labels.length),\
           ...[...document.querySelectorAll('button:not([hidden])')].filter(isUnnamed),\
           ...document.querySelectorAll('th:not([scope]), img:not([alt])'),\
           ...document.querySelectorAll('[role=img]:not([aria-labelledby])'),\
           ...document.querySelectorAll('[role=region]:not([aria-label])'),\
         ].map((element) => element.outerHTML)",
    );
    assert_eq!(unnamed, json!([]), "{url}");
    let repeated = browser.run(
        "const ids = [...document.querySelectorAll('[id]')].map((element) => element.id);\
         return ids.filter((id, index) => ids.indexOf(id) !== index)",
    );
    assert_eq!(repeated, json!([]), "{url}");
}

#[test]
fn every_view_has_landmarks_labels_and_names() {
    let store = filled();
    let Some((desk, browser)) = open(&store) else { return };
    for path in views() {
        browser.open(&desk.url(&path));
        assert_accessible(&browser);
    }
    let desk = Desk::start(&store, &[]);
    browser.open(&desk.url("/"));
    assert_eq!(browser.count("input[name=token]"), 1);
    assert_accessible(&browser);
}

#[test]
fn the_keyboard_reaches_the_first_row_with_a_visible_focus() {
    let store = filled();
    let Some((desk, browser)) = open(&store) else { return };
    browser.press(TAB);
    assert_eq!(browser.run("return document.activeElement.className"), "skip");
    let is_visible = "return document.activeElement.getBoundingClientRect().left >= 0";
    assert_eq!(browser.run(is_visible), true);
    let link = "return document.activeElement.pathname ?? ''";
    for step in 0.. {
        if browser.run(link) == "/deliveries/13" {
            break;
        }
        // Browsers outline the parts of dates themselves.
        let outline = browser.run(
            "const { type } = document.activeElement;\
             const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);\
             return type === 'date' ? 'solid 3px' : `${outlineStyle} ${outlineWidth}`",
        );
        assert!(step < 30 && outline == "solid 3px", "{step}: {outline}");
        browser.press(TAB);
    }
    browser.press(ENTER);
    until(|| (browser.url() == desk.url("/deliveries/13")).then_some(()));
}
