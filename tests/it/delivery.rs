//! A verified delivery reaches its handler whole, whatever it says.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use crate::support::{request, secret, sign, signed};
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
use tower_tawk::{
    BodyModified, BufferedBody, Delivery, DeliveryRejection, EventId, Secrets, TawkSignatureLayer,
};

const MIB: usize = 1024 * 1024;
const CHAT_START: &str = r#"{"event":"chat:start","chatId":"c-1","property":{"id":"p-1"},
    "message":{"sender":{"type":"visitor"},"text":"Name : Nadia"}}"#;

/// A body that does not keep to the length that it states, and panics when it is read past it.
struct Another {
    frames: u8,
    length: Option<u64>,
    sent: u64,
}

impl Another {
    fn new(frames: u8, length: Option<u64>) -> Self {
        Self { frames, length, sent: 0 }
    }
}

impl http_body::Body for Another {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
        assert!(self.length.is_some_and(|length| self.sent <= length), "it was read on");
        self.frames = self.frames.checked_sub(1).expect("it was read");
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

#[tokio::test]
async fn a_delivery_is_the_event_and_all_that_belongs_to_it() {
    for layer in [TawkSignatureLayer::enforce, TawkSignatureLayer::observe] {
        let secrets = Secrets::new([("2026-11", secret())]).unwrap();
        let mut request = signed(CHAT_START).map(Body::new);
        request.headers_mut().insert("x-hook-event-id", HeaderValue::from_static("event-1"));
        let delivery = delivered(layer(secrets), request).await;

        let Event::ChatStart(start) = &delivery.event else { panic!("{:?}", delivery.event) };
        assert_eq!(start.chat_id, "c-1");
        assert_eq!(delivery.event_id.as_ref().map(EventId::as_str), Some("event-1"));
        assert_eq!(delivery.raw, CHAT_START);
        assert_eq!(delivery.signature, sign(CHAT_START.as_bytes()).parse().unwrap());
        assert_eq!(&*delivery.secret_label, "2026-11");
    }
}

#[tokio::test]
async fn a_verified_body_that_is_no_event_ends_in_the_arm_for_the_rest() {
    async fn careless(delivery: Delivery) -> StatusCode {
        match delivery.event {
            Event::ChatStart(_) => StatusCode::CREATED,
            _ => StatusCode::OK,
        }
    }
    let app = app(post(careless).route_layer(enforce()));
    for body in ["", "no event", "[]", "{}", r#"{"event":"chat:start"}"#, r#"{"event":"new"}"#] {
        let response = app.clone().oneshot(signed(body).map(Body::new)).await.unwrap();
        assert_eq!(response.status(), 200, "{body}");
    }
}

#[tokio::test]
async fn of_a_body_that_is_no_event_the_bytes_and_the_reason_remain() {
    for (body, kind) in [
        (&b"\xff\x00 no event"[..], EventErrorKind::NotJson),
        (b"[]", EventErrorKind::NotAnObject),
        (br#"{"event":"chat:end"}"#, EventErrorKind::MissingIdentifier { path: "chatId" }),
    ] {
        let delivery = delivered(enforce(), signed(body).map(Body::new)).await;
        let Event::Undecodable(error) = &delivery.event else { panic!("{:?}", delivery.event) };
        assert_eq!(error.kind(), kind);
        assert_eq!(delivery.raw, body);
    }
}

#[tokio::test]
async fn an_event_that_nobody_knows_keeps_its_name_and_bytes() {
    let body = r#"{"event":"call:end","call":{"id":7}}"#;
    let delivery = delivered(enforce(), signed(body).map(Body::new)).await;
    let Event::Unknown(unknown) = &delivery.event else { panic!("{:?}", delivery.event) };
    assert_eq!(unknown.name(), "call:end");
    assert_eq!(delivery.raw, body);
}

#[tokio::test]
async fn the_layers_limit_is_the_only_one_and_nothing_is_copied() {
    let body = Bytes::from(vec![b' '; 3 * MIB]);
    let request = signed(body.clone()).map(Body::new);
    let delivery = delivered(enforce().body_limit(4 * MIB), request).await;
    assert_eq!(delivery.raw, body);
    assert_eq!(delivery.raw.as_ptr(), body.as_ptr());

    let longer = signed(vec![b' '; 5 * MIB]).map(Body::new);
    assert_eq!(status(enforce().body_limit(4 * MIB), longer).await, 413);
}

#[tokio::test]
async fn a_body_is_not_read_without_a_good_verdict() {
    // Panics when it is polled.
    let unread = || Body::new(Another::new(0, Some(4)));
    let app = app(post(async |_: Delivery| ()));
    let signature = sign(CHAT_START.as_bytes());
    let response = app.oneshot(request(&signature, unread())).await.unwrap();
    assert_eq!(response.status(), 500);

    // The layer hands an unverified one on, and a layer in between would panic if it were read.
    let stack = ServiceBuilder::new()
        .layer(TawkSignatureLayer::observe(secret()))
        .layer(MapRequestBodyLayer::new(move |_: BufferedBody| unread()));
    let app = Router::new().route("/tawk-webhook", post(async |_: Delivery| ()).layer(stack));
    let response = app.oneshot(request("of nobody", Body::from(CHAT_START))).await.unwrap();
    assert_eq!(response.status(), 403);
}

#[tokio::test]
async fn a_body_that_a_layer_in_between_has_changed_is_500() {
    // Of unknown length; longer than it says; broken; shorter than it says.
    for (frames, length) in [(0, None), (u8::MAX, Some(4)), (3, Some(8)), (1, Some(4))] {
        let change = move |_: BufferedBody| Body::new(Another::new(frames, length));
        assert_eq!(status_behind(change).await, 500, "{frames} {length:?}");
    }
    // Whole, but its length was lost on the way.
    let stream = |body: BufferedBody| Body::from_stream(Body::new(body).into_data_stream());
    assert_eq!(status_behind(stream).await, 500);
}

#[tokio::test]
async fn a_body_that_a_layer_in_between_only_wraps_is_delivered() {
    assert_eq!(status_behind(Body::new).await, 200);
    assert_eq!(status_behind(|body| Limited::new(body, MIB)).await, 200);
}

#[tokio::test]
async fn an_event_id_is_visible_ascii_and_of_a_bearable_length() {
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
        let mut request = signed("{}").map(Body::new);
        request.headers_mut().remove("X-Hook-Event-Id");
        for value in sent {
            let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
            request.headers_mut().append("X-Hook-Event-Id", value);
        }
        let event_id = delivered(enforce(), request).await.event_id;
        assert_eq!(event_id.as_ref().map(AsRef::as_ref), expected, "{sent:?}");
        assert_eq!(event_id.map(|id| id.to_string()).as_deref(), expected, "{sent:?}");
    }
}

#[tokio::test]
async fn debug_shows_neither_a_person_nor_what_could_be_sent_again() {
    let delivery = delivered(enforce(), signed(CHAT_START).map(Body::new)).await;
    for text in [format!("{delivery:?}"), format!("{delivery:#?}")] {
        assert!(text.contains("c-1") && text.contains(&CHAT_START.len().to_string()), "{text}");
        assert!(!text.contains("Nadia") && !text.contains(&sign(CHAT_START.as_bytes())), "{text}");
    }
}

#[tokio::test]
async fn a_rejection_can_be_caught_and_says_what_to_do() {
    async fn caught(delivery: Result<Delivery, DeliveryRejection>) -> (StatusCode, String) {
        let rejection = delivery.unwrap_err();
        (rejection.status(), rejection.to_string())
    }
    let unsigned = || Request::post("/tawk-webhook").body(Body::empty()).unwrap();
    let observe = TawkSignatureLayer::observe(secret());
    let changing = ServiceBuilder::new()
        .layer(enforce())
        .layer(MapRequestBodyLayer::new(|_: BufferedBody| Body::new(Another::new(0, None))));
    for (route, request, status, text) in [
        (post(caught), unsigned(), 500, "apply it to the route"),
        (post(caught).layer(observe), unsigned(), 403, "not verified"),
        (post(caught).layer(changing), signed("{}").map(Body::new), 500, "apply it outside"),
    ] {
        let response = app(route).oneshot(request).await.unwrap();
        assert_eq!(response.status(), status);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert!(String::from_utf8_lossy(&body).contains(text), "{body:?}");
    }
}

#[test]
fn deliveries_and_their_rejections_can_be_sent_and_shared() {
    fn check<T: Send + Sync + 'static>() {}
    fn check_error<T: std::error::Error + Send + Sync + 'static>() {}

    check::<Delivery>();
    check::<EventId>();
    check_error::<BodyModified>();
    check_error::<DeliveryRejection>();
}

fn enforce() -> TawkSignatureLayer {
    TawkSignatureLayer::enforce(secret())
}

fn app(route: MethodRouter) -> Router {
    Router::new().route("/tawk-webhook", route)
}

/// What a handler behind `layer` is given.
async fn delivered(layer: TawkSignatureLayer, request: Request) -> Delivery {
    let given = Arc::new(Mutex::new(None));
    let keep = Arc::clone(&given);
    let handler = async move |delivery: Delivery| *keep.lock().unwrap() = Some(delivery);
    let app = app(post(handler).route_layer(layer));
    assert_eq!(app.oneshot(request).await.unwrap().status(), 200);
    given.lock().unwrap().take().unwrap()
}

async fn status(layer: TawkSignatureLayer, request: Request) -> StatusCode {
    let app = app(post(async |_: Delivery| ()).route_layer(layer));
    app.oneshot(request).await.unwrap().status()
}

/// The answer to a genuine delivery with a layer in between that does `change` to its body.
async fn status_behind<B>(
    change: impl Fn(BufferedBody) -> B + Clone + Send + Sync + 'static,
) -> StatusCode
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<tower::BoxError>,
{
    let stack = ServiceBuilder::new()
        .layer(enforce())
        .layer(MapRequestBodyLayer::new(move |body| Body::new(change(body))));
    let app = app(post(async |_: Delivery| ()).route_layer(stack));
    let response = app.oneshot(signed(CHAT_START).map(Body::new)).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert!(body.is_empty(), "{body:?}");
    status
}
