//! [`Connections`]: the open connections of an endpoint.
//!
//! When there are too many, those that have waited longest are closed, first those without a permit
//! for a delivery. Clients that are silent or slow thus never keep others out.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::telemetry::metrics::Metrics;
use crate::telemetry::rate_limit::RateLimit;

/// Timeout for a TLS handshake and for a request head, from its first byte.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// Timeout for the next request. Proxies keep idle connections for up to 600 s, and a request that
/// is sent while the listener closes the connection is lost.
const IDLE_TIMEOUT: Duration = Duration::from_secs(620);

/// Maximum number of connections of peers that are not in the allow-list.
const MAX_OUTSIDERS: usize = 256;

/// When there are too many connections, a 64th of them is closed, because the search takes time.
const EVICTED_FRACTION: usize = 64;

/// An upload of 64 KiB a second or more keeps its permit: if there are only such, the listener is
/// overloaded.
const FAST: Duration = Duration::from_nanos(1_000_000_000 / 65_536);
const MIN_UPLOAD: u32 = 16 * 1024;

pub struct Connections {
    max: usize,
    open: Mutex<Open>,
    pub metrics: Metrics,
    evicted: RateLimit,
}

#[derive(Default)]
struct Open {
    connections: HashMap<u64, Arc<Connection>>,
    next_id: u64,
}

/// A connection, as seen by those that serve it. It has at most one request at a time.
pub struct Connection {
    pub id: u64,
    pub peer: IpAddr,
    is_outsider: bool,
    state: Mutex<State>,
    /// Cancelled when the connection has to be closed.
    pub closing: CancellationToken,
    /// Cancelled when the request has to be rejected.
    pub evicted: CancellationToken,
}

struct State {
    phase: Phase,
    since: Instant,
    /// Bytes received since the connection was idle.
    bytes: u32,
    has_delivered: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Waits for the first byte of a TLS handshake.
    Silent,
    /// Waits for the rest of a TLS handshake or of a request head.
    Head,
    Idle,
    /// Handles a request without a permit.
    Request,
    /// Waits for the body of a request that has a permit.
    Body,
    /// Rejects a request, as another one gets its permit.
    Evicted,
    /// Handles a request whose body has arrived. The limit of permits bounds how long.
    Handler,
    /// Waits until the client has received the last response.
    Lingering,
}

/// Removes the connection on drop.
pub struct Entry {
    pub connection: Arc<Connection>,
    connections: Arc<Connections>,
}

impl Connections {
    pub fn new(max: usize, metrics: Metrics) -> Arc<Self> {
        Arc::new(Self { max, open: Mutex::default(), metrics, evicted: RateLimit::new(1) })
    }

    /// Adds a connection, and closes others if there are too many. An outsider is a peer that is
    /// not in the allow-list.
    pub fn open(self: &Arc<Self>, peer: IpAddr, is_outsider: bool, phase: Phase) -> Entry {
        let state = State { phase, since: Instant::now(), bytes: 0, has_delivered: false };
        let mut open = self.open.lock();
        let outsiders = || open.connections.values().filter(|other| other.is_outsider).count();
        if open.connections.len() >= self.max {
            self.evict(&mut open, self.max / EVICTED_FRACTION);
        } else if is_outsider && outsiders() >= MAX_OUTSIDERS {
            self.evict(&mut open, MAX_OUTSIDERS / EVICTED_FRACTION);
        }
        let connection = Arc::new(Connection {
            id: open.next_id,
            peer,
            is_outsider,
            state: Mutex::new(state),
            closing: CancellationToken::new(),
            evicted: CancellationToken::new(),
        });
        open.next_id += 1;
        open.connections.insert(connection.id, Arc::clone(&connection));
        self.metrics.connections.inc();
        Entry { connection, connections: Arc::clone(self) }
    }

    /// Closes the connection that has waited longest, if there is one.
    pub fn close_one(&self) {
        self.evict(&mut self.open.lock(), 1);
    }

    /// Closes the connections that have waited longest, at least one.
    fn evict(&self, open: &mut Open, count: usize) {
        let waiting = open.connections.values();
        let waiting = waiting.filter_map(|connection| Some((connection.waits()?, connection.id)));
        let mut waiting: Vec<_> = waiting.collect();
        waiting.sort_unstable_by(|one, other| other.cmp(one));
        for (_, id) in waiting.into_iter().take(count.max(1)) {
            let Some(connection) = open.connections.remove(&id) else { continue };
            connection.closing.cancel();
            self.metrics.connections.dec();
            self.metrics.evicted_connections.inc();
            if let Some(count) = self.evicted.count() {
                warn!(count, "too many connections; closing those that have waited longest");
            }
        }
    }

    pub fn close_timed_out(&self) {
        let open = self.open.lock();
        for connection in open.connections.values().filter(|connection| connection.is_timed_out()) {
            connection.closing.cancel();
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if self.connections.open.lock().connections.remove(&self.connection.id).is_some() {
            self.connections.metrics.connections.dec();
        }
    }
}

impl Connection {
    pub fn enter(&self, phase: Phase) {
        let mut state = self.state.lock();
        (state.phase, state.since) = (phase, Instant::now());
        if phase == Phase::Idle {
            state.bytes = 0;
        }
    }

    pub fn received(&self, bytes: usize) {
        let mut state = self.state.lock();
        state.bytes = state.bytes.saturating_add(bytes.try_into().unwrap_or(u32::MAX));
        if bytes > 0 && matches!(state.phase, Phase::Silent | Phase::Idle) {
            (state.phase, state.since) = (Phase::Head, Instant::now());
        }
    }

    /// Records that a verified delivery was accepted. Connections without one are closed first.
    pub fn delivered(&self) {
        self.state.lock().has_delivered = true;
    }

    pub fn phase(&self) -> Phase {
        self.state.lock().phase
    }

    /// Records that the body has arrived. Returns `false` if the request has lost its permit.
    pub fn handle(&self) -> bool {
        let mut state = self.state.lock();
        if state.phase == Phase::Body {
            state.phase = Phase::Handler;
        }
        state.phase != Phase::Evicted
    }

    /// Takes the permit of a request, unless its body has arrived.
    pub fn evict(&self) -> bool {
        let mut state = self.state.lock();
        let is_waiting = state.phase == Phase::Body;
        if is_waiting {
            state.phase = Phase::Evicted;
            self.evicted.cancel();
        }
        is_waiting
    }

    /// Returns how long it has taken for each byte of a body that has not arrived. `None` if it is
    /// arriving fast.
    pub fn time_per_byte(&self) -> Option<Duration> {
        let state = self.state.lock();
        let time = state.since.elapsed() / state.bytes.saturating_add(1);
        let is_fast = state.bytes >= MIN_UPLOAD && time <= FAST;
        (state.phase == Phase::Body && !is_fast).then_some(time)
    }

    /// Returns how little is lost if the connection is closed, or `None` if it must not be.
    fn waits(&self) -> Option<(bool, bool, bool, bool, Reverse<Instant>)> {
        let state = self.state.lock();
        let (has_permit, is_new) = (state.phase == Phase::Body, !state.has_delivered);
        let is_lingering = state.phase == Phase::Lingering;
        let waits = (!has_permit, self.is_outsider, is_lingering, is_new, Reverse(state.since));
        (state.phase != Phase::Handler).then_some(waits)
    }

    fn is_timed_out(&self) -> bool {
        let state = self.state.lock();
        let timeout = match state.phase {
            Phase::Silent | Phase::Head => HEAD_TIMEOUT,
            Phase::Idle => IDLE_TIMEOUT,
            // These have their own.
            Phase::Request | Phase::Body | Phase::Evicted | Phase::Handler | Phase::Lingering => {
                return false;
            }
        };
        state.since.elapsed() >= timeout
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    /// Opens connections of which each has waited a second less than the one before.
    async fn open<const N: usize>(
        connections: &Arc<Connections>,
        states: [(bool, Phase); N],
    ) -> [Entry; N] {
        let mut entries = Vec::new();
        for (is_outsider, phase) in states {
            entries.push(connections.open(PEER, is_outsider, phase));
            advance(Duration::from_secs(1)).await;
        }
        entries.try_into().unwrap_or_else(|_| panic!("{N} entries"))
    }

    fn is_closing(entry: &Entry) -> bool {
        entry.connection.closing.is_cancelled()
    }

    #[tokio::test(start_paused = true)]
    async fn the_connection_that_has_waited_longest_is_replaced() {
        let connections = Connections::new(4, Metrics::new());
        let states = [Phase::Handler, Phase::Idle, Phase::Head, Phase::Request];
        let entries = open(&connections, states.map(|phase| (false, phase))).await;
        let mut replaced = Vec::new();
        for _ in 0..4 {
            replaced.push(entries.each_ref().map(is_closing));
            // Connections that end make room for others, so this one stays.
            Box::leak(Box::new(connections.open(PEER, false, Phase::Handler)));
        }
        assert_eq!(replaced[1], [false, true, false, false]);
        assert_eq!(replaced[2], [false, true, true, false]);
        assert_eq!(replaced[3], [false, true, true, true]);
        assert!(!is_closing(&entries[0]), "a delivery is never replaced");
    }

    #[tokio::test(start_paused = true)]
    async fn outsiders_and_lingering_are_replaced_first_and_those_that_have_delivered_last() {
        let connections = Connections::new(4, Metrics::new());
        let [delivered, idle, lingering, outsider] = open(
            &connections,
            [
                (false, Phase::Idle),
                (false, Phase::Idle),
                (false, Phase::Lingering),
                (true, Phase::Idle),
            ],
        )
        .await;
        delivered.connection.delivered();
        for expected in
            [[false, false, false, true], [false, false, true, true], [false, true, true, true]]
        {
            connections.close_one();
            assert_eq!([&delivered, &idle, &lingering, &outsider].map(is_closing), expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn outsiders_have_a_limit_of_their_own() {
        let connections = Connections::new(4096, Metrics::new());
        let insider = connections.open(PEER, false, Phase::Idle);
        let open = |count| (0..count).map(|_| connections.open(PEER, true, Phase::Idle));
        let first: Vec<_> = open(MAX_OUTSIDERS / EVICTED_FRACTION).collect();
        advance(Duration::from_secs(1)).await;
        let others: Vec<_> = open(MAX_OUTSIDERS - first.len()).collect();
        assert!(!first.iter().any(is_closing));
        let _newest = connections.open(PEER, true, Phase::Idle);
        assert!(first.iter().all(is_closing));
        assert!(!is_closing(&insider) && !others.iter().any(is_closing));
    }

    #[tokio::test(start_paused = true)]
    async fn heads_time_out_after_10_seconds_and_idle_connections_after_620() {
        let connections = Connections::new(4, Metrics::new());
        let entries = [Phase::Head, Phase::Silent, Phase::Idle, Phase::Request]
            .map(|phase| connections.open(PEER, false, phase));
        for (seconds, expected) in [
            (9, [false; 4]),
            (1, [true, true, false, false]),
            (609, [true, true, false, false]),
            (1, [true, true, true, false]),
        ] {
            advance(Duration::from_secs(seconds)).await;
            connections.close_timed_out();
            assert_eq!(entries.each_ref().map(is_closing), expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_timeout_of_a_head_starts_with_its_first_byte() {
        let connections = Connections::new(4, Metrics::new());
        let entry = connections.open(PEER, false, Phase::Idle);
        for (seconds, bytes, expected) in
            [(60, 0, false), (60, 1, false), (9, 1, false), (1, 0, true)]
        {
            advance(Duration::from_secs(seconds)).await;
            connections.close_timed_out();
            assert_eq!(is_closing(&entry), expected);
            entry.connection.received(bytes);
        }
    }
}
