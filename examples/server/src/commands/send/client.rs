//! Sends deliveries over HTTP/1.1, optionally with a [`Fault`]. Also for `inbox forward`.

use std::convert::Infallible;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use bytes::Bytes;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use futures_util::{StreamExt as _, stream};
use http::{Request, StatusCode};
use http_body_util::StreamBody;
use hyper::body::Frame;
use reqwest::header::CONTENT_LENGTH;
use reqwest::{Body, Client};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tower_tawk::test_util::Fault as SignatureFault;

/// Timeout for a response. The listener responds to the fault `slow` after 30 s by default.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(40);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Signature(SignatureFault),
    Truncated,
    Oversize,
    Slow,
    /// The delivery is sent twice, as after a response that Tawk.to missed. It is not rejected.
    Duplicate,
}

/// The arguments of `--fault`, with their help.
const FAULTS: [(&str, Fault, &str); 14] = [
    ("missing", Fault::Signature(SignatureFault::Missing), "no signature: 403"),
    ("empty", Fault::Signature(SignatureFault::Empty), "empty signature: 403"),
    ("prefixed", Fault::Signature(SignatureFault::Prefixed), "sha1= before the signature: 403"),
    ("base64", Fault::Signature(SignatureFault::Base64), "signature in base64: 403"),
    ("sha256", Fault::Signature(SignatureFault::Sha256), "signature of 64 hex digits: 403"),
    ("too-short", Fault::Signature(SignatureFault::TooShort), "signature of 39 hex digits: 403"),
    ("not-hex", Fault::Signature(SignatureFault::NotHex), "signature that is not hex: 403"),
    ("multiple", Fault::Signature(SignatureFault::MultipleSignatures), "two signatures: 403"),
    ("wrong-secret", Fault::Signature(SignatureFault::WrongSecret), "another secret: 403"),
    ("altered", Fault::Signature(SignatureFault::Altered), "body changed after signing: 403"),
    ("truncated", Fault::Truncated, "half of the declared length: 400"),
    ("oversize", Fault::Oversize, "3 MiB, above the default limit: 413"),
    ("slow", Fault::Slow, "one byte a second, until the deadline: 408"),
    ("duplicate", Fault::Duplicate, "every delivery twice, with one event id: 2xx"),
];

impl Fault {
    /// Returns the status of the expected rejection, or `None` if 2xx is expected.
    pub const fn expected_rejection(self) -> Option<StatusCode> {
        match self {
            Self::Signature(_) => Some(StatusCode::FORBIDDEN),
            Self::Truncated => Some(StatusCode::BAD_REQUEST),
            Self::Oversize => Some(StatusCode::PAYLOAD_TOO_LARGE),
            Self::Slow => Some(StatusCode::REQUEST_TIMEOUT),
            Self::Duplicate => None,
        }
    }

    pub fn parser() -> impl TypedValueParser<Value = Self> {
        let names = FAULTS.map(|(name, _, help)| PossibleValue::new(name).help(help));
        PossibleValuesParser::new(names).map(|name| {
            let fault = FAULTS.into_iter().find(|fault| fault.0 == name);
            fault.expect("the parser accepts these names only").1
        })
    }
}

pub fn describe(response: &Result<StatusCode>) -> String {
    match response {
        Ok(status) => status.as_str().to_owned(),
        // The errors around the root cause say little else.
        Err(error) => format!("no response: {}", error.root_cause()),
    }
}

pub async fn send(
    client: &Client,
    request: Request<Bytes>,
    fault: Option<Fault>,
) -> Result<StatusCode> {
    let exchange = async {
        match fault {
            Some(Fault::Truncated) => exchange_half(&request).await,
            Some(Fault::Slow) => exchange(client, slowly(request)).await,
            _ => exchange(client, request).await,
        }
    };
    timeout(RESPONSE_TIMEOUT, exchange)
        .await
        .unwrap_or_else(|_| Err(anyhow!("timed out after {} s", RESPONSE_TIMEOUT.as_secs())))
}

async fn exchange(client: &Client, request: Request<impl Into<Body>>) -> Result<StatusCode> {
    let response = client.execute(request.try_into()?).await;
    let mut response = response.map_err(reqwest::Error::without_url)?;
    // The connection can be reused only after the whole response is read.
    while let Ok(Some(_)) = response.chunk().await {}
    Ok(response.status())
}

fn slowly(request: Request<Bytes>) -> Request<Body> {
    let (mut head, body) = request.into_parts();
    head.headers.insert(CONTENT_LENGTH, body.len().into());
    let frames = stream::iter(body).then(async |byte| {
        sleep(Duration::from_secs(1)).await;
        Ok::<_, Infallible>(Frame::data(Bytes::from(vec![byte])))
    });
    Request::from_parts(head, Body::wrap(StreamBody::new(frames)))
}

/// Sends half of the body. HTTP clients never send fewer bytes than they declare.
async fn exchange_half(request: &Request<Bytes>) -> Result<StatusCode> {
    let (url, body) = (request.uri(), request.body());
    let authority = url.authority().context("URL has no host")?;
    let target = url.path_and_query().context("URL has no path")?;
    let mut head = format!("POST {target} HTTP/1.1\r\nhost: {authority}\r\n");
    head += &format!("content-length: {}\r\n", body.len());
    for (name, value) in request.headers() {
        head += &format!("{name}: {}\r\n", value.to_str()?);
    }
    head += "\r\n";

    let port = authority.port_u16().unwrap_or(80);
    let mut stream = TcpStream::connect(format!("{}:{port}", authority.host())).await?;
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(&body[..body.len() / 2]).await?;
    stream.shutdown().await?;
    // The start of the response, such as `HTTP/1.1 400`.
    let mut start = [0; 12];
    stream.read_exact(&mut start).await?;
    Ok(StatusCode::from_bytes(&start[9..])?)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use tokio_rustls::rustls::crypto::ring;

    use super::*;
    use crate::http_client;

    #[tokio::test(start_paused = true)]
    async fn times_out_after_the_default_deadline_of_a_body() {
        let _ = ring::default_provider().install_default();
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", silent.local_addr().unwrap());
        let request = Request::post(&url).body(Bytes::from_static(b"{}")).unwrap();
        let client = http_client::builder("http").build().unwrap();
        for fault in [None, Some(Fault::Truncated)] {
            let response = send(&client, request.clone(), fault).await;
            assert_eq!(response.unwrap_err().to_string(), "timed out after 40 s");
        }
    }

    #[test]
    fn every_signature_fault_has_a_name() {
        for fault in SignatureFault::ALL {
            let fault = Fault::Signature(*fault);
            assert!(FAULTS.iter().any(|(_, other, _)| *other == fault), "{fault:?}");
        }
    }
}
