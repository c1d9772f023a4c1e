//! [`Contents`]: a body as it came, from the level `payload` on.

use crate::delivery::text;
use crate::log::json_line;

/// So much is logged of a body that anybody can have sent.
const STRANGERS_LENGTH_MOST: usize = 16 * 1024;

#[derive(Default)]
pub(super) struct Contents {
    pub(super) body: Option<String>,
    pub(super) body_encoding: Option<&'static str>,
    /// That `body` is the beginning alone.
    pub(super) body_cut: Option<bool>,
    /// The body as JSON.
    pub(super) json: Option<String>,
    pub(super) json_error: Option<String>,
}

impl Contents {
    /// A verified body, whole.
    pub(super) fn of_verified(body: &[u8]) -> Self {
        let (json, json_error) = match json_line(body) {
            Ok(json) => (Some(json), None),
            Err(error) => (None, Some(error.to_string())),
        };
        Self { json, json_error, ..Self::raw(body) }
    }

    /// The beginning of any other, as it came.
    pub(super) fn of_stranger(body: &[u8]) -> Self {
        let (start, is_cut) = beginning(body);
        Self { body_cut: is_cut.then_some(true), ..Self::raw(start) }
    }

    fn raw(body: &[u8]) -> Self {
        let (text, encoding) = text(body);
        Self { body: Some(text.into_owned()), body_encoding: Some(encoding), ..Self::default() }
    }
}

/// What is shown of a stranger's body, and whether that is less than all.
fn beginning(body: &[u8]) -> (&[u8], bool) {
    let Some(start) =
        body.get(..STRANGERS_LENGTH_MOST).filter(|_| body.len() > STRANGERS_LENGTH_MOST)
    else {
        return (body, false);
    };
    match str::from_utf8(start) {
        // The cut would go through a character.
        Err(error) if error.error_len().is_none() => (&start[..error.valid_up_to()], true),
        _ => (start, true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strangers_body_is_cut_between_characters_and_says_so() {
        let most = STRANGERS_LENGTH_MOST;
        let shown = |body: &[u8]| {
            let contents = Contents::of_stranger(body);
            (contents.body.unwrap().len(), contents.body_encoding.unwrap(), contents.body_cut)
        };
        assert_eq!(shown(&vec![b'a'; most]), (most, "utf-8", None));
        assert_eq!(shown(&vec![b'a'; most + 1]), (most, "utf-8", Some(true)));
        let text = format!("a{}", "é".repeat(most));
        assert_eq!(shown(text.as_bytes()), (most - 1, "utf-8", Some(true)));
        assert_eq!(shown(&vec![b'\xff'; most + 1]), (4 * most, "escaped", Some(true)));
    }
}
