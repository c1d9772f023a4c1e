//! Secrets: one, several under labels, or chosen per request with `enforce_with`.

use std::collections::HashMap;
use std::pin::pin;
use std::task::{Context, Waker};

use crate::support::response::send;
use crate::support::{SECRET, enforce, mismatched_request, request, secret, signed_request};
use axum::Router;
use axum::body::Body;
use axum::extract::{OriginalUri, Request};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::post;
use bytes::Bytes;
use http::request::Parts;
use http_body_util::Full;
use tower::{Layer, ServiceBuilder, ServiceExt};
use tower_tawk::{
    InvalidSecret, InvalidSecrets, Reason, Rejection, Secret, Secrets, TawkSignatureLayer,
};

const BODY: &[u8] = br#"{"event":"chat:start"}"#;

/// Regression: an empty secret was accepted, so that anyone could sign.
#[test]
fn rejects_an_empty_secret() {
    assert_eq!(Secret::new("").unwrap_err(), InvalidSecret::Empty);
}

#[test]
fn rejects_surrounding_whitespace_and_allows_it_inside() {
    for whitespace in [' ', '\t', '\n', '\x0b', '\x0c', '\r'] {
        let only = whitespace.to_string();
        for text in [format!("{whitespace}text"), format!("text{whitespace}"), only] {
            let error = Secret::new(&text).unwrap_err();
            assert_eq!(error, InvalidSecret::SurroundingWhitespace, "{text:?}");
        }
    }
    assert!(Secret::new("a b").is_ok());
}

#[test]
fn accepts_one_to_sixteen_secrets() {
    assert_eq!(numbered_secrets(0).unwrap_err(), InvalidSecrets::Empty);
    assert!(numbered_secrets(1).is_ok());
    assert!(numbered_secrets(16).is_ok());
    assert_eq!(numbered_secrets(17).unwrap_err(), InvalidSecrets::TooMany);
}

#[test]
fn rejects_an_endless_iterator_of_secrets() {
    assert_eq!(numbered_secrets(usize::MAX).unwrap_err(), InvalidSecrets::TooMany);
}

#[test]
fn rejects_duplicate_labels() {
    let error = Secrets::new([("a", secret()), ("a", secret())]).unwrap_err();
    assert_eq!(error, InvalidSecrets::DuplicateLabel);
}

/// Regression: one poll hashed a large body under all sixteen secrets.
#[test]
fn yields_between_secrets_if_the_body_is_large() {
    let layer = TawkSignatureLayer::enforce(numbered_secrets(16).unwrap());
    for (length, expected) in [(64 * 1024, 1), (64 * 1024 + 1, 15)] {
        let body = Full::<Bytes>::from(vec![b'x'; length]);
        let mut response = pin!(send(layer.clone(), mismatched_request(body)));
        let mut cx = Context::from_waker(Waker::noop());
        let mut polls = 1;
        while response.as_mut().poll(&mut cx).is_pending() {
            polls += 1;
        }
        assert_eq!(polls, expected, "{length} bytes");
    }
}

/// Regression: `Debug` output and errors contained secrets.
#[test]
fn redacts_secrets_in_debug_output_and_errors() {
    let layer = enforce();
    let service = layer.layer(());
    let texts = [
        format!("{:?}", secret()),
        format!("{:#?}", Secrets::from(secret())),
        format!("{layer:#?}"),
        format!("{service:#?}"),
        format!("{:?} {0}", Secret::new("").unwrap_err()),
        format!("{:?} {0}", Secret::new(format!("{SECRET}\n")).unwrap_err()),
        format!("{:?}", Secrets::new([("a", secret()), ("a", secret())]).unwrap_err()),
    ];
    for text in texts {
        assert!(!text.contains(&SECRET[..8]), "{text}");
    }
}

#[tokio::test]
async fn labels_a_single_secret_default() {
    let response = send(enforce(), signed_request(BODY)).await;
    assert_eq!(response.verdict().unwrap().secret_label(), Some("default"));
}

#[tokio::test]
async fn reports_the_signature_and_the_label_of_the_matching_secret() {
    for (text, label) in [("text a", "a"), ("text b", "b"), ("text c", "c")] {
        let response = send(TawkSignatureLayer::enforce(three_secrets()), signed_with(text)).await;
        let verdict = response.verdict().unwrap();
        assert_eq!(verdict.secret_label(), Some(label));
        assert_eq!(verdict.signature(), Some(Secret::new(text).unwrap().sign(BODY)));
    }
}

#[tokio::test]
async fn rejects_a_signature_that_matches_none_of_several_secrets() {
    let layer = TawkSignatureLayer::enforce(three_secrets());
    let response = send(layer, signed_with("text d")).await;
    assert!(matches!(response.rejection(), Some(Rejection::Unverified(_))));
}

#[tokio::test]
async fn chooses_secrets_by_path() {
    let tenants = tenants();
    let layer = TawkSignatureLayer::enforce_with(move |parts| {
        let (_, tenant) = parts.uri.path().rsplit_once('/')?;
        tenants.get(tenant).cloned()
    });
    let route = post(handler).route_layer(layer);
    assert_separates_tenants(Router::new().route("/tawk/{tenant}", route)).await;
}

#[tokio::test]
async fn chooses_secrets_from_extensions_set_by_outer_middleware() {
    let tenants = tenants();
    let insert_secrets = from_fn(move |mut request: Request, next: Next| {
        let (_, tenant) = request.uri().path().rsplit_once('/').unwrap();
        if let Some(secrets) = tenants.get(tenant).cloned() {
            request.extensions_mut().insert(secrets);
        }
        next.run(request)
    });
    let layer =
        TawkSignatureLayer::enforce_with(|parts| parts.extensions.get::<Secrets>().cloned());
    let stack = ServiceBuilder::new().layer(insert_secrets).layer(layer);
    let route = post(handler).route_layer(stack);
    assert_separates_tenants(Router::new().route("/tawk/{tenant}", route)).await;
}

#[tokio::test]
async fn sees_the_stripped_path_and_the_original_uri_inside_nest() {
    let layer = enforce_if(|parts| {
        let OriginalUri(original) = parts.extensions.get().unwrap();
        parts.uri.path() == "/bakery" && original.path() == "/tawk/bakery"
    });
    let nested = Router::new().route("/{tenant}", post(handler).route_layer(layer));
    assert_eq!(bakery_status(Router::new().nest("/tawk", nested)).await, 200);
}

#[tokio::test]
async fn sees_the_full_path_outside_nest() {
    let layer = enforce_if(|parts| parts.uri.path() == "/tawk/bakery");
    let nested = Router::new().route("/{tenant}", post(handler));
    assert_eq!(bakery_status(Router::new().nest("/tawk", nested).layer(layer)).await, 200);
}

#[tokio::test]
async fn sees_no_original_uri_around_the_whole_router() {
    let layer = enforce_if(|parts| {
        parts.uri.path() == "/tawk/bakery" && parts.extensions.get::<OriginalUri>().is_none()
    });
    let nested = Router::new().route("/{tenant}", post(handler));
    let app = ServiceBuilder::new().layer(layer).service(Router::new().nest("/tawk", nested));

    let response = app.oneshot(delivery("/tawk/bakery", "bakery's secret")).await.unwrap();
    assert_eq!(response.status(), 200);
}

fn numbered_secrets(count: usize) -> Result<Secrets, InvalidSecrets> {
    Secrets::new((0..count).map(|index| {
        let text = index.to_string();
        (text.clone(), Secret::new(text).unwrap())
    }))
}

fn three_secrets() -> Secrets {
    let secret = |text: &str| Secret::new(text).unwrap();
    Secrets::new([("a", secret("text a")), ("b", secret("text b")), ("c", secret("text c"))])
        .unwrap()
}

fn signed_with(secret: &str) -> Request<Full<Bytes>> {
    let signature = Secret::new(secret).unwrap().sign(BODY).to_string();
    request(&signature, Full::from(BODY))
}

fn tenants() -> HashMap<&'static str, Secrets> {
    ["bakery", "florist"]
        .map(|tenant| (tenant, Secret::new(format!("{tenant}'s secret")).unwrap().into()))
        .into()
}

/// Returns a layer that knows the bakery's secret if the request is as expected.
fn enforce_if(is_expected: fn(&Parts) -> bool) -> TawkSignatureLayer {
    let tenants = tenants();
    TawkSignatureLayer::enforce_with(move |parts| {
        is_expected(parts).then(|| tenants.get("bakery").cloned())?
    })
}

async fn handler() {}

fn delivery(path: &str, secret: &str) -> Request {
    Request::post(path)
        .header("X-Tawk-Signature", Secret::new(secret).unwrap().sign(b"{}").to_string())
        .body(Body::from("{}"))
        .unwrap()
}

async fn bakery_status(app: Router) -> u16 {
    app.oneshot(delivery("/tawk/bakery", "bakery's secret")).await.unwrap().status().as_u16()
}

async fn assert_separates_tenants(app: Router) {
    let send = async |path, secret| -> Response {
        let Ok(response) = app.clone().oneshot(delivery(path, secret)).await;
        response
    };
    let reason = |response: &Response| {
        response.extensions().get().and_then(Rejection::reason).cloned().unwrap()
    };
    assert_eq!(send("/tawk/bakery", "bakery's secret").await.status(), 200);
    assert_eq!(send("/tawk/florist", "florist's secret").await.status(), 200);

    let other_tenant = send("/tawk/florist", "bakery's secret").await;
    assert_eq!(other_tenant.status(), 403);
    assert!(matches!(reason(&other_tenant), Reason::Mismatch(_)));

    let unknown_tenant = send("/tawk/unknown", "bakery's secret").await;
    assert_eq!(unknown_tenant.status(), 403);
    assert!(matches!(reason(&unknown_tenant), Reason::UnknownSecret));
}
