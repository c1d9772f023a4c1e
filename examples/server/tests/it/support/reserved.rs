//! An address that refuses connections.

use std::net::{SocketAddr, TcpListener};

use tokio::net::TcpSocket;
use tokio::runtime::Runtime;

/// A port that is bound, so that no other process gets it, but doesn't listen yet.
pub struct Reserved(TcpSocket);

impl Reserved {
    pub fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        Self(socket)
    }

    pub fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    pub fn listen(self) -> TcpListener {
        let runtime = Runtime::new().unwrap();
        let _guard = runtime.enter();
        let listener = self.0.listen(16).unwrap().into_std().unwrap();
        listener.set_nonblocking(false).unwrap();
        listener
    }
}
