//! The server process: what it serves, how it starts and stops, and its CPU time.

use std::env;
use std::future::IntoFuture;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use axum::extract::Request;
use axum::serve::{Listener, ListenerExt};
use axum::{Router, ServiceExt, routing};
use tokio::net::TcpListener;
use tokio::runtime;
use tower::Layer;
use tower_tawk::TawkSignatureLayer;
use tower_tawk_benches::{PATH, baseline_router, cpu_time, hand_written_router, handler, secret};

use crate::Result;

/// Selects the server process when passed as first argument.
const SERVE_ARG: &str = "serve-until-stdin-closes";

#[derive(Clone, Copy)]
pub(crate) enum Mount {
    Baseline,
    HandWritten,
    AroundRouter,
    RouteLayer,
}

impl Mount {
    /// The order of the ports and of the report's rows.
    pub(crate) const ALL: [Self; 4] =
        [Self::Baseline, Self::HandWritten, Self::AroundRouter, Self::RouteLayer];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::HandWritten => "hand-written",
            Self::AroundRouter => "layer around the router",
            Self::RouteLayer => "route_layer",
        }
    }

    async fn serve(self, listener: TcpListener) -> io::Result<()> {
        let listener = listener.tap_io(|stream| {
            // A failure affects every mount in the same way.
            let _ = stream.set_nodelay(true);
        });
        let layer = TawkSignatureLayer::enforce(secret());
        match self {
            Self::Baseline => serve_router(listener, baseline_router()).await,
            Self::HandWritten => serve_router(listener, hand_written_router()).await,
            Self::AroundRouter => {
                let service = layer.layer(baseline_router());
                let service = ServiceExt::<Request>::into_make_service(service);
                axum::serve(listener, service).into_future().await
            }
            Self::RouteLayer => {
                let route = routing::post(handler).route_layer(layer);
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

pub(crate) fn is_server_process() -> bool {
    env::args().nth(1).as_deref() == Some(SERVE_ARG)
}

/// Prints the ports on one line, in the order of [`Mount::ALL`], and serves until standard input is
/// closed. It is closed when the client exits.
pub(crate) fn run() -> Result<()> {
    let runtime = runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut ports = vec![];
    for mount in Mount::ALL {
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
        ports.push(listener.local_addr()?.port().to_string());
        runtime.spawn(mount.serve(listener));
    }
    writeln!(io::stdout(), "{}", ports.join(" "))?;
    io::stdin().read_to_end(&mut vec![])?;
    Ok(())
}

/// A handle to the server process. Stops it on drop.
pub(crate) struct Server {
    process: Child,
    ports: Vec<u16>,
}

impl Server {
    pub(crate) fn start() -> Result<Self> {
        let mut process = Command::new(env::current_exe()?)
            .arg(SERVE_ARG)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        let stdout = process.stdout.take().ok_or("stdout of the server is not captured")?;
        BufReader::new(stdout).read_line(&mut line)?;
        let ports =
            line.split_whitespace().map(str::parse).collect::<std::result::Result<_, _>>()?;
        Ok(Self { process, ports })
    }

    pub(crate) fn address(&self, mount: Mount) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.ports[mount as usize]).into()
    }

    pub(crate) fn cpu_time(&self) -> Option<Duration> {
        cpu_time(self.process.id())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}
