//! [`Nats`]: publishes to a `JetStream` stream, which drops a message whose id it has
//! (<https://docs.nats.io/nats-concepts/jetstream/streams#duplicate-window>).

use anyhow::{Context as _, Result, ensure};
use async_nats::header::NATS_MESSAGE_ID;
use async_nats::jetstream::context::{Context, ContextBuilder};
use async_nats::{ConnectOptions, HeaderMap as NatsHeaders, ServerAddr};
use axum::body::Bytes;
use percent_encoding::percent_decode_str;
use reqwest::Url;
use reqwest::header::HeaderMap;
use tokio::sync::OnceCell;
use tokio::time::timeout;

use crate::http_client::{CONNECT_TIMEOUT, TIMEOUT, without_credentials};
use crate::notify::SendError;

const EXPECTED_URL: &str = "expected nats://HOST/SUBJECT or tls://HOST/SUBJECT, with \
                            USER:PASSWORD@ or TOKEN@ before the host if the server requires it, \
                            and a subject without wildcards";

pub struct Nats {
    server: ServerAddr,
    subject: String,
    options: ConnectOptions,
    /// Connects with the first message, and again when the connection is lost.
    context: OnceCell<Context>,
}

impl Nats {
    pub fn parse(url: &Url) -> Result<Self> {
        let subject = url.path().trim_start_matches('/').to_owned();
        let is_token = |token: &str| {
            let is_char = |byte: u8| byte.is_ascii_graphic() && !b"*>/%".contains(&byte);
            !token.is_empty() && token.bytes().all(is_char)
        };
        ensure!(subject.split('.').all(is_token) && url.query().is_none(), EXPECTED_URL);
        let decode = |text| percent_decode_str(text).decode_utf8().map(String::from);
        let user = decode(url.username())?;
        let options = ConnectOptions::new().name("tawk-listener");
        let options = options.connection_timeout(CONNECT_TIMEOUT);
        let options = match url.password() {
            Some(password) => options.user_and_password(user, decode(password)?),
            None if !user.is_empty() => options.token(user),
            None => options,
        };
        let server = ServerAddr::from_url(without_credentials(url)).ok().context(EXPECTED_URL)?;
        Ok(Self { server, subject, options, context: OnceCell::new() })
    }

    /// Returns once the server has confirmed that the message is stored, and as which.
    pub async fn publish(&self, headers: &HeaderMap, body: Bytes) -> Result<String, SendError> {
        let mut message = NatsHeaders::new();
        for (name, value) in headers {
            // All are visible ASCII.
            message.insert(name.as_str(), value.to_str().unwrap_or_default());
        }
        message.insert(NATS_MESSAGE_ID, headers["webhook-id"].to_str().unwrap_or_default());
        let publish = async {
            let context = self.context.get_or_try_init(|| self.connect()).await?;
            let failed = |error: async_nats::jetstream::context::PublishError| {
                SendError::transient(format!("not published: {}", error.kind()))
            };
            let subject = self.subject.clone();
            let ack = context.publish_with_headers(subject, message, body).await.map_err(failed)?;
            let stored = ack.await.map_err(failed)?;
            Ok(format!("stored as message {} of stream {}", stored.sequence, stored.stream))
        };
        let timed_out = Err(SendError::transient("NATS server timed out"));
        timeout(TIMEOUT, publish).await.unwrap_or(timed_out)
    }

    async fn connect(&self) -> Result<Context, SendError> {
        let client = self.options.clone().connect(&self.server).await.map_err(|error| {
            SendError::transient(format!("failed to connect to NATS server: {}", error.kind()))
        })?;
        Ok(ContextBuilder::new().ack_timeout(TIMEOUT).build(client))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<Nats> {
        Nats::parse(&Url::parse(url).unwrap())
    }

    #[test]
    fn a_url_has_server_and_subject() {
        let nats = parse("nats://shop:p%40ss@n.example:4333/tawk.deliveries").unwrap();
        assert_eq!((nats.server.host(), nats.server.port()), ("n.example", 4333));
        assert_eq!((&*nats.subject, nats.server.has_user_pass()), ("tawk.deliveries", false));
        assert_eq!(parse("tls://n.example/tawk").unwrap().server.port(), 4222);
    }

    #[test]
    fn rejects_subjects_that_cannot_be_published_to() {
        for url in ["nats://n.example", "nats://n.example/", "nats://n.example/hidden..a"] {
            assert!(parse(url).is_err(), "{url}");
        }
        for path in ["hidden.*", "hidden.>", "hidden/a", "hidden%20a", "hidden?a=b"] {
            let error = parse(&format!("nats://n.example/{path}")).err().unwrap().to_string();
            assert!(error.starts_with("expected nats://") && !error.contains("hidden"), "{error}");
        }
    }
}
