//! PostgreSQL's `DATABASE_URL`, with libpq's meaning of `sslmode`.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use percent_encoding::percent_decode_str;
use rustls_native_certs::{load_certs_from_paths, load_native_certs};
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::crypto::{
    WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};

use super::database::INVALID_ADDRESS;

pub struct Url {
    pub config: Config,
    verify: Verify,
    /// Trusted root certificates instead of the system's.
    root_certificates: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Verify {
    Nothing,
    /// The chain, not the host name.
    Ca,
    Full,
}

impl Url {
    /// Errors do not contain the URL.
    pub fn parse(url: &str) -> Result<Self> {
        let address = url.strip_prefix("postgres://").or_else(|| url.strip_prefix("postgresql://"));
        let address = address.context(INVALID_ADDRESS)?;
        let (address, options) = match address.rsplit_once('?') {
            Some((address, options)) if address.contains('@') || !options.contains('@') => {
                (address, options)
            }
            // The question mark is one of the password.
            _ => (address, ""),
        };
        // Passwords often contain `@`, which would have to be percent-encoded.
        let address = match address.rsplit_once('@') {
            Some((credentials, host)) => format!("{}@{host}", credentials.replace('@', "%40")),
            None => address.to_owned(),
        };
        // Options of the URL replace these. A host that is gone must leave time for the next one.
        let mut url =
            format!("postgres://{address}?application_name=tawk-listener&connect_timeout=2");
        let (mut ssl_mode, mut root_certificates) = (None, None);
        for option in options.split('&').filter(|option| !option.is_empty()) {
            match option.split_once('=') {
                Some(("sslmode" | "ssl-mode", mode)) => ssl_mode = Some(mode),
                Some(("sslrootcert" | "ssl-root-cert" | "ssl-ca", path)) => {
                    let path = percent_decode_str(path).decode_utf8().context(INVALID_ADDRESS)?;
                    root_certificates = Some(PathBuf::from(&*path));
                }
                // An option of sqlx, which earlier versions used.
                Some(("statement-cache-capacity", _)) => {}
                _ => url = format!("{url}&{option}"),
            }
        }
        // The cause may contain the password.
        let mut config: Config = url.parse().map_err(|_| anyhow!(INVALID_ADDRESS))?;
        let (mode, verify) = match ssl_mode.unwrap_or("prefer") {
            "disable" => (SslMode::Disable, Verify::Nothing),
            "allow" | "prefer" => (SslMode::Prefer, Verify::Nothing),
            // As libpq does for compatibility with its older versions.
            "require" if root_certificates.is_some() => (SslMode::Require, Verify::Ca),
            "require" => (SslMode::Require, Verify::Nothing),
            "verify-ca" => (SslMode::Require, Verify::Ca),
            "verify-full" => (SslMode::Require, Verify::Full),
            _ => bail!(INVALID_ADDRESS),
        };
        config.ssl_mode(mode);
        Ok(Self { config, verify, root_certificates })
    }

    /// Returns whether another server may pose as the database. As libpq's documentation says,
    /// `verify-ca` accepts any server that has a certificate of the same authority.
    pub fn is_unverified(&self) -> bool {
        let is_local = |host: &Host| match host {
            Host::Tcp(host) => ["localhost", "127.0.0.1", "::1"].contains(&&**host),
            Host::Unix(_) => true,
        };
        let is_local = self.config.get_hosts().iter().all(is_local)
            && self.config.get_hostaddrs().iter().all(IpAddr::is_loopback);
        self.verify != Verify::Full && !is_local
    }

    /// Trusts the root certificates of `sslrootcert`, or the system's.
    pub fn tls(&self) -> Result<ClientConfig> {
        let config = ClientConfig::builder();
        let mut chain = None;
        if self.verify != Verify::Nothing {
            let loaded = match &self.root_certificates {
                Some(path) => load_certs_from_paths(Some(path), None),
                None => load_native_certs(),
            };
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(loaded.certs);
            let verifier = WebPkiServerVerifier::builder(roots.into()).build();
            chain = Some(verifier.context(
                "install the package ca-certificates, or set sslrootcert to a PEM file of trusted \
                 root certificates",
            )?);
        }
        let algorithms = config.crypto_provider().signature_verification_algorithms;
        let verifier = Arc::new(Verifier { verify: self.verify, chain, algorithms });
        Ok(config.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
    }
}

/// Verifies no more than libpq does.
#[derive(Debug)]
struct Verifier {
    verify: Verify,
    chain: Option<Arc<WebPkiServerVerifier>>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Verifier {
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
            )) if self.verify == Verify::Ca => Ok(ServerCertVerified::assertion()),
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
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    use tokio_rustls::rustls::ServerConfig;
    use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;
    use tokio_rustls::{TlsAcceptor, TlsConnector};

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

    /// Returns whether a client with these options accepts the certificate of `db.example` if it
    /// connects to `host`.
    async fn accepts(options: &str, host: &'static str, server: &TlsAcceptor) -> bool {
        let client = TlsConnector::from(Arc::new(parse(options).tls().unwrap()));
        let (near, far) = tokio::io::duplex(64 * 1024);
        let host = ServerName::try_from(host).unwrap();
        tokio::join!(client.connect(host, near), server.accept(far)).0.is_ok()
    }

    #[tokio::test]
    async fn verifies_the_chain_and_the_host_as_libpq_does() {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let authority = params.self_signed(&key).unwrap();
        let issuer = Issuer::new(params, key);
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(["db.example".to_owned()]).unwrap();
        let leaf = leaf.signed_by(&key, &issuer).unwrap().der().clone();
        let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
        let server = ServerConfig::builder().with_no_client_auth();
        let server = TlsAcceptor::from(Arc::new(server.with_single_cert(vec![leaf], key).unwrap()));

        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("ca.pem");
        std::fs::write(&file, authority.pem()).unwrap();
        let trusted = format!("&sslrootcert={}", file.display());
        let key = KeyPair::generate().unwrap();
        let other = CertificateParams::new([]).unwrap().self_signed(&key).unwrap();
        std::fs::write(directory.path().join("other.pem"), other.pem()).unwrap();
        let untrusted = trusted.replace("ca.pem", "other.pem");
        for (mode, options, host, expected) in [
            ("require", "", "other.example", true),
            ("require", &*untrusted, "db.example", false),
            ("verify-ca", &*trusted, "other.example", true),
            ("verify-ca", &*untrusted, "db.example", false),
            ("verify-full", &*trusted, "db.example", true),
            ("verify-full", &*trusted, "other.example", false),
            ("verify-full", &*untrusted, "db.example", false),
        ] {
            let options = format!("?sslmode={mode}{options}");
            assert_eq!(accepts(&options, host, &server).await, expected, "{options} {host}");
        }
        let missing = parse("?sslmode=verify-full&sslrootcert=no-such-file").tls();
        assert!(format!("{:#}", missing.unwrap_err()).contains("set sslrootcert to a PEM file"));
    }
}
