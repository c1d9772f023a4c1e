//! The guards in front of the webhook: who may deliver, over what, and how many at once.
//!
//! They judge by the head alone, before the body is read and its signature verified. [`admit`]
//! stands outside of [`limit`], so that whoever may not deliver takes no place of those who may.
//! Their parts: `client` tells who sent a request and how, from what `forwarded` reads, and
//! `refusal` answers.

mod client;
mod forwarded;
mod refusal;

pub(crate) use client::is_local;
pub(crate) use refusal::Refused;

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Response};
use axum::middleware::Next;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::{Networks, Settings};

/// Whoever is at the other end of the connection, in the extensions of every request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer {
    pub(crate) address: IpAddr,
    pub(crate) is_https: bool,
}

/// Who may deliver, and over what.
pub(crate) struct Admission {
    allowed: Networks,
    proxies: Networks,
    require_https: bool,
}

impl Admission {
    pub(crate) fn new(settings: &Settings) -> Arc<Self> {
        Arc::new(Self {
            allowed: settings.tawk_allowed_ips.clone(),
            proxies: settings.tawk_trusted_proxies.clone(),
            require_https: settings.tawk_require_https,
        })
    }

    /// Whoever cannot be told is nobody who is allowed.
    fn judge(&self, peer: Option<Peer>, headers: &HeaderMap) -> Result<(), Refused> {
        let is_allowed = |peer: Peer| {
            client::address(peer.address, headers, &self.proxies)
                .is_ok_and(|client| self.allowed.contain(client))
        };
        if !self.allowed.is_empty() && !peer.is_some_and(is_allowed) {
            return Err(Refused::NotAllowed);
        }
        let is_https = |peer| client::is_https(peer, headers, &self.proxies);
        if self.require_https && !peer.is_some_and(is_https) {
            return Err(Refused::NotHttps);
        }
        Ok(())
    }
}

/// Lets in whoever may deliver.
pub(crate) async fn admit(
    State(admission): State<Arc<Admission>>,
    request: Request,
    next: Next,
) -> Response<Body> {
    let peer = request.extensions().get::<Peer>().copied();
    match admission.judge(peer, request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refused) => refusal::refuse(refused, request).await,
    }
}

/// The places for deliveries in work.
pub(crate) fn places(settings: &Settings) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(settings.tawk_max_concurrent.get().min(Semaphore::MAX_PERMITS)))
}

/// A place that is taken for as long as there is one of these, in the extensions of a request.
#[derive(Clone)]
pub(crate) struct Place {
    _permit: Arc<OwnedSemaphorePermit>,
}

/// Lets in as many as there are places, each until it is answered and stored, and nobody waits for
/// one: Tawk.to sends again what is refused, and what waits would cost memory.
///
/// (tower's `load_shed` over a `ConcurrencyLimit` does the same, but the handler of its error
/// does not see the request that is refused.)
pub(crate) async fn limit(
    State(places): State<Arc<Semaphore>>,
    mut request: Request,
    next: Next,
) -> Response<Body> {
    match places.try_acquire_owned() {
        Ok(permit) => {
            let place = Place { _permit: Arc::new(permit) };
            request.extensions_mut().insert(place.clone());
            let response = next.run(request).await;
            drop(place);
            response
        }
        Err(_) => refusal::refuse(Refused::Overloaded, request).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(settings: [&str; 2], require_https: bool, peer: Option<&str>) -> Result<(), Refused> {
        let [allowed, proxies] = settings.map(|networks| networks.parse().unwrap());
        let peer = peer.map(|address| Peer { address: address.parse().unwrap(), is_https: false });
        let headers = [("x-forwarded-for", "203.0.113.9"), ("x-forwarded-proto", "https")];
        let headers = headers.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        Admission { allowed, proxies, require_https }.judge(peer, &headers.into_iter().collect())
    }

    #[test]
    fn without_guards_everybody_is_let_in() {
        assert_eq!(judge(["", ""], false, Some("192.0.2.1")), Ok(()));
        assert_eq!(judge(["", ""], false, None), Ok(()));
    }

    #[test]
    fn with_an_allow_list_the_client_has_to_be_in_it() {
        assert_eq!(judge(["192.0.2.1", ""], false, Some("192.0.2.1")), Ok(()));
        assert_eq!(judge(["192.0.2.1", ""], false, Some("::ffff:192.0.2.1")), Ok(()));
        assert_eq!(judge(["203.0.113.9", "10.0.0.1"], false, Some("10.0.0.1")), Ok(()));
        let refused = Err(Refused::NotAllowed);
        assert_eq!(judge(["192.0.2.1", ""], false, Some("192.0.2.2")), refused);
        assert_eq!(judge(["203.0.113.9", ""], false, Some("10.0.0.1")), refused, "no proxy");
        assert_eq!(judge(["10.0.0.1", "10.0.0.1"], false, Some("10.0.0.1")), refused, "the proxy");
    }

    #[test]
    fn whoever_comes_from_nowhere_is_refused_by_either_guard() {
        assert_eq!(judge(["0.0.0.0/0,::/0", ""], false, None), Err(Refused::NotAllowed));
        assert_eq!(judge(["", "0.0.0.0/0,::/0"], true, None), Err(Refused::NotHttps));
    }

    #[test]
    fn plain_http_is_refused_unless_a_trusted_proxy_had_it_over_https() {
        assert_eq!(judge(["", "10.0.0.1"], true, Some("10.0.0.1")), Ok(()));
        assert_eq!(judge(["", ""], true, Some("10.0.0.1")), Err(Refused::NotHttps));
        assert_eq!(judge(["192.0.2.1", ""], true, Some("10.0.0.1")), Err(Refused::NotAllowed));
    }
}
