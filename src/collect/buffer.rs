//! The part of a body that has been received.

use std::mem;

use bytes::{Buf, Bytes};

/// Number of bytes reserved ahead if a length was declared. From this length on, capacity doubles.
const PREALLOCATION: usize = 64 * 1024;

/// A buffer whose capacity follows the bytes received, not the declared length.
///
/// A single frame is kept without a copy. From the second frame on, all bytes are copied into one
/// contiguous buffer, because handlers need them contiguous and because many small frames would
/// occupy a multiple of their bytes.
pub(super) struct Buffer {
    data: Data,
    content_length: Option<usize>,
    limit: usize,
}

enum Data {
    Empty,
    One(Bytes),
    Many(Vec<u8>),
}

/// The frame would exceed the limit.
pub(super) struct LimitExceeded;

impl Buffer {
    pub(super) const fn new(content_length: Option<usize>, limit: usize) -> Self {
        Self { data: Data::Empty, content_length, limit }
    }

    fn len(&self) -> usize {
        match &self.data {
            Data::Empty => 0,
            Data::One(bytes) => bytes.len(),
            Data::Many(bytes) => bytes.len(),
        }
    }

    /// Appends a frame and calls `on_chunk` with each of its chunks.
    ///
    /// # Errors
    ///
    /// Returns an error, and appends nothing, if the frame would exceed the limit.
    pub(super) fn push(
        &mut self,
        mut frame: impl Buf,
        mut on_chunk: impl FnMut(&[u8]),
    ) -> Result<(), LimitExceeded> {
        let length = self.len().saturating_add(frame.remaining());
        if length > self.limit {
            return Err(LimitExceeded);
        }
        // h2 often ends a body with an empty frame, which must not cause a copy of the first one.
        if !frame.has_remaining() {
            return Ok(());
        }
        let mut bytes = match mem::replace(&mut self.data, Data::Empty) {
            Data::Empty => {
                // Does not copy if the frame is a `Bytes`.
                let bytes = frame.copy_to_bytes(frame.remaining());
                on_chunk(&bytes);
                self.data = Data::One(bytes);
                return Ok(());
            }
            Data::One(first) => {
                let mut bytes = Vec::with_capacity(self.capacity(length));
                bytes.extend_from_slice(&first);
                bytes
            }
            Data::Many(mut bytes) => {
                if length > bytes.capacity() {
                    bytes.reserve_exact(self.capacity(length) - bytes.len());
                }
                bytes
            }
        };
        while frame.has_remaining() {
            let chunk = frame.chunk();
            on_chunk(chunk);
            bytes.extend_from_slice(chunk);
            frame.advance(chunk.len());
        }
        self.data = Data::Many(bytes);
        Ok(())
    }

    /// Returns the capacity to allocate for at least `length` bytes.
    ///
    /// Doubles, and reserves at least 64 KiB ahead if a length was declared. Never exceeds the
    /// declared length or the limit.
    fn capacity(&self, length: usize) -> usize {
        // A body that is longer than declared is treated as if no length had been declared.
        let (ahead, max) = match self.content_length.filter(|declared| *declared >= length) {
            Some(declared) => (length.max(PREALLOCATION), declared.min(self.limit)),
            None => (length, self.limit),
        };
        length.saturating_add(ahead).min(max).max(length)
    }

    /// Returns the received bytes without a copy, leaving the buffer empty.
    pub(super) fn take(&mut self) -> Bytes {
        match mem::replace(&mut self.data, Data::Empty) {
            Data::Empty => Bytes::new(),
            Data::One(bytes) => bytes,
            Data::Many(bytes) => bytes.into(),
        }
    }
}
