//! Opens the database of `DATABASE_URL`, SQLite's or PostgreSQL's, and brings its tables up to
//! date.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use sqlx::any::{AnyConnectOptions, AnyPoolOptions, install_default_drivers};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AnyConnection, AnyPool, ConnectOptions, Connection, Executor};
use tokio::time::timeout;

use super::PATIENCE;
use crate::config::ConfigError;

static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

/// One for the group that is committed, and some for those who look.
const CONNECTIONS_MOST: u32 = 4;

/// What a commit has survived when SQLite confirms it: a loss of power (`synchronous`); readers do
/// not wait for writers (WAL); and what is deleted is overwritten.
const SQLITE_SETTINGS: &str = "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; \
                               PRAGMA synchronous = FULL; PRAGMA secure_delete = ON";

/// The same for PostgreSQL, where somebody may have turned it off. Whoever waits for longer, or
/// has gone in the midst of a transaction, must not hold up the others.
const POSTGRES_SETTINGS: &str = "SELECT set_config('synchronous_commit', 'on', false)
        WHERE current_setting('synchronous_commit') = 'off';
     SET statement_timeout = '5s'; SET idle_in_transaction_session_timeout = '10s'";

/// Opens the database of `url`; SQLite's is created, with its directory, if it is not there.
pub(super) async fn create(url: &str) -> Result<AnyPool, ConfigError> {
    if let Some(path) = sqlite_path(url)? {
        create_file(&path).map_err(|error| {
            ConfigError::new(format!(
                "cannot create the database {} ({error}); set DATABASE_URL to a file that can be \
                 written",
                path.display()
            ))
        })?;
    }
    open(url).await
}

/// Opens the database of `url`, which has to be there.
pub(super) async fn open_existing(url: &str) -> Result<AnyPool, ConfigError> {
    if let Some(path) = sqlite_path(url)?.filter(|path| !path.exists()) {
        return Err(ConfigError::new(format!(
            "there is no database {}; set DATABASE_URL to the listener's, or start the listener \
             first, which creates it",
            path.display()
        )));
    }
    open(url).await
}

/// The file of an SQLite database; `None` if it is PostgreSQL's.
fn sqlite_path(url: &str) -> Result<Option<PathBuf>, ConfigError> {
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return Ok(None);
    }
    if !url.starts_with("sqlite:") {
        return Err(unusable("neither SQLite's nor PostgreSQL's"));
    }
    if url.contains(":memory:") || url.contains("mode=memory") {
        return Err(unusable("what is in memory is lost when the listener stops"));
    }
    let options = url.parse::<SqliteConnectOptions>().map_err(|_| unusable(NOT_AN_ADDRESS))?;
    Ok(Some(options.get_filename().to_owned()))
}

const NOT_AN_ADDRESS: &str = "it is no address, or has an option that is not known";

/// The address itself is not repeated: there may be a password in it.
fn unusable(why: &str) -> ConfigError {
    ConfigError::new(format!(
        "DATABASE_URL cannot be used ({why}); write sqlite://FILE or \
         postgres://USER:PASSWORD@HOST/NAME"
    ))
}

/// People's messages will be in it: nobody else on this machine may read it. (SQLite gives the
/// files beside it the same permissions.)
fn create_file(path: &Path) -> io::Result<()> {
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        fs::create_dir_all(directory)?;
    }
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

async fn open(url: &str) -> Result<AnyPool, ConfigError> {
    install_default_drivers();
    let options = url
        .parse::<AnyConnectOptions>()
        .map_err(|_| unusable(NOT_AN_ADDRESS))?
        // Its statements would be hundreds of rows long.
        .disable_statement_logging();
    let (settings, migrator) = if url.starts_with("sqlite:") {
        (SQLITE_SETTINGS, &SQLITE)
    } else {
        (POSTGRES_SETTINGS, &POSTGRES)
    };
    timeout(6 * PATIENCE, migrate(&options, migrator))
        .await
        .map_err(|_| cannot_open(&"it did not answer in time"))??;
    // From here on a database that has gone is waited for: it comes back.
    Ok(AnyPoolOptions::new()
        .max_connections(CONNECTIONS_MOST)
        .acquire_timeout(PATIENCE)
        // Kept open: there may be no file descriptor left for another one.
        .idle_timeout(None)
        .max_lifetime(None)
        .after_connect(move |connection, _| {
            Box::pin(async move { connection.execute(settings).await.map(drop) })
        })
        .connect_lazy_with(options))
}

/// On a connection of its own, whose error says more than a pool's, which tries again and again.
async fn migrate(options: &AnyConnectOptions, migrator: &Migrator) -> Result<(), ConfigError> {
    let mut connection =
        AnyConnection::connect_with(options).await.map_err(|error| match error {
            // What is wrong with it may be the password.
            sqlx::Error::Configuration(_) => unusable(NOT_AN_ADDRESS),
            error => cannot_open(&error),
        })?;
    migrator.run(&mut connection).await.map_err(|error| match error {
        MigrateError::VersionMissing(_) | MigrateError::VersionMismatch(_) => {
            ConfigError::new(format!(
                "a newer listener has used the database of DATABASE_URL ({error}); start that one"
            ))
        }
        error => cannot_open(&error),
    })?;
    connection.close().await.map_err(|error| cannot_open(&error))
}

fn cannot_open(why: &dyn fmt::Display) -> ConfigError {
    ConfigError::new(format!(
        "cannot open the database of DATABASE_URL ({why}); see that it is there, and lets the \
         listener read and write"
    ))
}
