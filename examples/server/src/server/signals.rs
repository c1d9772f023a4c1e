//! The signals: SIGTERM and SIGINT (Ctrl-C) stop the listener, SIGHUP reloads its certificates.

use std::io;

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Returns a token that is cancelled by the first SIGTERM or SIGINT from now on.
pub fn shutdown_token() -> io::Result<CancellationToken> {
    let stop = stop()?;
    let token = CancellationToken::new();
    let cancelled = token.clone();
    tokio::spawn(async move {
        stop.await;
        cancelled.cancel();
    });
    Ok(token)
}

#[cfg(unix)]
fn stop() -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

#[cfg(windows)]
fn stop() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = tokio::signal::windows::ctrl_c()?;
    Ok(async move {
        let _ = interrupt.recv().await;
    })
}

/// SIGHUP. From its creation on, it no longer ends the process.
pub struct Hangup(#[cfg(unix)] Signal);

impl Hangup {
    #[cfg(unix)]
    pub fn new() -> io::Result<Self> {
        signal(SignalKind::hangup()).map(Self)
    }

    #[cfg(unix)]
    pub async fn recv(&mut self) {
        let _ = self.0.recv().await;
    }

    #[cfg(windows)]
    pub fn new() -> io::Result<Self> {
        Ok(Self())
    }

    #[cfg(windows)]
    pub async fn recv(&mut self) {
        std::future::pending().await
    }
}
