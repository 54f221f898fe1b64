//! Prisma's migrations as text: one a line, then what `prisma migrate status` would say.

use owo_colors::OwoColorize;

use crate::deploy::standing::Standings;
use crate::prisma::history::{Entry, Standing, Verdict};
use crate::progress::wording::counted;

/// The table with what Prisma writes to standard output, and what it writes to standard error.
pub fn text(standings: &Standings) -> (String, Option<String>) {
    let on_disk = standings.migrations.iter().filter(|entry| entry.on_disk).count();
    let mut text = match on_disk {
        0 => format!("No migration found in {}\n", standings.directory),
        1 => format!("1 migration found in {}\n", standings.directory),
        count => format!("{count} migrations found in {}\n", standings.directory),
    };
    if !standings.migrations.is_empty() {
        text.push('\n');
    }
    let widest = standings.migrations.iter().map(|entry| entry.name.chars().count()).max().unwrap_or_default();
    for entry in &standings.migrations {
        let gap = " ".repeat(widest - entry.name.chars().count());
        text.push_str(&format!("  {}{gap}  {}\n", entry.name, standing(entry, standings)));
    }
    let verdict = standings.verdict.text();
    match standings.verdict {
        Verdict::UpToDate => (format!("{text}\n{}\n", verdict.green()), None),
        Verdict::Behind { .. } => (format!("{text}\n{verdict}\n"), None),
        Verdict::Diverged { .. } | Verdict::Unmanaged | Verdict::Failed { .. } => (text, Some(verdict)),
    }
}

fn standing(entry: &Entry, standings: &Standings) -> String {
    if let Some(resumable) = standings.resumable.iter().find(|resumable| resumable.migration == entry.name) {
        let done = counted(resumable.statements_done, "statement");
        return format!("{}, {done} done: `replank deploy` goes on", "unfinished".yellow());
    }
    let mut text = match entry.standing {
        Standing::Pending => "pending".yellow().to_string(),
        Standing::Applied => "applied".green().to_string(),
        Standing::Failed => "failed".red().to_string(),
        Standing::RolledBack => "rolled back".yellow().to_string(),
    };
    match entry.standing {
        Standing::Failed => {
            let started = entry.started_at.as_deref().unwrap_or_default();
            text.push_str(&format!(", or still running: begun {started} UTC"));
        }
        Standing::RolledBack if entry.on_disk => text.push_str(": the next deploy applies it again"),
        Standing::Pending | Standing::Applied | Standing::RolledBack => {}
    }
    if entry.edited {
        text.push_str(", edited on disk since");
    }
    if !entry.on_disk {
        text.push_str(", missing on disk");
    }
    text
}
