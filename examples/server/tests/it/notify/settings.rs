//! `NOTIFY_URL` and `NOTIFY_ON` that cannot be used.

use crate::support::{Directory, SECRET, run_in};

#[test]
fn a_setting_that_cannot_be_used_is_refused_in_one_line_without_the_address() {
    let directory = Directory::new();
    let cases = [
        ("NOTIFY_URL", "http://127.0.0.1:1/,hidden", "address 2 in NOTIFY_URL"),
        ("NOTIFY_URL", "slack://127.0.0.1:1/hidden", "address 1 in NOTIFY_URL"),
        ("NOTIFY_URL", "ntfy://hidden:hidden@127.0.0.1:1/", "address 1 in NOTIFY_URL"),
        ("NOTIFY_URL", "http://127.0.0.1:65536/hidden", "address 1 in NOTIFY_URL"),
        ("NOTIFY_URL", "http://127.0.0.1:1/hidden,http://127.0.0.1:1/hidden", "address 2"),
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
    // Nothing was created on the way.
    assert_eq!(directory.path().read_dir().unwrap().count(), 0);
}
