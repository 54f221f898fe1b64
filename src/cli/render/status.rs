//! Runs as text: a paragraph a run, which a narrow screen shows as well as a wide one.

use bytesize::ByteSize;
use owo_colors::OwoColorize;

use super::field;
use crate::progress::view::percent;
use crate::progress::wording::{count, counted};
use crate::run_status::RunStatus;

/// The runs, the last line ended.
pub fn text(runs: &[RunStatus], width: usize) -> String {
    if runs.is_empty() {
        return "no unfinished change\n".to_owned();
    }
    runs.iter().map(|run| paragraph(run, width)).collect::<Vec<_>>().join("\n")
}

fn paragraph(run: &RunStatus, width: usize) -> String {
    let mut text = format!("{}: {}\n", run.table, run.state.bold());
    // A plan that was killed has only what it left.
    let known = |text: &mut String, label: &str, value: &str| {
        if !value.is_empty() {
            text.push_str(&field(label, value, width));
        }
    };
    known(&mut text, "migration", &run.migration);
    let rows = match (run.rows_done, run.rows_total) {
        (_, 0) => String::new(),
        (done, total) => {
            let share = percent((done as f64 / total as f64).min(1.0));
            format!(", {} of ~{} rows ({share}%)", count(done), count(total))
        }
    };
    let is_over = run.state == "finished";
    if !is_over {
        text.push_str(&field("phase", &format!("{}{rows}", run.phase), width));
    }
    known(&mut text, "started", &run.started_at);
    known(&mut text, "updated", &run.updated_at);
    if !is_over {
        let owner = if run.owner_alive { "a process works on it" } else { "no process works on it" };
        text.push_str(&field("owner", owner, width));
    }
    if let Some(kept) = &run.kept {
        let until = if kept.until.is_empty() { String::new() } else { format!(" until {}", kept.until) };
        text.push_str(&field("kept", &format!("{}{until}", kept.table), width));
        if let Some(logged) = kept.logged {
            let size = ByteSize(kept.log_bytes).display().iec();
            text.push_str(&field("way back", &format!("{} logged since, {size}", counted(logged, "key")), width));
        }
    }
    for (at, leftover) in run.leftovers.iter().enumerate() {
        let label = if is_over { "objects" } else { "leftovers" };
        text.push_str(&field(if at == 0 { label } else { "" }, leftover, width));
    }
    for (at, advice) in run.next.iter().enumerate() {
        text.push_str(&field(if at == 0 { "next" } else { "" }, advice, width));
    }
    text
}
