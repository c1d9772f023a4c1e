//! [`Buffer`]: the bytes of a body so far, in memory that follows what has arrived.

use std::mem;

use bytes::{Buf, Bytes};

/// The most that is reserved on a sender's word alone.
const RESERVED_AHEAD_MOST: usize = 64 * 1024;

/// Holds a first frame as it came, and copies into one contiguous buffer from the second on:
/// that is what the handler's `Bytes` needs anyway, and many small frames kept as handles would
/// hold many times their bytes.
pub(super) struct Buffer {
    first: Bytes,
    rest: Vec<u8>,
    declared: Option<usize>,
    limit: usize,
}

impl Buffer {
    pub(super) const fn new(declared: Option<usize>, limit: usize) -> Self {
        Self { first: Bytes::new(), rest: Vec::new(), declared, limit }
    }

    pub(super) fn len(&self) -> usize {
        // While there is a `rest`, it begins with the bytes of `first`.
        self.first.len().max(self.rest.len())
    }

    /// Takes a frame whole, handing each piece of it to `digest`, or not at all: when it goes
    /// beyond the limit.
    pub(super) fn push(&mut self, mut frame: impl Buf, mut digest: impl FnMut(&[u8])) -> bool {
        let length = self.len().saturating_add(frame.remaining());
        if length > self.limit {
            return false;
        }
        // h2 ends many a body with an empty frame: it must not cost the only one a copy.
        if !frame.has_remaining() {
            return true;
        }
        if self.len() == 0 {
            // Free when the frame is a `Bytes`, and the only copy when it is not.
            self.first = frame.copy_to_bytes(frame.remaining());
            digest(&self.first);
            return true;
        }
        self.reserve(length);
        if self.rest.is_empty() {
            self.rest.extend_from_slice(&self.first);
            self.first = Bytes::new();
        }
        while frame.has_remaining() {
            let piece = frame.chunk();
            digest(piece);
            self.rest.extend_from_slice(piece);
            frame.advance(piece.len());
        }
        true
    }

    /// Makes room for `length` bytes in all and some ahead: what is declared, to 64 KiB, or else
    /// as much again as has come; never beyond what is declared or allowed.
    fn reserve(&mut self, length: usize) {
        if length <= self.rest.capacity() {
            return;
        }
        // A body that is longer than it declared is as good as undeclared.
        let (ahead, most) = match self.declared.filter(|declared| *declared >= length) {
            Some(declared) => (RESERVED_AHEAD_MOST.max(length), declared.min(self.limit)),
            None => (length, self.limit),
        };
        let capacity = length.saturating_add(ahead).min(most).max(length);
        self.rest.reserve_exact(capacity - self.rest.len());
    }

    /// The bytes, without a copy; leaves nothing behind.
    pub(super) fn take(&mut self) -> Bytes {
        if self.rest.is_empty() {
            mem::take(&mut self.first)
        } else {
            mem::take(&mut self.rest).into()
        }
    }
}
