//! The command `serve`: starts the listener, and stops it when told to.

mod connection;
mod connections;
mod idle;
mod signals;
mod tls;

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use tokio::net::TcpListener;
use tower_tawk::Secrets;
use tracing::{info, warn};

use crate::app::{self, Listener, METRICS, WEBHOOK};
use crate::config::{self, ConfigError, Mode, Settings, TawkLog};
use crate::inbox::{Database, Inbox};
use crate::log;
use crate::metrics::Metrics;
use connections::Endpoint;

/// Listens until a signal comes.
///
/// # Errors
///
/// When it cannot start. Nothing is logged before it is sure that it can.
pub(crate) async fn run(mut settings: Settings) -> Result<(), ConfigError> {
    // The text of the secrets ends here.
    let secrets = config::read(settings.tawk_webhook_secret.take().as_deref())?;
    let unusual: Vec<_> =
        (1..).zip(&secrets).filter(|(_, secret)| !secret.looks_usual).map(|(at, _)| at).collect();
    let count = secrets.len();
    let secrets = Secrets::new(secrets.into_iter().map(|secret| (secret.label, secret.secret)))
        .map_err(|error| ConfigError::new(format!("TAWK_WEBHOOK_SECRET: {error}")))?;
    let tls = match (&settings.tls_cert, &settings.tls_key) {
        (Some(certificate), Some(key)) => Some(tls::acceptor(certificate, key)?),
        _ => None,
    };

    let stopped = signals::stopped()
        .map_err(|error| ConfigError::new(format!("cannot wait for signals: {error}")))?;
    let (socket, address) = bind(&settings.host, "PORT", settings.port).await?;
    let metrics_socket = match settings.metrics_port {
        Some(port) => Some(bind(&settings.host, "METRICS_PORT", port).await?),
        None => None,
    };
    let database = Database::create(&settings.database.database_url).await?;
    log::begin(&settings.rust_log, settings.log_format)?;

    warn_of(&settings, &unusual);
    let metrics = Metrics::new();
    let inbox = Inbox::start(database, settings.tawk_retention_days, metrics.clone());
    let listener = Listener { level: settings.tawk_log, inbox, metrics };
    let mut endpoints = Vec::new();
    if let Some((socket, address)) = metrics_socket {
        info!("metrics on http://{address}{METRICS}");
        endpoints.push(Endpoint { socket, tls: None, app: app::metrics(listener.clone()) });
    }
    info!(
        mode = config::name(&settings.tawk_mode),
        tawk_log = config::name(&settings.tawk_log),
        secrets = count,
        "listening on {}://{address}{WEBHOOK}",
        if tls.is_some() { "https" } else { "http" }
    );
    endpoints.push(Endpoint { socket, tls, app: app::app(secrets, &settings, listener.clone()) });
    connections::serve(endpoints, stopped).await;
    stop(listener).await;
    Ok(())
}

/// After the last request.
async fn stop(Listener { inbox, metrics, .. }: Listener) {
    inbox.close().await;
    info!(
        unknown_events = metrics.unknown_events(),
        undecodable_bodies = metrics.undecodable_bodies(),
        "stopped"
    );
}

/// A socket that listens, and on which address.
async fn bind(
    host: &str,
    setting: &str,
    port: u16,
) -> Result<(TcpListener, SocketAddr), ConfigError> {
    let bind = async {
        let socket = TcpListener::bind((host, port)).await?;
        let address = socket.local_addr()?;
        Ok((socket, address))
    };
    bind.await.map_err(|error: io::Error| {
        let advice = match error.kind() {
            ErrorKind::AddrInUse => {
                format!("stop the program that listens there, or set {setting} to another")
            }
            ErrorKind::PermissionDenied => format!("set {setting} to one above 1023"),
            _ => "set HOST to an address of this machine, such as 127.0.0.1, or to 0.0.0.0 for all"
                .to_owned(),
        };
        ConfigError::new(format!("cannot listen on {host} port {port}: {error}; {advice}"))
    })
}

/// Says what whoever runs it should know.
fn warn_of(settings: &Settings, unusual: &[usize]) {
    for position in unusual {
        warn!(
            "secret {position} does not look like those of Tawk.to, which have 96 lower-case hex \
             digits; if deliveries are refused, copy it from the dashboard again"
        );
    }
    if settings.tawk_mode == Mode::Observe {
        warn!(
            "deliveries that are not verified are answered 200, so Tawk.to does not send them \
             again; set TAWK_MODE=enforce once they verify"
        );
    }
    match settings.tawk_log {
        TawkLog::Summary => {}
        TawkLog::Payload => info!(
            "deliveries are logged with their headers and bodies, which hold personal data, and \
             with their signatures, so that whoever reads the log can send them again; set \
             TAWK_LOG=summary to log none of these"
        ),
        TawkLog::Full => warn!(
            "deliveries are logged with their headers and bodies, which hold personal data, and \
             those that are not verified with the right signature: a forgery ready to use; set \
             TAWK_LOG=summary once you have found out what is wrong"
        ),
    }
}
