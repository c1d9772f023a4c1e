//! [`Delivery`], the extractor for a complete webhook delivery.

use std::fmt;
use std::sync::Arc;

use axum_core::body::Body;
use axum_core::extract::{FromRequest, Request};
use bytes::Bytes;
use http::HeaderMap;
use http_body::Body as _;
use http_body_util::{BodyExt, Collected, Limited};

use super::rejection::{BodyModified, DeliveryRejection, VerifiedRejection};
use super::verified::verified_signature;
use crate::event::Event;
use crate::signature::{Signature, X_HOOK_EVENT_ID};

/// Maximum length of an [`EventId`]. The format is undocumented; this limit is our own.
const MAX_EVENT_ID_LENGTH: usize = 128;

/// Extractor for a verified delivery: the typed event, the raw body, and the signature.
///
/// Unverified requests are rejected with `403 Forbidden`, even behind
/// [`observe`](crate::TawkSignatureLayer::observe).
///
/// ```
/// use axum::{Router, http::StatusCode, routing::post};
/// use tower_tawk::event::Event;
/// use tower_tawk::{Delivery, Secret, TawkSignatureLayer};
///
/// async fn webhook(delivery: Delivery) -> StatusCode {
///     // Store `delivery.raw` with `delivery.signature` as a unique key first. Respond with 503 if
///     // that fails, and with 200 if the delivery is a duplicate.
///     match &delivery.event {
///         Event::ChatStart(start) => println!("chat {} started", start.chat_id),
///         Event::TranscriptCreated(transcript) => println!(
///             "chat {}: {} replies",
///             transcript.chat.id,
///             delivery.event.agent_replies().count(),
///         ),
///         // Other events, unknown events, and bodies that aren't events.
///         other => println!("ignored `{}`", other.name()),
///     }
///     StatusCode::OK
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use axum::{body::Body, http::Request};
/// # use tower::ServiceExt;
/// let secret = Secret::new("an invented secret")?;
/// let layer = TawkSignatureLayer::enforce(secret.clone());
/// let app: Router = Router::new().route("/tawk-webhook", post(webhook).route_layer(layer));
///
/// for body in [r#"{"event":"chat:start","chatId":"c","property":{"id":"p"}}"#, "not an event"] {
///     let signature = secret.sign(body.as_bytes()).to_string();
///     let request = Request::post("/tawk-webhook").header("X-Tawk-Signature", signature);
///     let response = app.clone().oneshot(request.body(Body::from(body))?).await?;
///     assert_eq!(response.status(), StatusCode::OK);
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Responding
///
/// Tawk.to considers any 2xx response within 30 s a success, and retries everything else for up to
/// 12 hours (developer.tawk.to/webhooks).
///
/// - **Respond with 2xx to every delivery, even if you ignore the event.** A retry would contain
///   the same bytes. A body that is not an event is [`Event::Undecodable`], so that it ends up in
///   the catch-all arm of a `match`.
/// - **Respond with 5xx only to transient failures**, such as an unavailable database. Deliveries
///   can also arrive several times without a failure: deduplicate them by
///   [`signature`](Self::signature).
/// - **Respond within 30 s.** Store the delivery first and process it asynchronously.
///
/// # Body size
///
/// The body is only limited by [`body_limit`](crate::TawkSignatureLayer::body_limit), and not by
/// axum's `DefaultBodyLimit`.
///
/// The layer forwards bodies with an exact length. If the body has another length or an unknown
/// one, a middleware in between has modified it, for example by decompression, or wrapped it, for
/// example in a timeout. Such a request is rejected with [`BodyModified`], because its body may not
/// be what was signed. A middleware that replaces the body with another complete body is not
/// detected.
#[derive(Clone)]
#[non_exhaustive]
pub struct Delivery {
    /// The typed event.
    pub event: Event,
    /// The value of `X-Hook-Event-Id`, if it is valid. **Not signed.**
    pub event_id: Option<EventId>,
    /// The body, byte for byte as it was signed.
    pub raw: Bytes,
    /// The verified signature, which is the deduplication key.
    pub signature: Signature,
    /// The label of the secret that the delivery was signed with.
    pub secret_label: Arc<str>,
}

impl<S: Send + Sync> FromRequest<S> for Delivery {
    type Rejection = DeliveryRejection;

    async fn from_request(request: Request, _: &S) -> Result<Self, DeliveryRejection> {
        let (parts, body) = request.into_parts();
        let verified = verified_signature(&parts.extensions)?;
        let raw = collect(body).await.map_err(VerifiedRejection::Inner)?;
        Ok(Self {
            event: Event::from_slice(&raw).unwrap_or_else(Event::Undecodable),
            event_id: EventId::from_headers(&parts.headers),
            raw,
            signature: verified.signature(),
            secret_label: verified.clone_secret_label(),
        })
    }
}

/// Collects a body, unless its length is unknown or turns out to be wrong.
async fn collect(body: Body) -> Result<Bytes, BodyModified> {
    let length = body.size_hint().exact().and_then(|length| length.try_into().ok());
    let length = length.ok_or_else(BodyModified::new)?;
    let collected = Limited::new(body, length).collect().await;
    match collected.map(Collected::to_bytes) {
        Ok(raw) if raw.len() == length => Ok(raw),
        _ => Err(BodyModified::new()),
    }
}

/// Omits the body and most of the signature.
impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("event", &self.event)
            .field("event_id", &self.event_id)
            .field("length", &self.raw.len())
            .field("signature", &self.signature)
            .field("secret_label", &self.secret_label)
            .finish_non_exhaustive()
    }
}

/// The id of an event, from `X-Hook-Event-Id`. Retries of an event have the same id.
///
/// Consists of 1 to 128 visible ASCII characters (0x21 to 0x7e).
///
/// **It is not signed.** Deduplicate by [`Delivery::signature`] instead, and use the id to find an
/// event in logs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EventId(Box<str>);

impl EventId {
    /// Returns `None` if the header is missing, invalid, or present several times.
    fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(X_HOOK_EVENT_ID).iter();
        let (Some(value), None) = (values.next(), values.next()) else { return None };
        let id = value.to_str().ok()?;
        let is_valid = (1..=MAX_EVENT_ID_LENGTH).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_graphic());
        is_valid.then(|| Self(id.into()))
    }

    /// Returns the id as a string slice.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for EventId {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
