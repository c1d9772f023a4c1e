//! [`Webhook`]: posts notifications as JSON over HTTP or HTTPS.

use reqwest::{Client, ClientBuilder, Url};
use serde_json::Value;

use super::message::Message;
use super::send_error::{SendError, reports_failure, responded};
use crate::http_client;

const MAX_BODY_LEN: usize = 4 * 1024;

pub trait Format: Send + Sync {
    /// Formats a message as the JSON that the service expects.
    fn format(&self, message: &Message) -> Value;
}

pub struct Webhook {
    /// With the user and password.
    pub url: Url,
    pub format: Box<dyn Format>,
    client: Client,
}

impl Webhook {
    pub fn new(url: Url, format: Box<dyn Format>) -> anyhow::Result<Self> {
        let client = http_client::build(client(&url))?;
        Ok(Self { url, format, client })
    }

    /// Succeeds if the receiver responds with a 2xx status and reports no failure in the body.
    pub async fn send(&self, message: &Message, key: &str) -> Result<String, SendError> {
        let body = self.format.format(message).to_string();
        let request = self
            .client
            .post(self.url.clone())
            .header("content-type", "application/json")
            .header("idempotency-key", key)
            .body(body.clone());
        let mut response = request.send().await.map_err(|error| SendError::no_response(&error))?;
        let mut start = Vec::new();
        // The rest of a body that fails or is too long is ignored.
        while start.len() < MAX_BODY_LEN
            && let Ok(Some(chunk)) = response.chunk().await
        {
            start.extend(chunk);
        }
        let status = response.status();
        if status.is_success() && !reports_failure(&start) {
            return Ok(responded(status));
        }
        // Some receivers repeat the URL or the request.
        let sent = format!("{} {body}", self.url);
        Err(SendError::rejected(status, response.headers(), &start, &sent))
    }
}

/// Notifications are rare, so each has its own connection.
fn client(url: &Url) -> ClientBuilder {
    http_client::to_receiver(url).http1_only().pool_max_idle_per_host(0)
}

#[cfg(test)]
mod tests {
    use std::io::{self, ErrorKind};
    use std::net::SocketAddr;
    use std::sync::Arc;
    use std::time::Duration;

    use rcgen::{CertifiedKey, generate_simple_self_signed};
    use reqwest::Certificate;
    use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::sync::oneshot;
    use tokio::time::Instant;
    use tokio_rustls::TlsAcceptor;
    use tokio_rustls::rustls::ServerConfig;
    use tokio_rustls::rustls::crypto::ring;
    use tokio_rustls::rustls::pki_types::PrivateKeyDer;

    use super::*;
    use crate::notify::channel::Slack;
    use crate::notify::{Trigger, payloads};

    /// Creates a webhook that trusts only the given certificates.
    fn webhook(scheme: &str, address: SocketAddr, trusted: Option<Certificate>) -> Webhook {
        let _ = ring::default_provider().install_default();
        let url = format!("{scheme}://user:pAssw0rd@{address}/services/hXq7Zp2mVd9k?to=Qw8eRt5z");
        let url = Url::parse(&url).unwrap();
        let client = client(&url).tls_certs_only(trusted).build().unwrap();
        Webhook { url, format: Box::new(Slack), client }
    }

    async fn send(scheme: &str, address: SocketAddr) -> Result<(), SendError> {
        send_with(webhook(scheme, address, None)).await
    }

    async fn send_with(webhook: Webhook) -> Result<(), SendError> {
        let message = Message::new(&payloads::one("08"), Trigger::AgentReply);
        webhook.send(&message, "key").await.map(drop)
    }

    async fn listen() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    /// Reads a request and responds.
    async fn respond(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), response: &str) {
        let mut request = Vec::new();
        // The JSON has no inner object.
        while !request.ends_with(b"}") {
            assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0);
        }
        stream.write_all(response.as_bytes()).await.unwrap();
    }

    /// Sends a notification to a receiver that responds and closes the connection.
    async fn send_to(response: &str) -> Result<(), SendError> {
        let (listener, address) = listen().await;
        let receiver = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            respond(&mut stream, response).await;
        };
        tokio::join!(send("http", address), receiver).0
    }

    /// Sends a notification to a receiver that writes `again` until the client disconnects.
    async fn send_to_endless(start: &'static str, again: &str) -> Result<(), SendError> {
        /// Far more than the buffers of both sockets.
        const TOO_MUCH: usize = 64 * 1024 * 1024;

        let (listener, address) = listen().await;
        let again = again.repeat(64 * 1024 / again.len());
        let receiver = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            respond(&mut stream, start).await;
            for _ in 0..TOO_MUCH / again.len() {
                stream.write_all(again.as_bytes()).await?;
            }
            io::Result::Ok(())
        });
        let sent = send("http", address).await;
        let ended = receiver.await.unwrap().unwrap_err().kind();
        assert!(matches!(ended, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{ended}");
        sent
    }

    /// Returns the reason, which may contain nothing of the request.
    #[track_caller]
    fn reason(sent: Result<(), SendError>) -> String {
        let (SendError::Permanent(reason) | SendError::Transient { reason, .. }) =
            sent.unwrap_err();
        for secret in ["127.0.0.1", "services", "hXq7Zp", "Qw8eRt5z", "pAssw0rd", "user", "Ingrid"]
        {
            assert!(!reason.contains(secret), "{reason}");
        }
        assert!(!reason.contains(char::is_control) && reason.len() < 200, "{reason}");
        reason
    }

    #[tokio::test]
    async fn a_2xx_is_a_success_and_its_body_is_not_read_to_its_end() {
        for head in ["200 OK\r\ncontent-length: 9", "202 Accepted", "204 No Content"] {
            send_to(&format!("HTTP/1.1 {head}\r\n\r\nok")).await.unwrap();
        }
        send_to_endless("HTTP/1.1 200 OK\r\n\r\n", "more ").await.unwrap();
    }

    #[tokio::test]
    async fn an_error_has_the_status_and_the_error_code_only() {
        for (response, expected) in [
            ("400 Bad Request\r\n\r\ninvalid_payload", "400: invalid_payload"),
            ("404 Not Found\r\n\r\n{\"message\":\"Unknown\",\"code\":10015}", "404: 10015"),
            ("500 Internal Server Error\r\n\r\n", "500"),
            ("200 OK\r\n\r\n{\"errcode\":310000}", "200 and an error: 310000"),
            ("200 OK\r\n\r\n{\"ok\":false}", "200 and an error"),
            ("404 Not Found\r\n\r\nCannot POST /services/hXq7Zp2mVd9k", "404"),
            ("404 Not Found\r\n\r\nhXq7Zp2mVd9k", "404"),
            ("422 Unprocessable Content\r\n\r\nIngrid", "422"),
            ("422 Unprocessable Content\r\ncontent-length: 99\r\n\r\n{\"text\": \"Ingrid", "422"),
        ] {
            let reason = reason(send_to(&format!("HTTP/1.1 {response}")).await);
            assert_eq!(reason, format!("receiver responded with {expected}"));
        }
    }

    #[tokio::test]
    async fn an_error_has_the_time_that_the_receiver_asks_for() {
        let response = "HTTP/1.1 429 Too Many Requests\r\nretry-after: 30\r\n\r\n";
        assert_eq!(
            send_to(response).await.unwrap_err(),
            SendError::Transient {
                reason: "receiver responded with 429".to_owned(),
                retry_after: Some(Duration::from_secs(30)),
            }
        );
    }

    #[tokio::test]
    async fn redirects_are_not_followed() {
        let elsewhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        elsewhere.set_nonblocking(true).unwrap();
        let location = format!("http://{}/services/moved", elsewhere.local_addr().unwrap());
        for status in ["301 Moved Permanently", "302 Found", "307 Temporary Redirect"] {
            let response = format!("HTTP/1.1 {status}\r\nlocation: {location}\r\n\r\n{location}");
            let reason = reason(send_to(&response).await);
            assert!(reason.ends_with("moved; set its new URL"), "{reason}");
            assert_eq!(elsewhere.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
        }
    }

    #[tokio::test]
    async fn an_endless_response_is_not_read_to_its_end() {
        let sent = send_to_endless("HTTP/1.1 500 No\r\n\r\n", "more").await;
        assert_eq!(reason(sent), "receiver responded with 500");
        for again in ["x", "x: y\r\n"] {
            let reason = reason(send_to_endless("HTTP/1.1 200 OK\r\nx: ", again).await);
            assert_eq!(reason, "connection to receiver failed: message head is too large");
        }
    }

    #[tokio::test]
    async fn a_receiver_that_disconnects_or_does_not_speak_http_did_not_respond() {
        for response in ["", "HTTP/1.1 200 OK\r\nx", "220 mail.example.com ESMTP\r\n"] {
            let reason = reason(send_to(response).await);
            assert!(reason.starts_with("connection to receiver failed: "), "{reason}");
        }
    }

    #[tokio::test]
    async fn reports_a_connection_error() {
        let (listener, address) = listen().await;
        drop(listener);
        let reason = reason(send("http", address).await);
        assert!(
            reason.starts_with("failed to connect to receiver: Connection refused"),
            "{reason}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_receiver_that_does_not_respond_times_out_after_10_seconds() {
        let (_listener, address) = listen().await;
        let start = Instant::now();
        assert_eq!(reason(send("http", address).await), "receiver timed out after 10 s");
        assert_eq!(start.elapsed().as_secs(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_tls_handshake_times_out_after_5_seconds() {
        let (_listener, address) = listen().await;
        let start = Instant::now();
        let reason = reason(send("https", address).await);
        assert_eq!(reason, "failed to connect to receiver: timed out after 5 s");
        assert_eq!(start.elapsed().as_secs(), 5);
    }

    #[tokio::test(start_paused = true)]
    async fn an_unfinished_response_counts_after_10_seconds() {
        let (listener, address) = listen().await;
        let (done, finished) = oneshot::channel::<()>();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            respond(&mut stream, "HTTP/1.1 503 No\r\nretry-after: 7\r\n\r\nnot_now").await;
            let _ = finished.await;
        });
        let start = Instant::now();
        let error = send("http", address).await.unwrap_err();
        assert_eq!(start.elapsed().as_secs(), 10);
        assert_eq!(
            error,
            SendError::Transient {
                reason: "receiver responded with 503: not_now".to_owned(),
                retry_after: Some(Duration::from_secs(7)),
            }
        );
        drop(done);
    }

    /// Sends a notification to a receiver with a certificate for `name`.
    async fn send_over_tls(name: &str, is_trusted: bool) -> Result<(), SendError> {
        let (listener, address) = listen().await;
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed([name.to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key);
        let acceptor = TlsAcceptor::from(Arc::new(config.unwrap()));
        let receiver = async {
            let (stream, _) = listener.accept().await.unwrap();
            if let Ok(mut stream) = acceptor.accept(stream).await {
                respond(&mut stream, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
            }
        };
        let trusted = is_trusted.then(|| Certificate::from_der(cert.der()).unwrap());
        tokio::join!(send_with(webhook("https", address, trusted)), receiver).0
    }

    #[tokio::test]
    async fn only_a_receiver_with_a_trusted_certificate_is_sent_anything() {
        send_over_tls("127.0.0.1", true).await.unwrap();
        let unknown = reason(send_over_tls("127.0.0.1", false).await);
        assert!(unknown.contains("certificate signed by an unknown authority"), "{unknown}");
        let other = reason(send_over_tls("chat.example.com", true).await);
        assert!(other.ends_with("certificate is for another host"), "{other}");
    }

    #[tokio::test]
    async fn a_receiver_without_tls_is_an_error() {
        let (listener, address) = listen().await;
        let receiver = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
            // Closing earlier would reset the connection.
            stream.read_to_end(&mut Vec::new()).await
        };
        let (sent, _) = tokio::join!(send("https", address), receiver);
        let reason = reason(sent);
        assert!(reason.starts_with("failed to connect to receiver: TLS: "), "{reason}");
    }
}
