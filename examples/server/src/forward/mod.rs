//! Forwards deliveries to programs (`FORWARD_URL`), signed as Standard Webhooks are
//! (<https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>).
//! The outbox decides when.

#[cfg(feature = "nats")]
mod nats;

use std::time::SystemTime;

use anyhow::{Context, Result, anyhow, ensure};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::header::HeaderMap;
use reqwest::{Client, Url};
use sha2::Sha256;
use tracing::warn;

use crate::http_client::{self, is_loopback, without_credentials};
use crate::notify::{SendError, responded, sha256_hex};
use crate::store::VerifiedDelivery;

/// Starts the names of channels that deliveries are forwarded to. No host contains `+`.
pub const CHANNEL_PREFIX: &str = "forward+";

const SECRET_PREFIX: &str = "whsec_";

/// The specification requires 24 to 64 bytes.
const SECRET_LENGTHS: std::ops::RangeInclusive<usize> = 24..=64;

const CREATE_SECRET: &str = "create one with `tawk-listener forward secret`";

const EXPECTED_URL: &str = "expected https://HOST/PATH or nats://HOST/SUBJECT, optionally with the \
                            filters #event=NAME,NAME&property=ID and with #tawk-signature";

const SCHEMES: [&str; 4] = ["https", "http", "nats", "tls"];

/// An address that deliveries are forwarded to. There is no `Debug`: the URL may be a secret.
pub struct Forwarder {
    url: Url,
    /// All events if empty.
    events: Vec<String>,
    /// All properties if empty.
    properties: Vec<String>,
    /// Whether the signature of Tawk.to is forwarded. With the body, it can be replayed.
    with_signature: bool,
    keys: Vec<Vec<u8>>,
    transport: Transport,
}

enum Transport {
    Http(Client),
    #[cfg(feature = "nats")]
    Nats(Box<nats::Nats>),
}

/// Parses `FORWARD_URL` and `FORWARD_SECRET`. Errors name a URL or a secret by its position.
pub fn forwarders(urls: Option<&str>, secrets: Option<&str>) -> Result<Vec<Forwarder>> {
    let urls = split(urls.unwrap_or_default());
    if urls.is_empty() {
        return Ok(Vec::new());
    }
    let secrets = secrets.context(
        "FORWARD_URL is set and FORWARD_SECRET is not; create one with \
         `tawk-listener forward secret`",
    )?;
    let keys = parse_secrets(secrets)?;
    let mut forwarders = Vec::<Forwarder>::new();
    for (position, url) in (1..).zip(urls) {
        let invalid = |error| anyhow!("URL {position} in FORWARD_URL: {error:#}");
        let forwarder = Forwarder::parse(url, keys.clone()).map_err(invalid)?;
        let is_new = forwarders.iter().all(|other| other.address() != forwarder.address());
        ensure!(is_new, "URL {position} in FORWARD_URL: duplicate; remove one");
        forwarders.push(forwarder);
    }
    Ok(forwarders)
}

/// Splits at whitespace, and at commas that a scheme follows.
fn split(setting: &str) -> Vec<&str> {
    let mut urls = Vec::new();
    for mut rest in setting.split_whitespace() {
        let is_separator = |&(index, _): &(usize, &str)| {
            let scheme = rest[index + 1..].split_once("://");
            scheme.is_some_and(|(scheme, _)| SCHEMES.contains(&scheme))
        };
        while let Some((index, _)) = rest.match_indices(',').find(is_separator) {
            urls.push(&rest[..index]);
            rest = &rest[index + 1..];
        }
        urls.push(rest.trim_end_matches(','));
    }
    urls
}

pub fn new_secret() -> String {
    let key = rand::random::<[u8; 32]>();
    format!("{SECRET_PREFIX}{}", BASE64_STANDARD.encode(key))
}

fn parse_secrets(setting: &str) -> Result<Vec<Vec<u8>>> {
    let secrets = setting.split([',', ' ', '\n']).filter(|secret| !secret.is_empty());
    let keys = (1..).zip(secrets).map(|(position, secret)| {
        let key = secret.strip_prefix(SECRET_PREFIX);
        let key = key.and_then(|key| BASE64_STANDARD.decode(key).ok());
        let key = key.filter(|key| SECRET_LENGTHS.contains(&key.len()));
        key.with_context(|| {
            format!(
                "secret {position} in FORWARD_SECRET: expected whsec_ and 24 to 64 bytes in \
                 base64; create one with `tawk-listener forward secret`"
            )
        })
    });
    let keys = keys.collect::<Result<Vec<_>>>()?;
    ensure!(!keys.is_empty(), "FORWARD_SECRET contains no secret; {CREATE_SECRET}");
    Ok(keys)
}

impl Forwarder {
    fn parse(text: &str, keys: Vec<Vec<u8>>) -> Result<Self> {
        // The error may contain the URL.
        let mut url = Url::parse(text).ok().context(EXPECTED_URL)?;
        ensure!(SCHEMES.contains(&url.scheme()) && url.has_host(), EXPECTED_URL);
        let (mut events, mut properties, mut with_signature) = (Vec::new(), Vec::new(), false);
        let filters = url.fragment().unwrap_or_default().to_owned();
        for filter in filters.split('&').filter(|filter| !filter.is_empty()) {
            let values = |values: &str| values.split(',').map(str::to_owned).collect::<Vec<_>>();
            let is_complete = filter.split(['=', ',']).all(|value| !value.is_empty());
            ensure!(is_complete, EXPECTED_URL);
            match filter.split_once('=') {
                Some(("event", names)) => events = values(names),
                Some(("property", ids)) => properties = values(ids),
                None if filter == "tawk-signature" => with_signature = true,
                _ => return Err(anyhow!(EXPECTED_URL)),
            }
        }
        url.set_fragment(None);
        let transport = Transport::new(&url)?;
        Ok(Self { url, events, properties, with_signature, keys, transport })
    }

    fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// Returns what names the channel.
    pub fn identity(&self) -> (String, String) {
        (format!("{CHANNEL_PREFIX}{}", self.host()), self.address())
    }

    /// Returns the URL without user and password, so that they can be changed.
    fn address(&self) -> String {
        format!("{CHANNEL_PREFIX}{}", without_credentials(&self.url))
    }

    pub fn log_warnings(&self) {
        if ["http", "nats"].contains(&self.url.scheme()) && !is_loopback(&self.url) {
            let host = self.host();
            warn!(
                host,
                "deliveries are forwarded without TLS; use https:// in FORWARD_URL, or tls:// for \
                 NATS"
            );
        }
    }

    pub fn accepts(&self, delivery: &VerifiedDelivery) -> bool {
        let passes = |filter: &[String], value: &Option<String>| {
            filter.is_empty() || value.as_ref().is_some_and(|value| filter.contains(value))
        };
        passes(&self.events, &delivery.event) && passes(&self.properties, &delivery.property_id)
    }

    /// Sends the original bytes, and returns what the receiver responded. Each attempt has the same
    /// `webhook-id`.
    pub async fn send(&self, delivery: &VerifiedDelivery) -> Result<String, SendError> {
        let headers = self.headers(delivery, SystemTime::now());
        let body = delivery.body.clone();
        match &self.transport {
            Transport::Http(client) => {
                let request = client.post(self.url.clone()).headers(headers).body(body);
                let response = request.send().await;
                let response = response.map_err(|error| SendError::no_response(&error))?;
                if response.status().is_success() {
                    return Ok(responded(response.status()));
                }
                Err(SendError::rejected(response.status(), response.headers(), b"", ""))
            }
            #[cfg(feature = "nats")]
            Transport::Nats(nats) => nats.publish(&headers, body).await,
        }
    }

    fn headers(&self, delivery: &VerifiedDelivery, now: SystemTime) -> HeaderMap {
        // The signature itself would allow the receiver to replay the delivery.
        let id = format!("msg_{}", &sha256_hex(&[delivery.signature.as_bytes()])[..32]);
        let timestamp = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let head = format!("{id}.{timestamp}.");
        let sign = |key: &Vec<u8>| sign(key, head.as_bytes(), &delivery.body);
        let signatures: Vec<_> = self.keys.iter().map(sign).collect();
        let signature = self.with_signature.then(|| delivery.signature.to_string());
        http_client::headers([
            ("content-type", Some("application/json")),
            ("webhook-id", Some(&id)),
            ("webhook-timestamp", Some(&timestamp.to_string())),
            ("webhook-signature", Some(&signatures.join(" "))),
            ("x-tawk-event", delivery.event.as_deref()),
            ("x-hook-event-id", delivery.event_id.as_deref()),
            ("x-tawk-signature", signature.as_deref()),
        ])
    }
}

impl Transport {
    fn new(url: &Url) -> Result<Self> {
        if ["nats", "tls"].contains(&url.scheme()) {
            #[cfg(feature = "nats")]
            return Ok(Self::Nats(Box::new(nats::Nats::parse(url)?)));
            #[cfg(not(feature = "nats"))]
            return Err(anyhow!("nats:// is not in this build; build it with `--features nats`"));
        }
        Ok(Self::Http(http_client::build(http_client::to_receiver(url))?))
    }
}

fn sign(key: &[u8], head: &[u8], body: &[u8]) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    let signature = mac.chain_update(head).chain_update(body).finalize().into_bytes();
    format!("v1,{}", BASE64_STANDARD.encode(signature))
}

#[cfg(test)]
mod tests {
    use axum::body::Bytes;
    use tower_tawk::Signature;

    use super::*;

    fn delivery(event: &str, property: &str) -> VerifiedDelivery {
        VerifiedDelivery {
            signature: Signature::from_bytes([7; 20]),
            secret_label: "default".to_owned(),
            received_at: SystemTime::UNIX_EPOCH,
            event_id: Some("invented-id".to_owned()),
            event: Some(event.to_owned()),
            chat_id: None,
            ticket_id: None,
            property_id: Some(property.to_owned()),
            headers: "{}".to_owned(),
            body: Bytes::from_static(b"{\"invented\":true}"),
        }
    }

    fn forwarder(url: &str, secrets: &str) -> Forwarder {
        let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
        forwarders(Some(url), Some(secrets)).unwrap().remove(0)
    }

    #[test]
    fn urls_are_separated_by_whitespace_and_by_commas_before_a_scheme() {
        assert_eq!(
            split(" https://a.example/x?a=1,2#event=a,b,http://b.example/\n nats://c.example/s, "),
            ["https://a.example/x?a=1,2#event=a,b", "http://b.example/", "nats://c.example/s"]
        );
        assert!(split(" ").is_empty());
    }

    #[test]
    fn filters_by_event_and_property() {
        let url = "http://127.0.0.1/hook#event=ticket:create,chat:start&property=shop";
        let forwarder = forwarder(url, &new_secret());
        assert!(forwarder.accepts(&delivery("ticket:create", "shop")));
        assert!(forwarder.accepts(&delivery("chat:start", "shop")));
        assert!(!forwarder.accepts(&delivery("chat:end", "shop")));
        assert!(!forwarder.accepts(&delivery("ticket:create", "other")));
        assert_eq!(forwarder.url.as_str(), "http://127.0.0.1/hook");
    }

    #[test]
    fn signs_under_each_secret_and_hides_the_signature_of_tawk_to() {
        let secrets = [new_secret(), new_secret()].join(",");
        let plain = forwarder("http://127.0.0.1/hook", &secrets);
        let headers = plain.headers(&delivery("chat:end", "shop"), SystemTime::now());
        let signatures = headers["webhook-signature"].to_str().unwrap();
        assert_eq!(signatures.matches("v1,").count(), 2);
        assert_eq!(headers["x-tawk-event"], "chat:end");
        assert_eq!(headers["x-hook-event-id"], "invented-id");
        assert!(!headers.contains_key("x-tawk-signature"));
        let later = plain.headers(&delivery("chat:end", "shop"), SystemTime::UNIX_EPOCH);
        assert_eq!(later["webhook-id"], headers["webhook-id"], "the same for every attempt");

        let with_signature = forwarder("http://127.0.0.1/hook#tawk-signature", &secrets);
        let headers = with_signature.headers(&delivery("a", "b"), SystemTime::now());
        assert_eq!(headers["x-tawk-signature"], "07".repeat(20));
    }

    #[test]
    fn errors_name_the_position_and_quote_nothing() {
        let secret = new_secret();
        for (urls, secrets, expected) in [
            ("https://a.example hidden", &*secret, "URL 2 in FORWARD_URL: expected https://HOST"),
            ("https://a.example/#hidden=1", &secret, "URL 1 in FORWARD_URL: expected"),
            ("https://a.example https://a.example/", &secret, "URL 2 in FORWARD_URL: duplicate"),
            ("https://a.example", "whsec_hidden", "secret 1 in FORWARD_SECRET: expected whsec_"),
            ("https://a.example#event=", &secret, "URL 1 in FORWARD_URL: expected"),
            ("https://a.example", ", ,", "FORWARD_SECRET contains no secret; create one"),
            ("https://a.example", "hidden", "secret 1 in FORWARD_SECRET: expected whsec_"),
        ] {
            let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
            let error = forwarders(Some(urls), Some(secrets)).err().unwrap().to_string();
            assert!(error.starts_with(expected) && !error.contains("hidden"), "{error}");
        }
        let error = forwarders(Some("https://a.example"), None).err().unwrap().to_string();
        assert!(error.contains("forward secret"), "{error}");
    }
}
