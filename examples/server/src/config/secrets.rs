//! The webhook secrets of a setting: one or several, separated by commas, each optionally
//! `label=secret`.
//!
//! Labels are logged and secrets never are, so nothing here repeats what it was given: an error
//! names a secret by its position.

use std::env::{self, VarError};

use tower_tawk::Secret;

use super::ConfigError;

const NAME: &str = "TAWK_WEBHOOK_SECRET";

/// The name that an older listener used.
const OLDER_NAME: &str = "TAWK_TAWK_WEBHOOK_SECRET";

const LABEL_LENGTH_MOST: usize = 64;

/// One secret of the setting.
pub(crate) struct WebhookSecret {
    pub(crate) label: String,
    pub(crate) secret: Secret,
    /// Whether it looks like those of Tawk.to: every one seen has 96 lower-case hex digits.
    pub(crate) looks_usual: bool,
}

/// The labels and secrets of `setting`, or of the environment variable of the older name.
///
/// # Errors
///
/// When there is none, or one that cannot be used.
pub(crate) fn webhook_secrets(setting: Option<&str>) -> Result<Vec<(String, Secret)>, ConfigError> {
    let entries = read(setting)?;
    Ok(entries.into_iter().map(|entry| (entry.label, entry.secret)).collect())
}

/// The same, with what `serve` warns of.
pub(crate) fn read(setting: Option<&str>) -> Result<Vec<WebhookSecret>, ConfigError> {
    // Set to nothing is as good as not set: that is what an unfilled template leaves.
    if let Some(setting) = setting.filter(|setting| !setting.is_empty()) {
        return parse(NAME, setting);
    }
    match env::var(OLDER_NAME) {
        Ok(setting) if !setting.is_empty() => parse(OLDER_NAME, &setting),
        Ok(_) | Err(VarError::NotPresent) => Err(ConfigError::new(format!(
            "{NAME} is not set: give the secret that the Tawk.to dashboard shows with the webhook \
             (Admin section, Webhooks), in the environment or in a file .env"
        ))),
        Err(VarError::NotUnicode(_)) => {
            Err(ConfigError::new(format!("{OLDER_NAME} is not text; copy the secret again")))
        }
    }
}

fn parse(name: &str, setting: &str) -> Result<Vec<WebhookSecret>, ConfigError> {
    let mut entries = Vec::<WebhookSecret>::new();
    let mut default_taken = false;
    for (position, entry) in (1..).zip(setting.split(',')) {
        let error = |what: &str| ConfigError::new(format!("secret {position} in {name}: {what}"));
        let (label, text) = match split(entry).map_err(error)? {
            (Some(label), text) => (label.to_owned(), text),
            (None, text) if !default_taken => {
                default_taken = true;
                ("default".to_owned(), text)
            }
            (None, text) => (format!("secret-{position}"), text),
        };
        if entries.iter().any(|entry| entry.label == label) {
            return Err(error("another has the same label; give each its own"));
        }
        let secret = Secret::new(text).map_err(|invalid| error(&invalid.to_string()))?;
        entries.push(WebhookSecret { label, secret, looks_usual: looks_usual(text) });
    }
    Ok(entries)
}

/// Splits an entry at its first `=`.
fn split(entry: &str) -> Result<(Option<&str>, &str), &'static str> {
    let Some((label, text)) = entry.split_once('=') else {
        return Ok((None, entry));
    };
    // Base64 ends like this, and its text would then become a label.
    if text.bytes().all(|byte| byte == b'=') {
        return Err("nothing stands after its first `=`; write label=secret");
    }
    let is_label_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if !(1..=LABEL_LENGTH_MOST).contains(&label.len()) || !label.bytes().all(is_label_byte) {
        return Err("what stands before its first `=` is no label; write label=secret, the label \
                    in 1 to 64 letters, digits, `.`, `_` and `-`");
    }
    Ok((Some(label), text))
}

fn looks_usual(text: &str) -> bool {
    text.len() == 96 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(setting: &str) -> Vec<String> {
        let secrets = webhook_secrets(Some(setting)).unwrap();
        secrets.into_iter().map(|(label, _)| label).collect()
    }

    fn error(setting: &str) -> String {
        webhook_secrets(Some(setting)).unwrap_err().to_string()
    }

    #[test]
    fn each_secret_has_the_label_before_its_first_equals_sign_or_one_of_its_position() {
        assert_eq!(labels("text"), ["default"]);
        assert_eq!(labels("text,other,third"), ["default", "secret-2", "secret-3"]);
        assert_eq!(labels("new=text,other"), ["new", "default"]);
        assert_eq!(labels("2026-11=text,shop_1.eu=b3RoZXI=="), ["2026-11", "shop_1.eu"]);
    }

    #[test]
    fn a_secret_is_what_stands_after_the_first_equals_sign() {
        let [(_, secret)] = &webhook_secrets(Some("new=b3RoZXI==")).unwrap()[..] else {
            panic!("one secret");
        };
        assert_eq!(secret.sign(b"{}"), Secret::new("b3RoZXI==").unwrap().sign(b"{}"));
    }

    #[test]
    fn what_would_make_a_label_of_a_secret_is_refused_by_its_position_alone() {
        let digits = "5e3a1c7f".repeat(12);
        for hidden in ["c2VjcmV0=", "c2VjcmV0==", "c2VjcmV0 x=text", &format!("{digits}=new"), "="]
        {
            let error = error(&format!("new=text,{hidden}"));
            assert!(error.starts_with("secret 2 in TAWK_WEBHOOK_SECRET: "), "{error}");
            assert!(error.contains("write label=secret"), "{error}");
            assert!(!error.contains("c2Vj") && !error.contains(&digits), "{error}");
        }
    }

    #[test]
    fn an_empty_secret_one_with_white_space_and_a_repeated_label_are_refused_by_position() {
        assert!(error("text,").starts_with("secret 2 in TAWK_WEBHOOK_SECRET: "));
        assert!(error("a=text, ").contains("whitespace"));
        assert!(error("text\n").contains("whitespace"));
        assert!(error("a=text,b=other,a=third").starts_with("secret 3 in "));
        assert!(error("secret-2=text,other,third,secret-3=x").contains("same label"));
    }

    #[test]
    fn only_96_lower_case_hex_digits_look_usual() {
        let digits = "5e3a1c7f".repeat(12);
        assert!(looks_usual(&digits));
        assert!(!looks_usual(&digits.to_uppercase()));
        assert!(!looks_usual(&digits[1..]));
        assert!(!looks_usual(&digits.replace('e', "g")));
    }
}
