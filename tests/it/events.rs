//! Typed events.
//!
//! The modules `documents`, `odd_json` and `bodies` contain test data and helpers.

mod accessors;
mod bodies;
mod documents;
mod errors;
mod fields;
mod memory;
mod odd_json;
mod payloads;
mod privacy;
mod properties;
mod serialize;
mod timestamp;
mod tolerance;
