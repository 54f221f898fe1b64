//! Prisma's migrations as text: one a line, then what `prisma migrate status` would say, but for its advice to resolve
//! what replank has begun: the run or the deploy says more.

use owo_colors::OwoColorize;

use crate::deploy::of_alter::UnfinishedAlter;
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
    let ways_on = ways_on(standings);
    match &standings.verdict {
        Verdict::UpToDate => (format!("{text}\n{}\n", verdict.green()), None),
        Verdict::Behind { .. } => (format!("{text}\n{verdict}\n"), (!ways_on.is_empty()).then(|| ways_on.join("\n"))),
        Verdict::Diverged { .. } | Verdict::Unmanaged | Verdict::Failed { .. } => {
            let mut told = vec![match &standings.verdict {
                Verdict::Failed { failed } if standings.all_are_replanks() => unfinished(failed),
                _ => verdict,
            }];
            if !ways_on.is_empty() {
                told.push(String::new());
                told.extend(ways_on);
            }
            (text, Some(told.join("\n")))
        }
    }
}

/// What stands in place of Prisma's advice to resolve them.
fn unfinished(names: &[String]) -> String {
    let them = if names.len() > 1 { "migrations are" } else { "migration is" };
    format!("Following {them} unfinished:\n{}", names.join("\n"))
}

/// How to go on with what is unfinished, a line each.
fn ways_on(standings: &Standings) -> Vec<String> {
    let of_alter = standings.unfinished_alters.iter().map(UnfinishedAlter::advice);
    let of_deploy = standings.resumable.iter().map(|resumable| {
        let migration = &resumable.migration;
        format!("`replank deploy` goes on with `{migration}`, or says what is to be done by hand")
    });
    of_alter.chain(of_deploy).map(|advice| format!("next: {advice}")).collect()
}

fn standing(entry: &Entry, standings: &Standings) -> String {
    if let Some(resumable) = standings.resumable.iter().find(|resumable| resumable.migration == entry.name) {
        let done = counted(resumable.statements_done, "statement");
        return format!("{}, {done} done: `replank deploy` goes on", "unfinished".yellow());
    }
    if let Some(of_alter) = standings.unfinished_alters.iter().find(|unfinished| unfinished.migration == entry.name) {
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
