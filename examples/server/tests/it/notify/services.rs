//! The chat services that have their own JSON, by their hosts, and failures that they report with
//! 200. A proxy takes their place.

use serde_json::{Value, json};

use super::outbox::{assert_sent, outbox_when, reply};
use super::receiver::{Receiver, Reply, status};
use crate::support::{Directory, Store, run_in};

const GOOGLE_CHAT: &str = "http://chat.googleapis.com/v1/spaces/a/messages?key=b&token=c";
const FEISHU: &str = "http://open.feishu.cn/open-apis/bot/v2/hook/a";
const LARK: &str = "http://open.larksuite.com/open-apis/bot/v2/hook/a";
const DINGTALK: &str = "http://oapi.dingtalk.com/robot/send?access_token=a";
const WECOM: &str = "http://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=a";
const TEAMS: &str = "http://shop.webhook.office.com/webhookb2/a/IncomingWebhook/b/c";

/// Responds with 200 and a body.
const fn ok(body: &'static str) -> Reply {
    Reply::Response("200 OK", Vec::new(), body)
}

/// Delivers a reply, and returns the first request at the proxy and the error of the first attempt.
fn send(url: &str, replies: [Reply; 2]) -> (Value, Option<String>) {
    let store = Store::sqlite();
    let attempts = if matches!(replies[0], Reply::Response(_, _, "")) { 1 } else { 2 };
    let proxy = Receiver::start(replies);
    let proxy_url = format!("http://{}", proxy.address);
    let listener = store.listener_with(&[("NOTIFY_URL", url), ("HTTP_PROXY", &proxy_url)]);
    assert_eq!(listener.deliver(&reply(0)).status, 200);
    let received = proxy.wait_for(attempts);
    assert_eq!(received[0].path(), url);
    let error = (attempts > 1).then(|| {
        let line = listener.line("notification not sent");
        let (_, reason) = line.split_once("reason=\"").unwrap();
        reason.split('"').next().unwrap().to_owned()
    });
    outbox_when(&store, |notifications| notifications[0].state == "sent");
    listener.stop();
    assert_sent(&store, 1);
    assert_eq!(proxy.received().len(), attempts);
    (received[0].body.clone(), error)
}

#[test]
fn each_service_receives_its_own_json() {
    let (slack, _) = send("http://hooks.slack.com/services/a", [status("200 OK"), ok("ok")]);
    // Slack's escapes are not decoded by the others.
    let text = slack["text"].as_str().unwrap().replace("&amp;", "&");
    for (url, expected) in [
        (GOOGLE_CHAT, json!({ "text": text })),
        (TEAMS, json!({ "text": text })),
        (FEISHU, json!({ "msg_type": "text", "content": { "text": text } })),
        (LARK, json!({ "msg_type": "text", "content": { "text": text } })),
        (DINGTALK, json!({ "msgtype": "text", "text": { "content": text } })),
        (WECOM, json!({ "msgtype": "text", "text": { "content": text } })),
    ] {
        let (body, _) = send(url, [status("200 OK"), status("200 OK")]);
        assert_eq!(body, expected, "{url}");
    }
}

#[test]
fn a_failure_reported_with_200_is_retried() {
    const TEAMS_ERROR: &str = "Webhook message delivery failed with error: Microsoft Teams \
                               endpoint returned HTTP error 429 with ContextId tcid=0";
    for (url, failure, success, code) in [
        (
            FEISHU,
            r#"{"code":19001,"data":{},"msg":"param invalid"}"#,
            r#"{"StatusCode":0,"StatusMessage":"success","code":0,"data":{},"msg":"success"}"#,
            ": 19001",
        ),
        (
            DINGTALK,
            r#"{"errcode":310000,"errmsg":"keywords not in content"}"#,
            r#"{"errcode":0,"errmsg":"ok"}"#,
            ": 310000",
        ),
        (TEAMS, TEAMS_ERROR, "1", ""),
        ("http://hooks.example.com/a", r#"{"ok":false,"error":"no_text"}"#, "ok", ": no_text"),
    ] {
        let (_, error) = send(url, [ok(failure), ok(success)]);
        let expected = format!("receiver responded with 200 and an error{code}");
        assert_eq!(error, Some(expected), "{url}");
    }
}

#[test]
fn notify_test_sends_a_notification_to_each_url_and_prints_the_outcomes() {
    let directory = Directory::new();
    let receivers = [ok("ok"), ok(r#"{"errcode":310000}"#), status("404 Not Found")]
        .map(|reply| Receiver::start([reply]));
    let urls = receivers.each_ref().map(Receiver::url).join(",");
    let settings = [("NOTIFY_URL", &*urls)];
    let tested = run_in(&directory, &["notify", "test"], &settings);
    assert_eq!((tested.code, &*tested.stderr), (Some(1), ""), "{tested:?}");
    assert_eq!(
        tested.stdout,
        "URL 1 (127.0.0.1): sent\n\
         URL 2 (127.0.0.1): not sent: receiver responded with 200 and an error: 310000\n\
         URL 3 (127.0.0.1): not sent: receiver responded with 404"
    );
    for receiver in &receivers {
        let received = receiver.received();
        assert_eq!(received.len(), 1);
        let text = received[0].body["text"].as_str().unwrap();
        assert!(text.starts_with("Test of tawk-listener: "), "{text}");
    }

    let url = receivers[0].ntfy_url();
    for number in [2, 3] {
        let tested = run_in(&directory, &["notify", "test"], &[("NOTIFY_URL", &url)]);
        assert_eq!((tested.code, &*tested.stdout), (Some(0), "URL 1 (127.0.0.1): sent"));
        assert_eq!(receivers[0].received().len(), number);
    }
    let [_, first, second] = &receivers[0].received()[..] else { panic!("expected three") };
    assert_ne!(first.key(), second.key());
    // Neither a database nor anything else was created.
    assert_eq!(directory.path().read_dir().unwrap().count(), 0);
}

#[test]
fn notify_test_rejects_missing_and_unusable_urls_without_quoting_them() {
    for (url, expected) in [
        ("", "NOTIFY_URL is not set"),
        ("https://discord.com/api/webhooks/1/hidden", "/api/webhooks/ID/TOKEN/slack"),
        ("https://ntfy.sh/hidden", "expected ntfys://HOST/TOPIC"),
        ("mailto:hidden@example.com", "expected https://HOST/PATH"),
    ] {
        let tested = run_in(&Directory::new(), &["notify", "test"], &[("NOTIFY_URL", url)]);
        assert_eq!((tested.code, &*tested.stdout), (Some(2), ""), "{tested:?}");
        assert_eq!(tested.stderr.lines().count(), 1, "{tested:?}");
        assert!(tested.stderr.contains(expected), "{tested:?}");
        assert!(!tested.stderr.contains("hidden"), "{tested:?}");
    }
}
