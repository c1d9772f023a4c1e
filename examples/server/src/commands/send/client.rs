//! Sends deliveries over HTTP/1.1.

use std::io;
use std::pin::pin;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use bytes::Bytes;
use http::{Request, StatusCode, Uri};
use reqwest::Client;
use reqwest::redirect::Policy;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::fault::{BodyFault, Fault};

/// Timeout for a response. The fault `slow` waits for the one after the listener's deadline for a
/// body, 30 s by default.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(40);

/// Creates a client for this URL.
pub fn client(url: &Uri) -> anyhow::Result<Client> {
    let mut builder =
        Client::builder().user_agent("tawk-listener").no_proxy().redirect(Policy::none());
    if url.scheme_str() == Some("http") {
        // Otherwise a system without certificates could not send at all.
        builder = builder.tls_certs_only([]);
    }
    builder
        .build()
        .map_err(reqwest::Error::without_url)
        .context("failed to set up TLS; install the package ca-certificates or set SSL_CERT_FILE")
}

/// Sends a delivery once, and returns the status of the response.
pub async fn send(
    client: &Client,
    request: Request<Bytes>,
    fault: Option<Fault>,
) -> anyhow::Result<StatusCode> {
    let exchange = async {
        match fault {
            Some(Fault::Body(fault)) => exchange_partially(&request, fault).await,
            _ => exchange(client, request).await.map_err(|error| error.without_url().into()),
        }
    };
    timeout(RESPONSE_TIMEOUT, exchange)
        .await
        .unwrap_or_else(|_| Err(anyhow!("timed out after {} s", RESPONSE_TIMEOUT.as_secs())))
}

async fn exchange(client: &Client, request: Request<Bytes>) -> reqwest::Result<StatusCode> {
    let mut response = client.execute(request.try_into()?).await?;
    // The connection can be reused only after the whole response is read.
    while let Ok(Some(_)) = response.chunk().await {}
    Ok(response.status())
}

/// Sends a body that a listener does not read to its end.
///
/// HTTP clients cannot send it: they never send fewer bytes than they declare, and they lose the
/// response if writing fails because the listener answered early and closed the connection.
async fn exchange_partially(
    request: &Request<Bytes>,
    fault: BodyFault,
) -> anyhow::Result<StatusCode> {
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
    let (mut reader, mut writer) = stream.split();
    let write = async {
        writer.write_all(head.as_bytes()).await?;
        match fault {
            BodyFault::Truncated => {
                writer.write_all(&body[..body.len() / 2]).await?;
                writer.shutdown().await?;
            }
            BodyFault::Oversize => writer.write_all(body).await?,
            BodyFault::Slow => {
                for byte in body {
                    writer.write_u8(*byte).await?;
                    sleep(Duration::from_secs(1)).await;
                }
            }
        }
        io::Result::Ok(())
    };
    // The start of the response, such as `HTTP/1.1 403`.
    let mut start = [0; 12];
    let mut read = pin!(reader.read_exact(&mut start));
    tokio::select! {
        result = &mut read => result?,
        // Reads on after a write error, because the response may have been sent before.
        _ = write => read.await?,
    };
    Ok(StatusCode::from_bytes(&start[9..])?)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use tokio_rustls::rustls::crypto::ring;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn times_out_after_the_default_deadline_of_a_body() {
        let _ = ring::default_provider().install_default();
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", silent.local_addr().unwrap());
        let request = Request::post(&url).body(Bytes::from_static(b"{}")).unwrap();
        let client = client(request.uri()).unwrap();
        for fault in [None, Some(Fault::Body(BodyFault::Truncated))] {
            let response = send(&client, request.clone(), fault).await;
            assert_eq!(response.unwrap_err().to_string(), "timed out after 40 s");
        }
    }
}
