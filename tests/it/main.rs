//! Integration tests of `tower-tawk`, with one module per behavior.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod allocations;
mod axum_router;
mod body;
mod deadline;
mod debug_and_display;
mod deduplicate;
mod delivery;
mod events;
mod extract;
mod http1;
mod http2;
mod memory;
mod middleware;
mod properties;
mod rejection;
mod rejection_response;
mod secrets;
mod servers;
mod signature;
mod support;
mod test_util;
mod tracing;
mod verdict;
