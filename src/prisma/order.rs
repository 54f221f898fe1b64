//! The order Prisma applies migrations in: JavaScript's `localeCompare`, which is not byte order.

use std::cmp::Ordering;

/// Printable ASCII below the letters in the order of Unicode's root collation.
const BEFORE_LETTERS: &str = " _-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$0123456789";

/// Compares names of migration directories as Prisma sorts them: letters without regard to case, `_` before `-` before
/// digits; names equal in that are told apart by case, lower first.
///
/// Other than ASCII letters sort after `z` by code point, which is near enough for names nobody stamps.
pub(super) fn compare(left: &str, right: &str) -> Ordering {
    let without_case = left.chars().map(weight).cmp(right.chars().map(weight));
    without_case.then_with(|| left.chars().map(is_upper).cmp(right.chars().map(is_upper))).then_with(|| left.cmp(right))
}

fn weight(letter: char) -> u32 {
    let folded = letter.to_ascii_lowercase();
    match BEFORE_LETTERS.find(folded) {
        // The position is a byte offset, at most 43, so it is below every letter's code point.
        Some(at) => at as u32,
        None => u32::from(folded),
    }
}

fn is_upper(letter: char) -> bool {
    letter.is_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_sorted(names: &[&str]) {
        let mut sorted: Vec<&str> = names.iter().rev().copied().collect();
        sorted.sort_by(|left, right| compare(left, right));
        assert_eq!(sorted, names);
    }

    #[test]
    fn names_sort_as_prisma_was_seen_to_sort_them() {
        check_sorted(&[
            "20991231000008",
            "20991231000008_A",
            "20991231000008_a_2",
            "20991231000008_b",
            "20991231000008-c",
        ]);
        check_sorted(&["20260101000000_z", "20260101000001_a"]);
        check_sorted(&[".snapshot", "0_init", "20260101000000_a", "baseline"]);
        check_sorted(&["1_a", "1_A", "1_ab", "1_B"]);
    }
}
