//! [`Sqlite`]: a thread that writes, and one that reads.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use file_id::{FileId, get_file_id};
use rusqlite::types::Value;
use rusqlite::{Connection, ErrorCode, params, params_from_iter};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::database::Row;
use super::migrations;
use super::model::{StoreError, Stored, to_unix_millis};
use super::sqlite_file::{Mode, beside, connect, create, parse_url, private};
use super::writer::{self, MAX_BATCH_DELIVERIES, PendingInsert};
use super::{Access, DATABASE_TIMEOUT};
use crate::supervise::{panic_once, supervise_thread};
use crate::telemetry::metrics::Metrics;

const INSERT: &str = "INSERT INTO deliveries (signature, received_at, secret_label, event_id, \
                      event, chat_id, ticket_id, property_id, headers, body) \
                      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) \
                      ON CONFLICT (signature) DO NOTHING";

/// Inserts nothing if the channel has a notification of the event.
const NOTIFY: &str = "INSERT INTO outbox (delivery_id, channel, replay, created_at, due_at, \
                      event_key) VALUES (?1, ?2, 0, ?3, ?3, ?4) ON CONFLICT DO NOTHING";

const DELETED: &str = "the database file was deleted or replaced; put it back, or start the \
                       listener again";

/// Handle to both threads. Cheap to clone.
#[derive(Clone)]
pub struct Sqlite {
    pub writer: mpsc::Sender<Job>,
    pub reader: mpsc::Sender<Job>,
    /// The write-ahead log was deleted while the listener ran, and the listener was killed.
    pub lost_wal: bool,
}

pub enum Job {
    Insert(PendingInsert),
    Query {
        sql: String,
        values: Vec<Value>,
        response: oneshot::Sender<Result<Vec<Row>, StoreError>>,
    },
    Close,
}

impl Sqlite {
    /// Opens `sqlite:FILE`, `sqlite://FILE` or `sqlite://FILE?mode=rwc`, and migrates its schema.
    ///
    /// # Errors
    ///
    /// If the file is not a database, is locked, or a newer listener has migrated it.
    pub async fn open(url: &str, access: Access, metrics: Metrics) -> Result<Self> {
        let path = parse_url(url)?;
        let lost_wal = beside(&path, "-shm").exists() && !beside(&path, "-wal").exists();
        if access == Access::Migrate {
            create(&path).with_context(|| format!("failed to create {}", path.display()))?;
            let connect = || connect(&path, Mode::ReadWrite);
            migrations::retry(async || migrations::migrate_sqlite(&mut connect()?)).await?;
        } else if !path.try_exists().with_context(|| path.display().to_string())? {
            bail!("{} is missing; the listener creates it when it starts", path.display());
        }
        let mode = match access {
            Access::Read if !beside(&path, "-wal").exists() => Mode::Immutable,
            Access::Read => Mode::ReadOnly,
            Access::Migrate | Access::Write => Mode::ReadWrite,
        };
        let reader = spawn("store-reader", &path, mode, metrics.clone())?;
        if access == Access::Read {
            return Ok(Self { writer: reader.clone(), reader, lost_wal });
        }
        let writer = spawn("store-writer", &path, mode, metrics)?;
        Ok(Self { writer, reader, lost_wal })
    }

    pub async fn insert(&self, insert: PendingInsert) -> Result<(), StoreError> {
        self.writer.send(Job::Insert(insert)).await.map_err(|_| StoreError::Closed)
    }

    /// Copies the database to a new file, readable by its owner only.
    ///
    /// # Errors
    ///
    /// If the file exists or can't be written.
    pub async fn backup(&self, file: &Path) -> Result<()> {
        let file = std::path::absolute(file)?;
        let name = file.to_str().context("the name is not UTF-8")?.to_owned();
        private().create_new(true).open(&file)?;
        let copied = run(&self.reader, "VACUUM INTO $1", vec![name.into()]).await;
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

/// Runs a statement on a thread's connection.
pub async fn query(
    thread: &mpsc::Sender<Job>,
    sql: &str,
    values: Vec<Value>,
) -> Result<Vec<Row>, StoreError> {
    let query = run(thread, sql, values);
    timeout(DATABASE_TIMEOUT, query).await.unwrap_or(Err(StoreError::Timeout))
}

async fn run(
    thread: &mpsc::Sender<Job>,
    sql: &str,
    values: Vec<Value>,
) -> Result<Vec<Row>, StoreError> {
    let (response, rows) = oneshot::channel();
    let job = Job::Query { sql: sql.to_owned(), values, response };
    thread.send(job).await.map_err(|_| StoreError::Closed)?;
    rows.await.map_err(|_| StoreError::Closed)?
}

fn spawn(
    name: &'static str,
    path: &Path,
    mode: Mode,
    metrics: Metrics,
) -> Result<mpsc::Sender<Job>> {
    let (id, wal) = (get_file_id(path)?, beside(path, "-wal"));
    let mut session = Session { path: path.into(), id, wal, wal_id: None, mode, connection: None };
    let (sender, mut jobs) = mpsc::channel(MAX_BATCH_DELIVERIES);
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || supervise_thread(name, || session.serve(name, &mut jobs, &metrics)))
        .context("failed to start a thread for the database")?;
    Ok(sender)
}

/// The connection of a thread.
struct Session {
    path: PathBuf,
    id: FileId,
    /// The write-ahead log, and its id since the connection was opened.
    wal: PathBuf,
    wal_id: Option<FileId>,
    mode: Mode,
    connection: Option<Connection>,
}

impl Session {
    /// Does job after job until it is closed. Consecutive inserts share a transaction.
    fn serve(&mut self, name: &str, jobs: &mut mpsc::Receiver<Job>, metrics: &Metrics) {
        let mut next = None;
        while let Some(job) = next.take().or_else(|| jobs.blocking_recv()) {
            panic_once(name);
            match job {
                Job::Insert(first) => {
                    let batch = writer::collect(first, || match jobs.try_recv().ok()? {
                        Job::Insert(insert) => Some(insert),
                        other => {
                            next = Some(other);
                            None
                        }
                    });
                    let begun = Instant::now();
                    let outcome = self.run(|connection| insert(connection, &batch));
                    metrics.commit(begun.elapsed());
                    writer::respond(batch, outcome);
                }
                Job::Query { sql, values, response } if !response.is_closed() => {
                    let _ = response.send(self.run(|connection| select(connection, &sql, values)));
                }
                Job::Query { .. } => {}
                Job::Close => {
                    // Before the channel, whose end `close` waits for.
                    self.connection = None;
                    return;
                }
            }
        }
    }

    fn is_same_file(&self) -> bool {
        get_file_id(&self.path).ok() == Some(self.id)
    }

    /// Runs `work`. After an error the connection is replaced, since its state is unknown.
    fn run<T>(
        &mut self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None if !self.is_same_file() => return Err(StoreError::new(DELETED)),
            None => {
                let connection = connect(&self.path, self.mode)?;
                self.wal_id = get_file_id(&self.wal).ok();
                connection
            }
        };
        let result = work(&connection);
        // SQLite continues in a file that was deleted or replaced, until it is closed.
        if !self.is_same_file() {
            return Err(StoreError::new(DELETED));
        }
        match (self.mode, get_file_id(&self.wal).ok() == self.wal_id) {
            (Mode::ReadWrite, false) => {
                // Only open connections have it now, and opening another would create a new one.
                // Move what was committed into the database file.
                let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
                let _ = connection.query_row(checkpoint, [], |_| Ok(()));
                self.connection = Some(connection);
                return Err(StoreError::new(
                    "the -wal file of the database was deleted; start the listener again",
                ));
            }
            (Mode::Immutable, false) => {
                return Err(StoreError::new("the listener was started meanwhile; try again"));
            }
            _ => {}
        }
        if let (Mode::ReadOnly, Err(error)) = (self.mode, &result)
            && error.sqlite_error_code() == Some(ErrorCode::CannotOpen)
        {
            return Err(StoreError::new(
                "its -wal file can only be read with its -shm file, or with permission to create \
                 that",
            ));
        }
        let result = result?;
        self.connection = Some(connection);
        Ok(result)
    }
}

fn select(connection: &Connection, sql: &str, values: Vec<Value>) -> rusqlite::Result<Vec<Row>> {
    let mut statement = connection.prepare_cached(sql)?;
    let columns: Vec<_> = statement.column_names().map(str::to_owned).collect();
    let rows = statement.query_map(params_from_iter(values), |row| {
        let column = |(index, name): (_, &String)| Ok((name.clone(), row.get(index)?));
        Ok(Row::Sqlite(columns.iter().enumerate().map(column).collect::<rusqlite::Result<_>>()?))
    })?;
    rows.collect()
}

/// Inserts what is new. The unique constraint on the signature decides what is a duplicate.
fn insert(connection: &Connection, inserts: &[PendingInsert]) -> rusqlite::Result<Vec<Stored>> {
    connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    let mut insert_delivery = connection.prepare_cached(INSERT)?;
    let mut insert_notification = connection.prepare_cached(NOTIFY)?;
    let mut stored = Vec::with_capacity(inserts.len());
    for PendingInsert { delivery, channels, .. } in inserts {
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
        ])?;
        if inserted == 0 {
            stored.push(Stored::Duplicate);
            continue;
        }
        let id = connection.last_insert_rowid();
        let event_key = delivery.event_key();
        for channel in &**channels {
            insert_notification.execute(params![id, channel, received_at, event_key])?;
        }
        stored.push(Stored::New { id });
    }
    connection.prepare_cached("COMMIT")?.execute([])?;
    Ok(stored)
}
