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

/// Connections for everything but commits.
const OTHERS_MOST: u32 = 4;

/// What a commit has survived when SQLite confirms it: a loss of power (`synchronous`); readers do
/// not wait for writers (WAL); and what is deleted is overwritten.
const SQLITE_SETTINGS: &str = "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; \
                               PRAGMA synchronous = FULL; PRAGMA secure_delete = ON";

/// The same for PostgreSQL, where somebody may have turned it off. Whoever waits for longer, or
/// has gone in the midst of a transaction, must not hold up the others.
const POSTGRES_SETTINGS: &str = "SELECT set_config('synchronous_commit', 'on', false)
        WHERE current_setting('synchronous_commit') = 'off';
     SET statement_timeout = '5s'; SET idle_in_transaction_session_timeout = '10s'";

/// Two pools, so that nobody who looks keeps a commit waiting.
pub(super) struct Opened {
    pub(super) commits: AnyPool,
    pub(super) others: AnyPool,
    pub(super) is_sqlite: bool,
}

/// The file of an SQLite database; `None` if it is PostgreSQL's.
pub(super) fn sqlite_path(url: &str) -> Result<Option<PathBuf>, ConfigError> {
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
pub(super) fn create_file(path: &Path) -> io::Result<()> {
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        fs::create_dir_all(directory)?;
    }
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

/// Opens the database of `url`, its tables brought up to date.
pub(super) async fn open(url: &str) -> Result<Opened, ConfigError> {
    install_default_drivers();
    let options = url
        .parse::<AnyConnectOptions>()
        .map_err(|_| unusable(NOT_AN_ADDRESS))?
        // Its statements would be hundreds of rows long.
        .disable_statement_logging();
    let is_sqlite = url.starts_with("sqlite:");
    let (settings, migrator) =
        if is_sqlite { (SQLITE_SETTINGS, &SQLITE) } else { (POSTGRES_SETTINGS, &POSTGRES) };
    timeout(6 * PATIENCE, prepare(&options, settings, migrator, is_sqlite))
        .await
        .map_err(|_| cannot_open(&"it did not answer in time"))??;
    let pool = |connections| {
        AnyPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(PATIENCE)
            // Kept open: there may be no file descriptor left for another one.
            .idle_timeout(None)
            .max_lifetime(None)
            .after_connect(move |connection, _| {
                Box::pin(async move { connection.execute(settings).await.map(drop) })
            })
            // From here on a database that has gone is waited for: it comes back.
            .connect_lazy_with(options.clone())
    };
    Ok(Opened { commits: pool(1), others: pool(OTHERS_MOST), is_sqlite })
}

/// On a connection of its own, whose error says more than a pool's, which tries again and again.
async fn prepare(
    options: &AnyConnectOptions,
    settings: &'static str,
    migrator: &Migrator,
    is_sqlite: bool,
) -> Result<(), ConfigError> {
    let mut connection =
        AnyConnection::connect_with(options).await.map_err(|error| match error {
            // What is wrong with it may be the password.
            sqlx::Error::Configuration(_) => unusable(NOT_AN_ADDRESS),
            error => cannot_open(&error),
        })?;
    if !is_sqlite {
        check_encoding(&mut connection).await?;
    }
    migrate(&mut connection, migrator, settings).await?;
    connection.close().await.map_err(|error| cannot_open(&error))
}

/// A database of another encoding would refuse what people write.
async fn check_encoding(connection: &mut AnyConnection) -> Result<(), ConfigError> {
    const ENCODING: &str = "SELECT current_setting('server_encoding')";
    let encoding: String = sqlx::query_scalar(ENCODING)
        .fetch_one(connection)
        .await
        .map_err(|error| cannot_open(&error))?;
    if encoding == "UTF8" {
        return Ok(());
    }
    Err(ConfigError::new(format!(
        "the database of DATABASE_URL has the encoding {encoding}, which does not take all text; \
         create one with the encoding UTF8"
    )))
}

async fn migrate(
    connection: &mut AnyConnection,
    migrator: &Migrator,
    settings: &'static str,
) -> Result<(), ConfigError> {
    // On SQLite, sqlx lets two listeners that start at once migrate side by side: at each step one
    // of them fails, finds that step done the next time, and may fail at the one after it. The
    // change to WAL is a step, too.
    let mut tries = 1 + migrator.iter().count();
    loop {
        let migrated = async {
            connection.execute(settings).await?;
            migrator.run(&mut *connection).await
        };
        match migrated.await {
            Ok(()) => return Ok(()),
            Err(error @ (MigrateError::VersionMissing(_) | MigrateError::VersionMismatch(_))) => {
                return Err(ConfigError::new(format!(
                    "a newer listener has used the database of DATABASE_URL ({error}); start that \
                     one"
                )));
            }
            Err(error) if tries == 0 => return Err(cannot_open(&error)),
            Err(_) => tries -= 1,
        }
    }
}

fn cannot_open(why: &dyn fmt::Display) -> ConfigError {
    ConfigError::new(format!(
        "cannot open the database of DATABASE_URL ({why}); see that it is there, and lets the \
         listener read and write"
    ))
}
