//! [`Delivery`]: a payload as it is sent, signed as Tawk.to signs it or with a fault.

use std::fmt;
use std::hash::{BuildHasher, RandomState};

use bytes::Bytes;
use http::header::{HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use tower_tawk::Secret;
use tower_tawk::test_util::SignedRequest;

use super::fault::Fault;
use super::payloads::Payload;

// developer.tawk.to/webhooks; header names are case-insensitive (RFC 9110, section 5.1).
const X_TAWK_SIGNATURE: HeaderName = HeaderName::from_static("x-tawk-signature");
const X_HOOK_EVENT_ID: HeaderName = HeaderName::from_static("x-hook-event-id");

/// All of it but the event id, of which each delivery has its own.
pub(super) struct Delivery {
    pub(super) payload: Payload,
    pub(super) body: Bytes,
    pub(super) fault: Option<Fault>,
    headers: HeaderMap,
}

impl Delivery {
    pub(super) fn new(payload: Payload, secret: &Secret, fault: Option<Fault>) -> Self {
        let body = payload.body.clone();
        let body = fault.map_or(body.clone(), |fault| fault.signed(body));
        let mut request = SignedRequest::new(secret, body);
        if let Some(fault) = fault.and_then(Fault::of_signature) {
            request = request.fault(fault);
        }
        let (head, body) = request.into_parts();
        Self { payload, body, fault, headers: head.headers }
    }

    /// The values of the signature's header.
    pub(super) fn signatures(&self) -> impl Iterator<Item = &str> {
        let values = self.headers.get_all(X_TAWK_SIGNATURE).iter();
        values.filter_map(|value| value.to_str().ok())
    }

    /// The headers, but for the body's length.
    pub(super) fn headers(&self, host: &HeaderValue, event_id: &EventId) -> HeaderMap {
        let mut headers = self.headers.clone();
        headers.insert(HOST, host.clone());
        headers.insert(USER_AGENT, HeaderValue::from_static("tawk-listener"));
        headers.insert(X_HOOK_EVENT_ID, event_id.0.clone());
        headers
    }
}

/// The value of `X-Hook-Event-Id`: an opaque text.
#[derive(Clone)]
pub(super) struct EventId(HeaderValue);

impl EventId {
    /// # Errors
    ///
    /// What to write in place of a text that cannot stand in a header.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let visible = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        let value = visible.then(|| HeaderValue::from_str(text).ok()).flatten();
        value.map(Self).ok_or("give one or more visible ASCII characters, without spaces")
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.to_str().map_err(|_| fmt::Error)?)
    }
}

/// Where event ids come from: the one that was asked for, or a new one each time.
pub(super) struct EventIds {
    given: Option<EventId>,
    /// Sets this run's ids apart from those of every other.
    run: u64,
}

impl EventIds {
    pub(super) fn new(given: Option<EventId>) -> Self {
        // The standard library seeds each `RandomState` at random.
        Self { given, run: RandomState::new().hash_one(()) }
    }

    /// The id of this run's delivery of this number.
    pub(super) fn of(&self, number: u64) -> EventId {
        self.given.clone().unwrap_or_else(|| {
            let id = HeaderValue::from_str(&format!("{:016x}-{number}", self.run));
            EventId(id.expect("hex digits and a hyphen"))
        })
    }
}
