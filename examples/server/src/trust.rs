//! Whose certificates are believed where we are the client: by `send`, and by notifications.

use std::io;
use std::sync::Arc;

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// The certificates that the system trusts.
///
/// # Errors
///
/// When there are none.
pub fn native_roots() -> io::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(io::Error::other(
            "this system has no trusted certificates to check a server's with; install them \
             (the package ca-certificates), or name a file of them in SSL_CERT_FILE",
        ));
    }
    Ok(roots)
}

/// TLS by ring: aws-lc would take longer to compile than all the rest.
pub fn client_config(roots: RootCertStore) -> io::Result<ClientConfig> {
    Ok(ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth())
}
