//! The services that are found by their hosts, and the failures and pauses that they report. A
//! proxy takes their place.

use serde_json::{Value, json};

use super::outbox::{assert_sent, outbox_when, reply};
use super::receiver::{Receiver, Reply, status};
use crate::support::{Directory, SECRET, Store, run_in};

const GOOGLE_CHAT: &str = "http://chat.googleapis.com/v1/spaces/a/messages?key=b&token=c";
const DISCORD: &str = "http://discord.com/api/webhooks/1/a";
const FEISHU: &str = "http://open.feishu.cn/open-apis/bot/v2/hook/a";
const DINGTALK: &str = "http://oapi.dingtalk.com/robot/send?access_token=a";
const WECOM: &str = "http://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=a";
const WORKFLOW: &str = "http://a.environment.api.powerplatform.com/workflows/b?sig=c";
const TEAMS: &str = "http://shop.webhook.office.com/webhookb2/a/IncomingWebhook/b/c";

/// Responds with 200 and a body.
const fn ok(body: &'static str) -> Reply {
    Reply::Response("200 OK", Vec::new(), body)
}

/// Delivers a reply, and returns the first request at the proxy and the error of the first attempt.
fn send(url: &str, replies: [Reply; 2]) -> (Value, Option<String>) {
    let store = Store::sqlite();
    let is_once = matches!(replies[0], Reply::Response(_, _, "") | Reply::Strict(_));
    let attempts = if is_once { 1 } else { 2 };
    let proxy = Receiver::start(replies);
    let proxy_url = format!("http://{}", proxy.address);
    let listener = store.listener_with(&[("NOTIFY_URL", url), ("HTTP_PROXY", &proxy_url)]);
    assert_eq!(listener.deliver(&reply(0)).status, 200);
    let received = proxy.wait_for(attempts);
    assert_eq!(received[0].path(), url.trim_start_matches("slack+"));
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

/// Each service rejects fields that it does not know.
#[test]
fn each_service_receives_its_own_json() {
    let strict = |fields| [Reply::Strict(fields), status("400 Bad Request")];
    let like_slack = || strict(&["text", "unfurl_links", "unfurl_media"]);
    let (slack, _) = send("http://hooks.slack.com/services/a", like_slack());
    // Slack's escapes are not decoded by the others.
    let text = slack["text"].as_str().unwrap().replace("&amp;", "&");
    assert_eq!(slack["unfurl_links"], false);
    for url in [GOOGLE_CHAT, DINGTALK, WECOM, FEISHU, "http://hooks.example.com/a"] {
        let (body, _) = send(url, strict(&["text"]));
        let text = if url == GOOGLE_CHAT { json!(text) } else { slack["text"].clone() };
        assert_eq!(body, json!({ "text": text }), "{url}");
    }
    for url in ["http://discord.com/api/webhooks/1/a/slack", "slack+http://chat.example.com/a"] {
        assert_eq!(send(url, like_slack()).0, slack, "{url}");
    }

    let (discord, _) = send(DISCORD, strict(&["content", "allowed_mentions", "flags"]));
    let content = discord["content"].as_str().unwrap().replace('\\', "");
    assert_eq!(content, text);

    for url in [WORKFLOW, TEAMS] {
        let (mut teams, _) = send(url, strict(&["type", "attachments"]));
        let mut card = teams["attachments"][0]["content"].take();
        let blocks = card["body"].take();
        let lines = blocks.as_array().unwrap().iter().map(|block| &block["inlines"][0]["text"]);
        let lines: Vec<_> = lines.map(|line| line.as_str().unwrap()).collect();
        assert_eq!(lines, text.lines().collect::<Vec<_>>());
        assert_eq!(teams["type"], "message");
        assert_eq!(card["type"], "AdaptiveCard");
    }
}

/// The documented response of Discord. The header is missing, so that the JSON counts.
#[test]
fn a_pause_that_discord_asks_for_in_its_json_is_respected() {
    const LIMITED: &str =
        r#"{"message":"You are being rate limited.","retry_after":3600,"global":false}"#;
    let store = Store::sqlite();
    let proxy = Receiver::start([Reply::Response("429 Too Many Requests", Vec::new(), LIMITED)]);
    let proxy_url = format!("http://{}", proxy.address);
    let listener = store.listener_with(&[("NOTIFY_URL", DISCORD), ("HTTP_PROXY", &proxy_url)]);
    assert_eq!(listener.deliver(&reply(0)).status, 200);
    outbox_when(&store, |notifications| !notifications[0].error.is_empty());
    listener.stop();
    let paused = "UPDATE outbox SET due_at = due_at WHERE due_at >= created_at + 3600000";
    let mut session = store.session();
    assert_eq!(session.execute(paused), 1);
    session.close();
}

#[test]
fn an_unknown_service_is_warned_about_and_nothing_is_sent_at_startup() {
    let store = Store::sqlite();
    let receiver = Receiver::start([status("200 OK")]);
    let urls = format!("{},slack+{},{}", receiver.url(), receiver.url(), receiver.ntfy_url());
    let urls = urls.replacen("/hook", "/other", 1);
    let checked = run_in(
        &store.directory,
        &["check"],
        &[("TAWK_WEBHOOK_SECRET", SECRET), ("PORT", "0"), ("NOTIFY_URL", &urls)],
    );
    assert_eq!(checked.code, Some(0), "{checked:?}");
    let output = store.listener_with(&[("NOTIFY_URL", &urls)]).stop().output();
    for output in [checked.output(), output] {
        let warnings: Vec<_> = output.lines().filter(|line| line.contains(" WARN ")).collect();
        assert_eq!(warnings.len(), 1, "{output}");
        for text in ["slack+https://", "FORWARD_URL", "127.0.0.1"] {
            assert!(warnings[0].contains(text), "{output}");
        }
        assert!(!output.contains("/other"), "{output}");
    }
    assert_eq!(receiver.connections(), 0);
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
        (
            WECOM,
            r#"{"errcode":93000,"errmsg":"invalid webhook url"}"#,
            r#"{"errcode":0,"errmsg":"ok"}"#,
            ": 93000",
        ),
        (TEAMS, TEAMS_ERROR, "1", ""),
        (
            "http://hooks.example.com/a",
            r#"{"ok":false,"error":"no_text"}"#,
            r#"{"received":["unrelated"],"code":"A"}"#,
            ": no_text",
        ),
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
        ("https://discord.com/channels/1/hidden", "/api/webhooks/ID/TOKEN"),
        ("https://api.telegram.org/bot1:hidden/sendMessage", "tgram://TOKEN/CHAT"),
        ("https://ntfy.sh/hidden", "expected ntfys://HOST/TOPIC"),
        ("mailto:hidden@example.com", "smtps://USER:PASSWORD@HOST/"),
    ] {
        let tested = run_in(&Directory::new(), &["notify", "test"], &[("NOTIFY_URL", url)]);
        assert_eq!((tested.code, &*tested.stdout), (Some(2), ""), "{tested:?}");
        assert_eq!(tested.stderr.lines().count(), 1, "{tested:?}");
        assert!(tested.stderr.contains(expected), "{tested:?}");
        assert!(!tested.stderr.contains("hidden"), "{tested:?}");
    }
}
