//! The in-memory store: bounded, and never evicts keys in flight.

use tower_tawk::Signature;
use tower_tawk::deduplicate::{
    Claim, ClaimGuard, DeduplicationStore, InMemory, InMemoryFull, InMemoryGuard,
};

use crate::support::{block_on, capture_logs};

fn key(number: u8) -> Signature {
    Signature::from_bytes([number; 20])
}

fn claim(store: &InMemory, number: u8) -> Result<Claim<InMemoryGuard>, InMemoryFull> {
    block_on(store.claim(key(number)))
}

fn first(store: &InMemory, number: u8) -> InMemoryGuard {
    match claim(store, number) {
        Ok(Claim::First(guard)) => guard,
        other => panic!("{other:?}"),
    }
}

fn commit(store: &InMemory, number: u8) {
    block_on(first(store, number).commit()).unwrap();
}

#[test]
fn the_oldest_committed_key_is_evicted_early_with_one_warning() {
    let store = InMemory::with_capacity(2);
    let log = capture_logs(|| {
        for number in 0..8 {
            commit(&store, number);
        }
    });
    assert!(matches!(claim(&store, 7), Ok(Claim::Committed)));
    assert!(matches!(claim(&store, 6), Ok(Claim::Committed)));
    assert!(matches!(claim(&store, 5), Ok(Claim::First(_))));
    assert_eq!(log.matches("WARN tower_tawk").count(), 1, "{log}");
}

#[test]
fn keys_in_flight_are_never_evicted() {
    let store = InMemory::with_capacity(2);
    let guard = first(&store, 0);
    for number in 1..8 {
        commit(&store, number);
    }
    assert!(matches!(claim(&store, 0), Ok(Claim::InFlight)));
    drop(guard);
    assert!(matches!(claim(&store, 0), Ok(Claim::First(_))));
}

#[test]
fn the_store_is_full_if_all_keys_are_in_flight() {
    let store = InMemory::with_capacity(2);
    let guards = [first(&store, 0), first(&store, 1)];
    let Err(full) = claim(&store, 2) else { panic!("claimed") };
    assert!(full.to_string().contains("increase the capacity"), "{full}");
    assert!(matches!(claim(&store, 1), Ok(Claim::InFlight)));
    drop(guards);
    drop(first(&store, 2));
}
