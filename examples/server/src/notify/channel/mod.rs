//! [`Channel`] and the parsing of `NOTIFY_URL`. A new channel is a file with a [`Channel`] in this
//! folder, and its scheme in [`Target::parse`] or its host in [`webhook`].

mod chat;
mod ntfy;
mod slack;

use anyhow::{anyhow, ensure};
use reqwest::Url;
use serde_json::Value;

use super::message::Message;
use super::sha256_hex;
use chat::Chat;
use ntfy::Ntfy;
use slack::Slack;

const EXPECTED_URL: &str = "expected https://HOST/PATH, ntfys://HOST/TOPIC, or http:// and ntfy:// \
                            without TLS; other schemes are not supported";

pub trait Channel: Send + Sync {
    /// Formats a message as the JSON that the service expects.
    fn format(&self, message: &Message) -> Value;
}

/// A URL in `NOTIFY_URL`. There is no `Debug`: the URL may be a secret.
pub struct Target {
    pub host: String,
    /// The URL without user and password, so that they can be changed. Identifies the channel.
    pub address: String,
    /// The URL that notifications are posted to, with the user and password.
    pub url: Url,
    pub channel: Box<dyn Channel>,
}

impl Target {
    fn parse(text: &str) -> Result<Self, &'static str> {
        let (scheme, rest) = text.split_once("://").ok_or(EXPECTED_URL)?;
        let scheme = scheme.to_ascii_lowercase();
        let http = if scheme.ends_with('s') { "https" } else { "http" };
        let mut url = Url::parse(&format!("{http}://{rest}"))
            .map_err(|_| "expected a host, and a port from 1 to 65535 if there is one")?;
        let mut address = url.clone();
        // These fail only without a host.
        let _ = address.set_username("");
        let _ = address.set_password(None);
        let channel: Box<dyn Channel> = match &*scheme {
            "https" | "http" => webhook(&url)?,
            "ntfys" | "ntfy" => Box::new(Ntfy::new(&mut url)?),
            _ => return Err(EXPECTED_URL),
        };
        let host = url.host_str().unwrap_or_default().to_owned();
        let address = address.as_str().replacen(http, &scheme, 1);
        Ok(Self { host, address, url, channel })
    }

    /// Returns what names the channel.
    pub fn identity(&self) -> (String, String) {
        (self.host.clone(), self.address.clone())
    }

    /// Returns the name of the channel in versions without a table of channels.
    pub fn earlier_name(&self) -> String {
        format!("{}-{}", self.host, &sha256_hex(&[self.address.as_bytes()])[..8])
    }
}

/// Parses `NOTIFY_URL`: comma-separated URLs. An error names the URL by its position.
pub fn targets(setting: Option<&str>) -> anyhow::Result<Vec<Target>> {
    let mut targets = Vec::<Target>::new();
    let urls = setting.into_iter().flat_map(|setting| setting.split(','));
    for (position, url) in (1..).zip(urls) {
        let target = Target::parse(url.trim())
            .map_err(|error| anyhow!("URL {position} in NOTIFY_URL: {error}"))?;
        ensure!(
            targets.iter().all(|other| other.address != target.address),
            "URL {position} in NOTIFY_URL: duplicate; remove one"
        );
        targets.push(target);
    }
    Ok(targets)
}

/// Returns the channel for a host. Fails if its service cannot receive notifications at this URL.
fn webhook(url: &Url) -> Result<Box<dyn Channel>, &'static str> {
    let (host, path) = (url.host_str().unwrap_or_default(), url.path());
    let is = |domain: &str| host == domain || host.ends_with(&format!(".{domain}"));
    // docs.discord.com/developers/resources/webhook, "Execute Slack-Compatible Webhook"
    let is_slack_compatible = path.starts_with("/api/") && path.ends_with("/slack");
    if (is("discord.com") || is("discordapp.com")) && !is_slack_compatible {
        return Err("for Discord expected https://discord.com/api/webhooks/ID/TOKEN/slack");
    }
    // It would show the JSON as it is.
    if host.starts_with("ntfy.") {
        return Err("for ntfy expected ntfys://HOST/TOPIC, or ntfy:// without TLS");
    }
    if is("telegram.org") || is("t.me") {
        return Err("Telegram is not supported; expected a webhook, or ntfys://HOST/TOPIC");
    }
    if ["app.slack.com", "chat.google.com", "teams.microsoft.com", "discord.gg"].contains(&host) {
        return Err("this is a page for people; copy the URL of an incoming webhook");
    }
    Ok(match Chat::find(host) {
        Some(chat) => Box::new(chat),
        None => Box::new(Slack),
    })
}

/// Makes `@` full-width, since in Mattermost and Discord `@here` notifies everybody, and splits
/// Markdown links, which show one URL and open another, or are images that are fetched.
fn without_mentions(text: &str) -> String {
    text.replace('@', "\u{ff20}").replace("](", "] (").replace("]:", "] :")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn earlier_names(setting: &str) -> Vec<String> {
        let targets = targets(Some(setting)).unwrap();
        targets.iter().map(Target::earlier_name).collect()
    }

    #[track_caller]
    fn error(setting: &str) -> String {
        match targets(Some(setting)) {
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
            (
                "https://discord.com/api/webhooks/1/a/slack",
                "https://discord.com/api/webhooks/1/a/slack",
            ),
            ("ntfy://127.0.0.1:2586/shop", "http://127.0.0.1:2586/"),
            ("ntfys://user:text@[::1]/shop_1-A", "https://user:text@[::1]/"),
        ] {
            assert_eq!(targets(Some(text)).unwrap()[0].url.as_str(), url);
        }
    }

    #[test]
    fn finds_the_names_of_earlier_versions() {
        // printf %s https://hooks.example.com/services/T1/B2 | sha256sum
        let [slack, ntfy] = &earlier_names(
            "https://hooks.example.com/services/T1/B2, ntfys://user:text@ntfy.example.com/shop",
        )[..] else {
            panic!("expected two channels")
        };
        assert_eq!(slack, "hooks.example.com-b2d7990d");
        assert_eq!(ntfy, "ntfy.example.com-0d1410d5");
        assert_eq!(earlier_names("ntfys://user:other@ntfy.example.com/shop"), [ntfy.as_str()]);
        assert_eq!(earlier_names("ntfys://ntfy.example.com/shop"), [ntfy.as_str()]);
        assert_ne!(earlier_names("ntfys://ntfy.example.com/other"), [ntfy.as_str()]);
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
            ("mailto:hidden@example.com", "expected https://HOST/PATH"),
            ("tg://hidden", "expected https://HOST/PATH"),
            ("https://discord.com/api/webhooks/1/hidden", "/api/webhooks/ID/TOKEN/slack"),
            ("https://discord.com/api/webhooks/1/hidden/", "/api/webhooks/ID/TOKEN/slack"),
            ("https://discordapp.com/api/webhooks/1/hidden?wait=true", "ID/TOKEN/slack"),
            ("https://ptb.discord.com/api/v10/webhooks/1/hidden", "ID/TOKEN/slack"),
            ("https://discord.com/channels/1/hidden", "ID/TOKEN/slack"),
            ("https://ntfy.sh/hidden", "expected ntfys://HOST/TOPIC"),
            ("http://NTFY.example.com/hidden", "ntfy:// without TLS"),
            ("https://api.telegram.org/bot1:hidden/sendMessage", "Telegram is not supported"),
            ("https://app.slack.com/client/T1/hidden", "an incoming webhook"),
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
}
