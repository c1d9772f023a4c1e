//! [`Database`]: that of `DATABASE_URL`, and the connections to it.

use std::fs;
use std::io;
use std::ops::{Deref, DerefMut};
use std::path::PathBuf;

use sqlx::any::{AnyArguments, AnyRow};
use sqlx::pool::PoolConnection;
use sqlx::query::Query;
use sqlx::{Any, AnyConnection, AnyPool};
use tokio::time::timeout;

use super::PATIENCE;
use super::open::{Opened, create_file, open, sqlite_path};
use crate::config::ConfigError;

/// A database that is there, and whose tables are up to date. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Database {
    commits: AnyPool,
    others: AnyPool,
    pub(super) is_sqlite: bool,
    file: Option<File>,
}

impl Database {
    /// Opens the one of `DATABASE_URL`; SQLite's is created, with its directory, if it is not
    /// there.
    ///
    /// # Errors
    ///
    /// When it cannot be used.
    pub(crate) async fn create(url: &str) -> Result<Self, ConfigError> {
        let path = sqlite_path(url)?;
        if let Some(path) = &path {
            create_file(path).map_err(|error| {
                ConfigError::new(format!(
                    "cannot create the database {} ({error}); set DATABASE_URL to a file that can \
                     be written",
                    path.display()
                ))
            })?;
        }
        Self::open(url, path).await
    }

    /// Opens the one of `DATABASE_URL`, which has to be there.
    ///
    /// # Errors
    ///
    /// When it is not, or cannot be used.
    pub(crate) async fn existing(url: &str) -> Result<Self, ConfigError> {
        let path = sqlite_path(url)?;
        if let Some(path) = path.as_ref().filter(|path| !path.exists()) {
            return Err(ConfigError::new(format!(
                "there is no database {}; set DATABASE_URL to the listener's, or start the \
                 listener first, which creates it",
                path.display()
            )));
        }
        Self::open(url, path).await
    }

    async fn open(url: &str, path: Option<PathBuf>) -> Result<Self, ConfigError> {
        let Opened { commits, others, is_sqlite } = open(url).await?;
        let file = path.and_then(|path| File::at(path).ok());
        Ok(Self { commits, others, is_sqlite, file })
    }

    /// The connection for commits.
    pub(super) async fn for_commit(&self) -> Result<Borrowed, sqlx::Error> {
        self.commits.acquire().await.map(Borrowed::new)
    }

    /// Whether what is committed can be found by its address: SQLite goes on in a file that
    /// somebody has deleted or replaced, until it is closed.
    pub(super) fn is_in_place(&self) -> bool {
        self.file.as_ref().is_none_or(File::is_in_place)
    }

    /// The rows that a statement of a moment returns.
    pub(super) async fn rows(
        &self,
        query: Query<'_, Any, AnyArguments>,
    ) -> Result<Vec<AnyRow>, sqlx::Error> {
        let mut connection = Borrowed::new(self.others.acquire().await?);
        let rows = timeout(PATIENCE, query.fetch_all(&mut *connection)).await;
        let rows = rows.map_err(|_| sqlx::Error::PoolTimedOut)??;
        connection.give_back();
        Ok(rows)
    }

    /// On how many rows a statement of a moment has acted.
    pub(super) async fn execute(
        &self,
        query: Query<'_, Any, AnyArguments>,
    ) -> Result<u64, sqlx::Error> {
        let mut connection = Borrowed::new(self.others.acquire().await?);
        let done = timeout(PATIENCE, query.execute(&mut *connection)).await;
        let done = done.map_err(|_| sqlx::Error::PoolTimedOut)??;
        connection.give_back();
        Ok(done.rows_affected())
    }

    /// SQLite's files are tidied up by that, too.
    pub(crate) async fn close(&self) {
        self.commits.close().await;
        self.others.close().await;
    }
}

/// A connection that is closed unless what it was taken for has succeeded.
///
/// After a failed transaction SQLite may have rolled back by itself, of which sqlx does not know:
/// its next one would be a savepoint in a transaction that nobody commits. And what was given up
/// half-way, because it took too long, may never end: nobody else should wait for it.
pub(super) struct Borrowed {
    connection: PoolConnection<Any>,
    is_good: bool,
}

impl Borrowed {
    const fn new(connection: PoolConnection<Any>) -> Self {
        Self { connection, is_good: false }
    }

    /// To be used again.
    pub(super) fn give_back(mut self) {
        self.is_good = true;
    }
}

impl Deref for Borrowed {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        &self.connection
    }
}

impl DerefMut for Borrowed {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        &mut self.connection
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        if !self.is_good {
            self.connection.close_on_drop();
        }
    }
}

/// SQLite's file as it was opened.
#[derive(Clone)]
struct File {
    path: PathBuf,
    id: (u64, u64),
}

impl File {
    fn at(path: PathBuf) -> io::Result<Self> {
        Ok(Self { id: id(&fs::metadata(&path)?), path })
    }

    fn is_in_place(&self) -> bool {
        fs::metadata(&self.path).is_ok_and(|metadata| id(&metadata) == self.id)
    }
}

/// What tells a file from another one of the same name.
#[cfg(unix)]
fn id(metadata: &fs::Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;

    (metadata.dev(), metadata.ino())
}

/// Here nobody can delete a file that is open.
#[cfg(windows)]
const fn id(_: &fs::Metadata) -> (u64, u64) {
    (0, 0)
}
