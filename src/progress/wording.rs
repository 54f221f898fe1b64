//! How numbers, times and long sentences read. Pure.

use std::time::Duration;

use indicatif::HumanCount;
use unicode_width::UnicodeWidthStr;

/// A number with separators: `1,234,567`.
pub fn count(number: u64) -> String {
    HumanCount(number).to_string()
}

/// A number with its noun: `1 row`, `1,234 rows`.
pub fn counted(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{} {noun}s", count(number)) }
}

/// A duration with the two units that matter: `31ms`, `4.2s`, `2m 13s`, `1h 02m`, `3d 4h`.
pub fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        // Rounding up keeps a short lock window from reading as none at all.
        0 => format!("{}ms", time.as_micros().div_ceil(1000)),
        1..=9 => format!("{:.1}s", time.as_millis() as f64 / 1e3),
        10..=59 => format!("{seconds}s"),
        60..=3_599 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        3_600..=86_399 => format!("{}h {:02}m", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{}d {}h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

/// A duration in whole seconds where that is precise enough: `2s`, `2m 13s`.
pub fn about(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..=59 => format!("{seconds}s"),
        seconds => duration(Duration::from_secs(seconds)),
    }
}

/// Folds text into lines of at most `width` columns, at spaces. What is in backticks stays whole, so that a command
/// can be copied from the screen; such a piece may be longer than the width. A width of 0 does not fold.
pub fn fold(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for piece in pieces(paragraph) {
            if !line.is_empty() && width > 0 && line.width() + 1 + piece.width() > width {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(piece);
        }
        lines.push(line);
    }
    if lines.is_empty() {
        lines.push(String::new());
    }
    lines
}

/// Puts items on as few lines of at most `width` columns as they need, separated by commas.
pub fn pack(items: &[String], width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for item in items {
        match lines.last_mut() {
            Some(line) if width == 0 || line.width() + 2 + item.width() <= width => {
                line.push_str(", ");
                line.push_str(item);
            }
            _ => lines.push(item.clone()),
        }
    }
    lines
}

/// Cuts text to `width` columns, the last of them dots.
pub fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    for character in text.chars() {
        let mut longer = kept.clone();
        longer.push(character);
        if longer.width() + 3 > width {
            break;
        }
        kept = longer;
    }
    format!("{kept}{}", ".".repeat(3.min(width)))
}

/// Words, except that a backticked span is one of them.
fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut start = None;
    let mut quoted = false;
    // An odd number of backticks quotes nothing.
    let pairs = text.matches('`').count().is_multiple_of(2);
    for (at, character) in text.char_indices() {
        quoted ^= character == '`' && pairs;
        match (character.is_whitespace() && !quoted, start) {
            (true, Some(from)) => {
                pieces.push(&text[from..at]);
                start = None;
            }
            (false, None) => start = Some(at),
            (true, None) | (false, Some(_)) => {}
        }
    }
    pieces.extend(start.map(|from| &text[from..]));
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_read_well() {
        for (millis, expected) in [
            (0, "0ms"),
            (31, "31ms"),
            (4_200, "4.2s"),
            (9_999, "10.0s"),
            (59_000, "59s"),
            (133_000, "2m 13s"),
            (3_720_000, "1h 02m"),
            (273_600_000, "3d 4h"),
        ] {
            assert_eq!(duration(Duration::from_millis(millis)), expected);
        }
        assert_eq!(duration(Duration::from_micros(40)), "1ms");
    }

    #[test]
    fn commands_are_not_folded() {
        assert_eq!(
            fold("run `replank resume shop.Order` when the server is back", 20),
            ["run", "`replank resume shop.Order`", "when the server is", "back"]
        );
        assert_eq!(fold("a b", 0), ["a b"]);
        assert_eq!(fold("", 10), [""]);
    }

    #[test]
    fn items_share_lines_as_long_as_they_fit() {
        let items: Vec<String> = ["one", "two", "three"].map(str::to_owned).into();
        assert_eq!(pack(&items, 10), ["one, two", "three"]);
        assert_eq!(pack(&items, 0), ["one, two, three"]);
    }

    proptest! {
        #[test]
        fn folding_keeps_every_word(text in "[a-z ]{0,80}", width in 1usize..40) {
            let folded = fold(&text, width);
            let joined = folded.join(" ");
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            prop_assert_eq!(words(&joined), words(&text));
            for line in folded {
                prop_assert!(line.width() <= width || !line.contains(' '));
            }
        }

        #[test]
        fn cut_text_fits(text in "\\PC{0,60}", width in 0usize..50) {
            prop_assert!(cut(&text, width).width() <= width);
        }
    }
}
