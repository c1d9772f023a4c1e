//! [`Postgres`]: three connections. Each transaction sets what it relies on: the defaults of the
//! server, the database or the role may differ, and a transaction pooler keeps no session. Only
//! unnamed statements are used, for the same reason.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use rusqlite::types::Value;
use tokio::sync::{Mutex, mpsc};
use tokio::time::timeout;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;
use tracing::warn;

use super::DATABASE_TIMEOUT;
use super::database::{MAX_BATCH_DELIVERIES, PendingInsert, Row, collect, respond};
use super::model::{StoreError, Stored, VerifiedDelivery, to_unix_millis};
use super::sslmode::Url;
use crate::supervise::{panic_once, supervise};
use crate::telemetry::metrics::Metrics;

/// A confirmed commit survives a crash of the server, and a listener that is gone does not hold up
/// the others. Waiting for a lock counts as part of the statement.
const SETTINGS: &str = "SET LOCAL statement_timeout = '5s';
     SET LOCAL lock_timeout = 0;
     SET LOCAL idle_in_transaction_session_timeout = '10s';
     SELECT set_config('synchronous_commit', 'on', true)
        WHERE current_setting('synchronous_commit') = 'off'";

/// Makes the commit wait for a synchronous standby even if all deliveries are duplicates, for which
/// nothing is written. After a crash of the server, they may be on no standby yet.
const WRITE: &str = "SELECT pg_logical_emit_message(true, '', '')";

/// A server that has not begun the transaction until then is considered gone.
const BEGIN_TIMEOUT: Duration = Duration::from_secs(2);

/// Recycles connections before a firewall in between forgets them.
const MAX_IDLE: Duration = Duration::from_secs(60);

/// Inserts a batch, a column as an array, and the notifications of what is new, unless the channel
/// has one of the event. Two listeners that insert in the same order cannot deadlock.
const INSERT: &str = "WITH new AS (INSERT INTO deliveries (signature, received_at, secret_label, \
        event_id, event, chat_id, ticket_id, property_id, headers, body, search_text) \
        SELECT * FROM unnest($1::bytea[], $2::bigint[], $3::text[], $4::text[], $5::text[], \
        $6::text[], $7::text[], $8::text[], $9::text[], $10::bytea[], $11::text[]) \
        ON CONFLICT (signature) DO NOTHING RETURNING id, signature, received_at), \
     notified AS (INSERT INTO outbox \
        (delivery_id, channel, replay, created_at, due_at, event_key) \
        SELECT id, channel, 0, received_at, received_at, event_key FROM new \
        JOIN unnest($12::bytea[], $13::text[], $14::bytea[]) WITH ORDINALITY \
        AS notify (signature, channel, event_key, position) USING (signature) \
        ORDER BY event_key, position \
        ON CONFLICT DO NOTHING) \
     SELECT id, signature FROM new";

/// Also returns what an earlier attempt inserted: duplicates have another time.
const INSERTED_BEFORE: &str = " UNION ALL SELECT id, signature FROM deliveries \
     JOIN unnest($1::bytea[], $2::bigint[]) AS attempt (signature, received_at) \
     USING (signature, received_at)";

#[derive(Clone)]
pub struct Postgres {
    pub reads: Arc<Connection>,
    pub writes: Arc<Connection>,
    pub inserts: mpsc::Sender<PendingInsert>,
}

impl Postgres {
    /// Fails if the database has another encoding than UTF-8, which rejects some of the text that
    /// people write.
    pub async fn open(url: &str, metrics: Metrics) -> Result<Self> {
        const OTHER_ENCODING: &str = "SELECT 1 WHERE current_setting('server_encoding') <> 'UTF8'";
        let url = Url::parse(url)?;
        let tls = MakeRustlsConnect::new(url.tls()?);
        if url.is_unverified() {
            warn!(
                "another server could pose as the database and receive its password; add \
                 sslmode=verify-full to DATABASE_URL"
            );
        }
        let connection = |mode: &str| {
            let (config, tls) = (url.config.clone(), tls.clone());
            let begin = format!("BEGIN ISOLATION LEVEL READ COMMITTED {mode}; {SETTINGS}");
            Arc::new(Connection { config, tls, begin, idle: Mutex::default() })
        };
        // Reading does not need a server or a role that may write.
        let (reads, writes) = (connection("READ ONLY"), connection("READ WRITE"));
        ensure!(
            reads.query(OTHER_ENCODING, &[]).await?.is_empty(),
            "it does not hold all text; create one with the encoding UTF8"
        );
        // Separate, so that no other statement delays a commit.
        let commits = connection(&format!("READ WRITE; {WRITE}"));
        let (inserts, pending) = mpsc::channel(MAX_BATCH_DELIVERIES);
        let pending = Arc::new(Mutex::new(pending));
        let commit_all = move || commit_all(commits.clone(), pending.clone(), metrics.clone());
        tokio::spawn(supervise("store-writer", commit_all));
        Ok(Self { reads, writes, inserts })
    }
}

/// Commits batch after batch until the store is dropped.
async fn commit_all(
    connection: Arc<Connection>,
    inserts: Arc<Mutex<mpsc::Receiver<PendingInsert>>>,
    metrics: Metrics,
) {
    let mut inserts = inserts.lock().await;
    while let Some(first) = inserts.recv().await {
        let batch = collect(first, || inserts.try_recv().ok());
        panic_once("store-writer");
        let begun = Instant::now();
        let outcome = insert(&connection, &batch).await;
        metrics.commit_duration.observe(begun.elapsed().as_secs_f64());
        respond(batch, &outcome);
    }
}

/// A connection that is opened when it is needed, and used by one transaction at a time.
pub struct Connection {
    config: Config,
    tls: MakeRustlsConnect,
    begin: String,
    /// With the time of its last use.
    idle: Mutex<Option<(Client, Instant)>>,
}

impl Connection {
    async fn connect(&self) -> Result<Client, StoreError> {
        let (client, connection) = self.config.connect(self.tls.clone()).await?;
        // Ends with the client. An error is also that of the client's statement.
        tokio::spawn(connection);
        Ok(client)
    }

    pub async fn query(&self, sql: &str, values: &[Value]) -> Result<Vec<Row>, StoreError> {
        let values: Vec<_> = values.iter().map(typed).collect();
        let rows = self.transaction(sql, &values, "").await?;
        Ok(rows.into_iter().map(Row::Postgres).collect())
    }

    /// Runs a statement in a transaction. A connection that fails may have died while it was idle,
    /// so that its statement is run again on a new one, with `if_again` appended, since its outcome
    /// is unknown. After a second failure the connection is not kept either.
    async fn transaction(
        &self,
        sql: &str,
        values: &[Parameter<'_>],
        if_again: &str,
    ) -> Result<Vec<tokio_postgres::Row>, StoreError> {
        let transaction = async {
            let mut idle = self.idle.lock().await;
            let mut sql = Cow::Borrowed(sql);
            if let Some((client, last_use)) = idle.take()
                && last_use.elapsed() < MAX_IDLE
                && !client.is_closed()
            {
                if let Ok(rows) = run(&client, &self.begin, &sql, values).await {
                    *idle = Some((client, Instant::now()));
                    return Ok(rows);
                }
                sql += if_again;
            }
            let client = self.connect().await?;
            let rows = run(&client, &self.begin, &sql, values).await?;
            *idle = Some((client, Instant::now()));
            Ok(rows)
        };
        timeout(DATABASE_TIMEOUT, transaction).await.unwrap_or(Err(StoreError::Timeout))
    }

    /// Runs statements on a new connection, however long they take. If one fails, its transaction
    /// ends with the connection.
    pub async fn execute_all(&self, sql: &str) -> Result<(), StoreError> {
        let begin = &self.begin;
        let sql = format!("{begin}; SET LOCAL statement_timeout = 0; {sql}; COMMIT");
        Ok(self.connect().await?.batch_execute(&sql).await?)
    }
}

type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

/// Runs a statement in one round trip. After an error in it, COMMIT rolls back.
async fn run(
    client: &Client,
    begin: &str,
    sql: &str,
    values: &[Parameter<'_>],
) -> Result<Vec<tokio_postgres::Row>, StoreError> {
    let begin = async {
        let begun = timeout(BEGIN_TIMEOUT, client.batch_execute(begin)).await;
        Ok::<_, StoreError>(begun.map_err(|_| StoreError::Timeout)??)
    };
    let query = async { Ok(client.query_typed(sql, values).await?) };
    let commit = async { Ok(client.batch_execute("COMMIT").await?) };
    let ((), rows, ()) = tokio::try_join!(biased; begin, query, commit)?;
    Ok(rows)
}

fn typed(value: &Value) -> Parameter<'_> {
    match value {
        Value::Null => (&None::<&str>, Type::TEXT),
        Value::Integer(integer) => (integer, Type::INT8),
        Value::Real(real) => (real, Type::FLOAT8),
        Value::Text(text) => (text, Type::TEXT),
        Value::Blob(bytes) => (bytes, Type::BYTEA),
    }
}

async fn insert(
    connection: &Connection,
    inserts: &[PendingInsert],
) -> Result<Vec<Stored>, StoreError> {
    let (mut notified, mut channels, mut event_keys) = (Vec::new(), Vec::new(), Vec::new());
    for insert in inserts {
        for recipient in &insert.recipients {
            notified.push(&insert.delivery.signature.as_bytes()[..]);
            channels.push(&recipient.channel);
            event_keys.push(recipient.event_key(&insert.delivery));
        }
    }
    let search_texts: Vec<_> = inserts.iter().map(|insert| &*insert.search_text).collect();
    let values: [Parameter<'_>; 14] = [
        (&column(inserts, |row| &row.signature.as_bytes()[..]), Type::BYTEA_ARRAY),
        (&column(inserts, |row| to_unix_millis(row.received_at)), Type::INT8_ARRAY),
        (&column(inserts, |row| &*row.secret_label), Type::TEXT_ARRAY),
        (&column(inserts, |row| row.event_id.as_deref()), Type::TEXT_ARRAY),
        (&column(inserts, |row| row.event.as_deref()), Type::TEXT_ARRAY),
        (&column(inserts, |row| row.chat_id.as_deref()), Type::TEXT_ARRAY),
        (&column(inserts, |row| row.ticket_id.as_deref()), Type::TEXT_ARRAY),
        (&column(inserts, |row| row.property_id.as_deref()), Type::TEXT_ARRAY),
        (&column(inserts, |row| &*row.headers), Type::TEXT_ARRAY),
        (&column(inserts, |row| &row.body[..]), Type::BYTEA_ARRAY),
        (&search_texts, Type::TEXT_ARRAY),
        (&notified, Type::BYTEA_ARRAY),
        (&channels, Type::TEXT_ARRAY),
        (&event_keys, Type::BYTEA_ARRAY),
    ];
    let new = connection.transaction(INSERT, &values, INSERTED_BEFORE).await?;
    let mut ids = HashMap::new();
    for row in &new {
        ids.insert(row.try_get::<_, &[u8]>("signature")?, row.try_get("id")?);
    }
    // A duplicate in the same batch finds no id either.
    let stored =
        |insert: &PendingInsert| match ids.remove(&insert.delivery.signature.as_bytes()[..]) {
            Some(id) => Stored::New { id },
            None => Stored::Duplicate,
        };
    Ok(inserts.iter().map(stored).collect())
}

fn column<'a, T>(
    inserts: &'a [PendingInsert],
    value: impl Fn(&'a VerifiedDelivery) -> T,
) -> Vec<T> {
    inserts.iter().map(|insert| value(&insert.delivery)).collect()
}

impl From<tokio_postgres::Error> for StoreError {
    /// Without the details, which may be a row's values.
    fn from(error: tokio_postgres::Error) -> Self {
        match error.as_db_error() {
            Some(error) => Self::Failed(format!("{} ({})", error.message(), error.code().code())),
            None => Self::Failed(format!("{:#}", anyhow::Error::from(error))),
        }
    }
}
