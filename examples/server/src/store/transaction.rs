//! A PostgreSQL transaction, which sets what it relies on: the defaults of the server, the database
//! or the role may differ, and a transaction pooler keeps no session. Only unnamed statements are
//! used, for the same reason.

use std::time::Duration;

use tokio::time::timeout;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row};

use super::model::StoreError;

/// A confirmed commit survives a crash of the server, and a listener that is gone does not hold up
/// the others. Waiting for a lock counts as part of the statement.
pub const BEGIN_WRITING: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
     SET LOCAL statement_timeout = '5s';
     SET LOCAL lock_timeout = 0;
     SET LOCAL idle_in_transaction_session_timeout = '10s';
     SELECT set_config('synchronous_commit', 'on', true)
        WHERE current_setting('synchronous_commit') = 'off'";

/// Does not need a server or a role that may write.
pub const BEGIN_READING: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY;
     SET LOCAL statement_timeout = '5s';
     SET LOCAL lock_timeout = 0;
     SET LOCAL idle_in_transaction_session_timeout = '10s'";

/// A server that has not begun the transaction until then is considered gone.
const BEGIN_TIMEOUT: Duration = Duration::from_secs(2);

/// A parameter and its type.
pub type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

/// Runs a statement in one round trip. After an error in it, COMMIT rolls back.
pub async fn run(
    client: &Client,
    begin: &str,
    sql: &str,
    values: &[Parameter<'_>],
) -> Result<Vec<Row>, StoreError> {
    let begin = async {
        let begun = timeout(BEGIN_TIMEOUT, client.batch_execute(begin)).await;
        Ok::<_, StoreError>(begun.map_err(|_| StoreError::Timeout)??)
    };
    let query = async { Ok(client.query_typed(sql, values).await?) };
    let commit = async { Ok(client.batch_execute("COMMIT").await?) };
    let ((), rows, ()) = tokio::try_join!(biased; begin, query, commit)?;
    Ok(rows)
}

/// Runs statements without parameters, however long they take.
pub async fn execute(client: &Client, sql: &str) -> Result<(), StoreError> {
    let sql = format!("{BEGIN_WRITING}; SET LOCAL statement_timeout = 0; {sql}; COMMIT");
    let executed = client.batch_execute(&sql).await;
    if executed.is_err() {
        client.batch_execute("ROLLBACK").await?;
    }
    Ok(executed?)
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
