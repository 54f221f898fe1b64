//! The plan of pending migrations as Markdown, for a comment on a pull request.

use std::fmt::Write as _;

use indicatif::BinaryBytes;

use super::forecast::{how, numbers, time};
use crate::findings::Finding;
use crate::forecast::report::{MigrationReport, Report, StepReport};
use crate::forecast::rollback::Rollback;
use crate::progress::wording::{count, counted};

/// The plan.
pub fn forecast(report: &Report) -> String {
    let mut text = format!("## Migration plan: {}\n\n", report.verdict.label());
    let pending = counted(report.migrations.len() as u64, "pending migration");
    let _ = writeln!(
        text,
        "{pending} on `{}`, {}. Nothing was changed; how a table is changed is predicted here and asked of the server \
         at deploy.",
        report.database, report.server
    );
    if !report.blockers.is_empty() {
        text.push_str("\n`replank deploy` would stop before the first one:\n\n");
        for blocker in &report.blockers {
            let _ = writeln!(text, "- {}", prose(blocker));
        }
    }
    for migration in &report.migrations {
        text.push('\n');
        self::migration(&mut text, migration);
    }
    text
}

fn migration(text: &mut String, migration: &MigrationReport) {
    let _ = writeln!(text, "### `{}`: {}\n", migration.name, migration.verdict.label());
    if let Some(done) = migration.done {
        let done = counted(done as u64, "statement");
        let _ = writeln!(text, "A deploy was interrupted, {done} done; the next one goes on behind.\n");
    }
    if migration.steps.is_empty() {
        text.push_str("No statements.\n");
    } else {
        text.push_str("| Statement | Table | Rows | Size | How | Time | Disk |\n|---|---|--:|--:|---|---|--:|\n");
    }
    for step in &migration.steps {
        row(text, step);
    }
    let of_steps = migration.steps.iter().flat_map(|step| {
        let refusal =
            step.refusal.iter().map(move |why| format!("- **refused** ({}): {}\n", numbers(step), prose(why)));
        refusal.chain(step.findings.iter().map(move |finding| item(finding, Some(step))))
    });
    let items: Vec<String> = of_steps.chain(migration.findings.iter().map(|finding| item(finding, None))).collect();
    if !items.is_empty() {
        let _ = write!(text, "\n{}", items.concat());
    }
    if !migration.steps.is_empty() {
        text.push_str("\n<details><summary>Statements, reasons and locks</summary>\n");
        for step in &migration.steps {
            details(text, step);
        }
        text.push_str("\n</details>\n");
    }
}

fn row(text: &mut String, step: &StepReport) {
    let table = step.table.as_ref().map(|table| format!("`{}`", cell(table))).unwrap_or_default();
    let rows = step.rows.map(count).unwrap_or_default();
    let size = step.bytes.map(|bytes| BinaryBytes(bytes).to_string()).unwrap_or_default();
    let disk = step.disk.map(|bytes| BinaryBytes(bytes).to_string()).unwrap_or_default();
    let time = time(step).unwrap_or_default();
    let statement = match step.statements.as_slice() {
        [first, .., last] => format!("{first} to {last}"),
        [only] => only.to_string(),
        [] => String::new(),
    };
    let strategy = match step.refusal {
        Some(_) => format!("~~{}~~ refused", step.strategy),
        None => step.strategy.to_owned(),
    };
    let _ = writeln!(text, "| {statement} | {table} | {rows} | {size} | {strategy} | {time} | {disk} |");
}

fn item(finding: &Finding, step: Option<&StepReport>) -> String {
    let place = step.map(|step| format!(" ({}, line {})", numbers(step), step.line)).unwrap_or_default();
    format!(
        "- **{}** `{}`{place}: {}\n  <br>Fix: {}.\n",
        finding.level.word(),
        finding.rule,
        prose(&finding.text),
        finding.fix.trim_end_matches('.')
    )
}

fn details(text: &mut String, step: &StepReport) {
    let mut heading = numbers(step);
    if let Some(first) = heading.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let _ = write!(text, "\n{heading}, line {}: {}: {}.", step.line, how(step), prose(&step.reason));
    if let Some(locks) = &step.locks {
        let _ = write!(text, " Locks: {locks}.");
    }
    text.push_str("\n\n");
    let statements: Vec<String> = step.sql.iter().map(|sql| format!("{sql};")).collect();
    fenced(text, &statements.join("\n"));
}

/// A block of SQL; its fence is longer than any in it.
fn fenced(text: &mut String, sql: &str) {
    let mut fence = "```".to_owned();
    while sql.contains(&fence) {
        fence.push('`');
    }
    let _ = writeln!(text, "{fence}sql\n{}\n{fence}", sql.trim_end());
}

/// Text with what Markdown would take for itself escaped, code in backticks left alone: it may have values of rows in
/// it.
fn prose(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let closed = text.matches('`').count().is_multiple_of(2);
    let mut in_code = false;
    for ch in text.chars() {
        match ch {
            '`' if closed => in_code = !in_code,
            '\n' | '\r' => {
                escaped.push(' ');
                continue;
            }
            '<' | '>' | '[' | ']' | '*' | '_' | '#' | '|' | '@' | '\\' | '`' if !in_code => escaped.push('\\'),
            _ => {}
        }
        escaped.push(ch);
    }
    escaped
}

/// Text in a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// What takes migrations back.
pub fn rollbacks(rollbacks: &[Rollback]) -> String {
    let mut text = "## Ways back\n".to_owned();
    if rollbacks.is_empty() {
        text.push_str("\nNo pending migration.\n");
    }
    for rollback in rollbacks.iter().rev() {
        let complete = if rollback.is_complete() { "complete" } else { "not everything comes back" };
        let _ = writeln!(text, "\n### `{}`: {complete}\n", rollback.migration);
        fenced(&mut text, &rollback.script());
    }
    text
}
