//! The settings of `serve`, and the webhook secrets, which `send` uses too.

mod secrets;

pub use secrets::webhook_secrets;

use std::error::Error;
use std::fmt;

/// A setting that cannot be used: one line that says what to do. Never holds a secret.
#[derive(Debug)]
pub struct ConfigError(String);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for ConfigError {}
