//! The ends of `deploy` and `resolve`, as Prisma writes them.

use owo_colors::OwoColorize;

use crate::deploy::resolve::Resolution;

/// What was applied.
pub fn applied(migrations: &[String]) -> String {
    if migrations.is_empty() {
        return format!("\n{}\n", "No pending migrations to apply.".green());
    }
    let tree: String = migrations.iter().map(|name| format!("  └─ {name}/\n    └─ migration.sql\n")).collect();
    format!(
        "\nThe following migration(s) have been applied:\n\nmigrations/\n{tree}\n{}\n",
        "All migrations have been successfully applied.".green()
    )
}

/// What was written down.
pub fn resolved(resolution: &Resolution) -> String {
    match resolution {
        Resolution::Applied(name) => format!("\nMigration {name} marked as applied.\n"),
        Resolution::RolledBack(name) => format!("\nMigration {name} marked as rolled back.\n"),
    }
}
