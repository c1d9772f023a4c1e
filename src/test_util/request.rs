//! [`signed_request`] and [`SignedRequest`]: deliveries, genuine or with a fault.

use std::fmt;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{Method, Request};
use http_body_util::Full;

use super::fault::Fault;
use crate::event::Event;
use crate::secret::Secret;
use crate::signature::Signature;

/// A delivery as Tawk.to sends it (developer.tawk.to/webhooks): a POST to `/tawk-webhook`, with a
/// JSON `Content-Type`, the `X-Tawk-Signature` of `body`, and an `X-Hook-Event-Id`.
///
/// The body is one frame. Change what else you like: no header is signed, and
/// [`map`](Request::map) puts another body in its place.
///
/// ```
/// use tower_tawk::{Secret, test_util::signed_request};
///
/// let request = signed_request(&Secret::new("an invented secret")?, r#"{"event":"chat:start"}"#);
///
/// assert_eq!(request.headers()["x-tawk-signature"], "2038d9decd6ce08a38f694725def3405fd56bb3e");
/// # Ok::<_, tower_tawk::InvalidSecret>(())
/// ```
#[must_use]
pub fn signed_request(secret: &Secret, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    SignedRequest::new(secret, body).build()
}

/// The body in which Tawk.to sends this event.
///
/// # Panics
///
/// With [`Event::Undecodable`], which stands for a body that is no event: sign bytes of your own.
#[must_use]
pub fn encode(event: &Event) -> Bytes {
    serde_json::to_vec(event).expect("an event that can be sent").into()
}

/// Builds a delivery: [`signed_request`] with something else about it, a [`Fault`] above all.
///
/// ```
/// use tower_tawk::Secret;
/// use tower_tawk::test_util::{Fault, SignedRequest};
///
/// let secret = Secret::new("an invented secret")?;
/// let request = SignedRequest::new(&secret, "{}")
///     .uri("/tawk/harbor-lane")
///     .event_id("an-event")
///     .fault(Fault::Prefixed)
///     .build();
///
/// assert_eq!(request.uri(), "/tawk/harbor-lane");
/// assert!(request.headers()["x-tawk-signature"].to_str()?.starts_with("sha1="));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct SignedRequest {
    signature: Signature,
    body: Bytes,
    uri: String,
    event_id: String,
    fault: Option<Fault>,
}

impl SignedRequest {
    /// Begins with what [`signed_request`] makes.
    pub fn new(secret: &Secret, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        let signature = secret.sign(&body);
        Self {
            signature,
            body,
            uri: "/tawk-webhook".to_owned(),
            // Each event has its own, over all its retries.
            event_id: format!("event-{}", &signature.to_string()[..8]),
            fault: None,
        }
    }

    /// Another URI than `/tawk-webhook`.
    pub fn uri(mut self, uri: impl Into<String>) -> Self {
        self.uri = uri.into();
        self
    }

    /// The `X-Hook-Event-Id`. Unless set, it is one that belongs to the body: the same body has
    /// the same.
    pub fn event_id(mut self, event_id: impl Into<String>) -> Self {
        self.event_id = event_id.into();
        self
    }

    /// Makes the request wrong in this way.
    pub const fn fault(mut self, fault: Fault) -> Self {
        self.fault = Some(fault);
        self
    }

    /// The request.
    ///
    /// # Panics
    ///
    /// When the URI is none, or the event id cannot stand in a header.
    #[must_use]
    pub fn build(self) -> Request<Full<Bytes>> {
        let (parts, body) = self.into_parts();
        Request::from_parts(parts, Full::new(body))
    }

    /// The request's head and the bytes of its body, for whoever sends them in another way.
    ///
    /// # Panics
    ///
    /// As [`build`](Self::build) does.
    #[must_use]
    pub fn into_parts(self) -> (Parts, Bytes) {
        let Self { signature, body, uri, event_id, fault } = self;
        let signatures = match fault {
            Some(fault) => fault.signatures(signature, &body),
            None => vec![signature.to_string()],
        };
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(uri)
            .header(CONTENT_TYPE, "application/json")
            .header("x-hook-event-id", event_id);
        for signature in signatures {
            request = request.header("x-tawk-signature", signature);
        }
        let body = fault.map_or(body.clone(), |fault| fault.sent(body));
        request.body(body).expect("a URI, and an event id of visible ASCII").into_parts()
    }
}

/// Leaves the body and the signature out.
impl fmt::Debug for SignedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedRequest")
            .field("uri", &self.uri)
            .field("event_id", &self.event_id)
            .field("fault", &self.fault)
            .finish_non_exhaustive()
    }
}
