//! The command `serve`: starts the listener, and shuts it down on a signal.

pub mod accept;
mod certificate;
mod connection;
pub mod signals;
pub mod tls;

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use socket2::SockRef;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::access::allow_list::AllowList;
use crate::config::{self, Mode, Settings, TawkLog, WebhookSecret};
use crate::forward::Forwarder;
use crate::notify::{self, Notifier};
use crate::outbox;
use crate::router::{self, METRICS_PATH, WEBHOOK_PATH};
use crate::state::{AppState, Sender};
use crate::store::{Access, Store};
use crate::telemetry::log_writer::LogWriter;
use crate::telemetry::logging;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::rate_limit::RateLimit;
use accept::Endpoint;
use signals::Signals;
use tls::Tls;

/// Maximum number of connections. Fewer if the limit of file descriptors is lower.
const MAX_CONNECTIONS: usize = 4096;

/// Maximum number of connections that wait to be accepted. Further clients try again after a
/// second or more.
const MAX_WAITING_CONNECTIONS: i32 = 4096;

const MAX_METRICS_CONNECTIONS: usize = 64;

/// The limit of file descriptors that we ask for: connections, and as many for everything else.
const MAX_FILES: u64 = 8192;

/// Time from the signal to the end. Docker and Cloud Run kill after 10 s, and the log may take a
/// second more.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_millis(7500);

/// Maximum number of secrets that are tried for a request.
const MAX_SECRETS: usize = 16;

/// Runs the listener until a signal. Nothing is logged or answered before every setting is checked.
pub async fn run(settings: Settings) -> anyhow::Result<ExitCode> {
    let signals = Signals::handle().context("cannot handle signals")?;
    // On another thread, because parts of it block.
    let (runtime, startup) = (Handle::current(), signals.clone());
    let starting = spawn_blocking(move || runtime.block_on(Service::start(settings, startup)));
    match signals.shutdown.run_until_cancelled(starting).await {
        Some(service) => Ok(service??.run(&signals.shutdown).await),
        None => Ok(ExitCode::SUCCESS),
    }
}

struct Service {
    endpoints: Vec<(TcpListener, Endpoint)>,
    state: Arc<AppState>,
    log: LogWriter,
}

impl Service {
    async fn start(mut settings: Settings, signals: Signals) -> anyhow::Result<Self> {
        // Takes the text of the secrets, which is dropped here.
        let setting = settings.tawk_webhook_secret.take();
        let webhook_secrets = config::webhook_secrets(setting.as_deref())?;
        let tls = load_tls(&settings)?;
        let notifiers = notify::notifiers(settings.notify.notify_url.as_deref())?;
        let forwarders = settings.forward.forwarders()?;
        let (socket, address) = bind(("HOST", &settings.host), ("PORT", settings.port)).await?;
        let metrics_socket = match settings.metrics_port {
            Some(port) => Some(bind(("HOST", &settings.host), ("METRICS_PORT", port)).await?),
            None => None,
        };
        let metrics = Metrics::new();
        let dropped = metrics.dropped_log_records.clone();
        let log = logging::init(&settings.rust_log, settings.log_format, dropped)?;
        let store =
            Store::open(&settings.database.database_url, Access::Migrate, metrics.clone()).await?;
        log_warnings(&settings, &webhook_secrets);
        let max_connections = max_connections();

        notifiers.iter().for_each(Notifier::log_warnings);
        forwarders.iter().for_each(Forwarder::log_warnings);
        let names = "failed to name the channels";
        let forwarded = forwarders.iter().map(Forwarder::identity);
        let identities = notifiers.iter().map(Notifier::identity).chain(forwarded);
        let channels = store.channel_names(identities).await.context(names)?;
        let earlier = notifiers.iter().map(Notifier::earlier_name).zip(channels.clone()).collect();
        store.start(channels.clone().into(), earlier, settings.tawk_retention_days);
        let forwarders = forwarders.into_iter().map(Box::new).map(Sender::Forward);
        let senders = notifiers.into_iter().map(Box::new).map(Sender::Notify).chain(forwarders);
        let senders = channels.into_iter().zip(senders.map(Arc::new)).collect();
        let state = Arc::new(AppState {
            log_level: settings.tawk_log,
            store,
            senders,
            notify_on: settings.notify.notify_on.clone(),
            metrics,
            unknown_paths: RateLimit::new(10),
            tasks: TaskTracker::new(),
        });

        let mut endpoints = Vec::new();
        if let Some((socket, address)) = metrics_socket {
            info!("metrics on http://{address}{METRICS_PATH}");
            let router = router::metrics_router(state.clone());
            let max = MAX_METRICS_CONNECTIONS;
            endpoints.push((
                socket,
                Endpoint::new(router, max, state.metrics.clone(), &signals.shutdown),
            ));
        }
        info!(
            mode = config::name(&settings.tawk_mode),
            tawk_log = config::name(&settings.tawk_log),
            secrets = webhook_secrets.len(),
            channels = state.senders.len(),
            "listening on {}://{address}{WEBHOOK_PATH}",
            if tls.is_some() { "https" } else { "http" }
        );
        let allow_list = AllowList::new(&settings, tls.is_some());
        let router = router::router(&webhook_secrets, &settings, allow_list.clone(), state.clone());
        let endpoint = Endpoint {
            tls: tls.as_ref().map(Tls::acceptor),
            allow_list: Some(allow_list),
            ..Endpoint::new(router, max_connections, state.metrics.clone(), &signals.shutdown)
        };
        endpoints.push((socket, endpoint));
        if let Some(tls) = tls {
            tls.log_warnings();
            tokio::spawn(tls.reload_on(signals.reload));
        }
        Ok(Self { endpoints, state, log })
    }

    /// Serves until shutdown, and then for at most [`SHUTDOWN_TIMEOUT`], whatever is pending.
    async fn run(self, shutdown: &CancellationToken) -> ExitCode {
        let outbox = tokio::spawn(outbox::run(self.state.clone(), shutdown.clone()));
        let tasks = &self.state.tasks;
        let code = accept::serve(self.endpoints, tasks, shutdown).await;
        let finish = async {
            accept::finish(tasks).await;
            let _ = outbox.await;
            self.state.store.close().await;
        };
        if timeout(SHUTDOWN_TIMEOUT, finish).await.is_err() {
            warn!("shutdown deadline exceeded; unrecorded notifications will be sent again");
        }
        info!("stopped");
        self.log.flush();
        code
    }
}

/// Raises the limit of file descriptors, and returns how many connections it allows.
fn max_connections() -> usize {
    let files = rlimit::increase_nofile_limit(MAX_FILES).unwrap_or(MAX_FILES);
    let files = usize::try_from(files).unwrap_or(usize::MAX);
    (files / 4 * 3).min(MAX_CONNECTIONS)
}

/// Returns `None` if HTTPS is not served.
pub fn load_tls(settings: &Settings) -> anyhow::Result<Option<Tls>> {
    match (&settings.tls_cert, &settings.tls_key) {
        (Some(certificate), Some(key)) => Tls::load(certificate, key).map(Some),
        (None, None) => Ok(None),
        _ => bail!("only one of TLS_CERT and TLS_KEY is set; set both or none"),
    }
}

pub async fn bind(
    (host_setting, host): (&str, &str),
    (port_setting, port): (&str, u16),
) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let bind = async {
        let socket = TcpListener::bind((host, port)).await?;
        // Replaces the default.
        SockRef::from(&socket).listen(MAX_WAITING_CONNECTIONS)?;
        let address = socket.local_addr()?;
        Ok((socket, address))
    };
    bind.await.map_err(|error: io::Error| {
        let advice = match error.kind() {
            ErrorKind::AddrInUse => {
                format!("stop the program that uses it, or set {port_setting} to another port")
            }
            ErrorKind::PermissionDenied => format!("set {port_setting} to a port above 1023"),
            _ => format!(
                "set {host_setting} to an address of this machine, e.g. 127.0.0.1, or to 0.0.0.0 \
                 for all"
            ),
        };
        anyhow!("cannot listen on {host} port {port}: {error}; {advice}")
    })
}

pub fn log_warnings(settings: &Settings, secrets: &[WebhookSecret]) {
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
