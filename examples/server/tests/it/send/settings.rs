//! Arguments and settings that do not allow to send anything, and what they do not show.

use super::receiver::Reserved;
use super::send;
use crate::support::run;

#[test]
fn arguments_that_make_no_sense_are_errors_that_say_what_does() {
    for (arguments, advice) in [
        (&["message"][..], "chat:start, chat:end, chat:transcript_created, ticket:create"),
        (&["message"], "12-ticket-create-by-visitor"),
        (&["no/such.json"], "no/such.json"),
        (&["--url", "127.0.0.1:8000"], "http://127.0.0.1:8000/tawk-webhook"),
        (&["--event-id", "two words"], "visible ASCII characters"),
        (&["--repeat", "0"], "--repeat"),
        (&["--fault", "none"], "wrong-secret"),
        (&["--fault", "slow", "--retry"], "--fault"),
        (&["--print", "--repeat", "2"], "--print"),
    ] {
        let sent = send(arguments);
        assert_eq!(sent.code, Some(2), "{sent:?}");
        assert_eq!(sent.stdout, "");
        assert!(sent.stderr.contains(advice), "{sent:?}");
        assert_eq!(sent.stderr.lines().count(), 1, "{sent:?}");
        assert!(!sent.stderr.contains("panicked"), "{sent:?}");
    }
}

#[test]
fn without_a_secret_nothing_is_sent() {
    let sent = run(&["send", "--url", &Reserved::new().url()], &[]);
    assert_eq!(sent.code, Some(2), "{sent:?}");
    assert_eq!(sent.stdout, "");
    assert!(sent.stderr.contains("TAWK_WEBHOOK_SECRET"), "{sent:?}");
}

#[test]
fn a_password_in_a_refused_url_is_not_repeated() {
    for url in ["http://user:hidden@127.0.0.1/", "ftp://user:hidden@x/", "http://a:hidden @x/"] {
        for arguments in [&["--url", url][..], &["--print", "--url", url]] {
            let sent = send(arguments);
            assert_eq!(sent.code, Some(2), "{sent:?}");
            assert!(sent.stderr.contains("--url cannot be used: give a URL"), "{sent:?}");
            assert!(!sent.output().contains("hidden"), "{sent:?}");
        }
    }
}

#[test]
fn the_secret_is_not_shown_where_it_is_set_or_refused() {
    let hidden = "hidden-text ";
    for settings in [&[("TAWK_WEBHOOK_SECRET", hidden)][..], &[]] {
        for arguments in [&["send"][..], &["send", "--help"], &["send", "--secret", hidden]] {
            let finished = run(arguments, settings);
            assert!(!finished.output().contains(hidden.trim()), "{finished:?}");
        }
    }
    let help = send(&["--help"]);
    assert_eq!(help.code, Some(0));
    assert!(help.stdout.contains("--fault"), "{help:?}");
}
