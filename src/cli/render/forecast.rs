//! The plan of pending migrations, and what takes them back, as text.

use std::path::PathBuf;
use std::time::Duration;

use indicatif::BinaryBytes;
use owo_colors::OwoColorize;

use super::field;
use crate::findings::{Finding, Level};
use crate::forecast::report::{MigrationReport, Report, StepReport, Verdict};
use crate::forecast::rollback::Rollback;
use crate::progress::wording::{counted, duration, fold};

/// The plan, the last line ended.
pub fn text(report: &Report, width: usize) -> String {
    let count = counted(report.migrations.len() as u64, "pending migration");
    let mut text = format!("{} on {} ({}): {}\n", count, report.database, report.server, verdict(report.verdict));
    for blocker in &report.blockers {
        text.push_str(&labelled("  ", &"stops:".red().bold().to_string(), 6, blocker, width));
    }
    for migration in &report.migrations {
        text.push('\n');
        self::migration(&mut text, migration, width);
    }
    text
}

fn verdict(verdict: Verdict) -> String {
    match verdict {
        Verdict::Safe => verdict.label().green().bold().to_string(),
        Verdict::Attention => verdict.label().yellow().bold().to_string(),
        Verdict::Refused => verdict.label().red().bold().to_string(),
    }
}

fn migration(text: &mut String, migration: &MigrationReport, width: usize) {
    text.push_str(&format!("{}: {}\n", migration.name.bold(), verdict(migration.verdict)));
    if let Some(done) = migration.done {
        let done = counted(done as u64, "statement");
        text.push_str(&labelled("  ", "begun:", 6, &format!("{done} done; the next deploy goes on behind"), width));
    }
    for finding in &migration.findings {
        text.push_str(&self::finding(finding, width));
    }
    for step in &migration.steps {
        self::step(text, step, width);
    }
}

fn step(text: &mut String, step: &StepReport, width: usize) {
    text.push('\n');
    let first = step.sql.first().and_then(|sql| sql.lines().next()).unwrap_or_default();
    let more = if step.sql.len() > 1 || step.sql.iter().any(|sql| sql.lines().count() > 1) { " …" } else { "" };
    text.push_str(&format!("  {}  {first}{more}\n", format!("{}, line {}", numbers(step), step.line).dimmed()));
    if let Some(size) = size(step) {
        text.push_str(&field("table", &size, width));
    }
    text.push_str(&field("how", &how(step), width));
    text.push_str(&field("why", &step.reason, width));
    if let Some(locks) = &step.locks {
        text.push_str(&field("locks", locks, width));
    }
    if let Some(time) = time(step) {
        text.push_str(&field("time", &time, width));
    }
    if let Some(disk) = step.disk {
        text.push_str(&field("disk", &format!("needs {} free", BinaryBytes(disk)), width));
    }
    if let Some(refusal) = &step.refusal {
        text.push_str(&labelled("  ", &"refused:".red().bold().to_string(), 8, refusal, width));
    }
    for finding in &step.findings {
        text.push_str(&self::finding(finding, width));
    }
}

fn finding(finding: &Finding, width: usize) -> String {
    let word = format!("{}:", finding.level.word());
    let label = match finding.level {
        Level::Deny => word.red().bold().to_string(),
        Level::Warn => word.yellow().to_string(),
        Level::Note | Level::Off => word.clone(),
    };
    let what = format!("{} [{}]", finding.text, finding.rule);
    let mut text = labelled("  ", &label, word.len(), &what, width);
    let indent = " ".repeat(3 + word.len());
    let room = if width == 0 { 0 } else { width.saturating_sub(indent.len()).max(20) };
    for line in fold(&format!("fix: {}", finding.fix), room) {
        text.push_str(&format!("{indent}{}\n", line.dimmed()));
    }
    text
}

/// A label of so many columns, and a value folded beside it.
fn labelled(indent: &str, label: &str, columns: usize, value: &str, width: usize) -> String {
    let mut text = String::new();
    let room = if width == 0 { 0 } else { width.saturating_sub(indent.len() + columns + 1).max(20) };
    for (at, line) in fold(value, room).into_iter().enumerate() {
        let label = if at == 0 { label.to_owned() } else { " ".repeat(columns) };
        text.push_str(&format!("{indent}{label} {line}\n"));
    }
    text
}

/// `statement 2`, `statements 2 to 4`.
pub(super) fn numbers(step: &StepReport) -> String {
    match step.statements.as_slice() {
        [first, .., last] => format!("statements {first} to {last}"),
        [only] => format!("statement {only}"),
        [] => String::new(),
    }
}

/// `Order, about 12 rows, 16 KiB`.
pub(super) fn size(step: &StepReport) -> Option<String> {
    let table = step.table.as_ref()?;
    Some(match (step.rows, step.bytes) {
        (Some(rows), Some(bytes)) => format!("{table}, about {}, {}", counted(rows, "row"), BinaryBytes(bytes)),
        _ => table.clone(),
    })
}

pub(super) fn how(step: &StepReport) -> String {
    let predicted = step.predicted && step.locks.is_some();
    format!("{}{}", step.strategy, if predicted { " (predicted)" } else { "" })
}

/// `about 2 s`, `2 s to 4 min`.
pub(super) fn time(step: &StepReport) -> Option<String> {
    let (best, worst) = step.seconds?;
    let seconds = |seconds| duration(Duration::from_secs(seconds));
    Some(match (best, worst) {
        (0 | 1, 0 | 1) => "less than a second".to_owned(),
        (best, worst) if best == worst => format!("about {}", seconds(best)),
        (best, worst) => format!("{} to {}", seconds(best), seconds(worst)),
    })
}

/// What takes migrations back, as scripts one after the other.
pub fn rollbacks(rollbacks: &[Rollback], saved: &[PathBuf]) -> String {
    if rollbacks.is_empty() {
        return "no pending migration\n".to_owned();
    }
    if !saved.is_empty() {
        return saved.iter().map(|path| format!("saved {}\n", path.display())).collect();
    }
    // Taken back in the opposite order of applying.
    rollbacks.iter().rev().map(Rollback::script).collect::<Vec<_>>().join("\n")
}
