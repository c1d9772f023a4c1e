//! [`Url`]: PostgreSQL's `DATABASE_URL`, with libpq's `sslmode`.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use percent_encoding::percent_decode_str;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use crate::store::{DATABASE_TIMEOUT, INVALID_ADDRESS};

/// A dead connection is noticed after about a minute.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(30);

/// An option of sqlx, which earlier versions used.
const IGNORED: &str = "statement-cache-capacity";

pub struct Url {
    pub config: Config,
    pub tls: Tls,
}

/// What to verify of the server's certificate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Verify {
    Nothing,
    /// The chain, not the host name.
    Ca,
    Full,
}

pub struct Tls {
    pub verify: Verify,
    /// Trusted root certificates instead of the system's.
    pub root_certificates: Option<PathBuf>,
}

impl Url {
    /// # Errors
    ///
    /// If the URL is invalid. The error does not contain it.
    pub fn parse(url: &str) -> Result<Self> {
        let (address, options) = url.rsplit_once('?').unwrap_or((url, ""));
        let (mut ssl_mode, mut root_certificates) = (None, None);
        let mut others = Vec::new();
        for option in options.split('&').filter(|option| !option.is_empty()) {
            match option.split_once('=') {
                Some(("sslmode" | "ssl-mode", mode)) => ssl_mode = Some(mode),
                Some(("sslrootcert" | "ssl-root-cert" | "ssl-ca", path)) => {
                    let path = percent_decode_str(path).decode_utf8().context(INVALID_ADDRESS)?;
                    root_certificates = Some(PathBuf::from(&*path));
                }
                Some((IGNORED, _)) => {}
                _ => others.push(option),
            }
        }
        let others = others.join("&");
        let url =
            if others.is_empty() { address.to_owned() } else { format!("{address}?{others}") };
        // The cause may contain the password.
        let mut config: Config = url.parse().map_err(|_| anyhow!(INVALID_ADDRESS))?;
        let has_root = root_certificates.is_some();
        let (mode, verify) = match ssl_mode {
            Some("disable") => (SslMode::Disable, Verify::Nothing),
            None if config.get_ssl_mode() == SslMode::Disable => {
                (SslMode::Disable, Verify::Nothing)
            }
            None | Some("allow" | "prefer") => (SslMode::Prefer, Verify::Nothing),
            // As libpq does for compatibility with its older versions.
            Some("require") if has_root => (SslMode::Require, Verify::Ca),
            Some("require") => (SslMode::Require, Verify::Nothing),
            Some("verify-ca") => (SslMode::Require, Verify::Ca),
            Some("verify-full") => (SslMode::Require, Verify::Full),
            Some(_) => bail!(INVALID_ADDRESS),
        };
        config
            .ssl_mode(mode)
            .connect_timeout(DATABASE_TIMEOUT)
            .keepalives_idle(KEEPALIVE_IDLE)
            .application_name("tawk-listener");
        Ok(Self { config, tls: Tls { verify, root_certificates } })
    }

    /// Returns whether any server may pose as the database.
    pub fn is_unverified(&self) -> bool {
        let is_local = |host: &Host| match host {
            Host::Tcp(host) if host == "localhost" => true,
            Host::Tcp(host) => host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()),
            #[cfg(unix)]
            Host::Unix(_) => true,
        };
        self.tls.verify == Verify::Nothing && !self.config.get_hosts().iter().all(is_local)
    }
}
