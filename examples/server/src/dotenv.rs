//! Completes the environment, before anything reads it: with the lines of `.env`, and with the
//! contents of the files that `TAWK_WEBHOOK_SECRET_FILE` and the like name. Errors contain the
//! number of a line and not its text, which may be the secret.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::io::{ErrorKind, Read};

use anyhow::{Context, Result, ensure};

/// Only in the working directory, not in its parents.
const FILE: &str = ".env";

/// Settings that may be in a file, which `NAME_FILE` names.
const SECRETS: [&str; 6] = [
    "TAWK_WEBHOOK_SECRET",
    "DATABASE_URL",
    "NOTIFY_URL",
    "FORWARD_URL",
    "FORWARD_SECRET",
    "DESK_TOKEN",
];

/// The name of `TAWK_WEBHOOK_SECRET` in an older listener.
const OLDER_SECRET: &str = "TAWK_TAWK_WEBHOOK_SECRET";

/// Sets the variables of `.env` that the environment does not set, and the secrets that are in
/// files. Cleans the values of `settings`. Returns the names of all that are set.
pub fn load<'a>(settings: impl Iterator<Item = &'a str>) -> Result<BTreeSet<String>> {
    let mut variables = read_file()?;
    let others =
        SECRETS.map(|name| format!("{name}_FILE")).into_iter().chain([OLDER_SECRET.to_owned()]);
    for name in settings.map(str::to_owned).chain(others) {
        variables.entry(name).or_default();
    }
    for (name, value) in &mut variables {
        if let Some(set) = env::var(name).ok().filter(|set| is_set(name, set)) {
            *value = set;
        }
    }
    variables.retain(|name, value| is_set(name, value));
    for name in SECRETS {
        read_secret(name, &mut variables)?;
    }
    if let Some(secret) = variables.remove(OLDER_SECRET) {
        variables.entry("TAWK_WEBHOOK_SECRET".to_owned()).or_insert(secret);
    }
    // dotenvy sets variables for us, since `env::set_var` is unsafe.
    let lines: String = variables
        .iter()
        .map(|(name, value)| format!("{name}=\"{}\"\n", escape(clean(value))))
        .collect();
    let loaded = dotenvy::from_read_iter(lines.as_bytes()).load_override();
    // The error would contain the value.
    loaded.ok().with_context(|| format!("cannot load {FILE}"))?;
    Ok(variables.into_keys().collect())
}

/// Blank is unset, as unfilled templates leave it. A blank list of addresses is set, and then
/// rejected, since without one any client may deliver.
fn is_set(name: &str, value: &str) -> bool {
    !clean(value).is_empty() || (name == "TAWK_ALLOWED_IPS" && !value.is_empty())
}

/// Removes surrounding whitespace, and quotes, which `docker run --env-file` keeps. Kubernetes sets
/// `METRICS_PORT=tcp://10.0.0.1:80` for a service `metrics`, which is blank too.
fn clean(value: &str) -> &str {
    let value = value.trim();
    let unquoted = ['"', '\''].iter().find_map(|&q| value.strip_prefix(q)?.strip_suffix(q));
    let value = unquoted.map_or(value, str::trim);
    if value.starts_with("tcp://") { "" } else { value }
}

/// Reads `.env`. Of several lines for a name, the last one counts, as in a shell.
fn read_file() -> Result<BTreeMap<String, String>> {
    let contents = match fs::read(FILE) {
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        contents => contents.with_context(|| {
            format!("cannot read {FILE}; make it a readable file, or remove it")
        })?,
    };
    parse(&contents).with_context(|| {
        format!(
            "line {} of {FILE} is invalid; write NAME=value, with single quotes around a value \
             that contains spaces, quotes, `#` or `$`",
            invalid_line(&contents)
        )
    })
}

/// Returns `None` if a line is invalid, or contains NUL, which environment variables can't.
fn parse(contents: &[u8]) -> Option<BTreeMap<String, String>> {
    if contents.contains(&0) {
        return None;
    }
    let contents = contents.strip_prefix(b"\xef\xbb\xbf").unwrap_or(contents);
    // dotenvy keeps a byte order mark, and rejects a blank at the end of the file.
    dotenvy::from_read_iter(contents.chain(&b"\n"[..])).collect::<Result<_, _>>().ok()
}

/// Returns the number of the first invalid line: the one after the longest valid start of the file.
fn invalid_line(contents: &[u8]) -> usize {
    let lines: Vec<_> = contents.split_inclusive(|byte| *byte == b'\n').collect();
    let is_valid = |count: &usize| parse(&lines[..*count].concat()).is_some();
    (0..lines.len()).rev().find(is_valid).unwrap_or(0) + 1
}

fn read_secret(name: &str, variables: &mut BTreeMap<String, String>) -> Result<()> {
    let setting = format!("{name}_FILE");
    let Some(path) = variables.get(&setting) else { return Ok(()) };
    let is_only = !variables.contains_key(name);
    ensure!(is_only, "{name} and {setting} are both set; remove one of them");
    // The error does not contain the path, which may be the secret itself.
    let secret = fs::read_to_string(clean(path));
    let secret = secret.with_context(|| format!("cannot read {setting}"))?;
    let is_usable = is_set(name, &secret) && !secret.contains('\0');
    ensure!(is_usable, "{setting}: the file contains no secret; write it into the file");
    variables.insert(name.to_owned(), secret);
    Ok(())
}

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
            assert_eq!(parsed["NAME"], value, "{line}");
        }
    }

    #[test]
    fn values_end_at_blanks_and_comments() {
        let one = ["A=1 ", "A=1 \n", "A=1\t\r\n", "A = 1 # x", "A=1 #x", "A='1' ", "export A=1"];
        for line in one {
            assert_eq!(parse(line.as_bytes()).unwrap()["A"], "1", "{line:?}");
        }
        for line in ["A= ", "A=", "A=\n\n", "A=''"] {
            assert_eq!(parse(line.as_bytes()).unwrap()["A"], "", "{line:?}");
        }
        assert_eq!(parse(b"A=a#b").unwrap()["A"], "a#b");
    }

    #[test]
    fn the_last_line_for_a_name_counts() {
        assert_eq!(parse(b"A=1\nB=2\nA=3\n").unwrap()["A"], "3");
    }
}
