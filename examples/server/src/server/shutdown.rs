//! The signals that shut the listener down: SIGTERM, as hosts send it, and Ctrl-C.

use std::io;

use tokio_util::sync::CancellationToken;

/// Returns a token that is cancelled by the first signal. No signal from now on is missed.
pub fn token() -> io::Result<CancellationToken> {
    let signal = signal()?;
    let token = CancellationToken::new();
    let cancelled = token.clone();
    tokio::spawn(async move {
        signal.await;
        cancelled.cancel();
    });
    Ok(token)
}

#[cfg(unix)]
fn signal() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};

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
fn signal() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = tokio::signal::windows::ctrl_c()?;
    Ok(async move {
        let _ = interrupt.recv().await;
    })
}
