//! What pages of other origins can do with the desk in the same browser: nothing.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::thread;

use serde_json::json;

use super::{open, samples, status};
use crate::support::{Browser, Desk, Store, TOKEN};

/// Serves a page on another port until the test process ends, and returns the port.
fn serve(page: &str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let length = page.len();
    let response = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{page}"
    );
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let response = response.clone();
            // Browsers open connections that they may not use.
            thread::spawn(move || {
                let mut line = String::new();
                while stream.read_line(&mut line).is_ok_and(|read| read > 2) {
                    line.clear();
                }
                let _ = stream.get_mut().write_all(response.as_bytes());
            });
        }
    });
    port
}

/// Posts a form from pages of the same site and of another site.
fn assert_rejects(store: &Store, path: &str, fields: &str) {
    let Some((desk, browser)) = open(store) else { return };
    let before = store.export();
    let url = desk.url(path);
    let port = serve(&format!(
        "<form method=post action='{url}'>{fields}<button>Win a prize</button></form>"
    ));
    // Browsers send the cookie of the session from the same site only.
    for (host, expected) in [("127.0.0.1", 403), ("localhost", 401)] {
        browser.open(&format!("http://{host}:{port}/"));
        browser.follow("button");
        assert_eq!((browser.url(), status(&browser)), (url.clone(), expected), "{host}");
    }
    assert_eq!(store.export(), before);
    browser.open(&desk.url("/"));
    assert_eq!(browser.count("#deliveries tr"), 12, "the session continues");
}

#[test]
fn a_form_of_another_origin_erases_nothing() {
    let field = "<input name=email value=t.wielgosz@example.com>";
    assert_rejects(&samples(), "/erase", field);
}

#[test]
fn a_form_of_another_origin_starts_no_session() {
    let Some(browser) = Browser::start() else { return };
    let desk = Desk::start(&samples(), &[]);
    let url = desk.url("/sign-in");
    let port = serve(&format!(
        "<form method=post action='{url}'><input name=token value={TOKEN}><button>Go</button>"
    ));
    browser.open(&format!("http://127.0.0.1:{port}/"));
    browser.follow("button");
    assert_eq!((status(&browser), browser.cookies().len()), (403, 0));
}

#[test]
fn a_frame_of_another_origin_stays_empty() {
    let store = samples();
    let Some((desk, browser)) = open(&store) else { return };
    let port = serve(&format!("<iframe src='{}'></iframe>", desk.url("/")));
    for host in ["127.0.0.1", "localhost"] {
        browser.open(&format!("http://{host}:{port}/"));
        browser.enter_frame();
        let url = browser.run("return document.URL");
        assert_eq!(
            (url, browser.count("#deliveries")),
            (json!("chrome-error://chromewebdata/"), 0)
        );
    }
}

#[test]
fn a_script_of_another_origin_reads_nothing() {
    let store = samples();
    let Some((desk, browser)) = open(&store) else { return };
    let port = serve("<p>another origin</p>");
    browser.open(&format!("http://127.0.0.1:{port}/"));
    for path in ["/", "/deliveries/1/body", "/live", "/script.js"] {
        let url = desk.url(path);
        let read = format!(
            "return fetch('{url}', {{ credentials: 'include' }})\
                .then((read) => read.text(), String)"
        );
        assert_eq!(browser.run(&read), "TypeError: Failed to fetch", "{path}");
    }
}

#[test]
fn a_name_that_resolves_to_the_desk_is_rejected() {
    let resolve = "--host-resolver-rules=MAP evil.example 127.0.0.1";
    let Some(browser) = Browser::start_with(&[resolve], json!({})) else { return };
    let desk = Desk::start(&samples(), &[]);
    let port = desk.address.port();
    for path in ["/", "/style.css", &*format!("/?token={TOKEN}")] {
        browser.open(&format!("http://evil.example:{port}{path}"));
        assert_eq!((status(&browser), browser.cookies().len()), (421, 0), "{path}");
        assert!(browser.text("[role=alert]").contains("DESK_ALLOWED_HOSTS"));
    }
    browser.open(&format!("http://localhost:{port}/?token={TOKEN}"));
    assert_eq!((status(&browser), browser.text("h1")), (200, "Inbox".to_owned()));
}

#[test]
fn other_hosts_are_rejected() {
    let desk = Desk::start(&samples(), &[]);
    let link = format!("/?token={TOKEN}");
    let address = desk.address.to_string();
    let port = desk.address.port();
    let (local, other_port) = (format!("LOCALHOST:{port}"), format!("127.0.0.1:{}", port ^ 1));
    for (status, hosts) in [
        (303, &[&*address][..]),
        (303, &[&local]),
        (421, &["evil.example"]),
        (421, &[&other_port]),
        (421, &["127.0.0.1"]),
        (421, &[""]),
        (421, &[&address, &address]),
        (421, &[]),
    ] {
        let headers: Vec<_> = hosts.iter().map(|host| ("Host", *host)).collect();
        assert_eq!(desk.request("GET", &link, &headers).status, status, "{hosts:?}");
    }
}
