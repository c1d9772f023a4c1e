//! [`Prepared`]: what the listener needs, checked and opened before anything is logged or answered.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tower_tawk::Secrets;

use super::tls;
use crate::config::{self, ConfigError, Settings};
use crate::inbox::Database;
use crate::notify::{self, Notifier};

/// A socket that listens, and on which address.
type Socket = (TcpListener, SocketAddr);

pub(super) struct Prepared {
    pub(super) secrets: Secrets,
    pub(super) secret_count: usize,
    /// The positions of those that do not look like Tawk.to's.
    pub(super) unusual_secrets: Vec<usize>,
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) notifiers: Vec<Notifier>,
    pub(super) socket: Socket,
    pub(super) metrics_socket: Option<Socket>,
    pub(super) database: Database,
}

impl Prepared {
    /// # Errors
    ///
    /// When a setting cannot be used, with what to do about it.
    pub(super) async fn new(settings: &mut Settings) -> Result<Self, ConfigError> {
        // The text of the secrets ends here.
        let secrets = config::read(settings.tawk_webhook_secret.take().as_deref())?;
        let secret_count = secrets.len();
        let unusual = (1..).zip(&secrets).filter(|(_, secret)| !secret.looks_usual);
        let unusual_secrets = unusual.map(|(position, _)| position).collect();
        let secrets = Secrets::new(secrets.into_iter().map(|secret| (secret.label, secret.secret)))
            .map_err(|error| ConfigError::new(format!("TAWK_WEBHOOK_SECRET: {error}")))?;
        let tls = match (&settings.tls_cert, &settings.tls_key) {
            (Some(certificate), Some(key)) => Some(tls::acceptor(certificate, key)?),
            _ => None,
        };
        let notifiers = notify::notifiers(&settings.notify.notify_url)
            .map_err(|error| ConfigError::new(format!("{error:#}")))?;
        let socket = bind(&settings.host, "PORT", settings.port).await?;
        let metrics_socket = match settings.metrics_port {
            Some(port) => Some(bind(&settings.host, "METRICS_PORT", port).await?),
            None => None,
        };
        let database = Database::create(&settings.database.database_url).await?;
        Ok(Self {
            secrets,
            secret_count,
            unusual_secrets,
            tls,
            notifiers,
            socket,
            metrics_socket,
            database,
        })
    }
}

async fn bind(host: &str, setting: &str, port: u16) -> Result<Socket, ConfigError> {
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
