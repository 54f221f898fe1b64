//! A failure in its three answers: what stopped, what the table is now, what to do next; then the cause.

use owo_colors::OwoColorize;

use crate::error::Failure;
use crate::progress::wording::fold;

/// Columns before the text of a line.
const INDENT: usize = 9;

/// The failure as text, the last line ended.
pub fn text(failure: &Failure, width: usize) -> String {
    let mut text = String::new();
    let error = fold(&failure.what, if width == 0 { 0 } else { width.saturating_sub(7).max(20) });
    for (at, line) in error.into_iter().enumerate() {
        let label = if at == 0 { format!("{} ", "error:".red().bold()) } else { " ".repeat(7) };
        text.push_str(&format!("{label}{line}\n"));
    }
    let mut add = |label: &str, value: &str| {
        let room = if width == 0 { 0 } else { width.saturating_sub(INDENT).max(20) };
        for (at, line) in fold(value, room).into_iter().enumerate() {
            let label = format!("{:<7}", if at == 0 { label } else { "" });
            text.push_str(&format!("  {}{line}\n", label.bold()));
        }
    };
    if let Some(table) = &failure.table {
        add("table:", table);
    }
    for (at, advice) in failure.next.iter().enumerate() {
        add(if at == 0 { "next:" } else { "" }, advice);
    }
    if let Some(cause) = &failure.cause {
        add("cause:", cause);
    }
    text
}
