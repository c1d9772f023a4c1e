//! [`Client`]: sends deliveries over HTTP/1.1.

use std::fmt;
use std::io;
use std::time::Duration;

use anyhow::Context as _;
use http::StatusCode;
use http::header::{HeaderMap, HeaderValue};
use reqwest::Url;
use reqwest::redirect::Policy;
use tokio::time::timeout;

use super::fault::{BodyFault, Fault};
use super::partial_body;
use super::payload::SignedPayload;

/// Tawk.to's own timeout (developer.tawk.to/webhooks).
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(30);

/// The listener's default deadline for a body is 30 s too, and this fault waits for its response.
const SLOW_RESPONSE_TIMEOUT: Duration = Duration::from_secs(40);

pub const USER_AGENT: &str = "tawk-listener";

pub type Response = Result<StatusCode, NoResponse>;

/// The reason why there is no response.
#[derive(Clone, Debug)]
pub enum NoResponse {
    Timeout(Duration),
    ConnectionRefused,
    Failed(String),
}

impl fmt::Display for NoResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout(timeout) => write!(f, "no response within {} s", timeout.as_secs()),
            Self::ConnectionRefused => f.write_str("no response: connection refused"),
            Self::Failed(reason) => write!(f, "no response: {reason}"),
        }
    }
}

impl From<anyhow::Error> for NoResponse {
    /// Keeps the root cause only. The errors around it say little else.
    fn from(error: anyhow::Error) -> Self {
        let cause = error.root_cause();
        match cause.downcast_ref().map(io::Error::kind) {
            Some(io::ErrorKind::ConnectionRefused) => Self::ConnectionRefused,
            _ => Self::Failed(cause.to_string()),
        }
    }
}

pub struct Client {
    http: reqwest::Client,
    url: Url,
}

impl Client {
    pub fn new(url: Url) -> anyhow::Result<Self> {
        let mut builder =
            reqwest::Client::builder().user_agent(USER_AGENT).no_proxy().redirect(Policy::none());
        if url.scheme() == "http" {
            // Otherwise a system without certificates could not send at all.
            builder = builder.tls_certs_only([]);
        }
        let http = builder.build().map_err(reqwest::Error::without_url).context(
            "failed to set up TLS; install the package ca-certificates or set SSL_CERT_FILE",
        )?;
        Ok(Self { http, url })
    }

    /// Sends a delivery once, and returns the status of the response.
    pub async fn send(&self, payload: &SignedPayload, event_id: &HeaderValue) -> Response {
        let headers = payload.headers(event_id);
        let limit = match payload.fault {
            Some(Fault::Body(BodyFault::Slow)) => SLOW_RESPONSE_TIMEOUT,
            _ => RESPONSE_TIMEOUT,
        };
        let exchange = async {
            match payload.fault {
                Some(Fault::Body(fault)) => {
                    partial_body::post(&self.url, &headers, &payload.body, fault).await
                }
                _ => self.post(headers, payload).await.map_err(|error| error.without_url().into()),
            }
        };
        match timeout(limit, exchange).await {
            Ok(response) => response.map_err(NoResponse::from),
            Err(_) => Err(NoResponse::Timeout(limit)),
        }
    }

    async fn post(
        &self,
        headers: HeaderMap,
        payload: &SignedPayload,
    ) -> reqwest::Result<StatusCode> {
        let request = self.http.post(self.url.clone()).headers(headers).body(payload.body.clone());
        let mut response = request.send().await?;
        // The connection can be reused only after the whole response is read.
        while let Ok(Some(_)) = response.chunk().await {}
        Ok(response.status())
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use tokio_rustls::rustls::crypto::ring;
    use tower_tawk::Secret;

    use super::*;
    use crate::commands::send::payload;

    #[tokio::test(start_paused = true)]
    async fn times_out_like_tawk_to() {
        let _ = ring::default_provider().install_default();
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", silent.local_addr().unwrap());
        let client = Client::new(Url::parse(&url).unwrap()).unwrap();
        let secret = Secret::new("text").unwrap();
        let payload = payload::select(&[]).unwrap().remove(0);
        for (fault, seconds) in [
            (None, 30),
            (Some(Fault::Body(BodyFault::Truncated)), 30),
            (Some(Fault::Body(BodyFault::Slow)), 40),
        ] {
            let payload = SignedPayload::new(payload.clone(), &secret, fault);
            let response = client.send(&payload, &HeaderValue::from_static("an-id")).await;
            let Err(NoResponse::Timeout(timeout)) = response else { panic!("{response:?}") };
            assert_eq!(timeout.as_secs(), seconds);
        }
    }
}
