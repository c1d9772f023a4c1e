//! [`Postgres`]: pools of connections. Only unnamed statements are used, and each transaction sets
//! what it relies on, so that a transaction pooler may be in between.

mod tls;
mod url;

use std::collections::HashMap;
use std::error::Error;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use deadpool_postgres::{
    Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime,
};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;
use tracing::warn;

use super::DATABASE_TIMEOUT;
use super::database::{Row, Value};
use super::migrations;
use super::model::{StoreError, Stored, to_unix_millis};
use super::writer::{Batch, MAX_BATCH_DELIVERIES, PendingInsert};
use crate::metrics::Metrics;
use url::Url;

/// Connections for everything but commits.
const MAX_OTHER_CONNECTIONS: usize = 4;

/// A confirmed commit survives a crash of the server, and a listener that is gone does not hold up
/// the others.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
     SET LOCAL statement_timeout = '5s';
     SET LOCAL idle_in_transaction_session_timeout = '10s';
     SELECT set_config('synchronous_commit', 'on', true)
        WHERE current_setting('synchronous_commit') = 'off'";

const INSERT: &str = "INSERT INTO deliveries (signature, received_at, secret_label, event_id, \
     event, chat_id, ticket_id, property_id, headers, body) \
     SELECT * FROM unnest($1::bytea[], $2::bigint[], $3::text[], $4::text[], $5::text[], \
     $6::text[], $7::text[], $8::text[], $9::text[], $10::bytea[]) \
     ON CONFLICT (signature) DO NOTHING RETURNING id, signature";

const NOTIFY: &str = "INSERT INTO outbox (delivery_id, channel, replay, created_at, due_at) \
     SELECT delivery_id, channel, 0, created_at, created_at \
     FROM unnest($1::bigint[], $2::text[], $3::bigint[]) AS new (delivery_id, channel, created_at)";

/// Cheap to clone.
#[derive(Clone)]
pub struct Postgres {
    /// A pool of one, so that no reader delays a commit.
    commits: Pool,
    others: Pool,
    inserts: mpsc::Sender<PendingInsert>,
    is_unverified: bool,
}

impl Postgres {
    /// Connects and migrates the schema.
    ///
    /// # Errors
    ///
    /// If the server cannot be reached or used, or a newer listener has migrated the database.
    pub async fn open(url: &str, metrics: Metrics) -> Result<Self> {
        let url = Url::parse(url)?;
        let tls = MakeRustlsConnect::new(tls::client_config(&url.tls)?);
        prepare(&url.config, tls.clone()).await?;
        let is_unverified = url.is_unverified();
        let commits = pool(url.config.clone(), tls.clone(), 1)?;
        let others = pool(url.config, tls, MAX_OTHER_CONNECTIONS)?;
        let (inserts, pending) = mpsc::channel(MAX_BATCH_DELIVERIES);
        tokio::spawn(commit_all(commits.clone(), pending, metrics));
        Ok(Self { commits, others, inserts, is_unverified })
    }

    pub async fn insert(&self, insert: PendingInsert) -> Result<(), StoreError> {
        self.inserts.send(insert).await.map_err(|_| StoreError::closed())
    }

    pub async fn query<T>(
        &self,
        sql: &str,
        values: &[Value],
        from_row: impl Fn(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let transaction = Transaction::begin(&self.others).await?;
        let rows = transaction.client().query_typed(sql, &typed(values)).await?;
        let found = rows.iter().map(|row| from_row(&Row::Postgres(row))).collect();
        transaction.commit().await?;
        found
    }

    pub async fn execute(&self, sql: &str, values: &[Value]) -> Result<u64, StoreError> {
        let transaction = Transaction::begin(&self.others).await?;
        let count = transaction.client().execute_typed(sql, &typed(values)).await?;
        transaction.commit().await?;
        Ok(count)
    }

    /// Warns of settings that an operator should know about.
    pub fn warn(&self) {
        if self.is_unverified {
            warn!(
                "the certificate of the database is not verified; add sslmode=verify-full to \
                 DATABASE_URL"
            );
        }
    }

    pub fn close(&self) {
        self.commits.close();
        self.others.close();
    }
}

fn typed(values: &[Value]) -> Vec<(&(dyn ToSql + Sync), Type)> {
    values.iter().map(Value::typed).collect()
}

fn pool(config: Config, tls: MakeRustlsConnect, connections: usize) -> Result<Pool> {
    let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    Pool::builder(Manager::from_config(config, tls, recycling))
        .max_size(connections)
        .wait_timeout(Some(DATABASE_TIMEOUT))
        .create_timeout(Some(DATABASE_TIMEOUT))
        .runtime(Runtime::Tokio1)
        .build()
        .context("failed to create a pool of connections")
}

/// Checks the server and migrates the schema, over a connection of its own.
async fn prepare(config: &Config, tls: MakeRustlsConnect) -> Result<()> {
    let (mut client, connection) = config.connect(tls).await.map_err(StoreError::from)?;
    let connection = tokio::spawn(connection);
    let prepared = async {
        check_encoding(&client).await?;
        migrations::migrate_postgres(&mut client).await
    };
    let prepared = prepared.await;
    drop(client);
    // What it has sent arrives first.
    let _ = connection.await;
    prepared
}

/// Other encodings reject some of the text that people write.
async fn check_encoding(client: &Client) -> Result<()> {
    const ENCODING: &str = "SELECT current_setting('server_encoding')";
    let row = client.query_typed_one(ENCODING, &[]).await.map_err(StoreError::from)?;
    let encoding: String = row.try_get(0).map_err(StoreError::from)?;
    if encoding != "UTF8" {
        bail!("its encoding {encoding} does not hold all text; create one with the encoding UTF8");
    }
    Ok(())
}

/// Commits batch after batch until the store is dropped.
async fn commit_all(pool: Pool, mut inserts: mpsc::Receiver<PendingInsert>, metrics: Metrics) {
    while let Some(first) = inserts.recv().await {
        let batch = Batch::collect(first, || inserts.try_recv().ok());
        if batch.is_empty() {
            continue;
        }
        let begun = Instant::now();
        let outcome = match timeout(DATABASE_TIMEOUT, commit(&pool, batch.inserts())).await {
            Ok(outcome) => outcome,
            Err(_) => {
                // Other idle connections are as likely to be dead. Each would cost a timeout.
                pool.retain(|_, _| false);
                Err(StoreError::timeout())
            }
        };
        metrics.commit(begun.elapsed());
        batch.respond(outcome);
    }
}

async fn commit(pool: &Pool, inserts: &[PendingInsert]) -> Result<Vec<Stored>, StoreError> {
    let transaction = Transaction::begin(pool).await?;
    let stored = insert(transaction.client(), inserts).await?;
    notify(transaction.client(), inserts, &stored).await?;
    transaction.commit().await?;
    Ok(stored)
}

/// Inserts what is new. The unique constraint on the signature decides what is a duplicate, also
/// between several listeners.
async fn insert(client: &Client, inserts: &[PendingInsert]) -> Result<Vec<Stored>, StoreError> {
    let rows = || inserts.iter().map(|insert| &*insert.delivery);
    let signatures: Vec<_> = rows().map(|row| &row.signature.as_bytes()[..]).collect();
    let received_at: Vec<_> = rows().map(|row| to_unix_millis(row.received_at)).collect();
    let secret_labels: Vec<_> = rows().map(|row| &*row.secret_label).collect();
    let event_ids: Vec<_> = rows().map(|row| row.event_id.as_deref()).collect();
    let events: Vec<_> = rows().map(|row| row.event.as_deref()).collect();
    let chat_ids: Vec<_> = rows().map(|row| row.chat_id.as_deref()).collect();
    let ticket_ids: Vec<_> = rows().map(|row| row.ticket_id.as_deref()).collect();
    let property_ids: Vec<_> = rows().map(|row| row.property_id.as_deref()).collect();
    let headers: Vec<_> = rows().map(|row| &*row.headers).collect();
    let bodies: Vec<_> = rows().map(|row| &row.body[..]).collect();
    let new = client
        .query_typed(
            INSERT,
            &[
                (&signatures, Type::BYTEA_ARRAY),
                (&received_at, Type::INT8_ARRAY),
                (&secret_labels, Type::TEXT_ARRAY),
                (&event_ids, Type::TEXT_ARRAY),
                (&events, Type::TEXT_ARRAY),
                (&chat_ids, Type::TEXT_ARRAY),
                (&ticket_ids, Type::TEXT_ARRAY),
                (&property_ids, Type::TEXT_ARRAY),
                (&headers, Type::TEXT_ARRAY),
                (&bodies, Type::BYTEA_ARRAY),
            ],
        )
        .await?;
    let mut ids = HashMap::new();
    for row in &new {
        ids.insert(row.try_get::<_, &[u8]>("signature")?, row.try_get::<_, i64>("id")?);
    }
    // A copy in the same batch finds no id either.
    let stored = signatures.into_iter().map(|signature| match ids.remove(signature) {
        Some(id) => Stored::New { id },
        None => Stored::Duplicate,
    });
    Ok(stored.collect())
}

async fn notify(
    client: &Client,
    inserts: &[PendingInsert],
    stored: &[Stored],
) -> Result<(), StoreError> {
    let (mut ids, mut channels, mut created_at) = (Vec::new(), Vec::new(), Vec::new());
    for (insert, stored) in inserts.iter().zip(stored) {
        let Stored::New { id } = stored else { continue };
        for channel in insert.channels() {
            ids.push(*id);
            channels.push(channel);
            created_at.push(to_unix_millis(insert.delivery.received_at));
        }
    }
    if !ids.is_empty() {
        let values: [(&(dyn ToSql + Sync), Type); 3] = [
            (&ids, Type::INT8_ARRAY),
            (&channels, Type::TEXT_ARRAY),
            (&created_at, Type::INT8_ARRAY),
        ];
        client.execute_typed(NOTIFY, &values).await?;
    }
    Ok(())
}

/// A transaction. Its connection is closed unless it is committed: after an error or a timeout the
/// state of the connection is unknown.
struct Transaction(Option<Object>);

impl Transaction {
    async fn begin(pool: &Pool) -> Result<Self, StoreError> {
        let transaction = Self(Some(pool.get().await?));
        transaction.client().batch_execute(BEGIN).await?;
        Ok(transaction)
    }

    fn client(&self) -> &Client {
        self.0.as_ref().expect("taken by `commit` and `drop` only")
    }

    async fn commit(mut self) -> Result<(), StoreError> {
        self.client().batch_execute("COMMIT").await?;
        self.0 = None;
        Ok(())
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            drop(Object::take(connection));
        }
    }
}

impl From<PoolError> for StoreError {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Backend(error) => error.into(),
            PoolError::Timeout(_) => Self::timeout(),
            _ => Self::closed(),
        }
    }
}

impl From<tokio_postgres::Error> for StoreError {
    /// Without the details, which may be a row's values.
    fn from(error: tokio_postgres::Error) -> Self {
        if let Some(error) = error.as_db_error() {
            return Self::new(&format!("{} ({})", error.message(), error.code().code()));
        }
        match error.source() {
            Some(source) => Self::new(&format!("{error}: {source}")),
            None => Self::new(&error.to_string()),
        }
    }
}
