//! Integration tests of `tower-tawk`, in one binary; a module for each behavior.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod allocations;
mod axum_router;
mod body;
mod delivery;
mod draining;
mod events;
mod extract;
mod extract_tracing;
mod headers;
mod http2;
mod hyper_server;
mod memory;
mod payloads;
mod properties;
mod rejection;
mod rejection_response;
mod secrets;
mod socket;
mod stacks;
mod support;
mod tenants;
mod test_util;
mod tonic_server;
mod tracing;
mod verdict;
