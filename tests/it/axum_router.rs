//! Where the layer can be applied in axum, and how it then affects unsigned requests to other
//! routes. These are the rows of the table in the crate documentation.

use std::convert::Infallible;
use std::net::SocketAddr;

use crate::support::{enforce, signed_request};
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Request};
use axum::handler::Handler;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use axum::{Extension, Router, ServiceExt};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tower::{Layer, Service, ServiceExt as _, service_fn};
use tower_tawk::{Rejection, Verdict};

const MIB: usize = 1024 * 1024;

/// The statuses of unsigned requests to another path, with another method on the webhook's path,
/// and to another route of the same router.
#[derive(Debug, PartialEq)]
struct OtherStatuses {
    other_path: u16,
    other_method: u16,
    healthz: u16,
}

/// Regression: the documented way to apply the layer did not compile.
#[tokio::test]
async fn method_router_route_layer_affects_only_the_route() {
    let app = app(post(handler).route_layer(enforce()));
    let expected = OtherStatuses { other_path: 404, other_method: 405, healthz: 200 };
    assert_eq!(send_all(app).await, expected);
}

#[tokio::test]
async fn handler_layer_affects_only_the_handler() {
    let app = app(post(handler.layer(enforce())));
    let expected = OtherStatuses { other_path: 404, other_method: 405, healthz: 200 };
    assert_eq!(send_all(app).await, expected);
}

#[tokio::test]
async fn method_router_layer_rejects_other_methods() {
    let app = app(post(handler).layer(enforce()));
    let expected = OtherStatuses { other_path: 404, other_method: 403, healthz: 200 };
    assert_eq!(send_all(app).await, expected);
}

#[tokio::test]
async fn router_route_layer_rejects_other_methods_and_routes() {
    let app = app(post(handler)).route_layer(enforce());
    let expected = OtherStatuses { other_path: 404, other_method: 403, healthz: 403 };
    assert_eq!(send_all(app).await, expected);
}

#[tokio::test]
async fn router_layer_rejects_all_unsigned_requests() {
    let app = app(post(handler)).layer(enforce());
    let expected = OtherStatuses { other_path: 403, other_method: 403, healthz: 403 };
    assert_eq!(send_all(app).await, expected);
}

#[tokio::test]
async fn a_layer_around_the_router_rejects_all_unsigned_requests() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = ServiceExt::<Request>::into_make_service(enforce().layer(app(post(handler))));
    tokio::spawn(async move { axum::serve(listener, app).await });

    let expected = OtherStatuses { other_path: 403, other_method: 403, healthz: 403 };
    assert_eq!(send_all(client(address)).await, expected);
}

#[tokio::test]
async fn router_layer_affects_the_fallback_but_not_routes_added_later() {
    let app = Router::new()
        .route("/tawk-webhook", post(handler))
        .layer(enforce())
        .route("/healthz", get(healthz));
    let expected = OtherStatuses { other_path: 403, other_method: 403, healthz: 200 };
    assert_eq!(send_all(app).await, expected);
}

/// axum keeps the default fallback of the merged router, including its layers.
#[tokio::test]
async fn merging_a_router_with_router_layer_replaces_the_fallback() {
    let hooks = Router::new().route("/tawk-webhook", post(handler)).layer(enforce());
    let app = Router::new().route("/healthz", get(healthz)).merge(hooks);
    let expected = OtherStatuses { other_path: 403, other_method: 403, healthz: 200 };
    assert_eq!(send_all(app).await, expected);
}

#[tokio::test]
async fn axum_limits_bodies_to_2_mib_unless_its_limit_is_disabled() {
    let route = post(handler).route_layer(enforce().body_limit(4 * MIB));
    let body = vec![b' '; 3 * MIB];

    let response = send(app(route.clone()), signed_request(body.clone()).map(Body::new)).await;
    assert_eq!(response.status(), 413);
    assert!(response.extensions().get::<Rejection>().is_none(), "rejected by the layer, not axum");

    let unlimited = app(route.layer(DefaultBodyLimit::disable()));
    let response = send(unlimited, signed_request(body.clone()).map(Body::new)).await;
    assert_eq!(response.status(), 200);
    assert_eq!(collect(response).await, body);
}

fn app(webhook: MethodRouter) -> Router {
    Router::new().route("/tawk-webhook", webhook).route("/healthz", get(healthz))
}

/// Echoes the body of a verified request.
async fn handler(Extension(verdict): Extension<Verdict>, body: Bytes) -> impl IntoResponse {
    assert!(verdict.is_verified());
    body
}

async fn healthz() -> &'static str {
    "ok"
}

/// Sends a signed delivery, an altered one and requests to other routes. Checks that the first is
/// accepted and the second rejected, and returns the statuses of the others.
async fn send_all<S>(app: S) -> OtherStatuses
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone,
{
    let accepted = send(app.clone(), signed_request("{}").map(Body::new)).await;
    assert_eq!(accepted.status(), 200);
    assert_eq!(collect(accepted).await, "{}");

    let altered = signed_request("{}").map(|_| Body::from("[]"));
    let rejected = send(app.clone(), altered).await;
    assert_eq!(rejected.status(), 403);
    assert_eq!(collect(rejected).await, "");

    let status = async |request: http::request::Builder| {
        let request = request.body(Body::empty()).unwrap();
        send(app.clone(), request).await.status().as_u16()
    };
    OtherStatuses {
        other_path: status(Request::post("/elsewhere")).await,
        other_method: status(Request::get("/tawk-webhook")).await,
        healthz: status(Request::get("/healthz")).await,
    }
}

async fn send<S>(app: S, request: Request) -> Response
where
    S: Service<Request, Response = Response, Error = Infallible>,
{
    let Ok(response) = app.oneshot(request).await;
    response
}

async fn collect(response: Response) -> Bytes {
    axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap()
}

/// Sends each request over a new connection.
fn client(
    address: SocketAddr,
) -> impl Service<Request, Response = Response, Error = Infallible> + Clone {
    service_fn(move |request: Request| async move {
        let stream = TcpStream::connect(address).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Ok(sender.send_request(request).await.unwrap().map(Body::new))
    })
}
