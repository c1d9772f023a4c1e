//! `tawk-listener check`: finds what is wrong, and changes nothing, so it can run at any time.
//! `tawk-listener healthcheck`: for containers that have no shell and no HTTP client.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Error, Result, anyhow, ensure};
use http::StatusCode;
use prometheus_client::metrics::counter::Counter;

use crate::config::{self, LogFormat, Settings};
use crate::forward::Forwarder;
use crate::notify::Notifier;
use crate::server::tls::Tls;
use crate::store::{Schema, Store};
use crate::telemetry::logging;
use crate::{EXIT_NOT_STARTED, http_client, notify, print_error, server};

/// Does what `serve` does before it listens, and prints all errors. Its warnings are log records.
pub async fn run(mut settings: Settings, invalid: Vec<Error>) -> Result<ExitCode> {
    let log = logging::init("warn", LogFormat::Text, Counter::default())?;
    let mut errors = invalid;
    let secrets = config::webhook_secrets(settings.tawk_webhook_secret.take().as_deref());
    let tls = server::load_tls(&settings);
    let notifiers = notify::notifiers(settings.notify.notify_url.as_deref());
    let forwarders = settings.forward.forwarders();
    let checks = [
        logging::parse(&settings.rust_log).map(drop),
        secrets.map(|secrets| server::log_warnings(&settings, &secrets)),
        tls.map(|tls| tls.iter().for_each(Tls::log_warnings)),
        notifiers.map(|notifiers| notifiers.iter().for_each(Notifier::log_warnings)),
        forwarders.map(|forwarders| forwarders.iter().for_each(Forwarder::log_warnings)),
    ];
    errors.extend(checks.into_iter().filter_map(Result::err));
    let main = server::bind(("HOST", &settings.host), ("PORT", settings.port)).await;
    // If the listener runs, it has bound the addresses.
    if main.is_ok() || request(&settings).await.is_err() {
        if let Some(port) = settings.metrics_port {
            // While the other socket is bound, as the ports must differ.
            errors
                .extend(server::bind(("HOST", &settings.host), ("METRICS_PORT", port)).await.err());
        }
        errors.extend(main.err());
    }
    let database = match Store::check(&settings.database.database_url).await {
        Ok(Schema::Missing) => "the database is empty or missing; `serve` creates its tables",
        Ok(Schema::Outdated) => "the database is of an older version; `serve` migrates it",
        Ok(Schema::Current) => "the database is up to date",
        Err(error) => {
            errors.push(error);
            "the database cannot be used"
        }
    };
    log.flush();
    errors.iter().for_each(print_error);
    let problems = match errors.len() {
        0 => "no problems found".to_owned(),
        1 => "1 problem found".to_owned(),
        count => format!("{count} problems found"),
    };
    let _ = writeln!(io::stdout(), "{database}\n{problems}");
    Ok(if errors.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(EXIT_NOT_STARTED) })
}

pub async fn healthcheck(settings: &Settings) -> ExitCode {
    match request(settings).await {
        Ok(url) => {
            let _ = writeln!(io::stdout(), "healthy: {url}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            print_error(&error.context("unhealthy"));
            ExitCode::FAILURE
        }
    }
}

async fn request(settings: &Settings) -> Result<String> {
    ensure!(settings.port != 0, "the port is unknown; set PORT to a port above 0");
    let scheme = if settings.tls_cert.is_some() { "https" } else { "http" };
    // A listener on all addresses, such as 0.0.0.0, is reached by this address too.
    let authority = match settings.host.parse() {
        Ok(address) => SocketAddr::new(address, settings.port).to_string(),
        Err(_) => format!("{}:{}", settings.host, settings.port),
    };
    let url = format!("{scheme}://{authority}/healthz");
    // The certificate is not for this address. Nothing secret is sent or received.
    let client =
        http_client::builder(scheme).tls_certs_only([]).tls_danger_accept_invalid_certs(true);
    let client = client.no_proxy().timeout(Duration::from_secs(5)).build()?;
    let response = client.get(&url).send().await.map_err(|error| {
        let cause = Error::from(error.without_url());
        let advice = "start the listener, or set HOST, PORT and TLS_CERT to its values";
        anyhow!("no response from {url}: {}; {advice}", cause.root_cause())
    })?;
    let status = response.status().as_u16();
    ensure!(status == StatusCode::OK, "{url} responded with {status}; set HOST and PORT");
    Ok(url)
}
