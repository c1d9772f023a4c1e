//! [`Notifier`]: a channel, by its URL in `NOTIFY_URL`. A new channel is a file in this folder with
//! a [`Format`], and its scheme in [`Notifier::parse`] or its host in [`find`].

mod discord;
mod email;
mod google_chat;
mod ntfy;
mod slack;
mod teams;
mod telegram;

use anyhow::{Context, Result, anyhow, bail, ensure};
use reqwest::Url;
use tracing::warn;

use super::message::Message;
use super::send_error::SendError;
use super::sha256_hex;
use super::webhook::{Format, Webhook};
use crate::http_client::without_credentials;
use discord::Discord;
use email::Email;
use google_chat::GoogleChat;
use ntfy::Ntfy;
pub use slack::Slack;
use slack::SlackCompatible;
use teams::Teams;
use telegram::Telegram;

const EXPECTED_URL: &str = "expected https://HOST/PATH, slack+https://HOST/PATH, \
                            tgram://TOKEN/CHAT, ntfys://HOST/TOPIC or smtps://USER:PASSWORD@HOST/\
                            ?from=ADDRESS&to=ADDRESS; other schemes are not supported";

/// Sends notifications to a URL in `NOTIFY_URL`. There is no `Debug`: the URL may be a secret.
pub struct Notifier {
    pub host: String,
    /// The URL without user and password, so that they can be changed. Identifies the channel.
    address: String,
    pub channel: Channel,
    is_known: bool,
}

pub enum Channel {
    Webhook(Webhook),
    Email(Email),
}

impl Notifier {
    fn parse(text: &str) -> Result<Self> {
        let (scheme, rest) = text.split_once("://").context(EXPECTED_URL)?;
        let scheme = scheme.to_ascii_lowercase();
        let (rest, is_tls) = match &*scheme {
            "tgram" => (&*Telegram::with_host(rest)?, true),
            _ => (rest, scheme.ends_with('s')),
        };
        let http = if is_tls { "https" } else { "http" };
        let mut url = Url::parse(&format!("{http}://{rest}"))
            .map_err(|_| anyhow!("expected a host, and a port from 1 to 65535 if there is one"))?;
        let host = url.host_str().unwrap_or_default().to_owned();
        // A URL that gets or loses `slack+` is the same channel.
        let address_scheme = scheme.strip_prefix("slack+").unwrap_or(&scheme);
        let address = without_credentials(&url).as_str().replacen(http, address_scheme, 1);
        let mut is_known = true;
        let format: Box<dyn Format> = match &*scheme {
            "https" | "http" => find(&url)?.unwrap_or_else(|| {
                is_known = false;
                Box::new(SlackCompatible)
            }),
            "slack+https" | "slack+http" => Box::new(Slack),
            "ntfys" | "ntfy" => Box::new(Ntfy::new(&mut url)?),
            "tgram" => Box::new(Telegram::new(&mut url)?),
            "smtps" | "smtp" => {
                let channel = Channel::Email(Email::new(text, &url)?);
                return Ok(Self { host, address, channel, is_known });
            }
            _ => bail!(EXPECTED_URL),
        };
        let channel = Channel::Webhook(Webhook::new(url, format)?);
        Ok(Self { host, address, channel, is_known })
    }

    /// Returns what names the channel.
    pub fn identity(&self) -> (String, String) {
        (self.host.clone(), self.address.clone())
    }

    /// Returns the name of the channel in versions without a table of channels.
    pub fn earlier_name(&self) -> String {
        format!("{}-{}", self.host, &sha256_hex(&[self.address.as_bytes()])[..8])
    }

    pub fn log_warnings(&self) {
        if !self.is_known {
            let host = &*self.host;
            warn!(
                host,
                "unknown service in NOTIFY_URL receives only a text, as Slack does; write \
                 slack+https:// if it is Slack-compatible, or use FORWARD_URL for a program"
            );
        }
    }

    /// Sends a notification, and returns what the receiver responded. The key lets it recognize a
    /// duplicate.
    pub async fn send(&self, message: &Message, key: &str) -> Result<String, SendError> {
        match &self.channel {
            Channel::Webhook(webhook) => webhook.send(message, key).await,
            Channel::Email(email) => email.send(message, key).await,
        }
    }
}

/// Parses `NOTIFY_URL`: comma-separated URLs. An error names the URL by its position.
pub fn notifiers(setting: Option<&str>) -> Result<Vec<Notifier>> {
    let mut notifiers = Vec::<Notifier>::new();
    let urls = setting.into_iter().flat_map(|setting| setting.split(','));
    for (position, url) in (1..).zip(urls) {
        let notifier = Notifier::parse(url.trim())
            .map_err(|error| anyhow!("URL {position} in NOTIFY_URL: {error:#}"))?;
        ensure!(
            notifiers.iter().all(|other| other.address != notifier.address),
            "URL {position} in NOTIFY_URL: duplicate; remove one"
        );
        notifiers.push(notifier);
    }
    Ok(notifiers)
}

/// Finds the service with this host. Fails if it cannot receive notifications at this URL.
fn find(url: &Url) -> Result<Option<Box<dyn Format>>> {
    let host = url.host_str().unwrap_or_default();
    let is = |domain: &str| host == domain || host.ends_with(&format!(".{domain}"));
    // The last one is of the connectors before workflows.
    let teams = ["logic.azure.com", "api.powerplatform.com", "webhook.office.com"];
    let path: Vec<_> = url.path().split('/').skip(1).collect();
    Ok(Some(match host {
        "hooks.slack.com" => Box::new(Slack),
        "chat.googleapis.com" => Box::new(GoogleChat),
        _ if teams.into_iter().any(is) => Box::new(Teams),
        _ if is("discord.com") || is("discordapp.com") => match path[..] {
            // docs.discord.com/developers/resources/webhook, "Execute Slack-Compatible Webhook"
            ["api", .., "slack"] => Box::new(Slack),
            ["api", "webhooks", _, token] | ["api", _, "webhooks", _, token]
                if !token.is_empty() =>
            {
                Box::new(Discord)
            }
            _ => bail!("for Discord expected https://discord.com/api/webhooks/ID/TOKEN"),
        },
        _ if is("telegram.org") || is("t.me") => bail!(telegram::EXPECTED_URL),
        // It would show the JSON as it is.
        _ if host.starts_with("ntfy.") => {
            bail!("for ntfy expected ntfys://HOST/TOPIC, or ntfy:// without TLS")
        }
        "app.slack.com" | "chat.google.com" | "teams.microsoft.com" | "discord.gg" => {
            bail!("this is a page for people; copy the URL of an incoming webhook")
        }
        _ => return Ok(None),
    }))
}

/// Makes `@` full-width, since in Mattermost and Discord `@here` notifies everybody, and splits
/// Markdown links, which show one URL and open another, or are images that are fetched.
fn without_mentions(text: &str) -> String {
    text.replace('@', "\u{ff20}").replace("](", "] (").replace("]:", "] :")
}

#[cfg(test)]
mod tests {
    use tokio_rustls::rustls::crypto::ring;

    use super::*;

    fn parse(setting: &str) -> Result<Vec<Notifier>> {
        let _ = ring::default_provider().install_default();
        notifiers(Some(setting))
    }

    fn earlier_names(setting: &str) -> Vec<String> {
        parse(setting).unwrap().iter().map(Notifier::earlier_name).collect()
    }

    fn identity(url: &str) -> (String, String) {
        parse(url).unwrap()[0].identity()
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
            (
                "https://discord.com/api/webhooks/1/a/slack",
                "https://discord.com/api/webhooks/1/a/slack",
            ),
            (
                "https://ptb.discord.com/api/v10/webhooks/1/a?thread_id=2",
                "https://ptb.discord.com/api/v10/webhooks/1/a?thread_id=2",
            ),
            ("slack+https://user:text@chat.example.com/a", "https://user:text@chat.example.com/a"),
            ("slack+http://127.0.0.1:8065/hooks/x", "http://127.0.0.1:8065/hooks/x"),
            ("tgram://123:AB-c_d/-100456", "https://api.telegram.org/bot123:AB-c_d/sendMessage"),
            ("TGRAM://123:AB-c_d/@shop/", "https://api.telegram.org/bot123:AB-c_d/sendMessage"),
            ("ntfy://127.0.0.1:2586/shop", "http://127.0.0.1:2586/"),
            ("ntfys://user:text@[::1]/shop_1-A", "https://user:text@[::1]/"),
        ] {
            match &parse(text).unwrap()[0].channel {
                Channel::Webhook(webhook) => assert_eq!(webhook.url.as_str(), url),
                Channel::Email(_) => panic!("expected a webhook for {text}"),
            }
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
    fn a_password_or_the_name_of_a_scheme_does_not_identify_a_channel() {
        for (one, other) in [
            ("https://h.example/a", "slack+https://user:text@h.example/a"),
            ("tgram://1:abc/-2", "tgram://1:def/-2"),
            (
                "smtps://a:b@h.example/?from=c@d.example&to=e@f.example",
                "smtps://a:g@h.example/?from=c@d.example&to=e@f.example",
            ),
        ] {
            assert_eq!(identity(one), identity(other));
        }
        assert_ne!(identity("tgram://1:abc/-2"), identity("tgram://1:abc/-3"));
        let hook = "https://hooks.slack.com/services/T1/B2".to_owned();
        assert_eq!(identity(&hook), ("hooks.slack.com".to_owned(), hook));
    }

    #[test]
    fn only_an_unknown_service_is_warned_about() {
        for (url, is_known) in [
            ("https://hooks.slack.com/services/T1/B2", true),
            ("https://discord.com/api/webhooks/1/a/slack", true),
            ("https://prod-01.westeurope.logic.azure.com/workflows/a", true),
            ("https://a.environment.api.powerplatform.com/workflows/b", true),
            ("https://shop.webhook.office.com/webhookb2/a", true),
            ("https://logic.azure.com.example.com/a", false),
            ("https://open.feishu.cn/open-apis/bot/v2/hook/a", false),
            ("https://chat.example.com/hooks/a", false),
            ("slack+https://chat.example.com/hooks/a", true),
        ] {
            assert_eq!(parse(url).unwrap()[0].is_known, is_known, "{url}");
        }
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
            ("mailto:hidden@example.com", "smtps://USER:PASSWORD@HOST/?from=ADDRESS&to=ADDRESS"),
            ("tg://hidden", "tgram://TOKEN/CHAT"),
            ("https://discord.com/api/webhooks/1/hidden/", "/api/webhooks/ID/TOKEN"),
            ("https://discordapp.com/api/webhooks/hidden", "/api/webhooks/ID/TOKEN"),
            ("https://discord.com/channels/1/hidden", "/api/webhooks/ID/TOKEN"),
            ("https://ntfy.sh/hidden", "expected ntfys://HOST/TOPIC"),
            ("http://NTFY.example.com/hidden", "ntfy:// without TLS"),
            ("https://api.telegram.org/bot1:hidden/sendMessage", "tgram://TOKEN/CHAT"),
            ("tgram://1:hidden", "for Telegram expected tgram://TOKEN/CHAT"),
            ("tgram://1:hidden/", "for Telegram expected tgram://TOKEN/CHAT"),
            ("tgram://hidden/2", "for Telegram expected tgram://TOKEN/CHAT"),
            ("tgram://1:hidden/2/3", "for Telegram expected tgram://TOKEN/CHAT"),
            ("tgram://1:hidden/2?a=b", "for Telegram expected tgram://TOKEN/CHAT"),
            ("tgram://1:hidden@hidden.example/2", "for Telegram expected tgram://TOKEN/CHAT"),
            ("smtps://a:hidden@b.example/?from=hidden@c.example", "for email expected smtps://"),
            ("smtps://a:hidden@b.example/?from=hidden&to=c@d.example", "for email expected"),
            ("smtps://hidden@b.example/?from=a@c.example&to=c@d.example", "for email expected"),
            (
                "smtps://b.example/?from=a@c.example&to=hidden@d.example&to=c@d.example",
                "for email expected",
            ),
            ("smtp://b.example/?from=a@c.example&to=c@d.example&tls=hidden", "for email expected"),
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
