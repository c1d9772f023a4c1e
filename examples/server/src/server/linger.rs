//! [`LingeringStream`]: lets the client receive a response before the connection is closed.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};
use tokio_util::sync::CancellationToken;

use crate::access::connections::{Connection, Phase};

/// Maximum number of bytes that are read and dropped.
const MAX_LINGER: usize = 16 << 20;

const LINGER_TIMEOUT: Duration = Duration::from_secs(2);

/// A stream that, when it is shut down, reads what the client still sends. Closing a socket with
/// unread bytes resets the connection, and the client, or a proxy before it, loses the response.
///
/// Goes under TLS, which can't be read once it is shut down.
pub struct LingeringStream<S> {
    stream: S,
    connection: Arc<Connection>,
    shutdown: CancellationToken,
    linger: Option<Linger>,
}

struct Linger {
    timeout: Pin<Box<Sleep>>,
    received: usize,
}

impl<S> LingeringStream<S> {
    pub fn new(stream: S, connection: Arc<Connection>, shutdown: CancellationToken) -> Self {
        Self { stream, connection, shutdown, linger: None }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for LingeringStream<S> {
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let linger = match &mut this.linger {
            Some(linger) => linger,
            None => {
                ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
                if this.shutdown.is_cancelled() {
                    return Poll::Ready(Ok(()));
                }
                this.connection.enter(Phase::Lingering);
                this.linger.insert(Linger { timeout: Box::pin(sleep(LINGER_TIMEOUT)), received: 0 })
            }
        };
        let mut buffer = [0; 16 * 1024];
        while linger.received < MAX_LINGER && linger.timeout.as_mut().poll(cx).is_pending() {
            let mut buffer = ReadBuf::new(&mut buffer);
            ready!(Pin::new(&mut this.stream).poll_read(cx, &mut buffer))?;
            if buffer.filled().is_empty() {
                break;
            }
            linger.received += buffer.filled().len();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for LingeringStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        if buffer.filled().len() > before {
            self.connection.received();
        }
        Poll::Ready(Ok(()))
    }
}
