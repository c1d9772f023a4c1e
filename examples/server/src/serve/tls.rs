//! HTTPS of our own, for where no proxy in front takes care of it: `TLS_CERT` and `TLS_KEY`.
//!
//! What is wrong with the files is said in words of ours: the PEM reader's errors repeat the line
//! that they are about, which may be one of the key.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{Error as PemError, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{Error as TlsError, ServerConfig};

use crate::config::ConfigError;

/// Offers TLS 1.2 and 1.3, and on top of them HTTP/2 and HTTP/1.1.
///
/// # Errors
///
/// When the files do not hold a certificate and its key.
pub(super) fn acceptor(certificate: &Path, key: &Path) -> Result<TlsAcceptor, ConfigError> {
    let chain = read_chain(certificate)?;
    let private_key = read_key(key)?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| ConfigError::new(format!("cannot serve HTTPS: {error}")))?
        .with_no_client_auth()
        .with_single_cert(chain, private_key)
        .map_err(|error| cannot_be_used(certificate, key, &error))?;
    // The names are those of RFC 9113, section 3.1, and RFC 7301, section 6.
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, ConfigError> {
    let pem = read("TLS_CERT", path)?;
    match CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, PemError>>() {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        _ => Err(ConfigError::new(format!(
            "TLS_CERT: there is no whole certificate in {}; name a PEM file with the certificate \
             first, and after it those between it and the root",
            path.display()
        ))),
    }
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, ConfigError> {
    PrivateKeyDer::from_pem_slice(&read("TLS_KEY", path)?).map_err(|_| {
        ConfigError::new(format!(
            "TLS_KEY: there is no private key in {}; name a PEM file with the certificate's key, \
             which must not be encrypted",
            path.display()
        ))
    })
}

/// The error does not repeat the name of a file that is not there: the key itself may have been
/// set in its place.
fn read(setting: &str, path: &Path) -> Result<Vec<u8>, ConfigError> {
    fs::read(path).map_err(|error| {
        ConfigError::new(format!(
            "{setting}: cannot read the file: {error}; set it to the name of a PEM file that \
             exists and may be read"
        ))
    })
}

fn cannot_be_used(certificate: &Path, key: &Path, error: &TlsError) -> ConfigError {
    let (certificate, key) = (certificate.display(), key.display());
    ConfigError::new(match error {
        TlsError::InconsistentKeys(_) => format!(
            "TLS_KEY: {key} is not the key of the first certificate in {certificate} (TLS_CERT); \
             name the two that belong together"
        ),
        TlsError::InvalidCertificate(_) => format!(
            "TLS_CERT: the first certificate in {certificate} cannot be read; have it issued again"
        ),
        // What is left is about the key, and not repeated.
        _ => format!(
            "TLS_KEY: the key in {key} cannot be used; it has to be an RSA key of 2048 to 4096 \
             bits, or one for ECDSA with P-256 or P-384, or Ed25519"
        ),
    })
}
