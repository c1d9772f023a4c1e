//! Pages show what visitors wrote as text, whatever it is.

use std::fmt::Write;
use std::fs;

use serde_json::Value;

use super::{open, status};
use crate::inbox::search::start;
use crate::notify::outbox::outbox_when;
use crate::notify::receiver::{Receiver, unavailable};
use crate::support::{Browser, Store, payloads, sign};

/// Ends elements, attributes, scripts and templates, and controls text and terminals.
const MARKUP: &str = "\"'><img src=x onerror=window.pwned=1><script>window.pwned=1;alert(1)</script>\
    </td></tr></table></main></title></textarea><iframe srcdoc='<script>parent.pwned=1</script>'>\
    </iframe><a href=javascript:window.pwned=1>x</a><svg onload=window.pwned=1>\
    {{ 7 * 7 }}{% raw %}${7*7}<%= 7 %>`\\--></pre>]]>&lt;script&gt;&amp;\
    \u{202e}\u{2066}\u{200f}\0\u{1b}[31m\u{7}\u{85}\r\n نادية ";

/// A text that no page may contain except as a visible escape.
const INVISIBLE: [char; 8] =
    ['\u{202e}', '\u{2066}', '\u{200f}', '\0', '\u{1b}', '\u{7}', '\u{85}', '\r'];

/// Replaced by an unpaired surrogate, which is not in Rust's strings.
const SURROGATE: &str = "SURROGATE";

/// Fills all strings, except those that `is_kept` names. They remain different.
fn fill(json: &mut Value, is_kept: fn(&str) -> bool) {
    match json {
        Value::String(text) => {
            *text = format!("{text}{MARKUP}{SURROGATE}{}", "W".repeat(1_000));
        }
        Value::Array(values) => values.iter_mut().for_each(|value| fill(value, is_kept)),
        Value::Object(fields) => {
            for (key, value) in fields.iter_mut().filter(|(key, _)| !is_kept(key)) {
                match &**key {
                    "url" | "referrer" => *value = "javascript:window.pwned=1".into(),
                    _ => fill(value, is_kept),
                }
            }
        }
        _ => {}
    }
}

/// Returns the sample payloads with the kinds of events and senders, and without those of senders
/// and with other chats, and an event of an unknown kind.
fn bodies() -> Vec<String> {
    let mut bodies = Vec::new();
    let kept: [fn(&str) -> bool; 2] =
        [|key| ["event", "t", "type"].contains(&key), |key| key == "event"];
    for (number, is_kept) in kept.into_iter().enumerate() {
        for payload in payloads() {
            let mut json: Value = serde_json::from_slice(&payload).unwrap();
            for id in ["/chatId", "/chat/id", "/ticket/id"] {
                if let Some(id) = json.pointer_mut(id) {
                    *id = format!("{number}{}", id.as_str().unwrap()).into();
                }
            }
            fill(&mut json, is_kept);
            bodies.push(json);
        }
    }
    let mut unknown: Value = serde_json::from_slice(&payloads()[0]).unwrap();
    fill(&mut unknown, |_| false);
    bodies.push(unknown);
    bodies.iter().map(|body| body.to_string().replace(SURROGATE, "\\ud800")).collect()
}

/// Asserts that the page has its own elements only, and that no script of the payload ran.
fn assert_intact(browser: &Browser) {
    let url = browser.url();
    assert_eq!(browser.run("return window.pwned === undefined"), true, "{url}");
    assert_eq!(browser.count("body > header > nav") + browser.count("body > main"), 2, "{url}");
    assert_eq!(browser.count("head > *, body > *"), 5 + 2, "{url}");
    assert_eq!(browser.attributes("script", "src"), ["/script.js"], "{url}");
    let foreign = "img, iframe, object, embed, style, base, textarea, svg:not(.chart), \
                   [onerror], [onload], [srcdoc], [style]";
    assert_eq!(browser.count(foreign), 0, "{url}");
    for link in browser.attributes("a", "href") {
        let is_known =
            ["/", "#", "http://", "https://"].iter().any(|start| link.starts_with(start));
        assert!(is_known, "{link} in {url}");
    }
    let resources = browser.run(
        "return performance.getEntriesByType('resource')\
         .every((resource) => new URL(resource.name).origin === location.origin)",
    );
    assert_eq!(resources, true, "{url}");
    let source = browser.source();
    assert!(!source.contains(INVISIBLE), "{url}: {:?}", source.find(INVISIBLE));
}

#[test]
fn markup_scripts_and_controls_are_shown_as_text_on_every_page() {
    let bodies = bodies();
    let (receiver, store) = (Receiver::start([unavailable()]), Store::sqlite());
    let listener = store.listener_with(&[("NOTIFY_URL", &receiver.url()), ("NOTIFY_ON", "ticket")]);
    let header = "\"'><img src=x onerror=window.pwned=1>\u{202e}";
    for body in &bodies {
        let headers = [
            ("X-Tawk-Signature", &*sign(body.as_bytes())),
            ("X-Hook-Event-Id", header),
            ("User-Agent", header),
            ("X-Other", header),
        ];
        assert_eq!(listener.post(&headers, body.as_bytes()).status, 200);
    }
    outbox_when(&store, |rows| rows.iter().any(|row| !row.error.is_empty()));
    let Some((desk, browser)) = open(&store) else { return };
    assert_eq!(browser.count("#deliveries > tr"), bodies.len());
    assert_eq!(browser.count("#deliveries > tr > td"), bodies.len() * 7);
    let person = browser.text("#delivery-3 .person");
    assert!(person.contains("Tomasz Wielgosz\"'><img src=x"), "{person}");
    assert!(person.contains("{{ 7 * 7 }}{% raw %}${7*7}<%= 7 %>"), "{person}");
    assert!(person.contains("⟨U+202E⟩⟨U+2066⟩⟨U+200F⟩⟨U+0000⟩⟨U+001B⟩[31m"), "{person}");
    assert_intact(&browser);

    let mut links = browser.attributes("#deliveries > tr a", "href");
    links.sort();
    links.dedup();
    links.extend(["/outbox".to_owned(), "/none%3Cimg%20src%3Dx%3E".to_owned()]);
    for link in links {
        browser.open(&desk.url(&link));
        assert_intact(&browser);
        let expected = if link.starts_with("/none") { 404 } else { 200 };
        assert_eq!(status(&browser), expected, "{link}: {}", browser.text("main"));
        if link.starts_with("/conversation") {
            let deliveries = browser.attributes("#deliveries > tr", "id");
            assert!((1..=3).contains(&deliveries.len()), "{link}: {deliveries:?}");
            browser.follow("main a[href^='/erase']");
            // Also those of other chats of the person.
            let erased = browser.attributes("#deliveries > tr", "id");
            let is_erased = |delivery| erased.contains(delivery);
            assert!(deliveries.iter().all(is_erased), "{deliveries:?} {erased:?} {link}");
            assert_intact(&browser);
        }
    }
}

#[test]
fn a_chat_is_found_by_any_id() {
    let ids = [
        " ",
        " a ",
        "a",
        "A",
        "a b",
        "a+b",
        "a%20b",
        "a&b=c",
        "a#b",
        "a?b",
        "../a",
        "/a",
        "\\a",
        "\"a'",
        "<a>",
        "a\0b",
        "a\nb",
        "a\u{202e}b",
        "نادية",
        "é",
        "e\u{301}",
        "👩‍👩‍👧",
        "%",
        "_",
        "*",
        "{{ id }}",
    ];
    let store = Store::sqlite();
    let listener = store.listener();
    for (number, id) in ids.iter().enumerate() {
        let body = start(id, &format!("Visitor {number}"), "", "hello").to_string();
        assert_eq!(listener.deliver(body.as_bytes()).status, 200);
    }
    let Some((desk, browser)) = open(&store) else { return };
    for (number, id) in ids.iter().enumerate() {
        let link = browser.attributes(&format!("#delivery-{} .event a", number + 1), "href");
        browser.open(&desk.url(&link[0]));
        let rows = browser.attributes("#deliveries tr", "id");
        assert_eq!(rows, [format!("delivery-{}", number + 1)], "{id:?}");
        assert_eq!(browser.text("h1"), format!("Chat with Visitor {number}"), "{id:?}");
        browser.follow("main a[href^='/erase?chat=']");
        assert_eq!(browser.attributes("#deliveries tr", "id"), rows, "{id:?}");
        browser.open(&desk.url("/"));
    }
}

/// Text only reaches a page through the escaper.
#[test]
fn templates_turn_off_no_escaping() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/templates");
    let mut filters = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let template = fs::read_to_string(&path).unwrap();
        for tag in template.split("{{").skip(1).map(|tag| tag.split("}}").next().unwrap()) {
            for filter in tag.split('|').skip(1) {
                writeln!(filters, "{}", filter.trim()).unwrap();
            }
        }
        assert!(!template.contains("{% filter"), "{}", path.display());
    }
    assert!(
        !filters.is_empty() && filters.lines().all(|filter| filter == "urlencode"),
        "{filters}"
    );
}
