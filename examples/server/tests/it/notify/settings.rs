//! `NOTIFY_URL`, `NOTIFY_ON` and the settings of proxies.

use super::outbox::{assert_sent, reply};
use super::receiver::{Receiver, status};
use crate::support::{Directory, Reserved, SECRET, Store, run_in};

#[test]
fn rejects_unusable_settings_in_one_line_without_the_url() {
    let directory = Directory::new();
    let cases = [
        ("NOTIFY_URL", "http://127.0.0.1:1/,hidden", "URL 2 in NOTIFY_URL"),
        ("NOTIFY_URL", "slack://127.0.0.1:1/hidden", "URL 1 in NOTIFY_URL"),
        ("NOTIFY_URL", "ntfy://hidden:hidden@127.0.0.1:1/", "URL 1 in NOTIFY_URL"),
        ("NOTIFY_URL", "http://127.0.0.1:65536/hidden", "URL 1 in NOTIFY_URL"),
        ("NOTIFY_URL", "http://127.0.0.1:1/hidden,http://127.0.0.1:1/hidden", "URL 2"),
        ("NOTIFY_ON", "nonsense", "agent-reply,chat-start,chat-end,transcript,ticket"),
        ("NOTIFY_ON", "ticket,nonsense", "agent-reply,chat-start,chat-end,transcript,ticket"),
    ];
    for (name, value, expected) in cases {
        let settings = [("TAWK_WEBHOOK_SECRET", SECRET), ("PORT", "0"), (name, value)];
        let finished = run_in(&directory, &[], &settings);
        assert_eq!((finished.code, &*finished.stdout), (Some(2), ""), "{value} {finished:?}");
        assert_eq!(finished.stderr.lines().count(), 1, "{value} {finished:?}");
        assert!(finished.stderr.starts_with("tawk-listener: "), "{value} {finished:?}");
        assert!(finished.stderr.contains(expected), "{value} {finished:?}");
        assert!(!finished.stderr.contains("hidden"), "{value} {finished:?}");
    }
    // Nothing was created.
    assert_eq!(directory.path().read_dir().unwrap().count(), 0);
}

#[test]
fn a_proxy_is_used_unless_the_receiver_is_on_this_machine() {
    let store = Store::sqlite();
    let proxy = Receiver::start([status("200 OK")]);
    let proxy_url = format!("http://{}", proxy.address);
    let url = ("NOTIFY_URL", "http://hooks.example.com/hook");
    let listener = store.listener_with(&[url, ("HTTP_PROXY", &proxy_url)]);
    assert_eq!(listener.deliver(&reply(0)).status, 200);
    assert_eq!(proxy.wait_for(1)[0].path(), "http://hooks.example.com/hook");
    listener.stop();

    let (down, local) = (Reserved::new(), Receiver::start([status("200 OK")]));
    let proxy_url = format!("http://{}", down.address());
    let url = local.url();
    let listener = store.listener_with(&[("NOTIFY_URL", &url), ("HTTP_PROXY", &proxy_url)]);
    assert_eq!(listener.deliver(&reply(1)).status, 200);
    assert_eq!(local.wait_for(1)[0].path(), "/hook");
    listener.stop();
    assert_sent(&store, 2);
}
