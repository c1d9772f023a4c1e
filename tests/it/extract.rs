//! The axum extractors `Verified` and `Verdict`.

use std::collections::HashMap;
use std::convert::Infallible;

use crate::support::{enforce, observe, sign, signed_request};
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

/// Panics on extraction from the request's parts.
struct PanicOnParts;

impl FromRequestParts<()> for PanicOnParts {
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, (): &()) -> Result<Self, Infallible> {
        panic!("the inner extractor ran for an unverified request");
    }
}

/// Panics on extraction from the request.
struct PanicOnRequest;

impl FromRequest<()> for PanicOnRequest {
    type Rejection = Infallible;

    async fn from_request(_: Request, (): &()) -> Result<Self, Infallible> {
        panic!("the inner extractor ran for an unverified request");
    }
}

#[tokio::test]
async fn passes_verified_requests_to_any_extractor() {
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
    async fn combined(
        method: Method,
        Verified(headers): Verified<HeaderMap>,
        Verified(verdict): Verified<Verdict>,
        Verified(body): Verified<String>,
    ) -> String {
        let label = verdict.secret_label().unwrap();
        format!("{method} {} {label} {body}", headers.contains_key("x-tawk-signature"))
    }

    for layer in [enforce(), observe()] {
        let layer = Some(layer);
        assert_eq!(send(bytes, &layer, signed()).await, (200, BODY.to_owned()));
        assert_eq!(send(json, &layer, signed()).await, (200, "hello".to_owned()));
        assert_eq!(send(headers, &layer, signed()).await, (200, sign(BODY.as_bytes())));
        assert_eq!(send(request, &layer, signed()).await, (200, BODY.to_owned()));
        let expected = format!("POST true default {BODY}");
        assert_eq!(send(combined, &layer, signed()).await, (200, expected));
    }
}

#[tokio::test]
async fn rejects_unverified_requests_before_the_inner_extractor_runs() {
    async fn parts(_: Verified<PanicOnParts>) {}
    async fn body(_: Verified<PanicOnRequest>) {}
    async fn json(_: Verified<Json<HashMap<String, String>>>) {}
    async fn delivery(_: Delivery) {}

    let altered = || signed().map(|_| Body::from("not even JSON"));
    for layer in [enforce(), observe()] {
        let layer = Some(layer);
        for request in [unsigned, altered] {
            assert_eq!(send(parts, &layer, request()).await, (403, String::new()));
            assert_eq!(send(body, &layer, request()).await, (403, String::new()));
            assert_eq!(send(json, &layer, request()).await, (403, String::new()));
            assert_eq!(send(delivery, &layer, request()).await, (403, String::new()));
        }
    }
}

#[tokio::test]
async fn responds_with_an_empty_500_without_the_layer() {
    async fn parts(_: Verified<PanicOnParts>) {}
    async fn body(_: Verified<PanicOnRequest>) {}
    async fn verdict(_: Verdict) {}
    async fn delivery(_: Delivery) {}

    assert_eq!(send(parts, &None, signed()).await, (500, String::new()));
    assert_eq!(send(body, &None, signed()).await, (500, String::new()));
    assert_eq!(send(verdict, &None, signed()).await, (500, String::new()));
    assert_eq!(send(delivery, &None, signed()).await, (500, String::new()));
}

#[tokio::test]
async fn returns_the_rejection_of_the_inner_extractor() {
    async fn json(_: Verified<Json<u8>>) {}
    type Rejection = VerifiedRejection<JsonRejection>;
    async fn caught(result: Result<Verified<Json<u8>>, Rejection>) -> String {
        match result.unwrap_err() {
            VerifiedRejection::Inner(rejection) => rejection.status().to_string(),
            other => other.to_string(),
        }
    }
    async fn unwrapped(_: Json<u8>) {}

    for layer in [enforce(), observe()] {
        let layer = Some(layer);
        let (status, body) = send(json, &layer, signed()).await;
        assert_eq!((status, &body), (422, &send(unwrapped, &layer, signed()).await.1));
        let caught = send(caught, &layer, signed()).await;
        assert_eq!(caught, (200, "422 Unprocessable Entity".to_owned()));
    }
}

#[tokio::test]
async fn extracts_the_verdict_of_verified_and_unverified_requests() {
    async fn verdict(verdict: Verdict) -> String {
        match verdict {
            Verdict::Verified(verified) => verified.signature().to_string(),
            Verdict::Unverified(reason) => reason.to_string(),
        }
    }
    let layer = Some(observe());
    let missing = "missing X-Tawk-Signature header; check that no proxy removes it".to_owned();

    assert_eq!(send(verdict, &layer, signed()).await, (200, sign(BODY.as_bytes())));
    assert_eq!(send(verdict, &layer, unsigned()).await, (200, missing));
}

#[tokio::test]
async fn extracts_an_optional_verdict_as_none_without_the_layer() {
    async fn verdict(verdict: Option<Verdict>) -> String {
        format!("{:?}", verdict.map(|verdict| verdict.is_verified()))
    }

    assert_eq!(send(verdict, &Some(enforce()), signed()).await.1, "Some(true)");
    assert_eq!(send(verdict, &Some(observe()), unsigned()).await.1, "Some(false)");
    assert_eq!(send(verdict, &None, signed()).await, (200, "None".to_owned()));
}

#[tokio::test]
async fn describes_rejections_that_a_handler_catches() {
    type Rejection = VerifiedRejection<BytesRejection>;
    async fn bytes(result: Result<Verified<Bytes>, Rejection>) -> String {
        result.unwrap_err().to_string()
    }
    async fn verdict(result: Result<Verdict, MissingLayer>) -> impl IntoResponse {
        let rejection = result.unwrap_err();
        assert_eq!(rejection.status(), 500);
        rejection.to_string()
    }

    let unverified = (200, "request is not verified".to_owned());
    assert_eq!(send(bytes, &Some(observe()), unsigned()).await, unverified);
    for (status, text) in [send(bytes, &None, signed()).await, send(verdict, &None, signed()).await]
    {
        assert_eq!(status, 200);
        assert!(text.contains("route_layer(TawkSignatureLayer::enforce"), "{text}");
    }
}

fn signed() -> Request {
    let mut request = signed_request(BODY).map(Body::new);
    request.headers_mut().insert("content-type", "application/json".parse().unwrap());
    request
}

fn unsigned() -> Request {
    Request::post("/tawk-webhook").body(Body::from(BODY)).unwrap()
}

/// Sends a request to `handler`, behind the layer if there is one, and returns the status and the
/// body of the response.
async fn send<H, T>(
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
