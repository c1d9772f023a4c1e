//! [`Delivery`]: a verified request as a handler wants it, event and bytes together.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use axum_core::body::Body;
use axum_core::extract::{FromRequest, Request};
use axum_core::response::{IntoResponse, Response};
use bytes::Bytes;
use http::StatusCode;
use http_body::Body as _;
use http_body_util::{BodyExt, Limited};

use super::event_id::EventId;
use super::verified::{VerifiedRejection, verified};
use crate::event::Event;
use crate::signature::Signature;

/// A verified delivery: the event, the bytes that were signed, and what to recognise them by.
///
/// The extractor for a handler behind the layer. Unverified requests are answered 403, also under
/// [`observe`](crate::TawkSignatureLayer::observe), and do not reach it.
///
/// ```
/// use axum::{Router, http::StatusCode, routing::post};
/// use tower_tawk::event::Event;
/// use tower_tawk::{Delivery, Secret, TawkSignatureLayer};
///
/// async fn webhook(delivery: Delivery) -> StatusCode {
///     // First of all: keep `delivery.raw`, under the unique key `delivery.signature`. Where that
///     // fails, answer 503; where it is there already, answer 200 and do nothing again.
///     match &delivery.event {
///         Event::ChatStart(start) => println!("chat {} begins", start.chat_id),
///         Event::TranscriptCreated(transcript) => println!(
///             "chat {}: {} replies",
///             transcript.chat.id,
///             delivery.event.agent_replies().count(),
///         ),
///         // Not wanted, not known, or no event at all: signed all the same.
///         other => println!("`{}` is left aside", other.name()),
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
/// for body in [r#"{"event":"chat:start","chatId":"c","property":{"id":"p"}}"#, "no event"] {
///     let signature = secret.sign(body.as_bytes()).to_string();
///     let request = Request::post("/tawk-webhook").header("X-Tawk-Signature", signature);
///     let response = app.clone().oneshot(request.body(Body::from(body))?).await?;
///     assert_eq!(response.status(), StatusCode::OK);
/// }
/// # Ok(())
/// # }
/// ```
///
/// # What to answer
///
/// Tawk.to takes any 2xx within 30 s for success, and sends everything else again for up to
/// 12 hours (developer.tawk.to/webhooks). So answer
///
/// - **2xx to what is verified, wanted or not.** A verified body is never rejected for what it
///   says: one that is no event is [`Event::Undecodable`], and a `match` has it in the arm for the
///   rest. Another try would bring the same bytes.
/// - **5xx only when another try can help**: the database is down, say. It may come twice then, as
///   it may anyway: recognise a repeat by [`signature`](Self::signature).
/// - **within 30 s**: keep the delivery, answer, and act on it afterwards.
///
/// # Its size
///
/// It collects the body itself, past axum's `DefaultBodyLimit`: the layer has bounded it by
/// [`body_limit`](crate::TawkSignatureLayer::body_limit).
///
/// The layer hands on a body whose length is known. One whose length is not, or is another in the
/// end, comes from a layer in between that has changed it (decompression), or that wraps it and
/// loses the length (a time limit for the body); what it holds would be neither what was signed
/// nor bounded, so the answer is 500, and the record at ERROR says why. A layer that puts a whole
/// body in place of another is not noticed.
#[derive(Clone)]
#[non_exhaustive]
pub struct Delivery {
    /// What it says.
    pub event: Event,
    /// `X-Hook-Event-Id`, where there is one of the expected form. **Not signed.**
    pub event_id: Option<EventId>,
    /// The body, byte for byte as it was signed.
    pub raw: Bytes,
    /// The key to recognise a repeat by.
    pub signature: Signature,
    /// The label of the secret that it was signed with.
    pub secret_label: Arc<str>,
}

impl<S: Send + Sync> FromRequest<S> for Delivery {
    type Rejection = DeliveryRejection;

    async fn from_request(request: Request, _: &S) -> Result<Self, DeliveryRejection> {
        let (parts, body) = request.into_parts();
        let by = verified(&parts.extensions)?;
        let raw = collect(body).await;
        let raw = raw.ok_or_else(|| VerifiedRejection::Inner(BodyChanged::record()))?;
        Ok(Self {
            event: Event::from_slice(&raw).unwrap_or_else(Event::Undecodable),
            event_id: EventId::from_headers(&parts.headers),
            raw,
            signature: by.signature(),
            secret_label: by.shared_secret_label(),
        })
    }
}

/// The bytes of a body that is as long as it says, as the layer's is; `None` of another.
async fn collect(body: Body) -> Option<Bytes> {
    let length = body.size_hint().exact()?.try_into().ok()?;
    let raw = Limited::new(body, length).collect().await.ok()?.to_bytes();
    (raw.len() == length).then_some(raw)
}

/// Shows the body's length alone, and of the event and the signature what they show themselves:
/// nothing of a person, and nothing that could be sent again.
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

/// Why there is no [`Delivery`]. Every response has an empty body.
pub type DeliveryRejection = VerifiedRejection<BodyChanged>;

impl DeliveryRejection {
    /// The status to answer with.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::LayerNotMounted(rejection) => rejection.status(),
            Self::Unverified => StatusCode::FORBIDDEN,
            Self::Inner(rejection) => rejection.status(),
        }
    }
}

/// The rejection of a verified request whose body is not as the layer handed it on.
///
/// Answered with 500 and an empty body. Under the feature `tracing` it is recorded at ERROR, with
/// what to do.
#[derive(Debug)]
#[non_exhaustive]
pub struct BodyChanged;

impl BodyChanged {
    /// Recorded where it is made: once, whatever becomes of it.
    fn record() -> Self {
        #[cfg(feature = "tracing")]
        tracing::error!("{Self}");
        Self
    }

    /// The status to answer with: 500.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        StatusCode::INTERNAL_SERVER_ERROR
    }
}

impl fmt::Display for BodyChanged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the body is not as TawkSignatureLayer handed it on: a layer between that and the \
             handler has changed it, or lost its length; remove that layer, or mount it outside \
             TawkSignatureLayer",
        )
    }
}

impl Error for BodyChanged {}

impl IntoResponse for BodyChanged {
    fn into_response(self) -> Response {
        self.status().into_response()
    }
}
