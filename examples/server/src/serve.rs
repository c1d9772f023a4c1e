//! The command `serve`: starts the listener, and stops it when told to.

mod connection;
mod connections;
mod idle;
mod prepared;
mod signals;
mod tls;

use tracing::{info, warn};

use crate::app::{self, METRICS, WEBHOOK};
use crate::config::{self, ConfigError, Mode, Settings, TawkLog};
use crate::listener::Listener;
use crate::log;
use crate::metrics::Metrics;
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
    let metrics = Metrics::new();
    let prepared = Prepared::new(&mut settings, &metrics).await?;
    log::begin(&settings.rust_log, settings.log_format)?;
    warn_of(&settings, &prepared.unusual_secrets);

    let Prepared { secrets, secret_count, notifier, store, socket, metrics_socket, tls, .. } =
        prepared;
    let channels = notifier.names();
    let store = store.start(channels.clone(), settings.tawk_retention_days);
    let notify_on = settings.notify.notify_on.clone();
    let workers = notifier.start(&notify_on, &store, &metrics);
    let listener = Listener { level: settings.tawk_log, store, notify_on, metrics };

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

    let stop_workers = workers.stop();
    let stopped = async {
        stopped.await;
        stop_workers();
    };
    connections::serve(endpoints, stopped).await;
    workers.finish().await;
    finish(listener).await;
    Ok(())
}

/// After the last request.
async fn finish(Listener { store, metrics, .. }: Listener) {
    store.close().await;
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
