//! Benches of `tower-tawk`, one file for each question. `cargo bench` runs them.
