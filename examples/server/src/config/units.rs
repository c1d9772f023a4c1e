//! Sizes and times as people write them: `2MiB`, `30s`.

use std::time::Duration;

/// Reads a number of bytes, plain or with a unit.
pub(super) fn bytes(text: &str) -> Result<usize, &'static str> {
    const WRITE: &str = "write a number of bytes above 0, or as in 512KiB or 2MiB";
    let (number, unit) = split(text).ok_or(WRITE)?;
    let unit = match unit {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err(WRITE),
    };
    number.checked_mul(unit).and_then(|bytes| bytes.try_into().ok()).ok_or(WRITE)
}

/// Reads a time; a number without a unit could mean anything.
pub(super) fn duration(text: &str) -> Result<Duration, &'static str> {
    const WRITE: &str = "write a time above 0 with its unit, as in 30s or 500ms";
    match split(text).ok_or(WRITE)? {
        (number, "ms") => Ok(Duration::from_millis(number)),
        (number, "s") => Ok(Duration::from_secs(number)),
        (number, "m") => number.checked_mul(60).map(Duration::from_secs).ok_or(WRITE),
        _ => Err(WRITE),
    }
}

/// A number above 0, and what stands after it: a limit of nothing would refuse every delivery.
fn split(text: &str) -> Option<(u64, &str)> {
    let (number, unit) =
        text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let number = number.parse().ok().filter(|number| *number > 0)?;
    Some((number, unit.trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_bytes_or_have_a_binary_unit() {
        assert_eq!(bytes("2097152"), Ok(2 << 20));
        assert_eq!(bytes("2MiB"), Ok(2 << 20));
        assert_eq!(bytes("512 KiB"), Ok(512 << 10));
        for text in ["", "0", "0MiB", "MiB", "2M", "-1", "1.5MiB", "99999999999999GiB", "²"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_have_a_unit() {
        assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        for text in ["", "30", "0s", "s", "-1s", "1.5s", "30 seconds"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
