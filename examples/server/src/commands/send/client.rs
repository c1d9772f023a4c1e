//! Sends deliveries over HTTP/1.1.

use std::convert::Infallible;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::{Request, StatusCode};
use http_body::Frame;
use http_body_util::StreamBody;
use reqwest::header::CONTENT_LENGTH;
use reqwest::{Body, Client};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::fault::Fault;

/// Timeout for a response. The listener responds to the fault `slow` after 30 s by default.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(40);

/// Sends a delivery once, and returns the status of the response.
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

/// Makes the body arrive one byte a second.
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
}
