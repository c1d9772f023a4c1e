//! [`AllowList`]: which clients may deliver (`TAWK_ALLOWED_IPS`), and whether they have to use
//! HTTPS (`TAWK_REQUIRE_HTTPS`).

use std::net::IpAddr;
use std::sync::Arc;

use axum::http::HeaderMap;

use super::client_ip::{client_ip, is_https};
use crate::config::{Networks, Settings};
use crate::error::AppError;

#[derive(Default)]
pub struct AllowList {
    /// Any client if `None`.
    allowed: Option<Networks>,
    trusted_proxies: Networks,
    require_https: bool,
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
    pub fn check(&self, peer: IpAddr, headers: &HeaderMap) -> Result<(), AppError> {
        if let Some(allowed) = &self.allowed {
            let client = client_ip(peer, headers, &self.trusted_proxies);
            if !client.is_some_and(|client| allowed.contains(client)) {
                return Err(AppError::ClientNotAllowed(client));
            }
        }
        if self.require_https && !is_https(peer, self.is_tls, headers, &self.trusted_proxies) {
            return Err(AppError::HttpsRequired);
        }
        Ok(())
    }
}
