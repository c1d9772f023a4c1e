//! The SQLite file: its name, its permissions, and how it is opened.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use memchr::memmem;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::database::INVALID_ADDRESS;
use super::model::StoreError;
use super::{Access, DATABASE_TIMEOUT};

/// A confirmed commit survives a power failure (`synchronous`), readers do not wait for writers
/// (WAL), and deleted data is overwritten. The query creates the write-ahead log.
const SETTINGS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                        PRAGMA secure_delete = ON; SELECT 1 FROM sqlite_schema";

const RETRY_INTERVAL: Duration = Duration::from_millis(20);

pub fn parse_url(url: &str) -> Result<PathBuf> {
    let address = url.strip_prefix("sqlite:").context(INVALID_ADDRESS)?;
    let address = address.strip_prefix("//").unwrap_or(address);
    let (path, options) = address.split_once('?').unwrap_or((address, ""));
    if ["", ":memory:"].contains(&path) || !["", "mode=rw", "mode=rwc"].contains(&options) {
        bail!(INVALID_ADDRESS);
    }
    let path = percent_decode_str(path).decode_utf8().context(INVALID_ADDRESS)?;
    ensure!(!path.starts_with("~/"), "`~` is only expanded by shells; write the whole path");
    let is_of_windows = matches!(path.trim_start_matches('/').as_bytes(), [_, b':', ..]);
    ensure!(!is_of_windows, "the path has the form of Windows; write one of this system");
    Ok(path.as_ref().into())
}

/// Fails if the listener could not create the file, or write to it and next to it.
pub fn check_permissions(path: &Path) -> Result<()> {
    let directory = path.ancestors().skip(1).find(|directory| directory.exists());
    let directory = directory.unwrap_or(Path::new("."));
    // The file has no name.
    tempfile::tempfile_in(directory)
        .with_context(|| format!("cannot create files in {}", directory.display()))?;
    if path.exists() {
        let written = private().open(path);
        written.with_context(|| format!("cannot write to {}", path.display()))?;
    }
    Ok(())
}

/// Creates the file and its directory, readable by its owner only: it will hold personal data.
/// SQLite creates its other files with the same mode.
pub fn create(path: &Path) -> io::Result<()> {
    if let Some(directory) = path.parent() {
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
    options.append(true).mode(0o600);
    options
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
pub fn connect(path: &Path, access: Access) -> Result<Connection, StoreError> {
    let options = match access {
        Access::Migrate | Access::Write => "mode=rw",
        Access::Read if beside(path, "-wal").exists() => "mode=ro",
        // No listener has it open, and its other files, which the reader may not be allowed to
        // create, are not needed.
        Access::Read => "mode=ro&immutable=1",
    };
    let path = percent_encode(path.as_os_str().as_encoded_bytes(), NON_ALPHANUMERIC);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_URI;
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(format!("file:{path}?{options}"), flags)?;
    connection.busy_timeout(DATABASE_TIMEOUT)?;
    if access != Access::Read {
        configure(&connection)?;
    }
    // Searches read all rows. A failure to read the file would end the listener.
    if access != Access::Migrate {
        connection.pragma_update(None, "mmap_size", 1 << 30)?;
    }
    // Three times as fast as SQLite's own. Counts bytes.
    connection.create_scalar_function("instr", 2, FunctionFlags::default(), |context| {
        let [text, word] =
            [0, 1].map(|index| context.get_raw(index).as_bytes().unwrap_or_default());
        Ok(memmem::find(text, word).map_or(0, |index| index + 1) as i64)
    })?;
    Ok(connection)
}

/// SQLite does not wait for the lock that the change to WAL needs, which another listener that
/// starts may hold.
fn configure(connection: &Connection) -> rusqlite::Result<()> {
    let begun = Instant::now();
    loop {
        match connection.execute_batch(SETTINGS) {
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                    && begun.elapsed() < DATABASE_TIMEOUT =>
            {
                thread::sleep(RETRY_INTERVAL);
            }
            result => return result,
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error {
            // Otherwise the message contains the whole statement.
            rusqlite::Error::SqlInputError { msg, .. } => Self::Failed(msg),
            error if error.sqlite_error_code() == Some(ErrorCode::CannotOpen) => {
                Self::Failed(format!("{error}; creating its -shm file needs permission"))
            }
            error => Self::Failed(error.to_string()),
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
