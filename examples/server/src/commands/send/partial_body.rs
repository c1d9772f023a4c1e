//! Sends bodies that a listener does not read to their end.
//!
//! HTTP clients cannot send them: they never send fewer bytes than they declare, and they lose the
//! response if writing fails because the listener answered early and closed the connection.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use http::header::{CONTENT_LENGTH, HOST, HeaderMap, USER_AGENT};
use http::{HeaderValue, StatusCode};
use reqwest::Url;
use rustls_platform_verifier::ConfigVerifierExt as _;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::sleep;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

use super::client;
use super::fault::BodyFault;

const SLOW_BYTE_INTERVAL: Duration = Duration::from_secs(1);

const MAX_STATUS_LINE: u64 = 8 * 1024;

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Posts `body` with a fault, and returns the status of the response as soon as it arrives.
pub async fn post(
    url: &Url,
    headers: &HeaderMap,
    body: &[u8],
    fault: BodyFault,
) -> anyhow::Result<StatusCode> {
    let (reader, mut writer) = tokio::io::split(connect(url).await?);
    let head = head(url, headers, body.len())?;
    let write = async {
        writer.write_all(&head).await?;
        match fault {
            BodyFault::Truncated => {
                writer.write_all(&body[..body.len() / 2]).await?;
                writer.shutdown().await
            }
            BodyFault::Oversize => {
                writer.write_all(body).await?;
                writer.flush().await
            }
            BodyFault::Slow => write_slowly(&mut writer, body).await,
        }
    };
    let mut status = std::pin::pin!(read_status(reader));
    tokio::select! {
        status = &mut status => status,
        // Reads on after a write error, because the response may have been sent before.
        _ = write => status.await,
    }
}

async fn write_slowly(writer: &mut (impl AsyncWrite + Unpin), body: &[u8]) -> std::io::Result<()> {
    for byte in body {
        writer.write_u8(*byte).await?;
        writer.flush().await?;
        sleep(SLOW_BYTE_INTERVAL).await;
    }
    Ok(())
}

async fn connect(url: &Url) -> anyhow::Result<Box<dyn Stream>> {
    let host = url.host_str().context("URL has no host")?.trim_matches(['[', ']']);
    let port = url.port_or_known_default().context("URL has no port")?;
    let stream = TcpStream::connect((host, port)).await?;
    stream.set_nodelay(true)?;
    if url.scheme() != "https" {
        return Ok(Box::new(stream));
    }
    let tls = TlsConnector::from(Arc::new(ClientConfig::with_platform_verifier()?));
    let name = ServerName::try_from(host.to_owned())?;
    Ok(Box::new(tls.connect(name, stream).await?))
}

fn head(url: &Url, headers: &HeaderMap, body_len: usize) -> anyhow::Result<Vec<u8>> {
    let mut headers = headers.clone();
    headers.insert(HOST, HeaderValue::from_str(url.authority())?);
    headers.insert(USER_AGENT, HeaderValue::from_static(client::USER_AGENT));
    headers.insert(CONTENT_LENGTH, body_len.into());

    let path = url.path();
    let mut head = match url.query() {
        Some(query) => format!("POST {path}?{query} HTTP/1.1\r\n"),
        None => format!("POST {path} HTTP/1.1\r\n"),
    }
    .into_bytes();
    for (name, value) in &headers {
        let line = [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"];
        head.extend(line.concat());
    }
    head.extend_from_slice(b"\r\n");
    Ok(head)
}

/// Reads the status from a line such as `HTTP/1.1 403 Forbidden`.
async fn read_status(reader: impl AsyncRead + Unpin) -> anyhow::Result<StatusCode> {
    let mut line = Vec::new();
    BufReader::new(reader.take(MAX_STATUS_LINE)).read_until(b'\n', &mut line).await?;
    if line.is_empty() {
        bail!("connection closed");
    }
    line.strip_prefix(b"HTTP/1.")
        .and_then(|rest| rest.split(u8::is_ascii_whitespace).nth(1))
        .and_then(|digits| StatusCode::from_bytes(digits).ok())
        .context("the response is not HTTP/1.x")
}
