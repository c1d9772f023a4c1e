//! [`DatabaseFile`]: the file of `DATABASE_URL`.

use std::fs::{self, Metadata, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::store::model::StoreError;
use crate::store::{DATABASE_TIMEOUT, INVALID_ADDRESS};

/// A confirmed commit survives a power failure (`synchronous`), readers do not wait for writers
/// (WAL), and deleted data is overwritten.
const SETTINGS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                        PRAGMA secure_delete = ON";

/// SQLite continues in a file that was deleted or replaced, until it is closed.
#[derive(Clone)]
pub struct DatabaseFile {
    path: Arc<Path>,
    id: (u64, u64),
}

impl DatabaseFile {
    pub fn new(path: &Path) -> io::Result<Self> {
        Ok(Self { id: id(&fs::metadata(path)?), path: path.into() })
    }

    /// Returns whether the path still leads to the same file.
    pub fn is_in_place(&self) -> bool {
        fs::metadata(&self.path).is_ok_and(|metadata| id(&metadata) == self.id)
    }

    /// Opens a connection. Never creates the file: a deleted one must not come back empty.
    pub fn connect(&self, is_writer: bool) -> Result<Connection, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_timeout(DATABASE_TIMEOUT)?;
        enable_wal(&connection)?;
        connection.pragma_update(None, "query_only", !is_writer)?;
        Ok(connection)
    }
}

/// SQLite does not wait for the lock when it changes to WAL, as on a new database that several
/// listeners open at once.
fn enable_wal(connection: &Connection) -> Result<(), StoreError> {
    const MAX_ATTEMPTS: u32 = 50;
    let mut attempt = 1;
    loop {
        match connection.execute_batch(SETTINGS) {
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                    && attempt < MAX_ATTEMPTS =>
            {
                attempt += 1;
                thread::sleep(Duration::from_millis(100));
            }
            result => return Ok(result?),
        }
    }
}

/// Device and inode.
#[cfg(unix)]
fn id(metadata: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;

    (metadata.dev(), metadata.ino())
}

/// Windows does not delete open files.
#[cfg(windows)]
const fn id(_: &Metadata) -> (u64, u64) {
    (0, 0)
}

/// Creates the file and its directory, readable by its owner only: it will hold personal data.
/// SQLite creates its other files with the same mode.
pub fn create(path: &Path) -> io::Result<()> {
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        fs::create_dir_all(directory)?;
    }
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

/// Parses `sqlite:FILE`, `sqlite://FILE` and `sqlite://FILE?mode=rwc`.
pub fn parse_url(url: &str) -> Result<PathBuf, &'static str> {
    let Some(address) = url.strip_prefix("sqlite:") else {
        return Err("neither SQLite nor PostgreSQL");
    };
    let address = address.strip_prefix("//").unwrap_or(address);
    let (path, options) = address.split_once('?').unwrap_or((address, ""));
    if path == ":memory:" || options.split('&').any(|option| option == "mode=memory") {
        return Err("a database in memory is lost when the listener stops");
    }
    let is_known = |option: &str| ["", "mode=rw", "mode=rwc"].contains(&option);
    if path.is_empty() || !options.split('&').all(is_known) {
        return Err(INVALID_ADDRESS);
    }
    let path = percent_decode_str(path).decode_utf8().map_err(|_| INVALID_ADDRESS)?;
    Ok(path.as_ref().into())
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
            assert_eq!(parse_url(url), Ok(path.into()));
        }
    }
}
