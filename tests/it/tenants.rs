//! Several tenants on one endpoint: secrets that are chosen for each request, by its path or by a
//! middleware outside.

use std::collections::HashMap;

use axum::Router;
use axum::body::Body;
use axum::extract::{OriginalUri, Request};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::post;
use http::request::Parts;
use tower::{ServiceBuilder, ServiceExt};
use tower_tawk::{Reason, Rejection, Secret, Secrets, TawkSignatureLayer};

#[tokio::test]
async fn secrets_are_chosen_by_the_path() {
    let tenants = tenants();
    let layer = TawkSignatureLayer::enforce_with(move |parts| {
        let (_, tenant) = parts.uri.path().rsplit_once('/')?;
        tenants.get(tenant).cloned()
    });
    keeps_tenants_apart(Router::new().route("/tawk/{tenant}", post(handler).route_layer(layer)))
        .await;
}

#[tokio::test]
async fn secrets_are_found_in_extensions_that_an_earlier_middleware_filled() {
    let tenants = tenants();
    let find = from_fn(move |mut request: Request, next: Next| {
        let (_, tenant) = request.uri().path().rsplit_once('/').unwrap();
        if let Some(secrets) = tenants.get(tenant).cloned() {
            request.extensions_mut().insert(secrets);
        }
        next.run(request)
    });
    let layer =
        TawkSignatureLayer::enforce_with(|parts| parts.extensions.get::<Secrets>().cloned());
    let stack = ServiceBuilder::new().layer(find).layer(layer);
    keeps_tenants_apart(Router::new().route("/tawk/{tenant}", post(handler).route_layer(stack)))
        .await;
}

#[tokio::test]
async fn under_nest_the_path_is_stripped_and_the_original_is_in_the_extensions() {
    let layer = sees(|parts| {
        let OriginalUri(original) = parts.extensions.get().unwrap();
        parts.uri.path() == "/bakery" && original.path() == "/tawk/bakery"
    });
    let nested = Router::new().route("/{tenant}", post(handler).route_layer(layer));
    assert_eq!(status(Router::new().nest("/tawk", nested)).await, 200);
}

#[tokio::test]
async fn outside_nest_the_path_is_whole() {
    let layer = sees(|parts| parts.uri.path() == "/tawk/bakery");
    let nested = Router::new().route("/{tenant}", post(handler));
    assert_eq!(status(Router::new().nest("/tawk", nested).layer(layer)).await, 200);
}

#[tokio::test]
async fn around_a_whole_router_there_is_no_original_path_yet() {
    let layer = sees(|parts| {
        parts.uri.path() == "/tawk/bakery" && parts.extensions.get::<OriginalUri>().is_none()
    });
    let nested = Router::new().route("/{tenant}", post(handler));
    let app = ServiceBuilder::new().layer(layer).service(Router::new().nest("/tawk", nested));

    let response = app.oneshot(delivery("/tawk/bakery", "bakery's secret")).await.unwrap();
    assert_eq!(response.status(), 200);
}

fn tenants() -> HashMap<&'static str, Secrets> {
    ["bakery", "florist"]
        .map(|tenant| (tenant, Secret::new(format!("{tenant}'s secret")).unwrap().into()))
        .into()
}

/// Knows the bakery's secret, as long as it sees what it should.
fn sees(expected: fn(&Parts) -> bool) -> TawkSignatureLayer {
    let tenants = tenants();
    TawkSignatureLayer::enforce_with(move |parts| {
        expected(parts).then(|| tenants.get("bakery").cloned())?
    })
}

async fn handler() {}

fn delivery(path: &str, secret: &str) -> Request {
    Request::post(path)
        .header("X-Tawk-Signature", Secret::new(secret).unwrap().sign(b"{}").to_string())
        .body(Body::from("{}"))
        .unwrap()
}

async fn status(app: Router) -> u16 {
    app.oneshot(delivery("/tawk/bakery", "bakery's secret")).await.unwrap().status().as_u16()
}

async fn keeps_tenants_apart(app: Router) {
    let answer = async |path, secret| -> Response {
        let Ok(response) = app.clone().oneshot(delivery(path, secret)).await;
        response
    };
    let reason = |response: &Response| {
        response.extensions().get().and_then(Rejection::reason).cloned().unwrap()
    };
    assert_eq!(answer("/tawk/bakery", "bakery's secret").await.status(), 200);
    assert_eq!(answer("/tawk/florist", "florist's secret").await.status(), 200);

    let strangers = answer("/tawk/florist", "bakery's secret").await;
    assert_eq!(strangers.status(), 403);
    assert!(matches!(reason(&strangers), Reason::Mismatch(_)));

    let nobodys = answer("/tawk/nobody", "bakery's secret").await;
    assert_eq!(nobodys.status(), 403);
    assert!(matches!(reason(&nobodys), Reason::UnknownSecret));
}
