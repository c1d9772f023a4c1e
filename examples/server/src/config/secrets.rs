//! The webhook secrets of a setting. Labels are logged and secrets are not, so errors name a secret
//! by its position.

use anyhow::{Context, anyhow, ensure};
use tower_tawk::Secret;

const NAME: &str = "TAWK_WEBHOOK_SECRET";

pub struct WebhookSecret {
    pub label: String,
    pub secret: Secret,
    /// Whether it looks like those of Tawk.to: all that were seen have 96 lowercase hex digits.
    pub looks_usual: bool,
}

/// Parses a setting: one secret or several, separated by commas, each optionally `label=secret`.
pub fn webhook_secrets(setting: Option<&str>) -> anyhow::Result<Vec<WebhookSecret>> {
    let setting = setting.with_context(|| {
        format!(
            "{NAME} is not set; set it, in the environment or in .env, to the secret that the \
             Tawk.to dashboard shows with the webhook (Admin section, Webhooks)"
        )
    })?;
    let mut entries = Vec::new();
    for (position, entry) in (1..).zip(setting.split(',')) {
        let entry = parse_entry(entry.trim(), position, &entries)
            .map_err(|error| anyhow!("secret {position} in {NAME}: {error}"))?;
        entries.push(entry);
    }
    Ok(entries)
}

fn parse_entry(
    entry: &str,
    position: usize,
    previous: &[WebhookSecret],
) -> anyhow::Result<WebhookSecret> {
    let is_taken = |label: &str| previous.iter().any(|other| other.label == label);
    let (label, text) = match entry.split_once('=') {
        Some((label, text)) => {
            // Base64 may end like this. Its text must not become a label, which is logged.
            let is_padding = text.bytes().all(|byte| byte == b'=');
            ensure!(!is_padding, "nothing follows the first `=`; write label=secret");
            let is_label_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
            ensure!(
                (1..=64).contains(&label.len()) && label.bytes().all(is_label_byte),
                "invalid label before the first `=`; write label=secret, with a label of 1 to 64 \
                 letters, digits, `.`, `_` and `-`"
            );
            (label.to_owned(), text)
        }
        None if is_taken("default") => (format!("secret-{position}"), entry),
        None => ("default".to_owned(), entry),
    };
    ensure!(!is_taken(&label), "duplicate label; use a different label for each secret");
    let is_digit = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let looks_usual = text.len() == 96 && text.bytes().all(is_digit);
    Ok(WebhookSecret { label, secret: Secret::new(text)?, looks_usual })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(setting: &str) -> Vec<String> {
        let secrets = webhook_secrets(Some(setting)).unwrap();
        secrets.into_iter().map(|secret| secret.label).collect()
    }

    fn is_usual(secret: &str) -> bool {
        webhook_secrets(Some(secret)).unwrap()[0].looks_usual
    }

    fn error(setting: &str) -> String {
        webhook_secrets(Some(setting)).err().unwrap().to_string()
    }

    #[test]
    fn labels_precede_the_first_equals_sign_or_are_numbered() {
        assert_eq!(labels("text"), ["default"]);
        assert_eq!(labels("text,other,third"), ["default", "secret-2", "secret-3"]);
        assert_eq!(labels("new=text,other"), ["new", "default"]);
        assert_eq!(labels(" text , new=other\n"), ["default", "new"]);
        assert_eq!(labels("2026-11=text,shop_1.eu=b3RoZXI=="), ["2026-11", "shop_1.eu"]);
    }

    #[test]
    fn the_secret_follows_the_first_equals_sign() {
        let [WebhookSecret { secret, .. }] = &webhook_secrets(Some("new=b3RoZXI==")).unwrap()[..]
        else {
            panic!("one secret");
        };
        assert_eq!(secret.sign(b"{}"), Secret::new("b3RoZXI==").unwrap().sign(b"{}"));
    }

    #[test]
    fn rejects_secrets_that_would_become_labels_by_their_position() {
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
    fn rejects_empty_secrets_and_duplicate_labels_by_their_position() {
        assert!(error("text,").starts_with("secret 2 in TAWK_WEBHOOK_SECRET: "));
        assert!(error("a=text, ").starts_with("secret 2 in TAWK_WEBHOOK_SECRET: "));
        assert!(error("a= text").contains("whitespace"));
        assert!(error("a=text,b=other,a=third").starts_with("secret 3 in "));
        assert!(error("secret-2=text,other,third,secret-3=x").contains("duplicate label"));
    }

    #[test]
    fn only_96_lowercase_hex_digits_look_usual() {
        let digits = "5e3a1c7f".repeat(12);
        assert!(is_usual(&digits));
        assert!(!is_usual(&digits.to_uppercase()));
        assert!(!is_usual(&digits[1..]));
        assert!(!is_usual(&digits.replace('e', "g")));
    }
}
