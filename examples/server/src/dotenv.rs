//! Loads `.env`, before anything reads the environment.
//!
//! dotenvy's own errors repeat the line that they are about, which may well be the one with the
//! secret: ours name its number alone.

use std::error::Error;
use std::fmt;
use std::fs;
use std::io::{self, ErrorKind, Read};

/// Beside where the program is started, and nowhere above it.
const FILE: &str = ".env";

/// Sets what `.env` sets, except for what the environment has already. No file is no error.
///
/// # Errors
///
/// When the file cannot be read, or a line of it.
pub(crate) fn load() -> Result<(), DotenvError> {
    let contents = match fs::read(FILE) {
        Ok(contents) => contents,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(DotenvError::Unreadable(error)),
    };
    let mut lines = Lines::new(&contents);
    let loaded = dotenvy::from_read_iter(&mut lines).load();
    loaded.map_err(|error| DotenvError::Broken { line: lines.first_of(&error) })
}

/// The file's lines, handed out one a read, so that it is known which one dotenvy stopped at.
struct Lines<'a> {
    rest: &'a [u8],
    begun: usize,
    at_start: bool,
}

impl<'a> Lines<'a> {
    const fn new(contents: &'a [u8]) -> Self {
        Self { rest: contents, begun: 0, at_start: true }
    }

    /// The number of the line where what the error is about begins: a value in quotes may have
    /// gone on over several.
    fn first_of(&self, error: &dotenvy::Error) -> usize {
        let lines = match error {
            dotenvy::Error::LineParse(text, _) => text.lines().count().max(1),
            _ => 1,
        };
        (self.begun + 1).saturating_sub(lines).max(1)
    }
}

impl Read for Lines<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let line = self.rest.split_inclusive(|byte| *byte == b'\n').next().unwrap_or_default();
        if self.at_start && !line.is_empty() {
            self.begun += 1;
        }
        // The environment cannot hold it, and setting it would panic with the value in the text.
        if line.contains(&0) {
            return Err(ErrorKind::InvalidData.into());
        }
        let length = line.len().min(buffer.len());
        buffer[..length].copy_from_slice(&line[..length]);
        self.at_start = length == line.len();
        self.rest = &self.rest[length..];
        Ok(length)
    }
}

/// Why `.env` was not loaded. Never shows what is in it.
#[derive(Debug)]
pub(crate) enum DotenvError {
    Unreadable(io::Error),
    Broken { line: usize },
}

impl fmt::Display for DotenvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => {
                write!(f, "cannot read {FILE}: {error}; make it a readable file, or remove it")
            }
            Self::Broken { line } => write!(
                f,
                "line {line} of {FILE} cannot be read; write NAME=value, with single quotes \
                 around a value that has spaces, quotes, `#` or `$` in it"
            ),
        }
    }
}

impl Error for DotenvError {}
