//! Images of all views, for people.

use std::fs;
use std::path::Path;

use super::{samples_with, views};
use crate::notify::outbox::{are_attempted, outbox_when};
use crate::notify::receiver::{Receiver, status};
use crate::support::{Browser, Desk};

/// Run by `cargo test -p tawk-listener --test it -- --ignored desk::screenshots`.
#[test]
#[ignore = "writes screenshots"]
fn screenshots() {
    let receivers = ["200 OK", "410 Gone"].map(|reply| Receiver::start([status(reply)]));
    let urls = receivers.each_ref().map(Receiver::url).join(",");
    let store = samples_with(&[("NOTIFY_URL", &urls), ("NOTIFY_ON", "ticket,transcript")]);
    // A listener that runs sends them.
    let _listener =
        store.listener_with(&[("NOTIFY_URL", &urls), ("NOTIFY_ON", "ticket,transcript")]);
    outbox_when(&store, are_attempted);
    let desk = Desk::start(&store, &[]);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("desk");
    fs::create_dir_all(&folder).unwrap();
    let dark = ["--blink-settings=preferredColorScheme=0"];
    let browsers = [
        ("light", Browser::start()),
        ("dark", Browser::start_with(&dark, serde_json::json!({}))),
        ("narrow", Browser::start_narrow()),
    ];
    for (name, browser) in browsers {
        let Some(browser) = browser else { return };
        browser.open(&desk.url("/"));
        fs::write(folder.join(format!("{name}-sign-in.png")), browser.screenshot()).unwrap();
        browser.open(&desk.link());
        for path in views() {
            browser.open(&desk.url(&path));
            let view: String =
                path.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
            fs::write(folder.join(format!("{name}{view}.png")), browser.screenshot()).unwrap();
        }
    }
}
