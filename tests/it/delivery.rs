//! The axum extractor `Delivery`.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use crate::support::{enforce, observe, request, secret, sign, signed_request};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode};
use axum::routing::{MethodRouter, post};
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use http_body_util::{BodyExt, Limited};
use tower::{ServiceBuilder, ServiceExt};
use tower_http::map_request_body::MapRequestBodyLayer;
use tower_tawk::event::{Event, EventErrorKind};
use tower_tawk::{BufferedBody, Delivery, DeliveryRejection, EventId, Secrets, TawkSignatureLayer};

const MIB: usize = 1024 * 1024;
const CHAT_START: &str = r#"{"event":"chat:start","chatId":"c-1","property":{"id":"p-1"},
    "message":{"sender":{"type":"visitor"},"text":"Name : Nadia"}}"#;

#[tokio::test]
async fn extracts_the_event_and_its_metadata() {
    for layer in [TawkSignatureLayer::enforce, TawkSignatureLayer::observe] {
        let secrets = Secrets::new([("2026-11", secret())]).unwrap();
        let mut request = signed(CHAT_START);
        request.headers_mut().insert("x-hook-event-id", HeaderValue::from_static("event-1"));
        let delivery = extract(layer(secrets), request).await;

        let Event::ChatStart(start) = &delivery.event else { panic!("{:?}", delivery.event) };
        assert_eq!(start.chat_id, "c-1");
        assert_eq!(delivery.event_id.as_ref().map(EventId::as_str), Some("event-1"));
        assert_eq!(delivery.raw, CHAT_START);
        assert_eq!(delivery.signature, sign(CHAT_START.as_bytes()).parse().unwrap());
        assert_eq!(&*delivery.secret_label, "2026-11");
    }
}

#[tokio::test]
async fn never_rejects_a_verified_body_for_its_content() {
    async fn handler(delivery: Delivery) -> StatusCode {
        match delivery.event {
            Event::ChatStart(_) => StatusCode::CREATED,
            _ => StatusCode::OK,
        }
    }
    let app = app(post(handler).route_layer(enforce()));
    for body in ["", "no event", "[]", "{}", r#"{"event":"chat:start"}"#, r#"{"event":"new"}"#] {
        let response = app.clone().oneshot(signed(body)).await.unwrap();
        assert_eq!(response.status(), 200, "{body}");
    }
}

#[tokio::test]
async fn keeps_the_bytes_and_the_error_of_an_undecodable_body() {
    for (body, kind) in [
        (&b"\xff\x00 no event"[..], EventErrorKind::NotJson),
        (b"[]", EventErrorKind::NotAnObject),
        (br#"{"event":"chat:end"}"#, EventErrorKind::MissingIdentifier { path: "chatId" }),
    ] {
        let delivery = extract(enforce(), signed(body)).await;
        let Event::Undecodable(error) = &delivery.event else { panic!("{:?}", delivery.event) };
        assert_eq!(error.kind(), kind);
        assert_eq!(delivery.raw, body);
    }
}

#[tokio::test]
async fn keeps_the_name_and_the_bytes_of_an_unknown_event() {
    let body = r#"{"event":"call:end","call":{"id":7}}"#;
    let delivery = extract(enforce(), signed(body)).await;
    let Event::Unknown(unknown) = &delivery.event else { panic!("{:?}", delivery.event) };
    assert_eq!(unknown.name(), "call:end");
    assert_eq!(delivery.raw, body);
}

#[tokio::test]
async fn only_the_layer_limits_the_body_and_nothing_is_copied() {
    let body = Bytes::from(vec![b' '; 3 * MIB]);
    let delivery = extract(enforce().body_limit(4 * MIB), signed(body.clone())).await;
    assert_eq!(delivery.raw, body);
    assert_eq!(delivery.raw.as_ptr(), body.as_ptr());

    let app = app(post(async |_: Delivery| ()).route_layer(enforce().body_limit(4 * MIB)));
    let response = app.oneshot(signed(vec![b' '; 5 * MIB])).await.unwrap();
    assert_eq!(response.status(), 413);
}

#[tokio::test]
async fn does_not_read_the_body_of_an_unverified_request() {
    let panicking = || Body::new(InconsistentBody::new(0, Some(4)));

    let without_layer = app(post(async |_: Delivery| ()));
    let signature = sign(CHAT_START.as_bytes());
    let response = without_layer.oneshot(request(&signature, panicking())).await.unwrap();
    assert_eq!(response.status(), 500);

    // The layer forwards an unverified request, whose body panics if the extractor reads it.
    let stack = ServiceBuilder::new()
        .layer(observe())
        .layer(MapRequestBodyLayer::new(move |_: BufferedBody| panicking()));
    let app = Router::new().route("/tawk-webhook", post(async |_: Delivery| ()).layer(stack));
    let response = app.oneshot(request("malformed", Body::from(CHAT_START))).await.unwrap();
    assert_eq!(response.status(), 403);
}

#[tokio::test]
async fn rejects_a_modified_body_with_500() {
    // Without a length; longer than declared; failing; shorter than declared.
    for (frames, length) in [(0, None), (u8::MAX, Some(4)), (3, Some(8)), (1, Some(4))] {
        let replace = move |_: BufferedBody| Body::new(InconsistentBody::new(frames, length));
        assert_eq!(status_with_mapped_body(replace).await, 500, "{frames} {length:?}");
    }
    // The body is complete, but a stream has no length.
    let into_stream = |body: BufferedBody| Body::from_stream(Body::new(body).into_data_stream());
    assert_eq!(status_with_mapped_body(into_stream).await, 500);
}

#[tokio::test]
async fn accepts_a_wrapped_body_of_known_length() {
    assert_eq!(status_with_mapped_body(Body::new).await, 200);
    assert_eq!(status_with_mapped_body(|body| Limited::new(body, MIB)).await, 200);
}

#[tokio::test]
async fn accepts_only_visible_ascii_of_limited_length_as_event_id() {
    let longest = "x".repeat(128);
    let too_long = "x".repeat(129);
    let visible: String = ('!'..='~').collect();
    for (sent, expected) in [
        (&["66e3f1b2-0"][..], Some("66e3f1b2-0")),
        (&["!"], Some("!")),
        (&[&visible], Some(&*visible)),
        (&[&longest], Some(&*longest)),
        (&[], None),
        (&[""], None),
        (&[&too_long], None),
        (&["two words"], None),
        (&["a\ttab"], None),
        (&["caf\u{e9}"], None),
        (&["1", "2"], None),
        (&["1", "1"], None),
    ] {
        let mut request = signed("{}");
        request.headers_mut().remove("X-Hook-Event-Id");
        for value in sent {
            let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
            request.headers_mut().append("X-Hook-Event-Id", value);
        }
        let event_id = extract(enforce(), request).await.event_id;
        assert_eq!(event_id.as_ref().map(AsRef::as_ref), expected, "{sent:?}");
        assert_eq!(event_id.map(|id| id.to_string()).as_deref(), expected, "{sent:?}");
    }
}

#[tokio::test]
async fn redacts_personal_data_and_the_signature_in_debug_output() {
    let delivery = extract(enforce(), signed(CHAT_START)).await;
    for text in [format!("{delivery:?}"), format!("{delivery:#?}")] {
        assert!(text.contains("c-1") && text.contains(&CHAT_START.len().to_string()), "{text}");
        assert!(!text.contains("Nadia") && !text.contains(&sign(CHAT_START.as_bytes())), "{text}");
    }
}

#[tokio::test]
async fn describes_rejections_that_a_handler_catches() {
    async fn caught(result: Result<Delivery, DeliveryRejection>) -> (StatusCode, String) {
        let rejection = result.unwrap_err();
        (rejection.status(), rejection.to_string())
    }
    let unsigned = || Request::post("/tawk-webhook").body(Body::empty()).unwrap();
    let replace = |_: BufferedBody| Body::new(InconsistentBody::new(0, None));
    let replacing = ServiceBuilder::new().layer(enforce()).layer(MapRequestBodyLayer::new(replace));
    for (route, request, status, text) in [
        (post(caught), unsigned(), 500, "apply it to the route"),
        (post(caught).layer(observe()), unsigned(), 403, "not verified"),
        (post(caught).layer(replacing), signed("{}"), 500, "outside of TawkSignatureLayer"),
    ] {
        let response = app(route).oneshot(request).await.unwrap();
        assert_eq!(response.status(), status);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert!(String::from_utf8_lossy(&body).contains(text), "{body:?}");
    }
}

fn app(route: MethodRouter) -> Router {
    Router::new().route("/tawk-webhook", route)
}

fn signed(body: impl Into<Bytes>) -> Request {
    signed_request(body).map(Body::new)
}

/// Sends a request to a handler behind the layer and returns the delivery that it extracts.
async fn extract(layer: TawkSignatureLayer, request: Request) -> Delivery {
    let extracted = Arc::new(Mutex::new(None));
    let slot = Arc::clone(&extracted);
    let handler = async move |delivery: Delivery| *slot.lock().unwrap() = Some(delivery);
    let app = app(post(handler).route_layer(layer));
    assert_eq!(app.oneshot(request).await.unwrap().status(), 200);
    extracted.lock().unwrap().take().unwrap()
}

/// Sends a signed delivery whose body passes through `map` after the layer.
async fn status_with_mapped_body<B>(
    map: impl Fn(BufferedBody) -> B + Clone + Send + Sync + 'static,
) -> StatusCode
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<tower::BoxError>,
{
    let stack = ServiceBuilder::new()
        .layer(enforce())
        .layer(MapRequestBodyLayer::new(move |body| Body::new(map(body))));
    let app = app(post(async |_: Delivery| ()).route_layer(stack));
    let response = app.oneshot(signed(CHAT_START)).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert!(body.is_empty(), "{body:?}");
    status
}

/// A body that does not match its declared length. Panics if it is read without a declared length
/// or beyond it.
struct InconsistentBody {
    frames: u8,
    length: Option<u64>,
    sent: u64,
}

impl InconsistentBody {
    fn new(frames: u8, length: Option<u64>) -> Self {
        Self { frames, length, sent: 0 }
    }
}

impl http_body::Body for InconsistentBody {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
        assert!(self.length.is_some_and(|length| self.sent <= length), "the body was read too far");
        self.frames = self.frames.checked_sub(1).expect("the body must not be read");
        self.sent += 4;
        Poll::Ready(match self.frames {
            0 => None,
            1 => Some(Err("broken")),
            _ => Some(Ok(Frame::data(Bytes::from_static(b"[1] ")))),
        })
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::new, SizeHint::with_exact)
    }
}
