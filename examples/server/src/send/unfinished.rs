//! Sends a body that does not arrive as declared: cut off, or byte by byte. HTTP clients do not
//! do this, so here the request is written by hand.

use std::io;
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::time::sleep;

use super::target::Stream;

const PAUSE: Duration = Duration::from_secs(1);

/// The longest status line that is read.
const STATUS_LINE_MOST: u64 = 8 * 1024;

/// How a body does not arrive.
#[derive(Clone, Copy)]
pub(super) enum Manner {
    /// The first half, and then the end of the stream.
    CutOff,
    /// One byte a second.
    ByteByByte,
}

/// Posts `body`, and returns the status as soon as it is there.
pub(super) async fn post(
    stream: Box<dyn Stream>,
    path: &str,
    headers: &HeaderMap,
    body: &[u8],
    manner: Manner,
) -> io::Result<StatusCode> {
    let (reader, mut writer) = tokio::io::split(stream);
    let head = head(path, headers, body.len());
    let write = async {
        writer.write_all(&head).await?;
        match manner {
            Manner::CutOff => cut_off(&mut writer, body).await,
            Manner::ByteByByte => byte_by_byte(&mut writer, body).await,
        }
    };
    let mut status = std::pin::pin!(status(reader));
    tokio::select! {
        status = &mut status => status,
        // Also when it failed: the listener may have answered before it closed.
        _ = write => status.await,
    }
}

async fn cut_off(writer: &mut (impl AsyncWrite + Unpin), body: &[u8]) -> io::Result<()> {
    writer.write_all(&body[..body.len() / 2]).await?;
    writer.shutdown().await
}

async fn byte_by_byte(writer: &mut (impl AsyncWrite + Unpin), body: &[u8]) -> io::Result<()> {
    for byte in body {
        writer.write_u8(*byte).await?;
        writer.flush().await?;
        sleep(PAUSE).await;
    }
    Ok(())
}

/// RFC 9112, sections 3 and 5.
fn head(path: &str, headers: &HeaderMap, length: usize) -> Vec<u8> {
    let mut head = format!("POST {path} HTTP/1.1\r\ncontent-length: {length}\r\n").into_bytes();
    for (name, value) in headers {
        head.extend_from_slice(name.as_str().as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    head
}

/// RFC 9112, section 4: `HTTP/1.1 403 Forbidden`.
async fn status(reader: impl AsyncRead + Unpin) -> io::Result<StatusCode> {
    let mut line = Vec::new();
    BufReader::new(reader.take(STATUS_LINE_MOST)).read_until(b'\n', &mut line).await?;
    if line.is_empty() {
        return Err(io::Error::other("connection closed"));
    }
    line.strip_prefix(b"HTTP/1.")
        .and_then(|rest| rest.split(u8::is_ascii_whitespace).nth(1))
        .and_then(|digits| StatusCode::from_bytes(digits).ok())
        .ok_or_else(|| io::Error::other("what came back is not HTTP/1.x"))
}
