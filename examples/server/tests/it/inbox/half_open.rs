//! PostgreSQL only: a proxy in between forgets connections, as firewalls do.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::deliveries::{DUPLICATE, STORED, delivery, outcome};
use crate::notify::outbox::outbox;
use crate::support::{Postgres, Store, sign};

/// Forwards connections until they are forgotten: they stay open, and nothing is forwarded.
struct Proxy {
    address: SocketAddr,
    /// The numbers of forgotten generations of connections, to and from the server.
    forgotten: Arc<[AtomicUsize; 2]>,
}

impl Proxy {
    fn start(server: SocketAddr) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let forgotten = Arc::<[AtomicUsize; 2]>::default();
        let shared = forgotten.clone();
        thread::spawn(move || {
            for client in socket.incoming() {
                let client = client.unwrap();
                let server = TcpStream::connect(server).unwrap();
                let (client_too, server_too) =
                    (client.try_clone().unwrap(), server.try_clone().unwrap());
                let forgotten = shared.clone();
                thread::spawn(move || forward(client, server, &forgotten[0]));
                let forgotten = shared.clone();
                thread::spawn(move || forward(server_too, client_too, &forgotten[1]));
            }
        });
        Self { address, forgotten }
    }

    fn forget(&self) {
        self.forgotten.iter().for_each(|direction| _ = direction.fetch_add(1, Ordering::SeqCst));
    }

    /// Still forwards what the listener sends on these connections.
    fn forget_responses(&self) {
        self.forgotten[1].fetch_add(1, Ordering::SeqCst);
    }

    fn url(&self, url: &str) -> String {
        let (_, database) = url.rsplit_once('/').unwrap();
        format!("postgres://postgres@{}/{database}", self.address)
    }
}

fn forward(mut from: TcpStream, mut to: TcpStream, forgotten: &AtomicUsize) {
    let generation = forgotten.load(Ordering::SeqCst);
    let mut bytes = [0; 16 * 1024];
    while let Ok(read) = from.read(&mut bytes)
        && read > 0
    {
        if forgotten.load(Ordering::SeqCst) == generation && to.write_all(&bytes[..read]).is_err() {
            return;
        }
    }
    if forgotten.load(Ordering::SeqCst) == generation {
        let _ = to.shutdown(Shutdown::Write);
    }
}

fn start() -> Option<(Proxy, Store, Store)> {
    let direct = Store::new(Postgres::shared()?.database());
    let address = direct.url.split('@').nth(1).unwrap().split('/').next().unwrap();
    let proxy = Proxy::start(address.parse().unwrap());
    let store = Store::new(proxy.url(&direct.url));
    Some((proxy, store, direct))
}

#[test]
fn stores_a_delivery_although_its_connection_was_forgotten() {
    let Some((proxy, store, direct)) = start() else { return };
    let settings = [("NOTIFY_URL", "http://127.0.0.1:1/"), ("NOTIFY_ON", "chat-end")];
    let listener = store.listener_with(&settings);
    assert_eq!(outcome(&listener.deliver(&delivery(0))), (200, STORED));
    for number in 1..3 {
        proxy.forget();
        let begun = Instant::now();
        assert_eq!(outcome(&listener.deliver(&delivery(number))), (200, STORED));
        // Tawk.to waits for 30 s.
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    }
    assert_eq!(direct.signatures(), [0, 1, 2].map(|number| sign(&delivery(number))));
    assert_eq!(outbox(&direct).len(), 3);
}

/// The first attempt is committed, and its response is lost.
#[test]
fn a_delivery_is_new_if_only_its_first_attempt_has_stored_it() {
    let Some((proxy, store, direct)) = start() else { return };
    let settings = [("NOTIFY_URL", "http://127.0.0.1:1/"), ("NOTIFY_ON", "chat-end")];
    let listener = store.listener_with(&settings);
    assert_eq!(outcome(&listener.deliver(&delivery(0))), (200, STORED));
    proxy.forget_responses();
    assert_eq!(outcome(&listener.deliver(&delivery(1))), (200, STORED));
    proxy.forget_responses();
    assert_eq!(outcome(&listener.deliver(&delivery(1))), (200, DUPLICATE));
    assert_eq!(direct.signatures(), [0, 1].map(|number| sign(&delivery(number))));
    assert_eq!(outbox(&direct).len(), 2);
}
