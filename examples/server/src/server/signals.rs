//! The signals: SIGTERM and SIGINT (Ctrl-C) stop the listener, SIGHUP reloads its certificates.

use std::io;
use std::sync::Arc;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// What the signals from now on cause. SIGHUP no longer ends the process.
#[derive(Clone, Default)]
pub struct Signals {
    pub shutdown: CancellationToken,
    pub reload: Arc<Notify>,
}

impl Signals {
    #[cfg(unix)]
    pub fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut hangup = signal(SignalKind::hangup())?;
        let signals = Self::default();
        let caused = signals.clone();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = terminate.recv() => caused.shutdown.cancel(),
                    _ = interrupt.recv() => caused.shutdown.cancel(),
                    _ = hangup.recv() => caused.reload.notify_one(),
                }
            }
        });
        Ok(signals)
    }

    #[cfg(windows)]
    pub fn new() -> io::Result<Self> {
        let mut interrupt = tokio::signal::windows::ctrl_c()?;
        let signals = Self::default();
        let shutdown = signals.shutdown.clone();
        tokio::spawn(async move {
            let _ = interrupt.recv().await;
            shutdown.cancel();
        });
        Ok(signals)
    }
}
