//! [`Channel`] and the parsing of `NOTIFY_URL`. A new channel is a file with a [`Channel`] in this
//! folder, and its scheme in [`parse_one`].

mod ntfy;
mod slack;

use std::sync::Arc;

use anyhow::bail;
use reqwest::Url;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::message::Message;
use ntfy::Ntfy;
use slack::Slack;

const EXPECTED_URL: &str =
    "expected https://HOST/PATH, ntfys://HOST/TOPIC, or http:// and ntfy:// without TLS";

/// A service that notifications are sent to. There is no `Debug`: a URL may be a secret.
pub trait Channel: Send + Sync {
    /// The URL that notifications are posted to, with the user and password.
    fn url(&self) -> &Url;

    /// Formats a message as the JSON that the service expects.
    fn format(&self, message: &Message) -> Value;

    /// Returns the error code in the body of an unsuccessful response.
    fn error_code(&self, body: &[u8]) -> Option<String>;
}

/// A channel and its name in the database, log records and metrics.
pub type NamedChannel = (Arc<str>, Arc<dyn Channel>);

/// Parses `NOTIFY_URL`: comma-separated URLs. Empty is unset, as left by an unfilled template.
///
/// # Errors
///
/// Names a URL that cannot be used by its position.
pub fn parse(setting: &str) -> anyhow::Result<Vec<NamedChannel>> {
    let mut channels = Vec::<NamedChannel>::new();
    if setting.trim().is_empty() {
        return Ok(channels);
    }
    for (position, url) in (1..).zip(setting.split(',')) {
        let (name, channel) = match parse_one(url.trim()) {
            Ok(channel) => channel,
            Err(error) => bail!("URL {position} in NOTIFY_URL: {error}"),
        };
        if channels.iter().any(|(other, _)| *other == name) {
            bail!("URL {position} in NOTIFY_URL: duplicate; remove one");
        }
        channels.push((name, channel));
    }
    Ok(channels)
}

fn parse_one(text: &str) -> Result<NamedChannel, &'static str> {
    let (scheme, rest) = text.split_once("://").ok_or(EXPECTED_URL)?;
    let scheme = scheme.to_ascii_lowercase();
    let http = if scheme.ends_with('s') { "https" } else { "http" };
    let url = Url::parse(&format!("{http}://{rest}"));
    let url = url.map_err(|_| "expected a host, and a port from 1 to 65535 if there is one")?;
    let name = name(text, &url);
    let channel: Arc<dyn Channel> = match &*scheme {
        "https" | "http" => Arc::new(Slack::new(url)),
        "ntfys" | "ntfy" => Arc::new(Ntfy::new(url)?),
        _ => return Err(EXPECTED_URL),
    };
    Ok((name, channel))
}

/// Returns the host and the first 8 hex digits of the SHA-256 of the URL without user and password.
/// So the name does not reveal a guessed password, and does not change with it.
fn name(text: &str, url: &Url) -> Arc<str> {
    let authority = text.split("://").nth(1).and_then(|rest| rest.split(['/', '?', '#']).next());
    let credentials = authority.and_then(|authority| authority.rsplit_once('@'));
    let text = match credentials {
        Some((credentials, _)) => text.replacen(&format!("{credentials}@"), "", 1),
        None => text.to_owned(),
    };
    let digest = Sha256::digest(text);
    let digits: String = digest[..4].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{digits}", url.host_str().unwrap_or_default()).into()
}

/// Returns the field `code` of a JSON object.
fn json_code(body: &[u8]) -> Option<String> {
    match serde_json::from_slice::<Value>(body).ok()?.get("code")? {
        Value::String(code) => Some(code.clone()),
        Value::Number(code) => Some(code.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(setting: &str) -> Vec<String> {
        parse(setting).unwrap().iter().map(|(name, _)| name.to_string()).collect()
    }

    #[track_caller]
    fn error(setting: &str) -> String {
        match parse(setting) {
            Ok(_) => panic!("accepted {setting}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn every_kind_has_the_url_that_it_is_posted_to() {
        for (text, url) in [
            ("https://hooks.example.com/a/b?c=d%2Ce", "https://hooks.example.com/a/b?c=d%2Ce"),
            ("http://127.0.0.1:8065/hooks/x", "http://127.0.0.1:8065/hooks/x"),
            ("https://hooks.example.com", "https://hooks.example.com/"),
            ("HTTPS://user:text@hooks.example.com/a", "https://user:text@hooks.example.com/a"),
            ("ntfy://127.0.0.1:2586/shop", "http://127.0.0.1:2586/"),
            ("ntfys://user:text@[::1]/shop_1-A", "https://user:text@[::1]/"),
        ] {
            assert_eq!(parse(text).unwrap()[0].1.url().as_str(), url);
        }
    }

    #[test]
    fn names_are_stable_and_reveal_nothing() {
        // printf %s https://hooks.example.com/services/T1/B2 | sha256sum
        let [slack, ntfy] = &names(
            "https://hooks.example.com/services/T1/B2, ntfys://user:text@ntfy.example.com/shop",
        )[..] else {
            panic!("expected two channels")
        };
        assert_eq!(slack, "hooks.example.com-b2d7990d");
        assert_eq!(ntfy, "ntfy.example.com-0d1410d5");
        assert_eq!(names("ntfys://user:other@ntfy.example.com/shop"), [ntfy.as_str()]);
        assert_eq!(names("ntfys://ntfy.example.com/shop"), [ntfy.as_str()]);
        assert_ne!(names("ntfys://ntfy.example.com/other"), [ntfy.as_str()]);
    }

    #[test]
    fn empty_is_unset() {
        assert!(names("").is_empty());
        assert!(names(" ").is_empty());
    }

    #[test]
    fn rejects_unusable_urls_by_their_position_without_quoting_them() {
        for (hidden, advice) in [
            ("", "expected https://HOST/PATH"),
            ("hidden", "expected https://HOST/PATH"),
            ("hidden.example/a", "expected https://HOST/PATH"),
            ("hidden.example:443", "expected https://HOST/PATH"),
            ("/hidden", "expected https://HOST/PATH"),
            ("slack://hidden.example/a", "expected https://HOST/PATH"),
            ("https://hid den.example/a", "expected a host"),
            ("https://:443/hidden", "expected a host"),
            ("https://hidden@/a", "expected a host"),
            ("https://hidden.example:99999/a", "a port from 1 to 65535"),
            ("ntfy://hidden.example", "expected ntfys://HOST/TOPIC"),
            ("ntfy://hidden.example/", "expected ntfys://HOST/TOPIC"),
            ("ntfys://hidden.example/a/b", "expected ntfys://HOST/TOPIC"),
            ("ntfys://hidden.example/a?auth=x", "expected ntfys://HOST/TOPIC"),
            ("ntfys://hidden.example/h%C3%A9", "expected ntfys://HOST/TOPIC"),
        ] {
            let error = error(&format!("https://h.example/a,{hidden}"));
            assert!(error.starts_with("URL 2 in NOTIFY_URL: "), "{error}");
            assert!(error.contains(advice), "{hidden}: {error}");
            assert!(!error.contains("hidden") && !error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn rejects_a_duplicate_url() {
        let duplicate = error("https://h.example/a,ntfy://h.example/a,https://h.example/a");
        assert_eq!(duplicate, "URL 3 in NOTIFY_URL: duplicate; remove one");
        assert!(error("ntfy://a:b@h.example/a,ntfy://c:d@h.example/a").contains("duplicate"));
    }

    #[test]
    fn an_error_code_is_a_string_or_a_number() {
        assert_eq!(
            json_code(br#"{"message": "Unknown Webhook", "code": 10015}"#).unwrap(),
            "10015"
        );
        assert_eq!(json_code(br#"{"code":"gone"}"#).unwrap(), "gone");
        for body in ["", "invalid_payload", "404", r#"{"code":null}"#, r#"{"error":"x"}"#, "[]"] {
            assert_eq!(json_code(body.as_bytes()), None, "{body}");
        }
    }
}
