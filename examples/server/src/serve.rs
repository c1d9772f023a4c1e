//! The command `serve`: starts the listener, and stops it when told to.

mod connection;
mod connections;
mod idle;
mod prepared;
mod signals;
mod tls;

use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::app::{self, METRICS, WEBHOOK};
use crate::config::{self, ConfigError, Mode, Settings, TawkLog};
use crate::inbox::Inbox;
use crate::listener::Listener;
use crate::log;
use crate::metrics::Metrics;
use crate::outbox;
use connections::Endpoint;
use prepared::Prepared;

/// Listens until a signal comes.
///
/// # Errors
///
/// When it cannot start. Nothing is logged before it is sure that it can.
pub(crate) async fn run(mut settings: Settings) -> Result<(), ConfigError> {
    let stopped = signals::stopped()
        .map_err(|error| ConfigError::new(format!("cannot wait for signals: {error}")))?;
    let prepared = Prepared::new(&mut settings).await?;
    log::begin(&settings.rust_log, settings.log_format)?;
    warn_of(&settings, &prepared.unusual_secrets);

    let Prepared {
        secrets, secret_count, notifiers, database, socket, metrics_socket, tls, ..
    } = prepared;
    let metrics = Metrics::new();
    let channels: Vec<_> = notifiers.iter().map(|notifier| notifier.name().to_owned()).collect();
    let days = settings.tawk_retention_days;
    let inbox = Inbox::start(database, channels.clone(), days, metrics.clone());
    let notify_on = settings.notify.notify_on.clone();
    let shutdown = CancellationToken::new();
    let workers = outbox::start(notifiers, &notify_on, &inbox, &metrics, &shutdown);
    let listener = Listener { level: settings.tawk_log, inbox, notify_on, metrics };

    let mut endpoints = Vec::new();
    if let Some((socket, address)) = metrics_socket {
        info!("metrics on http://{address}{METRICS}");
        endpoints.push(Endpoint { socket, tls: None, app: app::metrics(listener.clone()) });
    }
    let (socket, address) = socket;
    info!(
        mode = config::name(&settings.tawk_mode),
        tawk_log = config::name(&settings.tawk_log),
        secrets = secret_count,
        channels = channels.len(),
        "listening on {}://{address}{WEBHOOK}",
        if tls.is_some() { "https" } else { "http" }
    );
    endpoints.push(Endpoint { socket, tls, app: app::app(secrets, &settings, listener.clone()) });

    let stopped = async {
        stopped.await;
        shutdown.cancel();
    };
    connections::serve(endpoints, stopped).await;
    workers.join().await;
    finish(listener).await;
    Ok(())
}

/// After the last request.
async fn finish(Listener { inbox, metrics, .. }: Listener) {
    inbox.close().await;
    info!(
        unknown_events = metrics.unknown_events(),
        undecodable_bodies = metrics.undecodable_bodies(),
        "stopped"
    );
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
