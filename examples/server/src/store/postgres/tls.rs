//! TLS to PostgreSQL, verified as `sslmode` says.

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::crypto::{
    CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature,
};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};

use super::url::{Tls, Verify};

pub fn client_config(tls: &Tls) -> Result<ClientConfig> {
    if tls.verify == Verify::Full {
        return with_roots(root_certificates(tls)?);
    }
    let provider = Arc::new(ring::default_provider());
    let chain = match tls.verify {
        Verify::Ca => {
            let roots = Arc::new(root_certificates(tls)?);
            Some(WebPkiServerVerifier::builder_with_provider(roots, provider.clone()).build()?)
        }
        Verify::Nothing | Verify::Full => None,
    };
    let mut config = with_roots(RootCertStore::empty())?;
    config.dangerous().set_certificate_verifier(Arc::new(AnyHost { chain, provider }));
    Ok(config)
}

fn root_certificates(tls: &Tls) -> Result<RootCertStore> {
    let Some(path) = &tls.root_certificates else { return system_roots() };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).context("failed to read sslrootcert")? {
        roots.add(certificate.context("failed to read sslrootcert")?)?;
    }
    Ok(roots)
}

fn system_roots() -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        bail!(
            "no trusted root certificates on this system; install the package ca-certificates, or \
             set SSL_CERT_FILE to a PEM file of them"
        );
    }
    Ok(roots)
}

fn with_roots(roots: RootCertStore) -> Result<ClientConfig> {
    Ok(ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

/// Accepts certificates for any host: libpq verifies the host name for `verify-full` only, and
/// the chain for `verify-ca` only.
#[derive(Debug)]
struct AnyHost {
    chain: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
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
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
