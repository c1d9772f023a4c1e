//! [`Log`]: what is recorded on this thread.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::util::SubscriberInitExt;

/// Keeps what is recorded at DEBUG and above.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// What is recorded while `run` runs, in lines.
    pub(crate) fn of(run: impl FnOnce()) -> String {
        let log = Self::default();
        let writer = log.clone();
        let guard = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_max_level(LevelFilter::DEBUG)
            .with_writer(move || writer.clone())
            .finish()
            .set_default();
        run();
        drop(guard);
        let bytes = log.0.lock().expect("nobody panicked over it").clone();
        String::from_utf8(bytes).expect("records are text")
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panicked over it").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
