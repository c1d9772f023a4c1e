//! `tawk-listener desk`: a page on which people read chats and tickets. A process of its own, which
//! reads the listener's database, so that the listener itself exposes nothing.

mod conversation;
mod delivery;
mod erase;
mod inbox;
mod outbox;
mod page;
mod row;
mod session;

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header::CONTENT_TYPE};
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use clap::Args;
use reqwest::Url;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_http::csrf::CsrfLayer;
use tracing::info;

use crate::config::{Database, Forward, LogFormat, Notify};
use crate::server::accept::{self, Endpoint};
use crate::server::{bind, signals::Signals};
use crate::store::{Access, Store};
use crate::telemetry::logging;
use crate::telemetry::metrics::Metrics;
use page::PageError;
use session::parse_origin;

const MAX_CONNECTIONS: usize = 256;

/// The token is a string and hidden, because clap's errors contain invalid values.
#[derive(Args)]
pub struct Settings {
    /// Address or name that the desk listens on
    #[arg(long, env, default_value = "127.0.0.1", value_name = "HOST")]
    desk_host: String,
    /// Port that the desk listens on; 0 for any free port
    #[arg(long, env, default_value_t = 8001, value_name = "PORT")]
    desk_port: u16,
    /// Token to open the desk with, of at least 16 characters; a new one at each start if unset
    #[arg(long, env, hide_env_values = true, value_name = "TOKEN")]
    desk_token: Option<String>,
    /// Comma-separated origins that the desk is also opened under, e.g. https://HOST
    #[arg(long, env, value_name = "ORIGINS", value_delimiter = ',', value_parser = parse_origin)]
    desk_allowed_hosts: Vec<Url>,
    #[command(flatten)]
    database: Database,
    #[command(flatten)]
    notify: Notify,
    #[command(flatten)]
    forward: Forward,
}

/// Shared by the handlers.
pub struct Desk {
    store: Store,
    token: String,
    /// The value of the cookie.
    session: String,
    port: u16,
    origins: Vec<Url>,
    notify: Notify,
    forward: Forward,
    /// Ends the streams of live updates.
    shutdown: CancellationToken,
}

type Shared = State<Arc<Desk>>;

/// Serves the desk until a signal.
pub async fn run(settings: Settings) -> Result<ExitCode> {
    let Settings { desk_host: host, desk_port, desk_token, database, notify, forward, .. } =
        settings;
    let signals = Signals::handle().context("cannot handle signals")?;
    // A link with a new token is printed to the terminal, and never to a log.
    let is_new = desk_token.is_none();
    ensure!(
        !is_new || io::stdout().is_terminal(),
        "DESK_TOKEN is not set, and a new token is only printed to a terminal; set DESK_TOKEN"
    );
    let token = desk_token.unwrap_or_else(session::random_hex);
    ensure!(token.len() >= 16, "DESK_TOKEN is shorter than 16 characters; use a longer one");
    let (socket, address) = bind(("DESK_HOST", &host), ("DESK_PORT", desk_port)).await?;
    let origins = session::origins(&host, address, settings.desk_allowed_hosts);
    let metrics = Metrics::new();
    let log = logging::init("info", LogFormat::Text, metrics.dropped_log_records.clone())?;
    let store = Store::open(&database.database_url, Access::Write, metrics.clone()).await?;
    let shutdown = signals.shutdown.clone();
    let (port, session) = (address.port(), session::random_hex());
    let desk = Arc::new(Desk { store, token, session, port, origins, notify, forward, shutdown });
    let router = router(desk.clone());
    let endpoint = Endpoint::new(router, MAX_CONNECTIONS, metrics, &signals.shutdown);
    info!("desk on http://{address}");
    if is_new {
        writeln!(io::stdout(), "open http://{address}/?token={}", desk.token)?;
    }
    let tasks = TaskTracker::new();
    let code = accept::serve(vec![(socket, endpoint)], &tasks, &signals.shutdown).await;
    accept::finish(&tasks).await;
    desk.store.close().await;
    log.flush();
    Ok(code)
}

fn router(desk: Arc<Desk>) -> Router {
    let asset = |kind: &'static str, text: &'static str| get(([(CONTENT_TYPE, kind)], text));
    Router::new()
        .route("/", get(inbox::show))
        .route("/live", get(inbox::live))
        .route("/conversation", get(conversation::show))
        .route("/deliveries/{id}", get(delivery::show))
        .route("/deliveries/{id}/body", get(delivery::download))
        .route("/deliveries/{id}/notify", post(delivery::notify))
        .route("/deliveries/{id}/forward", post(delivery::forward))
        .route("/outbox", get(outbox::show))
        .route("/outbox/{id}/retry", post(outbox::retry))
        .route("/erase", get(erase::show).post(erase::show))
        .route("/sign-in", post(session::sign_in))
        .route("/style.css", asset("text/css", include_str!("../../templates/style.css")))
        .route("/script.js", asset("text/javascript", include_str!("../../templates/script.js")))
        .fallback(async || PageError::new(StatusCode::NOT_FOUND, "There is no such page."))
        .layer(CsrfLayer::new())
        .layer(from_fn_with_state(desk.clone(), session::protect))
        .with_state(desk)
}
