//! `tawk-listener desk`, in a real browser.

mod conversation;
mod database;
mod erase;
mod filters;
mod hostile;
mod layout;
mod live;
mod other_sites;
mod screenshots;
mod session;
mod start;
mod views;
mod without_scripts;

use crate::support::{Browser, Desk, Store, payloads};

/// The chats and tickets of the sample payloads.
const CHAT: &str = "b7064c20-6d10-11ef-a0f2-57c8e9104d3b";
const CHAT_WITH_FILES: &str = "0f3d8840-7011-11ef-b6c5-93d2fe01a7c4";
const TICKET: &str = "e81c2f40-7221-11ef-9a17-b30d5c46f2ee";

/// Returns a database with the sample payloads, which have the ids 1 to 12.
fn samples() -> Store {
    samples_with(&[])
}

/// Likewise, with settings of the listener.
fn samples_with(settings: &[(&str, &str)]) -> Store {
    let store = Store::sqlite();
    let listener = store.listener_with(settings);
    for body in payloads() {
        assert_eq!(listener.deliver(&body).status, 200);
    }
    store
}

/// Returns the paths of all views of the sample payloads.
fn views() -> Vec<String> {
    let views = [
        "/",
        "/?person=none",
        "/deliveries/8",
        "/deliveries/9?signature=true",
        "/outbox",
        "/erase",
        "/erase?email=t.wielgosz%40example.com",
        "/none",
    ];
    let conversation = |id| format!("/conversation?id={id}");
    let conversations = [CHAT, CHAT_WITH_FILES, TICKET].map(conversation);
    views.map(str::to_owned).into_iter().chain(conversations).collect()
}

/// Signs in to the desk of a database.
fn open(store: &Store) -> Option<(Desk, Browser)> {
    let browser = Browser::start()?;
    let desk = Desk::start(store, &[]);
    browser.open(&desk.link());
    Some((desk, browser))
}

/// Returns the status code of the page.
fn status(browser: &Browser) -> u16 {
    let script = "return performance.getEntriesByType('navigation')[0].responseStatus";
    serde_json::from_value(browser.run(script)).unwrap()
}
