//! Integration tests of `tawk-listener`, in one binary: each runs the real program.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

mod answers;
mod events;
mod guards;
mod https;
mod inbox;
mod inbox_example;
mod log;
mod metrics;
mod notify;
mod send;
mod start;
mod stop;
