//! The HTTP client of notifications, forwards, `send` and `healthcheck`.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::Context;
use reqwest::header::{HeaderMap, HeaderName};
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, Url, retry};

/// Timeout for the name lookup, TCP and TLS.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Timeout for the whole exchange, including the connection.
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// Returns a client that follows no redirects: what it sends is only for the given URL.
pub fn builder(scheme: &str) -> ClientBuilder {
    let client = Client::builder().user_agent("tawk-listener").redirect(Policy::none());
    // Otherwise a system without certificates could not send at all.
    if scheme == "http" { client.tls_certs_only([]) } else { client }
}

/// Returns a client for the outbox, which retries. The proxy of the system is used, except for a
/// receiver on this machine.
pub fn to_receiver(url: &Url) -> ClientBuilder {
    let client = builder(url.scheme())
        .retry(retry::never())
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TIMEOUT);
    if is_loopback(url) { client.no_proxy() } else { client }
}

pub fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

pub fn without_credentials(url: &Url) -> Url {
    let mut url = url.clone();
    // These fail only without a host.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url
}

/// Creates headers, without those that have no value or an invalid one, as the name of an event may
/// be.
pub fn headers<const N: usize>(values: [(&'static str, Option<&str>); N]) -> HeaderMap {
    let header = |(name, value): (_, Option<&str>)| {
        Some((HeaderName::from_static(name), value?.parse().ok()?))
    };
    values.into_iter().filter_map(header).collect()
}

pub fn build(client: ClientBuilder) -> anyhow::Result<Client> {
    client.build().map_err(reqwest::Error::without_url).context(
        "failed to load the trusted certificates of this system; install the package \
         ca-certificates or set SSL_CERT_FILE",
    )
}
