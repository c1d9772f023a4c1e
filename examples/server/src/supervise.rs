//! Restarts what panics, so that the listener does not continue without it.

use std::env;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;
use tracing::error;

const RESTART_DELAY: Duration = Duration::from_secs(1);

/// Restarts a task that panics. The panic hook has logged why.
pub async fn supervise<F>(name: impl fmt::Display, task: impl Fn() -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    while AbortOnDropHandle::new(tokio::spawn(task())).await.is_err() {
        error!(task = %name, "background task panicked; restarting");
        sleep(RESTART_DELAY).await;
    }
}

pub fn supervise_thread(name: &'static str, mut work: impl FnMut()) {
    while catch_unwind(AssertUnwindSafe(&mut work)).is_err() {
        error!(thread = name, "thread panicked; restarting");
        thread::sleep(RESTART_DELAY);
    }
}

/// In debug builds, panics once if a test has set `TAWK_PANIC_ONCE` to `name`.
pub fn panic_once(name: &str) {
    static HAS_PANICKED: AtomicBool = AtomicBool::new(false);

    if cfg!(debug_assertions) && env::var("TAWK_PANIC_ONCE").is_ok_and(|panics| panics == name) {
        assert!(HAS_PANICKED.swap(true, Ordering::Relaxed), "TAWK_PANIC_ONCE");
    }
}
