//! What is counted over the life of the process: verified deliveries that say something else than
//! the four events do. Both are signs that Tawk.to sends something new.

use std::sync::atomic::{AtomicU64, Ordering};

use tower_tawk::event::Event;

/// Verified events of another name than the four known ones.
pub(crate) static UNKNOWN_EVENTS: Count = Count(AtomicU64::new(0));

/// Verified bodies that are no event.
pub(crate) static UNDECODABLE_BODIES: Count = Count(AtomicU64::new(0));

/// How many of its sort there were, this one included; nothing for a known event.
#[derive(Clone, Copy, Default)]
pub(crate) struct Counted {
    pub(crate) unknown_events: Option<u64>,
    pub(crate) undecodable_bodies: Option<u64>,
}

/// Counts a verified event. (What strangers send would say nothing of Tawk.to.)
pub(crate) fn count(event: &Event) -> Counted {
    match event {
        Event::Unknown(_) => {
            Counted { unknown_events: Some(UNKNOWN_EVENTS.add()), ..Counted::default() }
        }
        Event::Undecodable(_) => {
            Counted { undecodable_bodies: Some(UNDECODABLE_BODIES.add()), ..Counted::default() }
        }
        _ => Counted::default(),
    }
}

/// A number that only grows. It orders nothing else, so the weakest ordering does.
pub(crate) struct Count(AtomicU64);

impl Count {
    /// Adds one, and returns what it is then.
    fn add(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
