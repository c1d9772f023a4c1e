//! The six places in axum where the layer can be mounted. Each takes a genuine delivery and
//! refuses another; they differ in what becomes of the requests beside it, which is why the crate
//! documentation recommends the first.

use std::convert::Infallible;
use std::net::SocketAddr;

use crate::support::{secret, signed};
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Request};
use axum::handler::Handler;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use axum::{Extension, Router, ServiceExt};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tower::{Layer, Service, ServiceExt as _, service_fn};
use tower_tawk::{Rejection, TawkSignatureLayer, Verdict};

const MIB: usize = 1024 * 1024;

/// The statuses of unsigned requests that are none of the webhook's: another path, another method
/// on its path, and another route of the same router.
#[derive(Debug, PartialEq)]
struct Beside {
    other_path: u16,
    other_method: u16,
    healthz: u16,
}

#[tokio::test]
async fn method_router_route_layer_guards_the_one_route_and_nothing_beside_it() {
    let app = app(post(handler).route_layer(layer()));
    let beside = takes_a_delivery_and_refuses_another(app).await;
    assert_eq!(beside, Beside { other_path: 404, other_method: 405, healthz: 200 });
}

#[tokio::test]
async fn handler_layer_guards_the_one_handler_and_nothing_beside_it() {
    let app = app(post(handler.layer(layer())));
    let beside = takes_a_delivery_and_refuses_another(app).await;
    assert_eq!(beside, Beside { other_path: 404, other_method: 405, healthz: 200 });
}

#[tokio::test]
async fn method_router_layer_turns_other_methods_of_its_path_into_403() {
    let app = app(post(handler).layer(layer()));
    let beside = takes_a_delivery_and_refuses_another(app).await;
    assert_eq!(beside, Beside { other_path: 404, other_method: 403, healthz: 200 });
}

#[tokio::test]
async fn router_route_layer_turns_other_methods_and_routes_into_403() {
    let app = app(post(handler)).route_layer(layer());
    let beside = takes_a_delivery_and_refuses_another(app).await;
    assert_eq!(beside, Beside { other_path: 404, other_method: 403, healthz: 403 });
}

#[tokio::test]
async fn router_layer_turns_everything_into_403() {
    let app = app(post(handler)).layer(layer());
    let beside = takes_a_delivery_and_refuses_another(app).await;
    assert_eq!(beside, Beside { other_path: 403, other_method: 403, healthz: 403 });
}

#[tokio::test]
async fn a_layer_around_the_whole_router_turns_everything_into_403() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = ServiceExt::<Request>::into_make_service(layer().layer(app(post(handler))));
    tokio::spawn(async move { axum::serve(listener, app).await });

    let beside = takes_a_delivery_and_refuses_another(client(address)).await;
    assert_eq!(beside, Beside { other_path: 403, other_method: 403, healthz: 403 });
}

#[tokio::test]
async fn routes_added_after_router_layer_are_outside_it_but_the_fallback_is_not() {
    let app = Router::new()
        .route("/tawk-webhook", post(handler))
        .layer(layer())
        .route("/healthz", get(healthz));
    let beside = takes_a_delivery_and_refuses_another(app).await;
    assert_eq!(beside, Beside { other_path: 403, other_method: 403, healthz: 200 });
}

/// Two default fallbacks meet, and axum keeps that of the merged router, layer and all.
#[tokio::test]
async fn merging_a_router_under_router_layer_turns_404_of_the_whole_into_403() {
    let hooks = Router::new().route("/tawk-webhook", post(handler)).layer(layer());
    let app = Router::new().route("/healthz", get(healthz)).merge(hooks);
    let beside = takes_a_delivery_and_refuses_another(app).await;
    assert_eq!(beside, Beside { other_path: 403, other_method: 403, healthz: 200 });
}

#[tokio::test]
async fn axums_own_limit_refuses_three_mebibytes_until_it_is_lifted() {
    let route = post(handler).route_layer(layer().body_limit(4 * MIB));
    let body = vec![b' '; 3 * MIB];

    let response = oneshot(app(route.clone()), signed(body.clone()).map(Body::new)).await;
    assert_eq!(response.status(), 413);
    assert!(response.extensions().get::<Rejection>().is_none(), "refused by the layer, not axum");

    let lifted = app(route.layer(DefaultBodyLimit::disable()));
    let response = oneshot(lifted, signed(body.clone()).map(Body::new)).await;
    assert_eq!(response.status(), 200);
    assert_eq!(bytes(response).await, body);
}

fn layer() -> TawkSignatureLayer {
    TawkSignatureLayer::enforce(secret())
}

fn app(webhook: MethodRouter) -> Router {
    Router::new().route("/tawk-webhook", webhook).route("/healthz", get(healthz))
}

/// Answers with what it was given, so that a test sees what has come through.
async fn handler(Extension(verdict): Extension<Verdict>, body: Bytes) -> impl IntoResponse {
    assert!(verdict.is_verified());
    body
}

async fn healthz() -> &'static str {
    "ok"
}

/// Sends one of each through `app`, and says what became of the requests beside them.
async fn takes_a_delivery_and_refuses_another<S>(app: S) -> Beside
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone,
{
    let accepted = oneshot(app.clone(), signed("{}").map(Body::new)).await;
    assert_eq!(accepted.status(), 200);
    assert_eq!(bytes(accepted).await, "{}");

    let altered = signed("{}").map(|_| Body::from("[]"));
    let refused = oneshot(app.clone(), altered).await;
    assert_eq!(refused.status(), 403);
    assert_eq!(bytes(refused).await, "");

    let status = async |request: http::request::Builder| {
        let request = request.body(Body::empty()).unwrap();
        oneshot(app.clone(), request).await.status().as_u16()
    };
    Beside {
        other_path: status(Request::post("/elsewhere")).await,
        other_method: status(Request::get("/tawk-webhook")).await,
        healthz: status(Request::get("/healthz")).await,
    }
}

async fn oneshot<S>(app: S, request: Request) -> Response
where
    S: Service<Request, Response = Response, Error = Infallible>,
{
    let Ok(response) = app.oneshot(request).await;
    response
}

async fn bytes(response: Response) -> Bytes {
    axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap()
}

/// Sends each request over a connection of its own.
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
