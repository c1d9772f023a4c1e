//! A test's own way into a database, past the program.

use sqlx::{AnyConnection, AssertSqlSafe, ConnectOptions, Connection, raw_sql};
use tokio::runtime::{Builder, Runtime};

/// A connection to a SQLite or PostgreSQL database.
pub struct Session {
    runtime: Runtime,
    connection: AnyConnection,
}

impl Session {
    pub fn open(url: &str) -> Self {
        sqlx::any::install_default_drivers();
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let connection = runtime.block_on(AnyConnection::connect(url)).unwrap();
        Self { runtime, connection }
    }

    /// Runs SQL, and returns how many rows it changed.
    pub fn execute(&mut self, sql: &str) -> u64 {
        let execute = raw_sql(AssertSqlSafe(sql)).execute(&mut self.connection);
        self.runtime.block_on(execute).unwrap().rows_affected()
    }

    pub fn close(self) {
        self.runtime.block_on(self.connection.close()).unwrap();
    }
}

/// Runs SQL in a session of its own.
pub fn execute(url: &str, sql: &str) -> u64 {
    let mut session = Session::open(url);
    let changed = session.execute(sql);
    session.close();
    changed
}
