//! Serves HTTPS directly, without a reverse proxy: `TLS_CERT` and `TLS_KEY`. SIGHUP reloads them.
//!
//! The PEM reader's errors contain the line that they are about, which may be part of the key. Ours
//! don't.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::{Context, anyhow, bail};
use tokio::sync::{Notify, watch};
use tokio::task::spawn_blocking;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{Error as TlsError, ServerConfig};
use tracing::{error, info, warn};

use super::certificate;

pub struct Tls {
    certificate: PathBuf,
    key: PathBuf,
    acceptor: watch::Sender<TlsAcceptor>,
    problems: Vec<String>,
}

impl Tls {
    pub fn load(certificate: &Path, key: &Path) -> anyhow::Result<Self> {
        let (acceptor, problems) = load(certificate, key)?;
        let acceptor = watch::Sender::new(acceptor);
        Ok(Self { certificate: certificate.into(), key: key.into(), acceptor, problems })
    }

    pub fn acceptor(&self) -> watch::Receiver<TlsAcceptor> {
        self.acceptor.subscribe()
    }

    pub fn log_warnings(&self) {
        for problem in &self.problems {
            warn!(problem, "TLS_CERT: clients may reject the certificate");
        }
    }

    /// Reloads the files on each SIGHUP, forever. New connections use the new certificate.
    pub async fn reload_on(mut self, reload: Arc<Notify>) {
        loop {
            reload.notified().await;
            let (certificate, key) = (self.certificate.clone(), self.key.clone());
            let loaded = spawn_blocking(move || load(&certificate, &key)).await;
            match loaded.unwrap_or_else(|panic| Err(panic.into())) {
                Ok((acceptor, problems)) => {
                    info!("reloaded the certificate");
                    self.acceptor.send_replace(acceptor);
                    self.problems = problems;
                    self.log_warnings();
                }
                Err(error) => {
                    error!(%error, "failed to reload the certificate; keeping the previous one");
                }
            }
        }
    }
}

/// Creates an acceptor for TLS 1.2 and 1.3 with HTTP/1.1, and finds the chain's problems.
fn load(certificate: &Path, key: &Path) -> anyhow::Result<(TlsAcceptor, Vec<String>)> {
    let chain = read_chain(certificate)?;
    let private_key = read_key(key)?;
    let roots = rustls_native_certs::load_native_certs().certs;
    let problems = certificate::problems(&chain, roots, SystemTime::now());
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, private_key)
        .map_err(|error| unusable(certificate, key, &error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok((TlsAcceptor::from(Arc::new(config)), problems))
}

fn read_chain(path: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let pem = read("TLS_CERT", path)?;
    match CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>() {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        _ => bail!(
            "TLS_CERT: no complete certificate in {}; set it to a PEM file with the certificate \
             first, followed by the intermediate certificates",
            path.display()
        ),
    }
}

fn read_key(path: &Path) -> anyhow::Result<PrivateKeyDer<'static>> {
    let key = PrivateKeyDer::from_pem_slice(&read("TLS_KEY", path)?);
    key.ok().with_context(|| {
        format!(
            "TLS_KEY: no private key in {}; set it to a PEM file with the certificate's key, \
             unencrypted",
            path.display()
        )
    })
}

/// The error does not contain the path of an unreadable file, as the setting may contain the key
/// itself.
fn read(setting: &str, path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).map_err(|error| {
        anyhow!("{setting}: cannot read the file: {error}; set it to the path of a PEM file")
    })
}

fn unusable(certificate: &Path, key: &Path, error: &TlsError) -> anyhow::Error {
    let (certificate, key) = (certificate.display(), key.display());
    match error {
        TlsError::InconsistentKeys(_) => anyhow!(
            "TLS_KEY: {key} is not the key of the first certificate in {certificate} (TLS_CERT); \
             set both to files that belong together"
        ),
        TlsError::InvalidCertificate(_) => {
            anyhow!("TLS_CERT: invalid first certificate in {certificate}; have it issued again")
        }
        // The rest is about the key, and is not shown.
        _ => anyhow!(
            "TLS_KEY: unsupported key in {key}; use RSA with 2048 to 4096 bits, ECDSA with P-256 \
             or P-384, or Ed25519"
        ),
    }
}
