//! Reads a pre-chat form, which arrives as the text of a chat's first message.

/// The labels and values of a form: lines `Label : value`, joined by CR LF. None where the text
/// does not begin with such a line.
///
/// A line without a label belongs to the value above it.
pub(super) fn read(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (label, behind) = rest.split_once(" : ").filter(|(label, _)| is_label(label))?;
        let (value, next) = behind.split_at(end_of_value(behind));
        rest = next.trim_start_matches("\r\n");
        Some((label, value.trim_end_matches("\r\n")))
    })
}

fn is_label(text: &str) -> bool {
    !text.is_empty() && !text.contains('\n')
}

/// Where the first line break stands that a line with a label follows.
fn end_of_value(text: &str) -> usize {
    let mut breaks = text.match_indices("\r\n");
    let next = breaks.find(|(at, line_break)| {
        let line = text[at + line_break.len()..].lines().next().unwrap_or_default();
        line.split_once(" : ").is_some_and(|(label, _)| is_label(label))
    });
    next.map_or(text.len(), |(at, _)| at)
}

#[cfg(test)]
mod tests {
    #[track_caller]
    fn assert_form(text: &str, form: &[(&str, &str)]) {
        assert_eq!(super::read(text).collect::<Vec<_>>(), form);
    }

    #[test]
    fn lines_of_labels_and_values_are_a_form() {
        assert_form(
            "Name : Nadia\r\nPhone : 5550142087",
            &[("Name", "Nadia"), ("Phone", "5550142087")],
        );
        assert_form("How can we help? : a : b", &[("How can we help?", "a : b")]);
        assert_form("Name : \r\nPhone : 1", &[("Name", ""), ("Phone", "1")]);
    }

    #[test]
    fn a_value_may_go_on_over_lines() {
        assert_form(
            "Question : one\r\ntwo\r\n\r\nthree\r\nPhone : 1",
            &[("Question", "one\r\ntwo\r\n\r\nthree"), ("Phone", "1")],
        );
    }

    #[test]
    fn line_breaks_behind_a_value_are_not_part_of_it() {
        assert_form("Name : x\r\n\r\nPhone : 1\r\n", &[("Name", "x"), ("Phone", "1")]);
        assert_form("A : b\r\n : c", &[("A", "b\r\n : c")]);
    }

    #[test]
    fn other_texts_are_no_form() {
        for text in ["", "Hello", "Hello\r\nName : Nadia", "a: b", " :", " : b", "\n : b"] {
            assert_form(text, &[]);
        }
    }
}
