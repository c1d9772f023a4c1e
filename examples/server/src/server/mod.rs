//! The command `serve`: starts the listener, and shuts it down on a signal.

mod accept;
mod tls;

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::config::{self, Mode, Settings, TawkLog, WebhookSecret};
use crate::notify;
use crate::outbox;
use crate::router::{self, METRICS_PATH, WEBHOOK_PATH};
use crate::state::AppState;
use crate::store::{Access, Store};
use crate::telemetry::logging;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::rate_limit::RateLimit;
use accept::Endpoint;

/// Maximum number of secrets that are tried for a request.
const MAX_SECRETS: usize = 16;

/// Maximum records about unknown paths a minute.
const MAX_UNKNOWN_PATH_RECORDS: u64 = 10;

/// Timeout for the last log records to be written.
const LOG_TIMEOUT: Duration = Duration::from_secs(1);

/// Runs the listener until a signal. Nothing is logged or answered before every setting is checked.
pub async fn run(mut settings: Settings) -> anyhow::Result<()> {
    let shutdown = shutdown_token().context("cannot handle signals")?;
    // Takes the text of the secrets, which is dropped here.
    let setting = settings.tawk_webhook_secret.take();
    let webhook_secrets = config::webhook_secrets(setting.as_deref())?;
    let tls = match (&settings.tls_cert, &settings.tls_key) {
        (Some(certificate), Some(key)) => Some(tls::acceptor(certificate, key)?),
        _ => None,
    };
    let notifiers = notify::notifiers(&settings.notify.notify_url)?;
    let (socket, address) = bind(&settings.host, "PORT", settings.port).await?;
    let metrics_socket = match settings.metrics_port {
        Some(port) => Some(bind(&settings.host, "METRICS_PORT", port).await?),
        None => None,
    };
    let metrics = Metrics::new();
    let store =
        Store::open(&settings.database.database_url, Access::Migrate, metrics.clone()).await?;
    let log = logging::init(
        &settings.rust_log,
        settings.log_format,
        metrics.dropped_log_records.clone(),
    )?;
    log_warnings(&settings, &webhook_secrets);

    let channels: Vec<_> = notifiers.iter().map(|notifier| notifier.name().to_owned()).collect();
    let store = store.start(channels.clone(), settings.tawk_retention_days);
    let notify_on = settings.notify.notify_on.clone();
    let state = AppState {
        log_level: settings.tawk_log,
        store,
        notify_on,
        metrics,
        unknown_paths: Arc::new(RateLimit::new(MAX_UNKNOWN_PATH_RECORDS)),
    };

    let mut endpoints = Vec::new();
    if let Some((socket, address)) = metrics_socket {
        info!("metrics on http://{address}{METRICS_PATH}");
        endpoints.push(Endpoint {
            socket,
            tls: None,
            router: router::metrics_router(state.clone()),
        });
    }
    info!(
        mode = config::name(&settings.tawk_mode),
        tawk_log = config::name(&settings.tawk_log),
        secrets = webhook_secrets.len(),
        channels = channels.len(),
        "listening on {}://{address}{WEBHOOK_PATH}",
        if tls.is_some() { "https" } else { "http" }
    );
    let router = router::router(&webhook_secrets, &settings, state.clone());
    endpoints.push(Endpoint { socket, tls, router });

    tokio::join!(accept::serve(endpoints, &shutdown), outbox::run(notifiers, &state, &shutdown));
    state.store.close().await;
    info!("stopped");
    log.flush(LOG_TIMEOUT);
    Ok(())
}

/// Returns a token that is cancelled by the first SIGTERM or SIGINT (Ctrl-C) from now on.
fn shutdown_token() -> io::Result<CancellationToken> {
    let signal = signal()?;
    let token = CancellationToken::new();
    let cancelled = token.clone();
    tokio::spawn(async move {
        signal.await;
        cancelled.cancel();
    });
    Ok(token)
}

#[cfg(unix)]
fn signal() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

#[cfg(windows)]
fn signal() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = tokio::signal::windows::ctrl_c()?;
    Ok(async move {
        let _ = interrupt.recv().await;
    })
}

async fn bind(host: &str, setting: &str, port: u16) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let bind = async {
        let socket = TcpListener::bind((host, port)).await?;
        let address = socket.local_addr()?;
        Ok((socket, address))
    };
    bind.await.map_err(|error: io::Error| {
        let advice = match error.kind() {
            ErrorKind::AddrInUse => {
                format!("stop the program that uses it, or set {setting} to another port")
            }
            ErrorKind::PermissionDenied => format!("set {setting} to a port above 1023"),
            _ => "set HOST to an address of this machine, e.g. 127.0.0.1, or to 0.0.0.0 for all"
                .to_owned(),
        };
        anyhow!("cannot listen on {host} port {port}: {error}; {advice}")
    })
}

/// Logs warnings about risky settings.
fn log_warnings(settings: &Settings, secrets: &[WebhookSecret]) {
    if cfg!(feature = "stub-store") {
        warn!("built with the feature `stub-store`: deliveries are not stored");
    }
    for (position, _) in (1..).zip(secrets).filter(|(_, secret)| !secret.looks_usual) {
        warn!(
            position,
            "secret does not look like those of Tawk.to, which have 96 lowercase hex digits; if \
             deliveries are rejected, copy it from the dashboard again"
        );
    }
    if secrets.len() > MAX_SECRETS {
        warn!("more than 16 secrets; only {WEBHOOK_PATH}/LABEL receives deliveries");
    }
    if settings.tawk_mode == Mode::Observe {
        warn!(
            "unverified requests are answered 200, so that Tawk.to does not retry them; set \
             TAWK_MODE=enforce once deliveries are verified"
        );
    }
    match settings.tawk_log {
        TawkLog::Summary => {}
        TawkLog::Payload => info!(
            "deliveries are logged with headers and bodies, which contain personal data, and with \
             signatures, so that anyone who can read the log can replay them; set TAWK_LOG=summary \
             to log none of these"
        ),
        TawkLog::Full => warn!(
            "deliveries are logged with headers and bodies, which contain personal data, and \
             unverified ones with the expected signature, a forgery ready to use; set \
             TAWK_LOG=summary when you have found the problem"
        ),
    }
}
