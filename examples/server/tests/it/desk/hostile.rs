//! Pages show what visitors wrote as text, whatever it is.

use std::fmt::Write;
use std::fs;

use serde_json::{Value, json};

use super::{open, status};
use crate::inbox::search::start;
use crate::notify::outbox::outbox_when;
use crate::notify::receiver::{Receiver, unavailable};
use crate::support::{Browser, Desk, Store, TOKEN, payloads, sign};

/// Ends elements, attributes, scripts and templates, and controls text and terminals.
const MARKUP: &str = "\"'><img src=x onerror=window.pwned=1>\
<<<<<<< HEAD
    <script>window.pwned=1;alert(1)</script></td></tr></table></main></title></textarea>\
    <iframe srcdoc='<script>parent.pwned=1</script>'>\
=======
    <script>window.pwned=1;alert(1)</script></td></tr></table></main></title></textarea>\
    <iframe srcdoc='<script>parent.pwned=1</script>'>\
>>>>>>> cd79f788ebe80fac76feff018899c259784d004d
    </iframe><a href=javascript:window.pwned=1>x</a><svg onload=window.pwned=1>\
    {{ 7 * 7 }}{% raw %}${7*7}<%= 7 %>`\\--></pre>]]>&lt;script&gt;&amp;\
    \u{202e}\u{2066}\u{200f}\0\u{1b}[31m\u{7}\u{85}\r\n نادية ";

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

/// Returns the sample payloads, the transcripts and tickets again with unknown kinds of messages
/// and senders, and an unknown event.
fn bodies() -> Vec<String> {
    let mut bodies = Vec::new();
    let kept: [fn(&str) -> bool; 2] =
        [|key| ["event", "t", "type"].contains(&key), |key| key == "event"];
    for (number, is_kept) in kept.into_iter().enumerate() {
        for payload in payloads().into_iter().skip(7 * number) {
            let mut json: Value = serde_json::from_slice(&payload).unwrap();
            // Of another chat.
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

/// Returns what a page has that is not its own, and whether a script of the payload ran.
const FOREIGN: &str = "\
    const count = (selector) => document.querySelectorAll(selector).length;\
    const checks = {\
      script: window.pwned === undefined,\
      structure: count('body > header > nav') === 1 && count('body > main') === 1\
        && count('head > *') === 5 && count('body > *') === 2,\
      scripts: count('script') === 1 && count('script[src=\"/script.js\"]') === 1,\
      elements: count('img, iframe, object, embed, style, base, textarea, svg:not(.chart)') === 0,\
      attributes: count('[onerror], [onload], [srcdoc], [style]') === 0,\
      links: [...document.links].every((link) => /^https?:$/.test(link.protocol)),\
      resources: performance.getEntriesByType('resource')\
        .every((resource) => new URL(resource.name).origin === location.origin),\
      invisible: !/[\\0\\x07\\x1b\\r\\x85\\u200f\\u202e\\u2066]/\
        .test(document.documentElement.outerHTML),\
    };\
    return Object.keys(checks).filter((name) => !checks[name])";

fn assert_intact(browser: &Browser) {
    assert_eq!(browser.run(FOREIGN), json!([]), "{}", browser.url());
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
    let desk = Desk::start(&store, &[]);
    let host = desk.address.to_string();
    let signed_in = desk.request("GET", &format!("/?token={TOKEN}"), &[("Host", &host)]);
    let (cookie, _) = signed_in.header("set-cookie").unwrap().split_once(';').unwrap();
    let get = |link: &str| desk.request("GET", link, &[("Host", &host), ("Cookie", cookie)]).body;
    /// Returns the URLs that begin with a text.
    fn links<'a>(page: &'a str, start: &str) -> Vec<&'a str> {
        let urls = page.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap());
        urls.filter(|url| url.starts_with(start)).collect()
    }
    let inbox = get("/");
    let chats = links(&inbox, "/conversation");
    assert_eq!(chats.len(), ids.len());
    for ((number, id), link) in ids.iter().enumerate().zip(chats.iter().rev()) {
        let chat = get(link);
        let delivery = format!("/deliveries/{}", number + 1);
        assert!(chat.contains(&format!("Chat with <bdi>Visitor {number}</bdi>")), "{id:?}: {chat}");
        assert_eq!(links(&chat, "/deliveries/"), [&*delivery], "{id:?}");
        let erase = get(links(&chat, "/erase?chat=")[0]);
        assert_eq!(links(&erase, "/deliveries/"), [&*delivery], "{id:?}");
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
