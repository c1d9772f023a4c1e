//! PostgreSQL's `DATABASE_URL`, with libpq's meaning of `sslmode`.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use percent_encoding::percent_decode_str;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::crypto::{
    WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};

use super::DATABASE_TIMEOUT;
use super::database::INVALID_ADDRESS;

/// A dead connection is noticed after about a minute.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(30);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_RETRIES: u32 = 3;

pub struct Url {
    pub config: Config,
    verify: Verify,
    /// Trusted root certificates instead of the system's.
    root_certificates: Option<PathBuf>,
}

/// What to verify of the server's certificate.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Verify {
    Nothing,
    /// The chain, not the host name.
    Ca,
    Full,
}

impl Url {
    /// # Errors
    ///
    /// If the URL is invalid. The error does not contain it.
    pub fn parse(url: &str) -> Result<Self> {
        let (address, options) = split_options(url);
        let (_, address) = address.split_once("://").context(INVALID_ADDRESS)?;
        // Passwords often contain characters that must be percent-encoded, also `@`.
        let (credentials, address) = match address.rsplit_once('@') {
            Some((credentials, address)) => (Some(credentials), address),
            None => (None, address),
        };
        let (mut ssl_mode, mut root_certificates) = (None, None);
        let mut others = Vec::new();
        for option in options.split('&').filter(|option| !option.is_empty()) {
            match option.split_once('=') {
                Some(("sslmode" | "ssl-mode", mode)) => ssl_mode = Some(mode),
                Some(("sslrootcert" | "ssl-root-cert" | "ssl-ca", path)) => {
                    let path = percent_decode_str(path).decode_utf8().context(INVALID_ADDRESS)?;
                    root_certificates = Some(PathBuf::from(&*path));
                }
                // An option of sqlx, which earlier versions used.
                Some(("statement-cache-capacity", _)) => {}
                _ => others.push(option),
            }
        }
        // The cause may contain the password.
        let mut config: Config = format!("postgres://{address}?{}", others.join("&"))
            .parse()
            .map_err(|_| anyhow!(INVALID_ADDRESS))?;
        if let Some(credentials) = credentials {
            let (user, password) = match credentials.split_once(':') {
                Some((user, password)) => (user, Some(password)),
                None => (credentials, None),
            };
            config.user(percent_decode_str(user).decode_utf8().context(INVALID_ADDRESS)?);
            if let Some(password) = password {
                config.password(percent_decode_str(password).collect::<Vec<_>>());
            }
        }
        let (mode, verify) = match ssl_mode {
            Some("disable") => (SslMode::Disable, Verify::Nothing),
            None => (config.get_ssl_mode(), Verify::Nothing),
            Some("allow" | "prefer") => (SslMode::Prefer, Verify::Nothing),
            // As libpq does for compatibility with its older versions.
            Some("require") if root_certificates.is_some() => (SslMode::Require, Verify::Ca),
            Some("require") => (SslMode::Require, Verify::Nothing),
            Some("verify-ca") => (SslMode::Require, Verify::Ca),
            Some("verify-full") => (SslMode::Require, Verify::Full),
            Some(_) => bail!(INVALID_ADDRESS),
        };
        config.ssl_mode(mode).connect_timeout(DATABASE_TIMEOUT).keepalives_idle(KEEPALIVE_IDLE);
        config.keepalives_interval(KEEPALIVE_INTERVAL).keepalives_retries(KEEPALIVE_RETRIES);
        if config.get_application_name().is_none() {
            config.application_name("tawk-listener");
        }
        Ok(Self { config, verify, root_certificates })
    }

    /// Returns whether another server may pose as the database. As libpq's documentation says,
    /// `verify-ca` accepts any server that has a certificate of the same authority.
    pub fn is_unverified(&self) -> bool {
        let is_local = |host: &Host| match host {
            Host::Tcp(host) if host == "localhost" => true,
            Host::Tcp(host) => host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()),
            #[cfg(unix)]
            Host::Unix(_) => true,
        };
        let is_local = self.config.get_hosts().iter().all(is_local)
            && self.config.get_hostaddrs().iter().all(IpAddr::is_loopback);
        self.verify != Verify::Full && !is_local
    }

    pub fn tls(&self) -> Result<ClientConfig> {
        let config = ClientConfig::builder();
        let chain = match self.verify {
            Verify::Nothing => None,
            Verify::Ca => {
                Some(WebPkiServerVerifier::builder(self.trusted_roots()?.into()).build()?)
            }
            Verify::Full => {
                let roots = self.trusted_roots()?;
                return Ok(config.with_root_certificates(roots).with_no_client_auth());
            }
        };
        let algorithms = config.crypto_provider().signature_verification_algorithms;
        let verifier = Arc::new(AnyHost { chain, algorithms });
        Ok(config.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
    }

    /// Returns those of `sslrootcert`, or the system's.
    fn trusted_roots(&self) -> Result<RootCertStore> {
        let certificates: Vec<_> = match &self.root_certificates {
            Some(path) => CertificateDer::pem_file_iter(path)
                .and_then(Iterator::collect)
                .context("failed to read sslrootcert")?,
            None => rustls_native_certs::load_native_certs().certs,
        };
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(certificates);
        if roots.is_empty() {
            bail!(
                "there are no trusted root certificates; install the package ca-certificates, or \
                 set sslrootcert to a PEM file of them"
            );
        }
        Ok(roots)
    }
}

/// Splits a URL at the question mark before its options, which is not one of the password.
fn split_options(url: &str) -> (&str, &str) {
    match url.rsplit_once('?') {
        Some((address, options)) if address.contains('@') || !options.contains('@') => {
            (address, options)
        }
        _ => (url, ""),
    }
}

/// Accepts certificates for any host: libpq verifies the host name for `verify-full` only, and
/// the chain for `verify-ca` only.
#[derive(Debug)]
struct AnyHost {
    chain: Option<Arc<WebPkiServerVerifier>>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for AnyHost {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        host: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(chain) = &self.chain else { return Ok(ServerCertVerified::assertion()) };
        match chain.verify_server_cert(certificate, intermediates, host, ocsp, now) {
            // The host name is compared after the chain has been verified.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            result => result,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
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
            assert_eq!((url.config.get_ssl_mode(), url.verify), (mode, verify), "{options}");
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
    fn passwords_need_no_percent_encoding() {
        for (text, password) in [
            ("a#b/c?d@e f", "a#b/c?d@e f"),
            ("100%", "100%"),
            ("a:b%40c%2Fd", "a:b@c/d"),
            ("/a?b=c", "/a?b=c"),
            ("?", "?"),
        ] {
            for options in ["", "?sslmode=verify-full"] {
                let url = format!("postgres://tawk:{text}@db.example:5433/inbox{options}");
                let config = Url::parse(&url).unwrap().config;
                assert_eq!(config.get_password(), Some(password.as_bytes()), "{url}");
                assert_eq!(config.get_user(), Some("tawk"), "{url}");
                assert_eq!(config.get_dbname(), Some("inbox"), "{url}");
                assert_eq!(config.get_ports(), [5433], "{url}");
            }
        }
        let config = Url::parse("postgres://db.example/inbox?user=tawk&password=a%40b").unwrap();
        assert_eq!(config.config.get_password(), Some(&b"a@b"[..]));
    }

    #[test]
    fn a_remote_server_without_a_verified_certificate_is_reported() {
        assert!(parse("").is_unverified());
        assert!(parse("?sslmode=verify-ca&sslrootcert=ca.pem").is_unverified());
        assert!(parse("?sslmode=require").is_unverified());
        assert!(!parse("?sslmode=verify-full").is_unverified());
        let url = "postgres://localhost/tawk?hostaddr=192.0.2.1";
        assert!(Url::parse(url).unwrap().is_unverified());
        for host in ["localhost", "127.0.0.1", "[::1]"] {
            assert!(!Url::parse(&format!("postgres://{host}/tawk")).unwrap().is_unverified());
        }
    }
}
