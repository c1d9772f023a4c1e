//! Signing in, and headers of all responses.

use super::{open, samples, status};
use crate::support::{Answer, Browser, Desk, TOKEN};

#[test]
fn a_link_with_the_token_starts_a_session_and_is_left() {
    let store = samples();
    let Some((desk, browser)) = open(&store) else { return };
    assert_eq!(browser.url(), desk.url("/"));
    assert_eq!(browser.text("h1"), "Inbox");
    let cookies = browser.cookies();
    let [cookie] = &cookies[..] else { panic!("{cookies:?}") };
    assert_eq!(cookie.name(), format!("tawk-desk-{}", desk.address.port()));
    assert!(!cookie.value().contains(TOKEN) && cookie.value().len() == 32, "{cookie:?}");
    assert_eq!(cookie.http_only(), Some(true));
    assert!(cookie.same_site().is_some_and(|same_site| same_site.is_strict()));
    assert_eq!(browser.run("return document.cookie"), "");
    browser.follow("nav a[href='/outbox']");
    assert_eq!(browser.text("h1"), "Outbox");
}

#[test]
fn the_form_asks_for_the_token() {
    let store = samples();
    let Some(browser) = Browser::start() else { return };
    let desk = Desk::start(&store, &[]);
    for path in ["/", "/deliveries/1", "/conversation?id=x", "/erase", "/live"] {
        browser.open(&desk.url(path));
        assert_eq!(browser.text("[role=alert]"), "Enter the token.", "{path}");
        assert_eq!((status(&browser), browser.count("#deliveries")), (401, 0), "{path}");
    }
    browser.fill("input[name=token]", "a-wrong-token-of-the-desk");
    browser.follow("main button");
    assert_eq!(browser.text("[role=alert]"), "This is not the token.");
    assert_eq!(browser.cookies().len(), 0);
    browser.fill("input[name=token]", TOKEN);
    browser.follow("main button");
    assert_eq!((browser.text("h1"), browser.url()), ("Inbox".to_owned(), desk.url("/")));
}

fn get(desk: &Desk, path: &str, headers: &[(&str, &str)]) -> Answer {
    desk.request("GET", path, headers)
}

#[test]
fn only_a_session_or_the_token_gets_more_than_the_form() {
    let desk = Desk::start(&samples(), &[]);
    let address = desk.address.to_string();
    let host = ("Host", &*address);
    let name = format!("tawk-desk-{}", desk.address.port());
    for cookie in [TOKEN, "", "00000000000000000000000000000000"] {
        let cookie = format!("{name}={cookie}");
        for path in ["/", "/deliveries/1", "/deliveries/1/body", "/outbox", "/erase"] {
            let answer = get(&desk, path, &[host, ("Cookie", &cookie)]);
            assert_eq!(answer.status, 401, "{path}: {answer:?}");
            assert!(!answer.body.contains("Tomasz"), "{answer:?}");
        }
        for path in ["/erase", "/deliveries/1/notify", "/outbox/1/retry"] {
            let headers = [host, ("Cookie", &*cookie), ("Content-Length", "0")];
            assert_eq!(desk.request("POST", path, &headers).status, 401, "{path}");
        }
    }
    let answer = get(&desk, "/?token=a-wrong-token-of-the-desk", &[host]);
    assert_eq!((answer.status, answer.header("set-cookie")), (401, None), "{answer:?}");
    let answer = get(&desk, &format!("/outbox?token={TOKEN}"), &[host]);
    assert_eq!((answer.status, answer.header("location")), (303, Some("/")), "{answer:?}");
}

#[test]
fn an_allowed_origin_with_https_gets_a_host_cookie() {
    let settings = [("DESK_ALLOWED_HOSTS", "https://desk.example.com,http://desk.test:81")];
    let desk = Desk::start(&samples(), &settings);
    let link = format!("/?token={TOKEN}");
    let port = desk.address.port();
    let cookie = |host| {
        let answer = get(&desk, &link, &[("Host", host)]);
        assert_eq!(answer.status, 303, "{answer:?}");
        answer.header("set-cookie").unwrap().to_owned()
    };
    let https = cookie("desk.example.com");
    assert!(https.starts_with(&format!("__host-tawk-desk-{port}=")), "{https}");
    assert!(https.ends_with("; path=/; httponly; samesite=strict; secure"), "{https}");
    let http = cookie("desk.test:81");
    assert!(http.starts_with(&format!("tawk-desk-{port}=")) && !http.contains("secure"), "{http}");
    // A session is only known by the cookie of its host.
    let (value, _) = http.split_once(';').unwrap();
    let status = |host, cookie| get(&desk, "/", &[("Host", host), ("Cookie", cookie)]).status;
    assert_eq!(status("desk.test:81", value), 200);
    assert_eq!(status("desk.example.com", value), 401);
}

#[test]
fn all_responses_have_the_security_headers() {
    let desk = Desk::start(&samples(), &[]);
    let address = desk.address.to_string();
    let host = ("Host", &*address);
    let signed_in = get(&desk, &format!("/?token={TOKEN}"), &[host]);
    let (cookie, _) = signed_in.header("set-cookie").unwrap().split_once(';').unwrap();
    let origin = ("Origin", "https://evil.example");
    let cross_site = [host, ("Cookie", cookie), origin, ("Content-Length", "0")];
    let mut answers = vec![
        (303, signed_in.clone()),
        (401, get(&desk, "/", &[host])),
        (403, desk.request("POST", "/erase", &cross_site)),
        (405, desk.request("DELETE", "/sign-in", &[host])),
        (421, get(&desk, "/", &[("Host", "evil.example")])),
    ];
    let paths = [
        (200, "/"),
        (200, "/deliveries/1"),
        (200, "/deliveries/1/body"),
        (200, "/conversation?id=b7064c20-6d10-11ef-a0f2-57c8e9104d3b"),
        (200, "/outbox"),
        (200, "/erase"),
        (200, "/style.css"),
        (200, "/script.js"),
        (400, "/deliveries/none"),
        (404, "/none"),
        (404, "/deliveries/13"),
    ];
    answers.extend(
        paths.map(|(status, path)| (status, get(&desk, path, &[host, ("Cookie", cookie)]))),
    );
    for (status, answer) in answers {
        assert_eq!(answer.status, status, "{answer:?}");
        let policy = answer.header("content-security-policy").unwrap();
        for part in ["default-src 'none'", "frame-ancestors 'none'", "form-action 'self'"] {
            assert!(policy.contains(part) && !policy.contains("unsafe"), "{policy}");
        }
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("referrer-policy"), Some("same-origin"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
}
