//! A failure in its three answers: what stopped, what the table is now, what to do next; then the cause.
//! What Prisma stops with is written as Prisma writes it, and what replank knows of it comes after.

use owo_colors::OwoColorize;

use crate::error::Failure;
use crate::progress::wording::fold;

/// Columns before the text of a line.
const INDENT: usize = 9;

/// The failure as text, the last line ended.
pub fn text(failure: &Failure, width: usize) -> String {
    let mut text = match failure.prisma {
        Some(code) => in_prismas_words(code, &failure.what),
        None => in_own_words(failure, width),
    };
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

/// Never folded: scripts look for these texts.
fn in_prismas_words(code: u16, message: &str) -> String {
    let label = "Error:".red().bold().to_string();
    match code {
        0 => format!("{label} {message}\n"),
        // Its command line finds these out by itself; the others come from its engine.
        1000..=1999 => format!("{label} P{code}: {message}\n"),
        _ => format!("{label} P{code}\n\n{message}\n"),
    }
}

fn in_own_words(failure: &Failure, width: usize) -> String {
    let mut text = String::new();
    let error = fold(&failure.what, if width == 0 { 0 } else { width.saturating_sub(7).max(20) });
    for (at, line) in error.into_iter().enumerate() {
        let label = if at == 0 { format!("{} ", "error:".red().bold()) } else { " ".repeat(7) };
        text.push_str(&format!("{label}{line}\n"));
    }
    text
}
