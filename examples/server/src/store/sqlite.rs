//! [`Sqlite`]: a thread that writes, and one that reads.

mod file;

pub use file::{create, parse_url};

use std::path::Path;
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result};
use rusqlite::{Connection, Transaction, TransactionBehavior, params, params_from_iter};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::DATABASE_TIMEOUT;
use super::database::{Row, Value};
use super::migrations;
use super::model::{StoreError, Stored, to_unix_millis};
use super::writer::{Batch, MAX_BATCH_DELIVERIES, PendingInsert};
use crate::telemetry::metrics::Metrics;
use file::DatabaseFile;

const INSERT: &str = "INSERT INTO deliveries (signature, received_at, secret_label, event_id, \
                      event, chat_id, ticket_id, property_id, headers, body) \
                      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) \
                      ON CONFLICT (signature) DO NOTHING";

const NOTIFY: &str = "INSERT INTO outbox (delivery_id, channel, replay, created_at, due_at) \
                      VALUES (?1, ?2, 0, ?3, ?3)";

/// Handle to both threads. Cheap to clone.
#[derive(Clone)]
pub struct Sqlite {
    file: DatabaseFile,
    writer: mpsc::Sender<Job>,
    reader: mpsc::Sender<Job>,
}

enum Job {
    Insert(PendingInsert),
    Run(Box<dyn FnOnce(&mut Session) + Send>),
    Close(oneshot::Sender<()>),
}

impl Sqlite {
    /// Opens a file that exists and migrates its schema. Blocks.
    ///
    /// # Errors
    ///
    /// If the file is not a database, is locked, or a newer listener has migrated it.
    pub fn open(path: &Path, metrics: Metrics) -> Result<Self> {
        let file = DatabaseFile::new(path)?;
        let mut writer = Session { file: file.clone(), is_writer: true, connection: None };
        writer.run(|connection| Ok(migrations::migrate_sqlite(connection)))??;
        let reader = Session { file: file.clone(), is_writer: false, connection: None };
        let writer = spawn("store-writer", writer, metrics.clone())?;
        let reader = spawn("store-reader", reader, metrics)?;
        Ok(Self { file, writer, reader })
    }

    pub async fn insert(&self, insert: PendingInsert) -> Result<(), StoreError> {
        self.writer.send(Job::Insert(insert)).await.map_err(|_| StoreError::closed())
    }

    pub async fn read<T: Send + 'static>(
        &self,
        sql: &'static str,
        values: Vec<Value>,
        from_row: impl Fn(&Row<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<Vec<T>, StoreError> {
        run(&self.reader, move |connection| query(connection, sql, values, from_row)).await
    }

    pub async fn write<T: Send + 'static>(
        &self,
        sql: &'static str,
        values: Vec<Value>,
        from_row: impl Fn(&Row<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<Vec<T>, StoreError> {
        run(&self.writer, move |connection| query(connection, sql, values, from_row)).await
    }

    pub async fn execute(&self, sql: &'static str, values: Vec<Value>) -> Result<u64, StoreError> {
        run(&self.writer, move |connection| {
            let count = connection.prepare_cached(sql)?.execute(params_from_iter(values))?;
            Ok(count.try_into().unwrap_or(u64::MAX))
        })
        .await
    }

    pub fn is_usable(&self) -> bool {
        self.file.is_in_place() && !self.writer.is_closed()
    }

    /// Closes both connections, the writer's last: SQLite then removes its other files.
    pub async fn close(&self) {
        for thread in [&self.reader, &self.writer] {
            let (closed, is_closed) = oneshot::channel();
            if thread.send(Job::Close(closed)).await.is_ok() {
                let _ = is_closed.await;
            }
        }
    }
}

/// Runs `work` on a thread's connection, unless the caller is gone by then.
async fn run<T: Send + 'static>(
    thread: &mpsc::Sender<Job>,
    work: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let (response, result) = oneshot::channel();
    let job = Job::Run(Box::new(move |session| {
        if !response.is_closed() {
            let _ = response.send(session.run(work));
        }
    }));
    let run = async {
        thread.send(job).await.map_err(|_| StoreError::closed())?;
        result.await.map_err(|_| StoreError::closed())?
    };
    timeout(DATABASE_TIMEOUT, run).await.map_err(|_| StoreError::timeout())?
}

fn query<T>(
    connection: &Connection,
    sql: &str,
    values: Vec<Value>,
    from_row: impl Fn(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(from_row(&Row::Sqlite(row))?);
    }
    Ok(found)
}

fn spawn(name: &str, session: Session, metrics: Metrics) -> Result<mpsc::Sender<Job>> {
    let (sender, jobs) = mpsc::channel(MAX_BATCH_DELIVERIES);
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || serve(session, jobs, &metrics))
        .context("failed to start a thread for the database")?;
    Ok(sender)
}

/// Does job after job until it is closed. Consecutive inserts share a transaction.
fn serve(mut session: Session, mut jobs: mpsc::Receiver<Job>, metrics: &Metrics) {
    let mut next = None;
    while let Some(job) = next.take().or_else(|| jobs.blocking_recv()) {
        match job {
            Job::Insert(first) => {
                let batch = Batch::collect(first, || match jobs.try_recv().ok()? {
                    Job::Insert(insert) => Some(insert),
                    other => {
                        next = Some(other);
                        None
                    }
                });
                session.commit(batch, metrics);
            }
            Job::Run(work) => work(&mut session),
            Job::Close(closed) => {
                session.connection = None;
                let _ = closed.send(());
                return;
            }
        }
    }
}

/// The connection of a thread.
struct Session {
    file: DatabaseFile,
    is_writer: bool,
    connection: Option<Connection>,
}

impl Session {
    /// Runs `work`. After an error the connection is replaced, since its state is unknown.
    fn run<T>(
        &mut self,
        work: impl FnOnce(&mut Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            None => self.connection.insert(self.file.connect(self.is_writer)?),
        };
        let result = work(connection);
        if result.is_err() {
            self.connection = None;
        }
        result
    }

    fn commit(&mut self, batch: Batch, metrics: &Metrics) {
        if batch.is_empty() {
            return;
        }
        let begun = Instant::now();
        let file = self.file.clone();
        let outcome = self.run(|connection| {
            let stored = insert(connection, batch.inserts())?;
            if file.is_in_place() {
                return Ok(stored);
            }
            Err(StoreError::new(
                "the database file was deleted or replaced; put it back, or start the listener \
                 again",
            ))
        });
        metrics.commit(begun.elapsed());
        batch.respond(outcome);
    }
}

/// Inserts what is new. The unique constraint on the signature decides what is a duplicate.
fn insert(
    connection: &mut Connection,
    inserts: &[PendingInsert],
) -> Result<Vec<Stored>, StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let stored: rusqlite::Result<_> =
        inserts.iter().map(|insert| insert_one(&transaction, insert)).collect();
    let stored = stored?;
    transaction.commit()?;
    Ok(stored)
}

fn insert_one(transaction: &Transaction<'_>, insert: &PendingInsert) -> rusqlite::Result<Stored> {
    let delivery = &*insert.delivery;
    let inserted = transaction.prepare_cached(INSERT)?.execute(params![
        delivery.signature.as_bytes(),
        to_unix_millis(delivery.received_at),
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
        return Ok(Stored::Duplicate);
    }
    let id = transaction.last_insert_rowid();
    for channel in insert.channels() {
        let now = to_unix_millis(delivery.received_at);
        transaction.prepare_cached(NOTIFY)?.execute(params![id, channel, now])?;
    }
    Ok(Stored::New { id })
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error {
            // Otherwise the message contains the whole statement.
            rusqlite::Error::SqlInputError { msg, .. } => Self::new(&msg),
            error => Self::new(&error.to_string()),
        }
    }
}
