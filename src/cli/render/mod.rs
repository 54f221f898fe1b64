//! Plans, failures, runs and ends of runs as text and JSON. Pure: values in, text out, a width of 0 does not fold.
//!
//! Text has colours in it; who writes it strips them where they do not belong.

pub mod cleanup;
pub mod deploy;
pub mod failure;
pub mod forecast;
pub mod json;
pub mod markdown;
pub mod plan;
pub mod standing;
pub mod status;
pub mod summary;

use owo_colors::OwoColorize;

use crate::progress::wording::fold;

/// Columns of a label with its gap.
const LABEL: usize = 11;

/// `  label      value`, the value folded beside its label.
fn field(label: &str, value: &str, width: usize) -> String {
    let mut text = String::new();
    // Beside its label a value would have no room on a screen this narrow.
    let room = if width == 0 { 0 } else { width.saturating_sub(LABEL + 2).max(20) };
    for (at, line) in fold(value, room).into_iter().enumerate() {
        let label = if at == 0 { label } else { "" };
        text.push_str(&format!("  {}{line}\n", format!("{label:<LABEL$}").dimmed()));
    }
    text
}
