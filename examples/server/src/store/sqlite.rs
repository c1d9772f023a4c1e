//! [`Sqlite`]: a thread that writes, and one that reads.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use file_id::{FileId, get_file_id};
use rusqlite::types::Value;
use rusqlite::{Connection, params, params_from_iter};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tracing::warn;

use super::database::{MAX_BATCH_DELIVERIES, PendingInsert, Row, collect, respond};
use super::model::{StoreError, Stored, to_unix_millis};
use super::sqlite_file::{beside, connect, create, parse_url, private};
use super::{Access, DATABASE_TIMEOUT};
use crate::supervise::{panic_once, supervise_thread};
use crate::telemetry::metrics::Metrics;

const INSERT: &str = "INSERT INTO deliveries (signature, received_at, secret_label, event_id, \
                      event, chat_id, ticket_id, property_id, headers, body, search_text) \
                      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) \
                      ON CONFLICT (signature) DO NOTHING";

/// Inserts nothing if the channel has a notification of the event.
const NOTIFY: &str = "INSERT INTO outbox (delivery_id, channel, replay, created_at, due_at, \
                      event_key) VALUES (?1, ?2, 0, ?3, ?3, ?4) ON CONFLICT DO NOTHING";

/// Handle to both threads.
#[derive(Clone)]
pub struct Sqlite {
    pub writer: mpsc::Sender<Job>,
    pub reader: mpsc::Sender<Job>,
}

pub enum Job {
    Insert(PendingInsert),
    Run(Box<dyn FnOnce(&Session) + Send>),
    Close,
}

impl Sqlite {
    /// Opens `sqlite:FILE`, `sqlite://FILE` or `sqlite://FILE?mode=rwc`.
    pub fn open(url: &str, access: Access, metrics: Metrics) -> Result<Self> {
        let path = parse_url(url)?;
        if access == Access::Migrate {
            if beside(&path, "-shm").exists() && !beside(&path, "-wal").exists() {
                warn!(
                    "the -wal file of the database was deleted while the listener ran; the last \
                     deliveries may be lost"
                );
            }
            create(&path).with_context(|| format!("failed to create {}", path.display()))?;
        } else if !path.try_exists().with_context(|| path.display().to_string())? {
            bail!("{} is missing; the listener creates it when it starts", path.display());
        }
        let writer = spawn("store-writer", &path, access, metrics.clone())?;
        let reader = spawn("store-reader", &path, access, metrics)?;
        Ok(Self { writer, reader })
    }

    /// Runs statements without parameters in a transaction, however long they take.
    pub async fn execute_all(&self, sql: &str) -> Result<(), StoreError> {
        let sql = format!("BEGIN IMMEDIATE; {sql}; COMMIT");
        run(&self.writer, move |connection| connection.execute_batch(&sql)).await
    }

    /// Copies the database to a new file, readable by its owner only.
    pub async fn backup(&self, file: &Path) -> Result<()> {
        let file = std::path::absolute(file)?;
        let name = file.to_str().context("the name is not UTF-8")?.to_owned();
        private().create_new(true).open(&file)?;
        let copy = move |connection: &Connection| connection.execute("VACUUM INTO ?1", [name]);
        let copied = run(&self.reader, copy).await;
        if copied.is_err() {
            fs::remove_file(&file)?;
        }
        copied?;
        Ok(private().open(&file)?.sync_all()?)
    }

    /// Closes both connections, the writer's last: SQLite then removes its other files.
    pub async fn close(&self) {
        for thread in [&self.reader, &self.writer] {
            let _ = thread.send(Job::Close).await;
            thread.closed().await;
        }
    }
}

pub async fn query(
    thread: &mpsc::Sender<Job>,
    sql: &str,
    values: Vec<Value>,
) -> Result<Vec<Row>, StoreError> {
    let sql = sql.to_owned();
    let query = run(thread, move |connection| {
        panic_once("store-reader");
        let mut statement = connection.prepare_cached(&sql)?;
        let columns: Vec<_> = statement.column_names().map(str::to_owned).collect();
        let rows = statement.query_map(params_from_iter(values), |row| {
            let values = columns.iter().map(|name| Ok((name.clone(), row.get(&**name)?)));
            values.collect::<rusqlite::Result<_>>().map(Row::Sqlite)
        })?;
        rows.collect()
    });
    timeout(DATABASE_TIMEOUT, query).await.unwrap_or(Err(StoreError::Timeout))
}

/// Does nothing if the caller has timed out before the thread has time.
async fn run<T: Send + 'static>(
    thread: &mpsc::Sender<Job>,
    work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
) -> Result<T, StoreError> {
    let (response, result) = oneshot::channel();
    let job = move |session: &Session| {
        if !response.is_closed() {
            let _ = response.send(session.run(work));
        }
    };
    thread.send(Job::Run(Box::new(job))).await.map_err(|_| StoreError::Closed)?;
    result.await.map_err(|_| StoreError::Closed)?
}

fn spawn(
    name: &'static str,
    path: &Path,
    access: Access,
    metrics: Metrics,
) -> Result<mpsc::Sender<Job>> {
    let connection = connect(path, access)?;
    let files = [path.to_owned(), beside(path, "-wal")];
    let session = Session { connection, ids: get_ids(&files), files };
    let (sender, mut jobs) = mpsc::channel(MAX_BATCH_DELIVERIES);
    let work = move || {
        supervise_thread(name, || session.serve(&mut jobs, &metrics));
        // Before `jobs`, whose end `close` waits for.
        drop(session);
    };
    let thread = thread::Builder::new().name(name.to_owned());
    thread.spawn(work).context("failed to start a thread for the database")?;
    Ok(sender)
}

pub struct Session {
    connection: Connection,
    /// The database and its write-ahead log.
    files: [PathBuf; 2],
    ids: [Option<FileId>; 2],
}

impl Session {
    /// Does job after job until it is closed. Consecutive inserts share a transaction.
    fn serve(&self, jobs: &mut mpsc::Receiver<Job>, metrics: &Metrics) {
        let mut next = None;
        while let Some(job) = next.take().or_else(|| jobs.blocking_recv()) {
            match job {
                Job::Insert(first) => {
                    panic_once("store-writer");
                    // Lets others send theirs, so that they share the commit.
                    thread::yield_now();
                    let batch = collect(first, || match jobs.try_recv().ok()? {
                        Job::Insert(insert) => Some(insert),
                        other => {
                            next = Some(other);
                            None
                        }
                    });
                    let begun = Instant::now();
                    let outcome = self.run(|connection| insert(connection, &batch));
                    metrics.commit_duration.observe(begun.elapsed().as_secs_f64());
                    respond(batch, &outcome);
                }
                Job::Run(work) => work(self),
                Job::Close => return,
            }
        }
    }

    /// Runs `work`, and rolls back what it has not committed.
    fn run<T>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let result = work(&self.connection);
        if !self.connection.is_autocommit() {
            let _ = self.connection.execute_batch("ROLLBACK");
        }
        if get_ids(&self.files) == self.ids {
            return Ok(result?);
        }
        // SQLite continues in deleted files, until they are closed. Another connection could not
        // read a deleted write-ahead log. Move what was committed into the database file.
        let _ = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        let error = "the file or the -wal file of the database was deleted or replaced; put it \
                     back, or start the listener again";
        Err(StoreError::Failed(error.to_owned()))
    }
}

fn get_ids(files: &[PathBuf; 2]) -> [Option<FileId>; 2] {
    files.each_ref().map(|file| get_file_id(file).ok())
}

fn insert(connection: &Connection, inserts: &[PendingInsert]) -> rusqlite::Result<Vec<Stored>> {
    connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    let mut insert_delivery = connection.prepare_cached(INSERT)?;
    let mut insert_notification = connection.prepare_cached(NOTIFY)?;
    let mut stored = Vec::with_capacity(inserts.len());
    for PendingInsert { delivery, recipients, search_text, .. } in inserts {
        let received_at = to_unix_millis(delivery.received_at);
        let inserted = insert_delivery.execute(params![
            delivery.signature.as_bytes(),
            received_at,
            delivery.secret_label,
            delivery.event_id,
            delivery.event,
            delivery.chat_id,
            delivery.ticket_id,
            delivery.property_id,
            delivery.headers,
            &delivery.body[..],
            search_text,
        ])?;
        if inserted == 0 {
            stored.push(Stored::Duplicate);
            continue;
        }
        let id = connection.last_insert_rowid();
        for recipient in recipients {
            let event_key = recipient.event_key(delivery);
            insert_notification.execute(params![id, recipient.channel, received_at, event_key])?;
        }
        stored.push(Stored::New { id });
    }
    connection.prepare_cached("COMMIT")?.execute([])?;
    Ok(stored)
}
