//! [`Sqlite`]: a thread that writes, and one that reads.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use file_id::{FileId, get_file_id};
use percent_encoding::percent_decode_str;
use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, params, params_from_iter};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::DATABASE_TIMEOUT;
use super::database::{INVALID_ADDRESS, Row};
use super::migrations;
use super::model::{StoreError, Stored, to_unix_millis};
use super::writer::{self, MAX_BATCH_DELIVERIES, PendingInsert};
use crate::telemetry::metrics::Metrics;

/// A confirmed commit survives a power failure (`synchronous`), readers do not wait for writers
/// (WAL), and deleted data is overwritten.
const SETTINGS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                        PRAGMA secure_delete = ON";

const INSERT: &str = "INSERT INTO deliveries (signature, received_at, secret_label, event_id, \
                      event, chat_id, ticket_id, property_id, headers, body) \
                      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) \
                      ON CONFLICT (signature) DO NOTHING";

/// Inserts nothing if the channel has a notification of the event.
const NOTIFY: &str = "INSERT INTO outbox (delivery_id, channel, replay, created_at, due_at, \
                      event_key) VALUES (?1, ?2, 0, ?3, ?3, ?4) ON CONFLICT DO NOTHING";

/// Handle to both threads. Cheap to clone.
#[derive(Clone)]
pub struct Sqlite {
    pub writer: mpsc::Sender<Job>,
    pub reader: mpsc::Sender<Job>,
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
    pub async fn open(url: &str, create_if_missing: bool, metrics: Metrics) -> Result<Self> {
        let path = parse_url(url)?;
        if create_if_missing {
            create(&path).with_context(|| format!("failed to create {}", path.display()))?;
        } else if !path.exists() {
            bail!("{} is missing; the listener creates it when it starts", path.display());
        }
        migrations::retry(async || migrations::migrate_sqlite(&mut connect(&path)?)).await?;
        let writer = spawn("store-writer", &path, metrics.clone())?;
        let reader = spawn("store-reader", &path, metrics)?;
        Ok(Self { writer, reader })
    }

    pub async fn insert(&self, insert: PendingInsert) -> Result<(), StoreError> {
        self.writer.send(Job::Insert(insert)).await.map_err(|_| StoreError::Closed)
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
    let (response, rows) = oneshot::channel();
    let job = Job::Query { sql: sql.to_owned(), values, response };
    let query = async {
        thread.send(job).await.map_err(|_| StoreError::Closed)?;
        rows.await.map_err(|_| StoreError::Closed)?
    };
    timeout(DATABASE_TIMEOUT, query).await.unwrap_or(Err(StoreError::Timeout))
}

pub fn parse_url(url: &str) -> Result<PathBuf> {
    let address = url.strip_prefix("sqlite:").context(INVALID_ADDRESS)?;
    let address = address.strip_prefix("//").unwrap_or(address);
    let (path, options) = address.split_once('?').unwrap_or((address, ""));
    if path == ":memory:" || options == "mode=memory" {
        bail!("a database in memory is lost when the listener stops");
    }
    if path.is_empty() || !["", "mode=rw", "mode=rwc"].contains(&options) {
        bail!(INVALID_ADDRESS);
    }
    let path = percent_decode_str(path).decode_utf8().context(INVALID_ADDRESS)?;
    Ok(path.as_ref().into())
}

/// Creates the file and its directory, readable by its owner only: it will hold personal data.
/// SQLite creates its other files with the same mode.
fn create(path: &Path) -> io::Result<()> {
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        fs::create_dir_all(directory)?;
    }
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

/// Opens a connection. Never creates the file: a deleted one must not come back empty.
fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(DATABASE_TIMEOUT)?;
    connection.execute_batch(SETTINGS)?;
    Ok(connection)
}

fn spawn(name: &str, path: &Path, metrics: Metrics) -> Result<mpsc::Sender<Job>> {
    let session = Session { id: get_file_id(path)?, path: path.into(), connection: None };
    let (sender, jobs) = mpsc::channel(MAX_BATCH_DELIVERIES);
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || session.serve(jobs, &metrics))
        .context("failed to start a thread for the database")?;
    Ok(sender)
}

/// The connection of a thread.
struct Session {
    path: PathBuf,
    id: FileId,
    connection: Option<Connection>,
}

impl Session {
    /// Does job after job until it is closed. Consecutive inserts share a transaction.
    fn serve(mut self, mut jobs: mpsc::Receiver<Job>, metrics: &Metrics) {
        let mut next = None;
        while let Some(job) = next.take().or_else(|| jobs.blocking_recv()) {
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

    /// Runs `work`. After an error the connection is replaced, since its state is unknown.
    fn run<T>(
        &mut self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let connection = self.connection.take().map_or_else(|| connect(&self.path), Ok);
        let result = connection.and_then(|connection| {
            let result = work(&connection)?;
            Ok((connection, result))
        });
        // SQLite continues in a file that was deleted or replaced, until it is closed.
        if get_file_id(&self.path).ok() != Some(self.id) {
            return Err(StoreError::new(
                "the database file was deleted or replaced; put it back, or start the listener \
                 again",
            ));
        }
        let (connection, result) = result?;
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

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error {
            // Otherwise the message contains the whole statement.
            rusqlite::Error::SqlInputError { msg, .. } => Self::Failed(msg),
            error => Self::new(&error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_relative_absolute_and_encoded_paths() {
        for (url, path) in [
            ("sqlite://tawk.db", "tawk.db"),
            ("sqlite:tawk.db", "tawk.db"),
            ("sqlite:///var/lib/tawk.db?mode=rwc", "/var/lib/tawk.db"),
            ("sqlite://a%20b.db", "a b.db"),
        ] {
            assert_eq!(parse_url(url).unwrap(), Path::new(path));
        }
    }
}
