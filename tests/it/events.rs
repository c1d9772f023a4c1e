//! Typed events: tolerant inside, honest outside, and bounded whatever the body.
//!
//! One file for each promise. They share the documents that have every documented field
//! (`documents`), the reading of an event by documented paths (`leaves`), and the making of JSON
//! that no serialiser would write (`odd_json`).

mod bodies;
mod bounds;
mod documents;
mod errors;
mod fields;
mod helpers;
mod identifiers;
mod leaves;
mod memory;
mod odd_json;
mod payloads;
mod privacy;
mod properties;
mod repeated_keys;
mod serialize;
mod timestamp;
mod tolerance;
mod values;
