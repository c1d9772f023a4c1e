//! The command `serve`: starts the listener, and stops it when told to.

mod connections;
mod signals;

use std::io::{self, ErrorKind};

use tokio::net::TcpListener;
use tower_tawk::Secrets;
use tracing::{info, warn};

use crate::app::{WEBHOOK, app};
use crate::config::{self, ConfigError, Mode, Settings, TawkLog};
use crate::counts;
use crate::log;

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

    let stopped = signals::stopped()
        .map_err(|error| ConfigError::new(format!("cannot wait for signals: {error}")))?;
    let (host, port) = (&*settings.host, settings.port);
    let listener =
        TcpListener::bind((host, port)).await.map_err(|error| cannot_listen(host, port, &error))?;
    let address = listener.local_addr().map_err(|error| cannot_listen(host, port, &error))?;
    log::begin(&settings.rust_log, settings.log_format)?;

    warn_of(&settings, &unusual);
    let app = app(secrets, &settings);
    info!(
        mode = config::name(&settings.tawk_mode),
        tawk_log = config::name(&settings.tawk_log),
        secrets = count,
        "listening on http://{address}{WEBHOOK}"
    );
    connections::serve(listener, app, settings.tawk_body_deadline, stopped).await;
    info!(
        unknown_events = counts::UNKNOWN_EVENTS.get(),
        undecodable_bodies = counts::UNDECODABLE_BODIES.get(),
        "stopped"
    );
    Ok(())
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

fn cannot_listen(host: &str, port: u16, error: &io::Error) -> ConfigError {
    let advice = match error.kind() {
        ErrorKind::AddrInUse => "stop the program that listens there, or set PORT to another",
        ErrorKind::PermissionDenied => "set PORT to one above 1023",
        _ => "set HOST to an address of this machine, such as 127.0.0.1, or to 0.0.0.0 for all",
    };
    ConfigError::new(format!("cannot listen on {host} port {port}: {error}; {advice}"))
}
