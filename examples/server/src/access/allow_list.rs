//! [`AllowList`]: which clients may deliver (`TAWK_ALLOWED_IPS`), and whether they have to use
//! HTTPS (`TAWK_REQUIRE_HTTPS`).

use std::net::IpAddr;
use std::sync::Arc;

use axum::http::HeaderMap;
use ipnet::IpNet;

use super::client_ip::{client_ip, contains, is_https};
use crate::config::Settings;
use crate::error::AppError;

#[derive(Default)]
pub struct AllowList {
    /// Any client if `None`.
    allowed: Option<Vec<IpNet>>,
    trusted_proxies: Vec<IpNet>,
    require_https: bool,
    is_tls: bool,
}

impl AllowList {
    pub fn new(settings: &Settings, is_tls: bool) -> Arc<Self> {
        Arc::new(Self {
            allowed: settings.tawk_allowed_ips.clone(),
            trusted_proxies: settings.tawk_trusted_proxies.clone(),
            require_https: settings.tawk_require_https,
            is_tls,
        })
    }

    /// Returns whether requests of this peer may be accepted.
    pub fn contains(&self, peer: IpAddr) -> bool {
        self.allowed.as_ref().is_none_or(|allowed| contains(allowed, peer))
            || contains(&self.trusted_proxies, peer)
    }

    /// Rejects clients whose address is unknown if there is an allow-list.
    pub fn check(&self, peer: IpAddr, headers: &HeaderMap) -> Result<(), AppError> {
        if let Some(allowed) = &self.allowed {
            let client = client_ip(peer, headers, &self.trusted_proxies);
            if !client.is_some_and(|client| contains(allowed, client)) {
                return Err(AppError::ClientNotAllowed(client));
            }
        }
        if self.require_https && !is_https(peer, self.is_tls, headers, &self.trusted_proxies) {
            return Err(AppError::HttpsRequired);
        }
        Ok(())
    }
}
