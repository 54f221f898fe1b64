//! The end of a change that happened, as text.

use owo_colors::OwoColorize;

use super::field;
use crate::progress::summary::Summary;
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
        let windows: Vec<_> = summary
            .lock_windows
            .iter()
            .map(|window| format!("{} {}", window.purpose, duration(window.length)))
            .collect();
        text.push_str(&field("locks", &windows.join(", "), width));
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
