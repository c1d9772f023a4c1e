//! `tawk-listener check`: finds what is wrong, and changes nothing, so it can run at any time.

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Error, Result};
use prometheus_client::metrics::counter::Counter;

use super::healthcheck;
use crate::config::{self, LogFormat, Settings};
use crate::server::tls::Tls;
use crate::store::{Schema, Store};
use crate::telemetry::logging;
use crate::{EXIT_NOT_STARTED, notify, print_error, server};

/// Timeout for the warnings to be written.
const LOG_TIMEOUT: Duration = Duration::from_secs(1);

/// Does what `serve` does before it listens, and prints all errors. Its warnings are log records.
pub async fn run(mut settings: Settings, invalid: Vec<Error>) -> Result<ExitCode> {
    let log = logging::init("warn", LogFormat::Text, Counter::default())?;
    let mut errors = invalid;
    errors.extend(logging::parse(&settings.rust_log).err());
    match config::webhook_secrets(settings.tawk_webhook_secret.take().as_deref()) {
        Ok(secrets) => server::log_warnings(&settings, &secrets),
        Err(error) => errors.push(error),
    }
    match server::load_tls(&settings) {
        Ok(tls) => tls.iter().for_each(Tls::log_warnings),
        Err(error) => errors.push(error),
    }
    errors.extend(notify::notifiers(settings.notify.notify_url.as_deref()).err());
    errors.extend(addresses(&settings).await);
    let database = match Store::check(&settings.database.database_url).await {
        Ok(Schema::Missing) => "the database is empty or missing; `serve` creates its tables",
        Ok(Schema::Outdated) => "the database is of an older version; `serve` migrates it",
        Ok(Schema::Current) => "the database is up to date",
        Err(error) => {
            errors.push(error);
            "the database cannot be used"
        }
    };
    log.flush(LOG_TIMEOUT);
    errors.iter().for_each(print_error);
    let problems = match errors.len() {
        0 => "no problems found".to_owned(),
        1 => "1 problem found".to_owned(),
        count => format!("{count} problems found"),
    };
    let _ = writeln!(io::stdout(), "{database}\n{problems}");
    Ok(if errors.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(EXIT_NOT_STARTED) })
}

/// Returns why addresses cannot be listened on. If that is because the listener runs, they can.
async fn addresses(settings: &Settings) -> Vec<Error> {
    let main = server::bind(&settings.host, "PORT", settings.port).await;
    if main.is_err() && healthcheck::request(settings).await.is_ok() {
        return Vec::new();
    }
    // While the other socket is bound, as the ports must differ.
    let metrics = match settings.metrics_port {
        Some(port) => server::bind(&settings.host, "METRICS_PORT", port).await.err(),
        None => None,
    };
    main.err().into_iter().chain(metrics).collect()
}
