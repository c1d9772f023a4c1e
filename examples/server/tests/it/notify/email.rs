//! Email, over TLS with a certificate that the listener trusts, and without TLS.

use base64::prelude::{BASE64_STANDARD, Engine as _};

use super::mail_server::{ACCEPT, MailServer};
use super::outbox::{outbox_when, reply};
use crate::support::{Directory, Finished, Store, run_in, terminate_tls};

const QUERY: &str = "?from=hidden-shop@example.com&to=hidden+1@example.org";

/// Returns the lines of a session that start like this.
fn lines<'a>(session: &'a str, start: &str) -> Vec<&'a str> {
    session.lines().filter(|line| line.starts_with(start)).collect()
}

#[test]
fn a_temporary_failure_is_retried_with_the_same_message_id() {
    let store = Store::sqlite();
    let server = MailServer::start([
        (".", "451 4.7.1 hidden-shop@example.com is greylisted"),
        ("AUTH", "535 5.7.8 hidden"),
        ACCEPT,
    ]);
    let (address, certificate) = terminate_tls("127.0.0.1", server.address);
    store.directory.write("ca.pem", certificate);
    let listener = store.listener_with(&[
        ("NOTIFY_URL", &format!("smtps://shop%40hidden:p%2C%3Ahidden@{address}/{QUERY}")),
        ("SSL_CERT_FILE", "ca.pem"),
        ("RUST_LOG", "trace"),
    ]);
    assert_eq!(listener.deliver(&reply(0)).status, 200);
    let notifications = outbox_when(&store, |notifications| notifications[0].state == "sent");
    let output = listener.stop().output();
    assert_eq!((&*notifications[0].channel, notifications[0].attempts), ("127.0.0.1-1", 3));
    for code in ["451", "535"] {
        assert!(output.contains(&format!("receiver responded with {code}")), "{output}");
    }
    let credentials = BASE64_STANDARD.encode("\0shop@hidden\0p,:hidden");
    assert!(!output.contains("hidden") && !output.contains(&credentials), "{output}");

    let sessions = server.sessions();
    let [first, rejected, last] = &sessions[..] else { panic!("expected three: {sessions:#?}") };
    assert_eq!(lines(rejected, "MAIL"), [""; 0]);
    assert_eq!(lines(first, "Message-ID: "), lines(last, "Message-ID: "));
    assert_eq!(lines(last, "AUTH"), [format!("AUTH PLAIN {credentials}")]);
    assert_eq!(lines(last, "MAIL"), ["MAIL FROM:<hidden-shop@example.com>"]);
    assert_eq!(lines(last, "RCPT"), ["RCPT TO:<hidden+1@example.org>"]);
    assert_eq!(lines(last, "Subject: "), ["Subject: Ingrid Vale replied in Lantern & Loom"]);
    assert_eq!(lines(last, "Content-Type: "), ["Content-Type: text/plain; charset=utf-8"]);
    assert!(last.contains("Two pairs."), "{last}");
}

#[test]
fn a_permanent_failure_is_final_and_shows_no_address() {
    let store = Store::sqlite();
    let server = MailServer::start([("RCPT", "550 5.1.1 <hidden+1@example.org> is unknown")]);
    let url = format!("smtp://{}/{QUERY}", server.address);
    let listener = store.listener_with(&[("NOTIFY_URL", &url), ("RUST_LOG", "trace")]);
    assert_eq!(listener.deliver(&reply(0)).status, 200);
    let notifications = outbox_when(&store, |notifications| notifications[0].state == "failed");
    assert_eq!(notifications[0].error, "receiver responded with 550");
    assert_eq!(notifications[0].attempts, 1);
    let output = listener.stop().output();
    assert!(!output.contains("hidden"), "{output}");
    assert_eq!(server.sessions().len(), 1);
}

fn notify_test(url: &str) -> Finished {
    run_in(&Directory::new(), &["notify", "test"], &[("NOTIFY_URL", url)])
}

#[test]
fn notify_test_sends_a_mail_and_says_why_it_cannot() {
    let server = MailServer::start([ACCEPT]);
    let address = server.address;
    let (tls, _) = terminate_tls("127.0.0.1", address);
    for (url, expected) in [
        (format!("smtp://{address}/{QUERY}"), "sent"),
        (
            format!("smtp://a:hidden@{address}/{QUERY}&tls=required"),
            "connection to receiver failed: internal client error: \
             STARTTLS is not supported on this server",
        ),
        (
            format!("smtps://a:hidden@{tls}/{QUERY}"),
            "connection to receiver failed: certificate signed by an unknown authority",
        ),
        (
            format!("smtp://127.0.0.1:1/{QUERY}"),
            "connection to receiver failed: Connection refused",
        ),
    ] {
        let tested = notify_test(&url);
        assert!(tested.stdout.contains(expected), "{tested:?}");
        assert_eq!(tested.code, Some(i32::from(expected != "sent")), "{tested:?}");
        assert!(!tested.output().contains("hidden"), "{tested:?}");
    }
    let sent: Vec<_> = server.sessions().into_iter().filter(|it| it.contains("MAIL")).collect();
    assert_eq!(sent.len(), 1, "{sent:#?}");
    assert!(sent[0].contains("Subject: Test of tawk-listener: "), "{}", sent[0]);
}
