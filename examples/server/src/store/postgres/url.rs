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
            None => (config.get_ssl_mode(), Verify::Nothing),
            Some("allow" | "prefer") => (SslMode::Prefer, Verify::Nothing),
            // As libpq does for compatibility with its older versions.
            Some("require") if has_root => (SslMode::Require, Verify::Ca),
            Some("require") => (SslMode::Require, Verify::Nothing),
            Some("verify-ca") => (SslMode::Require, Verify::Ca),
            Some("verify-full") => (SslMode::Require, Verify::Full),
            Some(_) => bail!(INVALID_ADDRESS),
        };
        config.ssl_mode(mode).connect_timeout(DATABASE_TIMEOUT).keepalives_idle(KEEPALIVE_IDLE);
        if config.get_application_name().is_none() {
            config.application_name("tawk-listener");
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(options: &str) -> Url {
        Url::parse(&format!("postgres://tawk:secret@db.example/tawk{options}")).unwrap()
    }

    #[test]
    fn sslmode_has_the_meaning_of_libpq() {
        for (options, mode, verify) in [
            ("", SslMode::Prefer, Verify::Nothing),
            ("?sslmode=disable", SslMode::Disable, Verify::Nothing),
            ("?sslmode=allow", SslMode::Prefer, Verify::Nothing),
            ("?sslmode=prefer", SslMode::Prefer, Verify::Nothing),
            ("?sslmode=require", SslMode::Require, Verify::Nothing),
            ("?sslmode=require&sslrootcert=ca.pem", SslMode::Require, Verify::Ca),
            ("?sslmode=verify-ca", SslMode::Require, Verify::Ca),
            ("?sslmode=verify-full&connect_timeout=3", SslMode::Require, Verify::Full),
        ] {
            let url = parse(options);
            assert_eq!((url.config.get_ssl_mode(), url.tls.verify), (mode, verify), "{options}");
        }
        assert!(Url::parse("postgres://db.example/tawk?sslmode=nonsense").is_err());
    }

    #[test]
    fn options_of_sqlx_are_accepted_and_others_are_kept() {
        let url = parse("?statement-cache-capacity=0&ssl-mode=require&application_name=tawk");
        assert_eq!(url.config.get_ssl_mode(), SslMode::Require);
        assert_eq!(url.config.get_application_name(), Some("tawk"));
        assert!(Url::parse("postgres://db.example/tawk?no-such-option=1").is_err());
    }

    #[test]
    fn a_remote_server_without_a_verified_certificate_is_reported() {
        assert!(parse("").is_unverified());
        assert!(!parse("?sslmode=verify-full").is_unverified());
        for host in ["localhost", "127.0.0.1", "[::1]"] {
            assert!(!Url::parse(&format!("postgres://{host}/tawk")).unwrap().is_unverified());
        }
    }
}
