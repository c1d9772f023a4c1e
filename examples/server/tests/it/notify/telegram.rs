//! Telegram. A proxy takes the place of its API, with a certificate that the listener trusts.

use serde_json::json;

use super::outbox::{outbox_when, reply};
use super::receiver::{Receiver, Reply};
use crate::support::{Store, terminate_tls};

const TOKEN: &str = "123456:hidden-token";

#[test]
fn a_message_is_sent_after_the_failures_and_the_pause_that_telegram_reports() {
    const LIMITED: &str = r#"{"ok":false,"error_code":429,"parameters":{"retry_after":1},
        "description":"Too Many Requests: retry after 1"}"#;
    const REJECTED: &str = r#"{"ok":false,"error_code":400,"description":"chat not found"}"#;
    let store = Store::sqlite();
    let receiver = Receiver::start([
        Reply::Response("429 Too Many Requests", Vec::new(), LIMITED),
        Reply::Response("200 OK", Vec::new(), REJECTED),
        Reply::Response("200 OK", Vec::new(), r#"{"ok":true,"result":{"message_id":1}}"#),
    ]);
    let (proxy, certificate) = terminate_tls("api.telegram.org", receiver.address);
    store.directory.write("ca.pem", certificate);
    let listener = store.listener_with(&[
        ("NOTIFY_URL", &format!("tgram://{TOKEN}/-100789")),
        ("HTTPS_PROXY", &format!("http://{proxy}")),
        ("SSL_CERT_FILE", "ca.pem"),
        ("RUST_LOG", "trace"),
    ]);
    assert_eq!(listener.deliver(&reply(0)).status, 200);
    let notifications = outbox_when(&store, |notifications| notifications[0].state == "sent");
    let output = listener.stop().output();
    assert_eq!(notifications[0].channel, "api.telegram.org-1");
    assert_eq!(notifications[0].attempts, 3);
    assert!(output.contains("receiver responded with 429: 429"), "{output}");
    assert!(output.contains("receiver responded with 200 and an error: 400"), "{output}");
    assert!(!output.contains("hidden"), "{output}");

    let received = receiver.received();
    assert_eq!(received.len(), 3);
    for request in &received {
        assert_eq!(request.path(), format!("/bot{TOKEN}/sendMessage"));
        let mut body = request.body.clone();
        let text = body["text"].take();
        assert!(text.as_str().unwrap().contains("“Two pairs.”\n"), "{text}");
        let options = json!({ "is_disabled": true });
        let expected =
            json!({ "chat_id": "-100789", "text": null, "link_preview_options": options });
        assert_eq!(body, expected);
    }
}
