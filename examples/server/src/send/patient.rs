//! [`Patient`]: a connection whose broken writes do not hide an answer.
//!
//! A listener may answer over a body that it has not read, 413 say, and close: then a write fails
//! while the answer waits to be read. hyper gives such an exchange up; here it learns of the
//! failure from reading alone, after the answer.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::target::Stream;

/// Takes every byte that is written once the other side takes no more.
pub(super) struct Patient {
    stream: Box<dyn Stream>,
    is_broken: bool,
}

impl Patient {
    pub(super) fn new(stream: Box<dyn Stream>) -> Self {
        Self { stream, is_broken: false }
    }

    fn or_broken<T>(&mut self, written: Poll<io::Result<T>>, instead: T) -> Poll<io::Result<T>> {
        match written {
            Poll::Ready(Err(_)) => {
                self.is_broken = true;
                Poll::Ready(Ok(instead))
            }
            written => written,
        }
    }
}

impl AsyncRead for Patient {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Patient {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.is_broken {
            return Poll::Ready(Ok(bytes.len()));
        }
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.or_broken(written, bytes.len())
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_broken {
            return Poll::Ready(Ok(()));
        }
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.or_broken(flushed, ())
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex, join};

    use super::*;

    #[tokio::test]
    async fn an_answer_can_be_read_though_writing_fails() {
        let (writer, other_end) = duplex(64);
        drop(other_end);
        let mut patient = Patient::new(Box::new(join(&b"an answer"[..], writer)));

        patient.write_all(&[0; 1000]).await.unwrap();
        patient.flush().await.unwrap();

        let mut answer = String::new();
        patient.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer, "an answer");
    }
}
