//! What is served: the floor, the hand-written handler, and the layer in two places.

use std::future::IntoFuture;
use std::io;

use axum::extract::Request;
use axum::serve::{Listener, ListenerExt};
use axum::{Router, ServiceExt, routing};
use tokio::net::TcpListener;
use tower::Layer;
use tower_tawk::TawkSignatureLayer;
use tower_tawk_benches::{PATH, floor_router, hand_written_router, secret, take};

#[derive(Clone, Copy)]
pub(crate) enum Mount {
    Floor,
    HandWritten,
    AroundRouter,
    OnRoute,
}

impl Mount {
    /// In the order of the ports, and of the table's lines.
    pub(crate) const ALL: [Self; 4] =
        [Self::Floor, Self::HandWritten, Self::AroundRouter, Self::OnRoute];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::HandWritten => "hand-written",
            Self::AroundRouter => "layer around the router",
            Self::OnRoute => "layer on the route",
        }
    }

    /// As people serve it: `axum::serve`, both versions of HTTP, and no waiting for a full segment.
    pub(crate) async fn serve(self, listener: TcpListener) -> io::Result<()> {
        let listener = listener.tap_io(|stream| {
            // Where it cannot be set, it is the same for every mount.
            let _ = stream.set_nodelay(true);
        });
        let layer = TawkSignatureLayer::enforce(secret());
        match self {
            Self::Floor => serve_router(listener, floor_router()).await,
            Self::HandWritten => serve_router(listener, hand_written_router()).await,
            Self::AroundRouter => {
                let service = layer.layer(floor_router());
                let service = ServiceExt::<Request>::into_make_service(service);
                axum::serve(listener, service).into_future().await
            }
            Self::OnRoute => {
                let route = routing::post(take).route_layer(layer);
                serve_router(listener, Router::new().route(PATH, route)).await
            }
        }
    }
}

async fn serve_router(
    listener: impl Listener<Addr: std::fmt::Debug>,
    router: Router,
) -> io::Result<()> {
    axum::serve(listener, router).into_future().await
}
