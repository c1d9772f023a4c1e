//! Signed requests: [`signed_request`], [`SignedRequest`] and [`encode`].

use std::fmt;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{Method, Request};
use http_body_util::Full;

use super::fault::Fault;
use crate::event::Event;
use crate::secret::Secret;
use crate::signature::{Signature, X_HOOK_EVENT_ID, X_TAWK_SIGNATURE};

/// Creates a request like those that Tawk.to sends: a `POST` to `/tawk-webhook` with a JSON
/// `Content-Type`, an `X-Hook-Event-Id`, and the `X-Tawk-Signature` of `body`.
///
/// The body is a single frame. To use another body type, convert it with [`Request::map`].
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

/// Encodes an event in the format that Tawk.to sends.
///
/// ```
/// use tower_tawk::event::Event;
/// use tower_tawk::test_util::{encode, samples};
///
/// let event = samples::chat_end("Ruth Abenov");
///
/// assert_eq!(Event::from_slice(&encode(&event))?, event);
/// # Ok::<_, tower_tawk::event::EventError>(())
/// ```
///
/// # Panics
///
/// Panics if the event is [`Event::Undecodable`], which has no encoding.
#[must_use]
pub fn encode(event: &Event) -> Bytes {
    serde_json::to_vec(event).expect("event can be serialized").into()
}

/// Builds a signed request that differs from that of [`signed_request`], for example by a
/// [`Fault`].
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
    /// Creates a builder for the request that [`signed_request`] returns.
    pub fn new(secret: &Secret, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        let signature = secret.sign(&body);
        Self {
            signature,
            body,
            uri: "/tawk-webhook".to_owned(),
            event_id: format!("event-{}", &signature.to_string()[..8]),
            fault: None,
        }
    }

    /// Sets the URI. Defaults to `/tawk-webhook`.
    pub fn uri(mut self, uri: impl Into<String>) -> Self {
        self.uri = uri.into();
        self
    }

    /// Sets the `X-Hook-Event-Id`. Defaults to an id derived from the signature, so that requests
    /// with the same body and secret have the same id, like the retries of a delivery.
    pub fn event_id(mut self, event_id: impl Into<String>) -> Self {
        self.event_id = event_id.into();
        self
    }

    /// Sets the fault to introduce. Defaults to none.
    pub const fn fault(mut self, fault: Fault) -> Self {
        self.fault = Some(fault);
        self
    }

    /// Builds the request.
    ///
    /// # Panics
    ///
    /// Panics if the URI is invalid or the event id is not a valid header value.
    #[must_use]
    pub fn build(self) -> Request<Full<Bytes>> {
        let (parts, body) = self.into_parts();
        Request::from_parts(parts, Full::new(body))
    }

    /// Builds the request, and returns its head and its body separately.
    ///
    /// # Panics
    ///
    /// Panics if the URI is invalid or the event id is not a valid header value.
    #[must_use]
    pub fn into_parts(self) -> (Parts, Bytes) {
        let Self { signature, body, uri, event_id, fault } = self;
        let signatures = match fault {
            Some(fault) => fault.header_values(signature, &body),
            None => vec![signature.to_string()],
        };
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(uri)
            .header(CONTENT_TYPE, "application/json")
            .header(X_HOOK_EVENT_ID, event_id);
        for signature in signatures {
            request = request.header(X_TAWK_SIGNATURE, signature);
        }
        let body = match fault {
            Some(fault) => fault.alter_body(body),
            None => body,
        };
        request.body(body).expect("URI and event id are valid").into_parts()
    }
}

/// Omits the body and the signature.
impl fmt::Debug for SignedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedRequest")
            .field("uri", &self.uri)
            .field("event_id", &self.event_id)
            .field("fault", &self.fault)
            .finish_non_exhaustive()
    }
}
