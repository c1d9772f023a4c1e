//! The HTTP client of notifications, forwards, `send` and `healthcheck`.

use anyhow::Context;
use reqwest::header::{HeaderMap, HeaderName};
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder};

/// Returns a client that follows no redirects: what it sends is only for the given URL.
pub fn builder(scheme: &str) -> ClientBuilder {
    let client = Client::builder().user_agent("tawk-listener").redirect(Policy::none());
    // Otherwise a system without certificates could not send at all.
    if scheme == "http" { client.tls_certs_only([]) } else { client }
}

/// Creates headers, without those that have no value or an invalid one, as the name of an event may
/// be.
pub fn headers<const N: usize>(values: [(&'static str, Option<&str>); N]) -> HeaderMap {
    let header = |(name, value): (_, Option<&str>)| {
        Some((HeaderName::from_static(name), value?.parse().ok()?))
    };
    values.into_iter().filter_map(header).collect()
}

/// Fails if the system has no trusted certificates.
pub fn build(client: ClientBuilder) -> anyhow::Result<Client> {
    client.build().map_err(reqwest::Error::without_url).context(
        "failed to load the trusted certificates of this system; install the package \
         ca-certificates or set SSL_CERT_FILE",
    )
}
