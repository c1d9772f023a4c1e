//! In axum an extractor hands on what is verified, and nothing else.

use std::collections::HashMap;
use std::convert::Infallible;

use crate::support::{secret, sign, signed};
use axum::body::{Body, Bytes};
use axum::extract::rejection::{BytesRejection, JsonRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::handler::Handler;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use http_body_util::BodyExt;
use tower::ServiceExt;
use tower_tawk::{
    Delivery, MissingLayer, TawkSignatureLayer, Verdict, Verified, VerifiedRejection,
};

const BODY: &str = r#"{"greeting":"hello"}"#;

/// An extractor that may not be asked.
struct Untouched;

impl FromRequestParts<()> for Untouched {
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, (): &()) -> Result<Self, Infallible> {
        panic!("an inner extractor ran for a request that is not verified");
    }
}

/// Another, that takes the body.
struct UntouchedBody;

impl FromRequest<()> for UntouchedBody {
    type Rejection = Infallible;

    async fn from_request(_: Request, (): &()) -> Result<Self, Infallible> {
        panic!("an inner extractor ran for a request that is not verified");
    }
}

#[tokio::test]
async fn a_verified_request_reaches_every_extractor() {
    async fn bytes(Verified(body): Verified<Bytes>) -> Bytes {
        body
    }
    async fn json(Verified(Json(body)): Verified<Json<HashMap<String, String>>>) -> String {
        body["greeting"].clone()
    }
    async fn headers(Verified(headers): Verified<HeaderMap>) -> String {
        headers["x-tawk-signature"].to_str().unwrap().to_owned()
    }
    async fn request(Verified(request): Verified<Request>) -> Response {
        Response::new(request.into_body())
    }
    async fn together(
        method: Method,
        Verified(headers): Verified<HeaderMap>,
        Verified(verdict): Verified<Verdict>,
        Verified(body): Verified<String>,
    ) -> String {
        let label = verdict.secret_label().unwrap();
        format!("{method} {} {label} {body}", headers.contains_key("x-tawk-signature"))
    }

    for layer in both() {
        let layer = Some(layer);
        assert_eq!(answer(bytes, &layer, genuine()).await, (200, BODY.to_owned()));
        assert_eq!(answer(json, &layer, genuine()).await, (200, "hello".to_owned()));
        assert_eq!(answer(headers, &layer, genuine()).await, (200, sign(BODY.as_bytes())));
        assert_eq!(answer(request, &layer, genuine()).await, (200, BODY.to_owned()));
        let all = format!("POST true default {BODY}");
        assert_eq!(answer(together, &layer, genuine()).await, (200, all));
    }
}

#[tokio::test]
async fn an_unverified_request_is_403_before_the_inner_extractor_runs() {
    async fn parts(_: Verified<Untouched>) {}
    async fn body(_: Verified<UntouchedBody>) {}
    async fn json(_: Verified<Json<HashMap<String, String>>>) {}
    async fn delivery(_: Delivery) {}

    let unsigned = || Request::post("/tawk-webhook").body(Body::from(BODY)).unwrap();
    let altered = || genuine().map(|_| Body::from("not even JSON"));
    for layer in both() {
        let layer = Some(layer);
        for request in [unsigned, altered] {
            assert_eq!(answer(parts, &layer, request()).await, (403, String::new()));
            assert_eq!(answer(body, &layer, request()).await, (403, String::new()));
            assert_eq!(answer(json, &layer, request()).await, (403, String::new()));
            assert_eq!(answer(delivery, &layer, request()).await, (403, String::new()));
        }
    }
}

#[tokio::test]
async fn without_the_layer_everything_is_500_and_no_stranger_learns_why() {
    async fn parts(_: Verified<Untouched>) {}
    async fn body(_: Verified<UntouchedBody>) {}
    async fn verdict(_: Verdict) {}
    async fn delivery(_: Delivery) {}

    assert_eq!(answer(parts, &None, genuine()).await, (500, String::new()));
    assert_eq!(answer(body, &None, genuine()).await, (500, String::new()));
    assert_eq!(answer(verdict, &None, genuine()).await, (500, String::new()));
    assert_eq!(answer(delivery, &None, genuine()).await, (500, String::new()));
}

#[tokio::test]
async fn what_the_inner_extractor_rejects_is_its_own_to_answer() {
    async fn json(_: Verified<Json<u8>>) {}
    type Rejection = VerifiedRejection<JsonRejection>;
    async fn caught(json: Result<Verified<Json<u8>>, Rejection>) -> String {
        match json.unwrap_err() {
            VerifiedRejection::Inner(rejection) => rejection.status().to_string(),
            other => other.to_string(),
        }
    }
    async fn bare(_: Json<u8>) {}

    for layer in both() {
        let layer = Some(layer);
        let (status, body) = answer(json, &layer, genuine()).await;
        assert_eq!((status, &body), (422, &answer(bare, &layer, genuine()).await.1));
        let caught = answer(caught, &layer, genuine()).await;
        assert_eq!(caught, (200, "422 Unprocessable Entity".to_owned()));
    }
}

#[tokio::test]
async fn a_verdict_is_an_extractor_whatever_it_says() {
    async fn verdict(verdict: Verdict) -> String {
        match verdict {
            Verdict::Verified(by) => by.signature().to_string(),
            Verdict::Unverified(reason) => reason.to_string(),
        }
    }
    let observe = Some(TawkSignatureLayer::observe(secret()));
    let unsigned = Request::post("/tawk-webhook").body(Body::from(BODY)).unwrap();
    let missing = "missing X-Tawk-Signature header".to_owned();

    assert_eq!(answer(verdict, &observe, genuine()).await, (200, sign(BODY.as_bytes())));
    assert_eq!(answer(verdict, &observe, unsigned).await, (200, missing));
}

#[tokio::test]
async fn an_optional_verdict_is_none_without_the_layer() {
    async fn verdict(verdict: Option<Verdict>) -> String {
        format!("{:?}", verdict.map(|verdict| verdict.is_verified()))
    }
    let enforce = Some(TawkSignatureLayer::enforce(secret()));
    let observe = Some(TawkSignatureLayer::observe(secret()));
    let unsigned = Request::post("/tawk-webhook").body(Body::from(BODY)).unwrap();

    assert_eq!(answer(verdict, &enforce, genuine()).await.1, "Some(true)");
    assert_eq!(answer(verdict, &observe, unsigned).await.1, "Some(false)");
    assert_eq!(answer(verdict, &None, genuine()).await, (200, "None".to_owned()));
}

#[tokio::test]
async fn a_rejection_can_be_caught_and_says_what_to_mount() {
    type Rejection = VerifiedRejection<BytesRejection>;
    async fn caught(bytes: Result<Verified<Bytes>, Rejection>) -> String {
        bytes.unwrap_err().to_string()
    }
    async fn verdict(verdict: Result<Verdict, MissingLayer>) -> impl IntoResponse {
        let rejection = verdict.unwrap_err();
        assert_eq!(rejection.status(), 500);
        rejection.to_string()
    }
    let observe = Some(TawkSignatureLayer::observe(secret()));
    let unsigned = Request::post("/tawk-webhook").body(Body::from(BODY)).unwrap();

    let unverified = (200, "request is not verified".to_owned());
    assert_eq!(answer(caught, &observe, unsigned).await, unverified);
    for (status, text) in
        [answer(caught, &None, genuine()).await, answer(verdict, &None, genuine()).await]
    {
        assert_eq!(status, 200);
        assert!(text.contains("route_layer(TawkSignatureLayer::enforce"), "{text}");
    }
}

#[test]
fn extractors_and_rejections_can_be_sent_and_shared() {
    fn check<T: Send + Sync + 'static>() {}
    fn check_error<T: std::error::Error + IntoResponse + Send + Sync + 'static>() {}

    check::<Verified<Bytes>>();
    check_error::<MissingLayer>();
    check_error::<VerifiedRejection<JsonRejection>>();
}

fn both() -> [TawkSignatureLayer; 2] {
    [TawkSignatureLayer::enforce(secret()), TawkSignatureLayer::observe(secret())]
}

fn genuine() -> Request {
    let mut request = signed(BODY).map(Body::new);
    request.headers_mut().insert("content-type", "application/json".parse().unwrap());
    request
}

/// The status and body that `handler` answers with, behind the layer if there is one.
async fn answer<H, T>(
    handler: H,
    layer: &Option<TawkSignatureLayer>,
    request: Request,
) -> (u16, String)
where
    H: Handler<T, ()>,
    T: 'static,
{
    let route = match layer {
        Some(layer) => post(handler).route_layer(layer.clone()),
        None => post(handler),
    };
    let Ok(response) = Router::new().route("/tawk-webhook", route).oneshot(request).await;
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (parts.status.as_u16(), String::from_utf8(body.to_vec()).unwrap())
}
