//! A plan as text.

use indicatif::BinaryBytes;
use owo_colors::OwoColorize;

use super::field;
use crate::plan::explain::{Plan, Severity};
use crate::progress::wording::{counted, fold};

/// The plan, the last line ended.
pub fn text(plan: &Plan, width: usize) -> String {
    let mut text = format!("{}: {}\n", plan.table, plan.strategy.bold());
    text.push_str(&field("why", &plan.reason, width));
    text.push_str(&field("server", &plan.server, width));
    let size = format!("about {}, {}", counted(plan.rows_estimate, "row"), BinaryBytes(plan.bytes));
    text.push_str(&field("size", &size, width));
    if let Some(disk) = plan.disk_needed {
        text.push_str(&field("disk", &format!("needs {} free", BinaryBytes(disk)), width));
    }
    if let Some(key) = &plan.key {
        text.push_str(&field("walks", key, width));
    }
    text.push_str(&field("migration", &plan.migration, width));
    findings(&mut text, plan, width);
    statements(&mut text, plan);
    text
}

fn findings(text: &mut String, plan: &Plan, width: usize) {
    let mut findings: Vec<_> = plan.findings.iter().collect();
    findings.sort_by_key(|finding| finding.severity);
    if !findings.is_empty() {
        text.push_str(&format!("\n{}\n", "findings".bold()));
    }
    for finding in findings {
        let label = format!("{}: ", finding.severity.label());
        let indent = label.len() + 2;
        let room = if width == 0 { 0 } else { width.saturating_sub(indent).max(20) };
        for (at, line) in fold(&finding.text, room).into_iter().enumerate() {
            let label = match (at, finding.severity) {
                (1.., _) => " ".repeat(label.len()),
                (0, Severity::Warning) => label.yellow().to_string(),
                (0, Severity::Note) => label.clone(),
            };
            text.push_str(&format!("  {label}{line}\n"));
        }
    }
}

/// Statements are not folded, so that they can be copied.
fn statements(text: &mut String, plan: &Plan) {
    if !plan.statements.is_empty() {
        text.push_str(&format!("\n{}\n", "statements".bold()));
    }
    let mut step = None;
    for statement in &plan.statements {
        if step != Some(&statement.step) {
            text.push_str(&format!("  {}\n", statement.step.dimmed()));
            step = Some(&statement.step);
        }
        if let Some(note) = statement.note {
            text.push_str(&format!("    {}\n", format!("-- {note}").dimmed()));
        }
        for line in format!("{};", statement.sql).lines() {
            text.push_str(&format!("    {line}\n"));
        }
    }
}
