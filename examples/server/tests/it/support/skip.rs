//! Tests of what not every system has.

use std::env;
use std::io::{self, Write};
use std::thread;

/// Set in CI: a skipped test fails.
const VARIABLE: &str = "FORBID_SKIPPED_TESTS";

/// Prints that the current test is skipped, as a line that begins with `skipped:`.
pub fn skip(reason: &str) {
    let test = thread::current().name().unwrap_or_default().to_owned();
    assert!(env::var_os(VARIABLE).is_none(), "{reason}, and {VARIABLE} is set");
    // `eprintln!` would be captured.
    let _ = writeln!(io::stderr(), "skipped: {test}: {reason}");
}
