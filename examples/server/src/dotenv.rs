//! Loads `.env`, before anything reads the environment.
//!
//! dotenvy's own errors contain the line that they are about, which may be the one with the secret.
//! Ours only contain its number.

use std::env;
use std::fs;
use std::io::ErrorKind;

use anyhow::{Context, bail};

/// Only in the working directory, not in its parents.
const FILE: &str = ".env";

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Sets the variables of `.env`, except for those that the environment sets to a non-empty value.
/// A missing file is not an error.
pub fn load() -> anyhow::Result<()> {
    let contents = match fs::read(FILE) {
        Ok(contents) => contents,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => {
            bail!("cannot read {FILE}: {error}; make it a readable file, or remove it");
        }
    };
    let contents = contents.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&contents);
    let Some(variables) = parse(contents) else {
        bail!(
            "line {} of {FILE} is invalid; write NAME=value, with single quotes around a value \
             that contains spaces, quotes, `#` or `$`",
            invalid_line(contents)
        );
    };
    // dotenvy sets variables for us, since `env::set_var` is unsafe. It either overrides non-empty
    // variables or keeps empty ones, so it only gets the variables that it has to set.
    let missing: String = variables
        .iter()
        .filter(|(name, _)| env::var_os(name).is_none_or(|value| value.is_empty()))
        .map(|(name, value)| format!("{name}=\"{}\"\n", escape(value)))
        .collect();
    let loaded = dotenvy::from_read_iter(missing.as_bytes()).load_override();
    // The error would contain the value.
    loaded.ok().with_context(|| format!("cannot load {FILE}"))
}

/// Returns `None` if a line is invalid, or contains NUL, which environment variables can't.
fn parse(contents: &[u8]) -> Option<Vec<(String, String)>> {
    let variables: Vec<_> = dotenvy::from_read_iter(contents).collect::<Result<_, _>>().ok()?;
    let has_nul = variables.iter().any(|(name, value)| (name.to_owned() + value).contains('\0'));
    (!has_nul).then_some(variables)
}

/// Returns the number of the line at which the first invalid entry begins, which may span several
/// lines: the line after the longest beginning of the file that is valid.
fn invalid_line(contents: &[u8]) -> usize {
    let lines: Vec<_> = contents.split_inclusive(|byte| *byte == b'\n').collect();
    let is_valid = |count: &usize| parse(&lines[..*count].concat()).is_some();
    (0..lines.len()).rev().find(is_valid).unwrap_or(0) + 1
}

/// Escapes a value for double quotes.
fn escape(value: &str) -> String {
    value.replace('\\', r"\\").replace('"', r#"\""#).replace('$', r"\$")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_values_are_parsed_back() {
        for value in ["", "a b", r#"\"'$x${x}#\n"#, "two\nlines\r\n", " ", "é"] {
            let line = format!("NAME=\"{}\"\n", escape(value));
            let parsed = parse(line.as_bytes()).unwrap();
            assert_eq!(parsed, [("NAME".to_owned(), value.to_owned())], "{line}");
        }
    }

    #[test]
    fn the_last_line_for_a_name_comes_last() {
        let names = parse(b"A=1\nB=2\nA=3\n").unwrap();
        assert_eq!(names.last(), Some(&("A".to_owned(), "3".to_owned())));
    }
}
