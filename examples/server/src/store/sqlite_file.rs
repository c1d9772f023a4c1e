//! The SQLite file: its name, its permissions, and how it is opened.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use rusqlite::{Connection, OpenFlags};

use super::DATABASE_TIMEOUT;
use super::database::INVALID_ADDRESS;
use super::model::StoreError;

/// A confirmed commit survives a power failure (`synchronous`), readers do not wait for writers
/// (WAL), and deleted data is overwritten.
const SETTINGS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                        PRAGMA secure_delete = ON";

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
    if path.starts_with("~/") {
        bail!("`~` is only expanded by shells; write the path of the home directory");
    }
    let is_of_windows = |path: &str| path.get(1..3).is_some_and(|s| s == ":\\" || s == ":/");
    match path.strip_prefix('/').filter(|path| is_of_windows(path)) {
        Some(path) if cfg!(windows) => Ok(path.into()),
        None if cfg!(windows) || !is_of_windows(&path) => Ok(path.as_ref().into()),
        _ => bail!("the path has the form of Windows; write one of this system"),
    }
}

/// Creates the file and its directory, readable by its owner only: it will hold personal data.
/// SQLite creates its other files with the same mode.
pub fn create(path: &Path) -> io::Result<()> {
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        fs::create_dir_all(directory)?;
    }
    let size = |path: &Path| fs::metadata(path).map_or(0, |file| file.len());
    let wal = beside(path, "-wal");
    if size(path) == 0 && size(&wal) > 0 {
        // SQLite would delete it.
        return Err(io::Error::other(format!(
            "it is missing, and {} holds deliveries; restore it, or move the latter away",
            wal.display()
        )));
    }
    private().create(true).open(path).map(drop)
}

pub fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

#[derive(Clone, Copy, PartialEq)]
pub enum Mode {
    ReadWrite,
    ReadOnly,
    /// Read-only, without the files `-wal` and `-shm`, which the reader may not be allowed to
    /// create. Only while the listener, which has them, does not run.
    Immutable,
}

/// Returns the path of the write-ahead log (`-wal`) or its index (`-shm`), which exist while a
/// database is open.
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    // SQLite follows links too.
    let mut path = path.canonicalize().unwrap_or_else(|_| path.into()).into_os_string();
    path.push(suffix);
    path.into()
}

/// Opens a connection. Never creates the file: a deleted one must not come back empty.
pub fn connect(path: &Path, mode: Mode) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = match mode {
        Mode::ReadWrite => {
            Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_READ_WRITE)
        }
        Mode::ReadOnly => {
            Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_READ_ONLY)
        }
        Mode::Immutable => {
            let path = percent_encode(path.as_os_str().as_encoded_bytes(), NON_ALPHANUMERIC);
            let flags = flags | OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
            Connection::open_with_flags(format!("file:{path}?immutable=1"), flags)
        }
    }?;
    connection.busy_timeout(DATABASE_TIMEOUT)?;
    if mode == Mode::ReadWrite {
        connection.execute_batch(SETTINGS)?;
    }
    Ok(connection)
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
            ("sqlite://a b.db", "a b.db"),
            ("sqlite://100%.db", "100%.db"),
            ("sqlite://../a#b.db", "../a#b.db"),
        ] {
            assert_eq!(parse_url(url).unwrap(), Path::new(path));
        }
    }
}
