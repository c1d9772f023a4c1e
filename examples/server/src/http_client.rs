//! The HTTP client of notifications, `send` and `healthcheck`.

use anyhow::Context;
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder};

/// Returns a client that follows no redirects: what it sends is only for the given URL.
pub fn builder(scheme: &str) -> ClientBuilder {
    let client = Client::builder().user_agent("tawk-listener").redirect(Policy::none());
    // Otherwise a system without certificates could not send at all.
    if scheme == "http" { client.tls_certs_only([]) } else { client }
}

/// Fails if the system has no trusted certificates.
pub fn build(client: ClientBuilder) -> anyhow::Result<Client> {
    client.build().map_err(reqwest::Error::without_url).context(
        "failed to load the trusted certificates of this system; install the package \
         ca-certificates or set SSL_CERT_FILE",
    )
}
