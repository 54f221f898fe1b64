//! The end of a change that happened, as text.

use std::time::Duration;

use owo_colors::OwoColorize;

use super::field;
use crate::progress::summary::{Summary, Window};
use crate::progress::wording::{counted, duration};

/// The summary, the last line ended.
pub fn text(summary: &Summary, width: usize) -> String {
    let done = if summary.rolled_back { "rolled back" } else { "altered" };
    let mut text = format!("{}: {} in {}\n", summary.table, done.green().bold(), duration(summary.took));
    if !summary.strategy.is_empty() {
        text.push_str(&field("how", &summary.strategy, width));
    }
    if summary.rows_copied > 0 || summary.keys_applied > 0 {
        let repaired = match summary.rows_repaired {
            0 => String::new(),
            rows => format!(", {} repaired", counted(rows, "row")),
        };
        let copied = match summary.rolled_back {
            true => String::new(),
            false => format!("{} copied, ", counted(summary.rows_copied, "row")),
        };
        let applied = counted(summary.keys_applied, "change");
        text.push_str(&field("rows", &format!("{copied}{applied} applied{repaired}"), width));
    }
    if !summary.lock_windows.is_empty() {
        text.push_str(&field("locks", &lock_windows(&summary.lock_windows), width));
    }
    if summary.retries > 0 {
        text.push_str(&field("retries", &summary.retries.to_string(), width));
    }
    if let Some(file) = &summary.file {
        text.push_str(&field("migration", file, width));
    }
    if let Some(old_table) = &summary.old_table {
        text.push_str(&field(if summary.rolled_back { "kept" } else { "old table" }, old_table, width));
    }
    text
}

/// `triggers 6ms, foreign keys 5 times up to 15ms`, in the order in which they came.
fn lock_windows(windows: &[Window]) -> String {
    let mut by_purpose: Vec<(&str, Vec<Duration>)> = Vec::new();
    for Window { purpose, length } in windows {
        match by_purpose.iter_mut().find(|(known, _)| known == purpose) {
            Some((_, lengths)) => lengths.push(*length),
            None => by_purpose.push((purpose, vec![*length])),
        }
    }
    let text = |(purpose, lengths): (&str, Vec<Duration>)| match lengths.as_slice() {
        [length] => format!("{purpose} {}", duration(*length)),
        several => {
            let longest = several.iter().max().copied().unwrap_or_default();
            format!("{purpose} {} times up to {}", several.len(), duration(longest))
        }
    };
    by_purpose.into_iter().map(text).collect::<Vec<_>>().join(", ")
}
