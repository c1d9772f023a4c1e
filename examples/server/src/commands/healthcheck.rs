//! `tawk-listener healthcheck`, for containers that have no shell and no HTTP client.

use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, anyhow, ensure};
use http::StatusCode;

use crate::config::Settings;
use crate::{http_client, print_error};

/// Timeout for the response.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Prints a line, and returns the exit status.
pub async fn run(settings: &Settings) -> ExitCode {
    match request(settings).await {
        Ok(url) => {
            let _ = writeln!(io::stdout(), "healthy: {url}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            print_error(&error.context("unhealthy"));
            ExitCode::FAILURE
        }
    }
}

/// Returns the URL that responded with 200.
pub async fn request(settings: &Settings) -> Result<String> {
    ensure!(settings.port != 0, "the port is unknown; set PORT to a port above 0");
    let scheme = if settings.tls_cert.is_some() { "https" } else { "http" };
    let url = format!("{scheme}://{}:{}/healthz", host(&settings.host), settings.port);
    // The certificate is not for this address. Nothing secret is sent or received.
    let client =
        http_client::builder(scheme).tls_certs_only([]).tls_danger_accept_invalid_certs(true);
    let client = client.no_proxy().timeout(TIMEOUT).build()?;
    let response = client.get(&url).send().await.map_err(|error| {
        let cause = anyhow::Error::from(error.without_url());
        let advice = "start the listener, or set HOST, PORT and TLS_CERT to its values";
        anyhow!("no response from {url}: {}; {advice}", cause.root_cause())
    })?;
    let status = response.status().as_u16();
    ensure!(status == StatusCode::OK, "{url} responded with {status}; set HOST and PORT");
    Ok(url)
}

/// Returns the host of a URL for `HOST`. A listener on all addresses is reached over loopback.
fn host(setting: &str) -> String {
    match setting.parse().map(|address: IpAddr| address.to_canonical()) {
        Ok(IpAddr::V4(Ipv4Addr::UNSPECIFIED)) => Ipv4Addr::LOCALHOST.to_string(),
        Ok(IpAddr::V6(Ipv6Addr::UNSPECIFIED)) => format!("[{}]", Ipv6Addr::LOCALHOST),
        Ok(IpAddr::V6(address)) => format!("[{address}]"),
        _ => setting.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::host;

    #[test]
    fn a_listener_on_all_addresses_is_reached_over_loopback() {
        for (setting, expected) in [
            ("0.0.0.0", "127.0.0.1"),
            ("::", "[::1]"),
            ("::ffff:0.0.0.0", "127.0.0.1"),
            ("192.0.2.7", "192.0.2.7"),
            ("2001:db8::1", "[2001:db8::1]"),
            ("localhost", "localhost"),
        ] {
            assert_eq!(host(setting), expected);
        }
    }
}
