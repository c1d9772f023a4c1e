//! [`AllowList`]: which clients may deliver (`TAWK_ALLOWED_IPS`), and whether they have to use
//! HTTPS (`TAWK_REQUIRE_HTTPS`).

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::Response;

use super::client_ip::{client_ip, is_https};
use super::connections::Connection;
use crate::config::{Networks, Settings};
use crate::error::AppError;

pub struct AllowList {
    /// Any client if `None`.
    allowed: Option<Networks>,
    trusted_proxies: Networks,
    require_https: bool,
    /// Whether connections to the listener use TLS.
    is_tls: bool,
}

impl AllowList {
    pub fn new(settings: &Settings, is_tls: bool) -> Arc<Self> {
        Arc::new(Self {
            allowed: settings.tawk_allowed_ips.clone(),
            trusted_proxies: settings.tawk_trusted_proxies.clone().unwrap_or_default(),
            require_https: settings.tawk_require_https,
            is_tls,
        })
    }

    /// Returns whether requests of this peer may be accepted.
    pub fn contains(&self, peer: IpAddr) -> bool {
        let is_in = |allowed: &Networks| allowed.contains(peer);
        self.allowed.as_ref().is_none_or(is_in) || self.trusted_proxies.contains(peer)
    }

    /// Rejects clients whose address is unknown if there is an allow-list.
    fn check(&self, peer: IpAddr, headers: &HeaderMap) -> Result<(), AppError> {
        if let Some(allowed) = &self.allowed {
            let client = client_ip(peer, headers, &self.trusted_proxies);
            if !client.is_some_and(|client| allowed.contains(client)) {
                return Err(AppError::ClientNotAllowed(peer, client));
            }
        }
        if self.require_https && !is_https(peer, self.is_tls, headers, &self.trusted_proxies) {
            return Err(AppError::HttpsRequired(peer));
        }
        Ok(())
    }
}

/// Rejects requests of clients that may not deliver.
pub async fn check(
    State(allow_list): State<Arc<AllowList>>,
    ConnectInfo(connection): ConnectInfo<Arc<Connection>>,
    request: Request,
    next: Next,
) -> Result<Response, AppError> {
    allow_list.check(connection.peer, request.headers())?;
    Ok(next.run(request).await)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(allowed: &str, proxies: &str, require_https: bool, peer: &str) -> Option<AppError> {
        let headers = [("x-forwarded-for", "203.0.113.9"), ("x-forwarded-proto", "https")];
        let headers = headers.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        let parse = |networks: &str| networks.parse::<Networks>().ok();
        let allow_list = AllowList {
            allowed: parse(allowed),
            trusted_proxies: parse(proxies).unwrap_or_default(),
            require_https,
            is_tls: false,
        };
        allow_list.check(peer.parse().unwrap(), &headers.into_iter().collect()).err()
    }

    #[test]
    fn allows_any_client_without_an_allow_list() {
        assert_eq!(check("", "", false, "192.0.2.1"), None);
        assert_eq!(check("", "192.0.2.1", false, "192.0.2.1"), None);
    }

    #[test]
    fn rejects_clients_that_are_not_in_the_allow_list() {
        assert_eq!(check("192.0.2.1", "", false, "192.0.2.1"), None);
        assert_eq!(check("192.0.2.1", "", false, "::ffff:192.0.2.1"), None);
        assert_eq!(check("203.0.113.9", "10.0.0.1", false, "10.0.0.1"), None);
        let rejected = |peer: &str, client: &str| {
            let client = Some(client.parse().unwrap());
            Some(AppError::ClientNotAllowed(peer.parse().unwrap(), client))
        };
        let error = check("192.0.2.1", "", false, "192.0.2.2");
        assert_eq!(error, rejected("192.0.2.2", "192.0.2.2"));
        let error = check("203.0.113.9", "", false, "10.0.0.1");
        assert_eq!(error, rejected("10.0.0.1", "10.0.0.1"), "not a proxy");
        let error = check("10.0.0.1", "10.0.0.1", false, "10.0.0.1");
        assert_eq!(error, rejected("10.0.0.1", "203.0.113.9"), "the proxy itself");
    }

    #[test]
    fn rejects_plain_http_unless_a_trusted_proxy_received_https() {
        assert_eq!(check("", "10.0.0.1", true, "10.0.0.1"), None);
        let peer = "10.0.0.1".parse().unwrap();
        assert_eq!(check("", "", true, "10.0.0.1"), Some(AppError::HttpsRequired(peer)));
        let error = check("192.0.2.1", "", true, "10.0.0.1");
        assert_eq!(error, Some(AppError::ClientNotAllowed(peer, Some(peer))));
    }
}
