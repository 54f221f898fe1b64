//! What the migrations directory and the ledger say together. Pure.

use std::collections::BTreeMap;

use serde::Serialize;

use super::ledger::LedgerRow;
use super::order;
use super::script::matches_checksum;

/// A migration on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnDisk {
    /// Name of its directory.
    pub name: String,
    /// Its script, `None` when there is no file.
    pub script: Option<String>,
}

/// How a migration stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Not applied yet.
    Pending,
    /// Applied.
    Applied,
    /// Begun and not finished: it failed, it was interrupted, or it runs.
    Failed,
    /// Marked as rolled back, so the next deploy applies it again.
    RolledBack,
}

/// A migration as both sides know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// How it stands.
    pub standing: Standing,
    /// Whether it has a directory.
    pub on_disk: bool,
    /// Whether its script is another one than the one that was applied.
    pub edited: bool,
    /// When it was begun last, in UTC.
    pub started_at: Option<String>,
    /// When it was finished, in UTC.
    pub finished_at: Option<String>,
    /// Why it failed, as the ledger has it.
    pub logs: Option<String>,
}

/// Names on disk that a deploy applies, in its order: those without a row that is not rolled back.
pub fn pending<'a>(on_disk: &'a [String], rows: &[LedgerRow]) -> Vec<&'a str> {
    let applied = |name: &str| rows.iter().any(|row| row.migration_name == name && row.rolled_back_at.is_none());
    on_disk.iter().map(String::as_str).filter(|name| !applied(name)).collect()
}

/// Every migration of both sides, in the order of deploys.
pub fn entries(on_disk: &[OnDisk], rows: &[LedgerRow]) -> Vec<Entry> {
    let mut by_name: BTreeMap<&str, (Option<&OnDisk>, Vec<&LedgerRow>)> = BTreeMap::new();
    for migration in on_disk {
        by_name.entry(&migration.name).or_default().0 = Some(migration);
    }
    for row in rows {
        by_name.entry(&row.migration_name).or_default().1.push(row);
    }
    let mut entries: Vec<Entry> = by_name.into_iter().map(|(name, (disk, rows))| entry(name, disk, &rows)).collect();
    entries.sort_by(|left, right| order::compare(&left.name, &right.name));
    entries
}

fn entry(name: &str, disk: Option<&OnDisk>, rows: &[&LedgerRow]) -> Entry {
    let unfinished = rows.iter().rev().find(|row| row.is_unfinished());
    let applied = rows.iter().rev().find(|row| row.finished_at.is_some() && row.rolled_back_at.is_none());
    let (standing, row) = match (unfinished, applied, rows.last()) {
        (Some(row), _, _) => (Standing::Failed, Some(*row)),
        (None, Some(row), _) => (Standing::Applied, Some(*row)),
        (None, None, Some(row)) => (Standing::RolledBack, Some(*row)),
        (None, None, None) => (Standing::Pending, None),
    };
    let script = disk.and_then(|disk| disk.script.as_deref());
    let edited = standing == Standing::Applied
        && script.zip(row).is_some_and(|(script, row)| !matches_checksum(script, &row.checksum));
    Entry {
        name: name.to_owned(),
        standing,
        on_disk: disk.is_some(),
        edited,
        started_at: row.map(|row| row.started_at.clone()),
        finished_at: row.and_then(|row| row.finished_at.clone()),
        logs: row.filter(|_| standing == Standing::Failed).and_then(|row| row.logs.clone()),
    }
}

/// What `prisma migrate status` ends with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing to do, as far as Prisma looks: it does not mind rolled-back, edited and missing migrations.
    UpToDate,
    /// Migrations on disk have no row.
    Behind {
        /// Their names.
        unapplied: Vec<String>,
    },
    /// Migrations on disk have no row, and rows no directory.
    Diverged {
        /// The last name before the first one without a row.
        last_common: Option<String>,
        /// Names on disk without a row.
        unapplied: Vec<String>,
        /// Names of rows without a directory, one for each row.
        not_on_disk: Vec<String>,
    },
    /// There is neither a ledger nor a migration.
    Unmanaged,
    /// Unfinished rows.
    Failed {
        /// Their names.
        failed: Vec<String>,
    },
}

/// The verdict, in the order in which Prisma looks; `rows` is `None` without a ledger.
pub fn verdict(on_disk: &[String], rows: Option<&[LedgerRow]>) -> Verdict {
    let known = rows.unwrap_or_default();
    let has_row = |name: &String| known.iter().any(|row| row.migration_name == *name);
    let unapplied: Vec<String> = on_disk.iter().filter(|name| !has_row(name)).cloned().collect();
    let names = |rows: &mut dyn Iterator<Item = &LedgerRow>| rows.map(|row| row.migration_name.clone()).collect();
    let not_on_disk: Vec<String> = names(&mut known.iter().filter(|row| !on_disk.contains(&row.migration_name)));
    let failed: Vec<String> = names(&mut known.iter().filter(|row| row.is_unfinished()));
    match (unapplied.is_empty(), not_on_disk.is_empty()) {
        (false, true) => Verdict::Behind { unapplied },
        (false, false) => {
            let first = on_disk.iter().position(|name| !has_row(name)).unwrap_or_default();
            let last_common = first.checked_sub(1).map(|last| on_disk[last].clone());
            Verdict::Diverged { last_common, unapplied, not_on_disk }
        }
        (true, _) if rows.is_none() => Verdict::Unmanaged,
        (true, _) if !failed.is_empty() => Verdict::Failed { failed },
        (true, _) => Verdict::UpToDate,
    }
}

impl Verdict {
    /// The exit code of Prisma's command.
    pub fn exit_code(&self) -> u8 {
        match self {
            Verdict::UpToDate => 0,
            Verdict::Behind { .. } | Verdict::Diverged { .. } | Verdict::Unmanaged | Verdict::Failed { .. } => 1,
        }
    }

    /// Its words, with replank's commands in the place of its own.
    pub fn text(&self) -> String {
        let plural = |names: &[String]| if names.len() > 1 { "s" } else { "" };
        match self {
            Verdict::UpToDate => "Database schema is up to date!".to_owned(),
            Verdict::Behind { unapplied } => format!(
                "Following migration{} have not yet been applied:\n{}\n\nTo apply migrations in development run prisma \
                 migrate dev.\nTo apply migrations in production run replank deploy.",
                plural(unapplied),
                unapplied.join("\n")
            ),
            Verdict::Diverged { last_common, unapplied, not_on_disk } => format!(
                "Your local migration history and the migrations table from your database are different:\n\nThe last \
                 common migration is: {}\n\nThe migration{} have not yet been applied:\n{}\n\nThe migration{} from the \
                 database are not found locally in prisma/migrations:\n{}",
                last_common.as_deref().unwrap_or("null"),
                plural(unapplied),
                unapplied.join("\n"),
                plural(not_on_disk),
                not_on_disk.join("\n")
            ),
            Verdict::Unmanaged => "The current database is not managed by Prisma Migrate.\n\nRead more about how to \
                                   baseline an existing production database:\nhttps://pris.ly/d/migrate-baseline"
                .to_owned(),
            Verdict::Failed { failed } => {
                let first = &failed[0];
                format!(
                    "Following migration{} have failed:\n{}\n\nDuring development if the failed migration(s) have not \
                     been deployed to a production database you can then fix the migration(s) and run prisma migrate \
                     dev.\n\nThe failed migration(s) can be marked as rolled back or applied:\n\n- If you rolled back \
                     the migration(s) manually:\nreplank resolve --rolled-back \"{first}\"\n\n- If you fixed the \
                     database manually (hotfix):\nreplank resolve --applied \"{first}\"\n\nRead more about how to \
                     resolve migration issues in a production database:\nhttps://pris.ly/d/migrate-resolve",
                    plural(failed),
                    failed.join("\n")
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::script::checksum;
    use super::*;

    fn row(name: &str, finished: bool, rolled_back: bool) -> LedgerRow {
        let time = |at: bool| at.then(|| "2026-11-23 10:48:06.931".to_owned());
        LedgerRow {
            id: name.to_owned(),
            checksum: checksum("SELECT 1"),
            finished_at: time(finished),
            migration_name: name.to_owned(),
            logs: None,
            rolled_back_at: time(rolled_back),
            started_at: "2026-11-23 10:48:06.931".to_owned(),
            applied_steps_count: u32::from(finished),
        }
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn what_is_pending() {
        let on_disk = names(&["1_a", "2_b", "3_c", "4_d"]);
        let rows = [row("1_a", true, false), row("2_b", true, true), row("4_d", false, true), row("4_d", true, false)];
        assert_eq!(pending(&on_disk, &rows), ["2_b", "3_c"]);
    }

    #[test]
    fn every_standing() {
        let disk = |name: &str, script: &str| OnDisk { name: name.into(), script: Some(script.into()) };
        let on_disk = [
            disk("1_applied", "SELECT 1"),
            disk("2_edited", "SELECT 2"),
            disk("3_failed", "SELECT 1"),
            disk("4_rolled_back", "SELECT 1"),
            disk("5_pending", "SELECT 1"),
        ];
        let rows = [
            row("0_missing", true, false),
            row("1_applied", true, false),
            row("2_edited", true, false),
            row("3_failed", false, false),
            row("4_rolled_back", false, true),
        ];
        let found: Vec<_> = entries(&on_disk, &rows)
            .into_iter()
            .map(|entry| (entry.name, entry.standing, entry.on_disk, entry.edited))
            .collect();
        let expected = [
            ("0_missing", Standing::Applied, false, false),
            ("1_applied", Standing::Applied, true, false),
            ("2_edited", Standing::Applied, true, true),
            ("3_failed", Standing::Failed, true, false),
            ("4_rolled_back", Standing::RolledBack, true, false),
            ("5_pending", Standing::Pending, true, false),
        ];
        assert_eq!(found, expected.map(|(name, standing, disk, edited)| (name.to_owned(), standing, disk, edited)));
    }

    #[test]
    fn verdicts_in_prismas_order() {
        let disk = names(&["1_a", "2_b"]);
        // A failed row hides behind what is not applied.
        let behind = verdict(&disk, Some(&[row("1_a", false, false)]));
        assert_eq!(behind, Verdict::Behind { unapplied: names(&["2_b"]) });
        assert!(behind.text().starts_with("Following migration have not yet been applied:\n2_b\n\n"));
        assert_eq!(verdict(&disk, None), Verdict::Behind { unapplied: disk.clone() });
        let diverged = verdict(&disk, Some(&[row("1_a", true, false), row("1_x", true, false)]));
        assert!(diverged.text().contains("The last common migration is: 1_a\n"), "{}", diverged.text());
        assert_eq!(verdict(&[], None), Verdict::Unmanaged);
        let failed = verdict(&names(&["1_a"]), Some(&[row("1_a", false, false)]));
        assert_eq!((failed.exit_code(), &failed), (1, &Verdict::Failed { failed: names(&["1_a"]) }));
        // Missing on disk and rolled back are nothing to Prisma.
        let rows = [row("0_x", true, false), row("1_a", false, true)];
        assert_eq!(verdict(&names(&["1_a"]), Some(&rows)), Verdict::UpToDate);
        assert_eq!(verdict(&[], Some(&[])), Verdict::UpToDate);
    }
}
