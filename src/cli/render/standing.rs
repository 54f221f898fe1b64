//! Prisma's migrations as text: one a line, then what `prisma migrate status` would say, but for its advice to resolve
//! what replank itself goes on with.

use owo_colors::OwoColorize;

use crate::deploy::of_alter::Unfinished;
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
    match &standings.verdict {
        Verdict::UpToDate => (format!("{text}\n{}\n", verdict.green()), None),
        Verdict::Behind { .. } => (format!("{text}\n{verdict}\n"), None),
        Verdict::Failed { failed } if standings.all_go_on() => {
            let them = if failed.len() > 1 { "migrations are" } else { "migration is" };
            let names = failed.join("\n");
            let advice = ways_on(standings);
            (text, Some(format!("Following {them} unfinished:\n{names}\n\nThere is nothing to resolve.\n{advice}")))
        }
        Verdict::Failed { .. } => (text, Some([verdict, ways_on(standings)].join("\n").trim_end().to_owned())),
        Verdict::Diverged { .. } | Verdict::Unmanaged => (text, Some(verdict)),
    }
}

/// How replank goes on with what is unfinished, a line each.
fn ways_on(standings: &Standings) -> String {
    let of_alter = standings.of_alter.iter().map(Unfinished::advice);
    let of_deploy =
        standings.resumable.iter().map(|resumable| format!("`replank deploy` goes on with `{}`", resumable.migration));
    of_alter.chain(of_deploy).map(|advice| format!("\nnext: {advice}")).collect()
}

fn standing(entry: &Entry, standings: &Standings) -> String {
    if let Some(resumable) = standings.resumable.iter().find(|resumable| resumable.migration == entry.name) {
        let done = counted(resumable.statements_done, "statement");
        return format!("{}, {done} done: `replank deploy` goes on", "unfinished".yellow());
    }
    if let Some(of_alter) = standings.of_alter.iter().find(|unfinished| unfinished.migration == entry.name) {
        return format!("{}: the change of {} by `replank alter`", "unfinished".yellow(), of_alter.table);
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
