//! Integration tests of `tawk-listener`, in one binary: each runs the real program.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

mod access;
mod access_log;
#[cfg(unix)]
mod certificates;
mod check;
mod deduplicate_example;
mod desk;
mod events;
mod forward;
mod healthcheck;
mod https;
mod inbox;
mod inbox_example;
#[cfg(unix)]
mod linger;
#[cfg(unix)]
mod log;
mod metrics;
mod notify;
mod send;
#[cfg(target_os = "linux")]
mod slow_clients;
mod start;
mod stop;
mod webhook;
