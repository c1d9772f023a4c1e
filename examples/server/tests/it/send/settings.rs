//! Invalid arguments and settings, and secrets in output.

use super::receiver::Receiver;
use super::{ENVIRONMENT, send};
use crate::support::run;

#[test]
fn invalid_arguments_are_errors_that_name_valid_ones() {
    for (arguments, advice) in [
        (&["message"][..], "chat:start, chat:end, chat:transcript_created, ticket:create"),
        (&["message"], "12-ticket-create-by-visitor"),
        (&["no/such.json"], "no/such.json"),
        (&["--url", "127.0.0.1:8000"], "http://127.0.0.1:8000/tawk-webhook"),
        (&["--event-id", "two words"], "visible ASCII characters"),
        (&["--repeat", "0"], "--repeat"),
        (&["--fault", "none"], "wrong-secret"),
        (&["--print", "--repeat", "2"], "--print"),
        (&["--fault", "slow", "--url", "https://127.0.0.1/"], "use an http:// URL"),
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
fn missing_secret_is_an_error() {
    let sent = run(&["send"], &[]);
    assert_eq!(sent.code, Some(2), "{sent:?}");
    assert_eq!(sent.stdout, "");
    assert!(sent.stderr.contains("TAWK_WEBHOOK_SECRET"), "{sent:?}");
}

#[test]
fn only_https_needs_certificates() {
    let receiver = Receiver::start(&[200]);
    let missing = [("SSL_CERT_FILE", "missing"), ("SSL_CERT_DIR", "missing")];
    let settings = [&ENVIRONMENT[..], &missing].concat();
    let sent = run(&["send", "--url", &receiver.url(), "06"], &settings);
    assert_eq!(sent.code, Some(0), "{sent:?}");

    let sent = run(&["send", "--url", "https://127.0.0.1/", "06"], &settings);
    assert_eq!(sent.code, Some(2), "{sent:?}");
    assert!(sent.stderr.contains("install the package ca-certificates"), "{sent:?}");
}

#[test]
fn invalid_url_is_not_printed() {
    for url in ["http://user:hidden@127.0.0.1/", "ftp://user:hidden@x/", "http://a:hidden @x/"] {
        for arguments in [&["--url", url][..], &["--print", "--url", url]] {
            let sent = send(arguments);
            assert_eq!(sent.code, Some(2), "{sent:?}");
            assert!(sent.stderr.contains("invalid --url: "), "{sent:?}");
            assert!(!sent.output().contains("hidden"), "{sent:?}");
        }
    }
}

#[test]
fn secrets_are_not_printed() {
    let hidden = "hidden-text ";
    for settings in [&[("TAWK_WEBHOOK_SECRET", hidden)][..], &[]] {
        for arguments in [&["send"][..], &["send", "--help"], &["send", "--secret", hidden]] {
            let finished = run(arguments, settings);
            assert!(!finished.output().contains(hidden.trim()), "{finished:?}");
        }
    }
    let help = send(&["--help"]);
    assert_eq!(help.code, Some(0));
    assert!(help.stdout.contains("wrong-secret"), "{help:?}");
}
