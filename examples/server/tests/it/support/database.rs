//! A test's direct access to a database.

use rusqlite::Connection;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

/// A connection to a SQLite or PostgreSQL database.
pub enum Session {
    Sqlite(Connection),
    Postgres { runtime: Runtime, client: Client, connection: JoinHandle<()> },
}

impl Session {
    /// Opens `sqlite://FILE`, which is created if it is missing, or `postgres://…`.
    pub fn open(url: &str) -> Self {
        if let Some(path) = url.strip_prefix("sqlite://") {
            return Self::Sqlite(Connection::open(path).unwrap());
        }
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let (client, connection) = runtime.block_on(tokio_postgres::connect(url, NoTls)).unwrap();
        let connection = runtime.spawn(async { connection.await.unwrap() });
        Self::Postgres { runtime, client, connection }
    }

    /// Runs SQL, and returns the number of rows that the last statement changed.
    pub fn execute(&mut self, sql: &str) -> u64 {
        match self {
            Self::Sqlite(connection) => {
                connection.execute_batch(sql).unwrap();
                connection.changes()
            }
            Self::Postgres { runtime, client, .. } => {
                let messages = runtime.block_on(client.simple_query(sql)).unwrap();
                let count = |message: &SimpleQueryMessage| match message {
                    SimpleQueryMessage::CommandComplete(rows) => Some(*rows),
                    _ => None,
                };
                messages.iter().rev().find_map(count).unwrap_or_default()
            }
        }
    }

    pub fn close(self) {
        match self {
            Self::Sqlite(connection) => connection.close().unwrap(),
            Self::Postgres { runtime, client, connection } => {
                drop(client);
                runtime.block_on(connection).unwrap();
            }
        }
    }
}

/// Runs SQL over a separate connection.
pub fn execute(url: &str, sql: &str) -> u64 {
    let mut session = Session::open(url);
    let changed = session.execute(sql);
    session.close();
    changed
}
