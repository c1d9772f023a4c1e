//! [`Postgres`]: pools of connections. Only unnamed statements are used, and each transaction sets
//! what it relies on, so that a transaction pooler may be in between.

mod batch;
mod tls;
mod url;

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
use super::model::{StoreError, Stored};
use super::writer::{Batch, MAX_BATCH_DELIVERIES, PendingInsert};
use crate::telemetry::metrics::Metrics;
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
        let rows = async {
            let transaction = Transaction::begin(&self.others).await?;
            let rows = transaction.client().query_typed(sql, &typed(values)).await?;
            transaction.commit().await?;
            Ok(rows)
        };
        let rows = within_timeout(&self.others, rows).await?;
        rows.iter().map(|row| from_row(&Row::Postgres(row))).collect()
    }

    pub async fn execute(&self, sql: &str, values: &[Value]) -> Result<u64, StoreError> {
        let count = async {
            let transaction = Transaction::begin(&self.others).await?;
            let count = transaction.client().execute_typed(sql, &typed(values)).await?;
            transaction.commit().await?;
            Ok(count)
        };
        within_timeout(&self.others, count).await
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

/// Checks the server and migrates the schema, over a separate connection.
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
        let outcome = within_timeout(&pool, commit(&pool, batch.inserts())).await;
        metrics.commit(begun.elapsed());
        batch.respond(outcome);
    }
}

/// Closes idle connections after a timeout: if one of them is dead, the others are, too, and each
/// would cost a timeout.
async fn within_timeout<T>(
    pool: &Pool,
    work: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    timeout(DATABASE_TIMEOUT, work).await.unwrap_or_else(|_| {
        pool.retain(|_, _| false);
        Err(StoreError::timeout())
    })
}

async fn commit(pool: &Pool, inserts: &[PendingInsert]) -> Result<Vec<Stored>, StoreError> {
    let transaction = Transaction::begin(pool).await?;
    let stored = batch::insert(transaction.client(), inserts).await?;
    batch::notify(transaction.client(), inserts, &stored).await?;
    transaction.commit().await?;
    Ok(stored)
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
