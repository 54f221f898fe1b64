//! Where `prisma migrate` stops, in its words: scripts and people look for these texts, so they are its own to the
//! letter, trailing newlines included.

use mysql_async::Opts;

use super::ledger::LedgerRow;
use crate::error::Failure;
use crate::server::{ServerError, address, errno};

const RESOLVE: &str = "Read more about how to resolve migration issues in a production database: \
                       https://pris.ly/d/migrate-resolve";

/// P1000, P1001, P1003 or P1010: there is no connection.
pub fn no_connection(opts: &Opts, error: &ServerError) -> Failure {
    let user = opts.user().unwrap_or_default();
    let location = location(opts);
    match error.code() {
        Some(errno::ACCESS_DENIED | errno::ACCESS_DENIED_NO_PASSWORD) => Failure::prisma(
            1000,
            format!(
                "Authentication failed against database server, the provided database credentials for `{user}` are \
                 not valid.\n\nPlease make sure to provide valid database credentials for the database server at the \
                 configured address."
            ),
        )
        .cause(error),
        Some(errno::UNKNOWN_DATABASE) => database_missing(opts),
        Some(errno::DENIED_DATABASE) => {
            let database = opts.db_name().unwrap_or_default();
            Failure::prisma(1010, format!("User `{user}` was denied access on the database `{database}`")).cause(error)
        }
        _ => Failure::prisma(
            1001,
            format!(
                "Can't reach database server at `{location}`\n\nPlease make sure your database server is running at \
                 `{location}`."
            ),
        )
        .cause(match error {
            ServerError::Lost(why) => why.clone(),
            error => error.to_string(),
        }),
    }
}

/// P1003: only `deploy` makes the database.
pub fn database_missing(opts: &Opts) -> Failure {
    let database = opts.db_name().unwrap_or_default();
    Failure::prisma(1003, format!("Database `{database}` does not exist"))
        .next(format!("`replank deploy` creates it at {}", address(opts)))
}

/// P1002: somebody else has Prisma's advisory lock. Prisma itself gives this on PostgreSQL; on MySQL it goes on without.
pub fn locked(location: &str, statement: &str, waited: u64, holder: &str) -> Failure {
    Failure::prisma(
        1002,
        format!(
            "The database server at `{location}` was reached but timed out.\n\nPlease try again.\n\nPlease make sure \
             your database server is running at `{location}`.\n\nContext: Timed out trying to acquire an advisory \
             lock ({statement}), held by {holder}. Elapsed: {waited}ms. See \
             https://pris.ly/d/migrate-advisory-locking for details.\n"
        ),
    )
    .next("wait for the other deploy to end, then run this one again")
}

/// P3004: it is the server's own.
pub fn system_database(database: &str) -> Failure {
    Failure::prisma(
        3004,
        format!(
            "The `{database}` database is a system database, it should not be altered with prisma migrate. Please \
             connect to another database."
        ),
    )
}

/// P3005: tables, but no history.
pub fn not_empty() -> Failure {
    Failure::prisma(
        3005,
        "The database schema is not empty. Read more about how to baseline an existing production database: \
         https://pris.ly/d/migrate-baseline",
    )
    .next("`replank resolve --applied NAME` for every migration that the database has already")
}

/// P3008: it is applied.
pub fn already_applied(migration: &str) -> Failure {
    Failure::prisma(3008, format!("The migration `{migration}` is already recorded as applied in the database."))
}

/// P3009: migrations are unfinished, which is failed to Prisma; `rows` is not empty.
pub fn failed_migrations(rows: &[LedgerRow]) -> Failure {
    let lines: Vec<String> = rows
        .iter()
        .map(|row| {
            format!("The `{}` migration started at {} failed\n", row.migration_name, super::as_prisma(&row.started_at))
        })
        .collect();
    Failure::prisma(
        3009,
        format!(
            "migrate found failed migrations in the target database, new migrations will not be applied. \
             {RESOLVE}\n{}",
            lines.concat()
        ),
    )
}

/// P3011: no row of that name.
pub fn never_applied(migration: &str) -> Failure {
    Failure::prisma(
        3011,
        format!(
            "Migration `{migration}` cannot be rolled back because it was never applied to the database. Hint: did \
             you pass in the whole migration name? (example: \"20201207184859_initial_migration\")"
        ),
    )
}

/// P3012: all its rows are finished.
pub fn not_failed(migration: &str) -> Failure {
    Failure::prisma(3012, format!("Migration `{migration}` cannot be rolled back because it is not in a failed state."))
}

/// P3015: a directory without its script. Prisma names no directory.
pub fn script_missing(migration: &str) -> Failure {
    Failure::prisma(
        3015,
        "Could not find the migration file at migration.sql. Please delete the directory or restore the migration \
         file.",
    )
    .next(format!("the directory is `{migration}`"))
}

/// P3017: no directory of that name.
pub fn migration_missing(migration: &str) -> Failure {
    Failure::prisma(
        3017,
        format!(
            "The migration {migration} could not be found. Please make sure that the migration exists, and that you \
             included the whole name of the directory. (example: \"20201207184859_initial_migration\")"
        ),
    )
}

/// P3018: a statement of a migration failed. `statement` is its number in the file, counted from 1.
pub fn migration_failed(migration: &str, code: Option<u16>, error: &str, statement: Option<usize>) -> Failure {
    let code = code.map_or_else(|| "none".to_owned(), |code| code.to_string());
    let place = statement.map(|number| format!("\n\nPlease check the query number {number} from the migration file."));
    let place = place.unwrap_or_default();
    Failure::prisma(
        3018,
        format!(
            "A migration failed to apply. New migrations cannot be applied before the error is recovered from. \
             {RESOLVE}\n\nMigration name: {migration}\n\nDatabase error code: {code}\n\nDatabase \
             error:\n{error}{place}\n"
        ),
    )
}

/// P3021 and P3022, which are words of P3018 when a migration runs: what Vitess does not do. `None` for everything else.
pub fn of_vitess(code: u16, message: &str) -> Option<&'static str> {
    match code {
        // Its number for what it does not support; elsewhere a statement that was ended from outside.
        errno::QUERY_INTERRUPTED => Some(
            "Foreign keys cannot be created on this database. Learn more how to handle this: \
             https://pris.ly/d/migrate-no-foreign-keys",
        ),
        errno::UNKNOWN_ERROR if message == "direct DDL is disabled" => Some(
            "Direct execution of DDL (Data Definition Language) SQL statements is disabled on this database. Please \
             read more here about how to handle this: https://pris.ly/d/migrate-no-direct-ddl",
        ),
        _ => None,
    }
}

/// P3019: migration_lock.toml is for another kind of database.
pub fn provider_switched(found: &str) -> Failure {
    Failure::prisma(
        3019,
        format!(
            "The datasource provider `mysql` specified in your schema does not match the one specified in the \
             migration_lock.toml, `{found}`. Please remove your current migration directory and start a new migration \
             history with prisma migrate dev. Read more: https://pris.ly/d/migrate-provider-switch"
        ),
    )
}

/// `host:port`, as Prisma names a server.
pub fn location(opts: &Opts) -> String {
    format!("{}:{}", opts.ip_or_hostname(), opts.tcp_port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_statement_reads_as_prisma_writes_it() {
        let failure = migration_failed("20991231000000_bad", Some(1060), "Duplicate column name 'email'", Some(2));
        insta::assert_snapshot!(failure.what, @"
        A migration failed to apply. New migrations cannot be applied before the error is recovered from. Read more about how to resolve migration issues in a production database: https://pris.ly/d/migrate-resolve

        Migration name: 20991231000000_bad

        Database error code: 1060

        Database error:
        Duplicate column name 'email'

        Please check the query number 2 from the migration file.
        ");
        assert!(failure.what.ends_with("file.\n"));
        assert!(migration_failed("m", None, "gone", None).what.contains("code: none\n\nDatabase error:\ngone\n"));
    }

    #[test]
    fn what_vitess_does_not_do_has_words_of_its_own() {
        assert!(
            of_vitess(1317, "VT10001: foreign key constraints are not allowed").unwrap().starts_with("Foreign keys")
        );
        assert!(of_vitess(1105, "direct DDL is disabled").unwrap().starts_with("Direct execution of DDL"));
        assert_eq!(of_vitess(1105, "syntax error at position 5"), None);
        assert_eq!(of_vitess(1060, "direct DDL is disabled"), None);
    }
}
