//! [`LogWriter`]: writes log records from a separate thread, so that requests never wait for the
//! program that reads the log, and go on if it is gone.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::mem;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use prometheus_client::metrics::counter::Counter;

/// Maximum bytes of records that wait to be written. Further records are dropped.
const MAX_PENDING: usize = 4 << 20;

/// Delay before a full non-blocking pipe is written to again.
const RETRY_INTERVAL: Duration = Duration::from_millis(10);

/// How long a record waits for others, so that they are written together.
const BATCH_DELAY: Duration = Duration::from_millis(2);

/// Timeout for the last records to be written.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// A queue of records. Cheap to clone.
#[derive(Clone)]
pub struct LogWriter(Arc<Shared>);

struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
    /// Counts records that did not fit or could not be written.
    dropped: Counter,
}

#[derive(Default)]
struct Queue {
    /// Each record ends with a newline.
    records: Vec<u8>,
    is_writing: bool,
}

impl LogWriter {
    pub fn start(output: File, dropped: Counter) -> io::Result<Self> {
        let shared = Shared { queue: Mutex::default(), changed: Condvar::new(), dropped };
        let writer = Self(Arc::new(shared));
        let shared = Arc::clone(&writer.0);
        thread::Builder::new().name("log".to_owned()).spawn(move || shared.run(output))?;
        Ok(writer)
    }

    /// Waits until all records are written, for at most a second.
    pub fn flush(&self) {
        let is_busy = |queue: &mut Queue| queue.is_writing || !queue.records.is_empty();
        self.0.changed.wait_while_for(&mut self.0.queue.lock(), is_busy, FLUSH_TIMEOUT);
    }
}

/// Adds a whole record to the queue. Never fails and never waits.
impl Write for LogWriter {
    fn write(&mut self, record: &[u8]) -> io::Result<usize> {
        let mut queue = self.0.queue.lock();
        if queue.records.len() + record.len() > MAX_PENDING {
            self.0.dropped.inc();
        } else {
            queue.records.extend_from_slice(record);
            if !queue.is_writing {
                self.0.changed.notify_all();
            }
        }
        Ok(record.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    /// Writes forever. Records that arrive meanwhile are written together.
    fn run(&self, mut output: File) {
        let mut records = Vec::new();
        let mut is_torn = false;
        loop {
            let mut queue = self.queue.lock();
            queue.is_writing = false;
            self.changed.notify_all();
            self.changed.wait_while(&mut queue, |queue| queue.records.is_empty());
            queue.is_writing = true;
            drop(queue);
            thread::sleep(BATCH_DELAY);
            records.clear();
            mem::swap(&mut records, &mut self.queue.lock().records);
            self.write(&mut output, &records, &mut is_torn);
        }
    }

    /// Drops and counts the records that cannot be written. `is_torn` says whether the output ends
    /// in the middle of one.
    fn write(&self, output: &mut File, records: &[u8], is_torn: &mut bool) {
        let mut rest = records;
        while !rest.is_empty() {
            match output.write(if *is_torn { b"\n" } else { rest }) {
                Ok(1..) if *is_torn => *is_torn = false,
                Ok(written @ 1..) => rest = &rest[written..],
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    thread::sleep(RETRY_INTERVAL);
                }
                Ok(0) | Err(_) => {
                    let written = &records[..records.len() - rest.len()];
                    *is_torn |= written.last().is_some_and(|byte| *byte != b'\n');
                    let end = rest.iter().position(|byte| *byte == b'\n');
                    rest = &rest[end.map_or(rest.len(), |end| end + 1)..];
                    self.dropped.inc();
                }
            }
        }
    }
}
