//! The signals: SIGTERM and SIGINT (Ctrl-C) stop the listener, SIGHUP reloads its certificates.

use std::io;
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

#[derive(Clone, Default)]
pub struct Signals {
    pub shutdown: CancellationToken,
    pub reload: Arc<Notify>,
}

impl Signals {
    /// Handles the signals from now on. None of them ends the process any more.
    pub fn handle() -> io::Result<Self> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut hangup = signal(SignalKind::hangup())?;
        let signals = Self::default();
        let Self { shutdown, reload } = signals.clone();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = terminate.recv() => shutdown.cancel(),
                    _ = interrupt.recv() => shutdown.cancel(),
                    _ = hangup.recv() => reload.notify_one(),
                }
            }
        });
        Ok(signals)
    }
}
