//! What `deploy` finds in the directory and in the ledger: its words, its exit code, and the rows afterwards.

use std::fs;

use anyhow::{Result, ensure};

use crate::project::Project;
use crate::support::account::Account;
use crate::support::{Program, Server, on_every_server, prisma};

on_every_server!(
    empty_database,
    schema_without_history,
    failed_migration,
    rolled_back_migration,
    edited_and_missing_migrations,
    missing_script,
    missing_directory,
    other_provider,
    order_of_names,
    failing_statement,
    scripts_without_statements,
    refused_online,
    threshold,
    kept_old_table,
    change_by_alter,
    account_without_bookkeeping,
    what_is_left_open_is_committed,
);

const A: &str = "20260301000000_a";
const B: &str = "20260302000000_b";
const TABLE: &str = "CREATE TABLE `T` (`id` INTEGER NOT NULL, PRIMARY KEY (`id`));\n";

async fn empty_database(server: Server) -> Result<()> {
    let project = Project::empty(&server, "empty").await?;
    project.add(A, TABLE)?;
    project.add(B, "-- AlterTable\nALTER TABLE `T` ADD COLUMN `a` INTEGER NULL;\n")?;
    assert_text!(project.ended(&["deploy"]).await?, @"
    exit code 0
    --- stdout

    2 migrations found in prisma/migrations

    Applying migration `20260301000000_a`
    Applying migration `20260302000000_b`

    The following migration(s) have been applied:

    migrations/
      └─ 20260301000000_a/
        └─ migration.sql
      └─ 20260302000000_b/
        └─ migration.sql

    All migrations have been successfully applied.
    --- stderr
    ");
    ensure!(project.ledger().await? == [format!("{A} finished - 1 NULL"), format!("{B} finished - 1 NULL")]);
    // The ledger as Prisma makes it, and rows as Prisma writes them.
    let mut conn = project.scenario.connect().await?;
    let other = Project::new(&server, "other").await?;
    let mut definitions = Vec::new();
    for project in [&project, &other] {
        definitions.push(project.value("SHOW CREATE TABLE _prisma_migrations").await?);
    }
    ensure!(definitions[0] == definitions[1], "the ledger is {definitions:?}");
    let rows = prisma::recorded(&mut conn).await?;
    ensure!(rows.iter().all(|row| row.is_recent), "the times are {rows:?}");
    ensure!(rows[0].checksum == prisma::checksum(TABLE), "the checksum is {}", rows[0].checksum);
    let uuid = |id: &String| uuid::Uuid::parse_str(id).is_ok_and(|parsed| parsed.to_string() == *id);
    ensure!(rows.iter().all(|row| uuid(&row.id)), "the ids are {rows:?}");
    assert_text!(project.ended(&["deploy"]).await?, @"
    exit code 0
    --- stdout

    2 migrations found in prisma/migrations


    No pending migrations to apply.
    --- stderr
    ");
    Ok(())
}

async fn schema_without_history(server: Server) -> Result<()> {
    let project = Project::empty(&server, "strange").await?;
    project.add(A, TABLE)?;
    project.scenario.execute("CREATE TABLE `Stranger` (`id` INT)").await?;
    assert_text!(project.ended(&["deploy"]).await?, @r"
    exit code 1
    --- stdout

    1 migration found in prisma/migrations

    --- stderr
    Error: P3005

    The database schema is not empty. Read more about how to baseline an existing production database: https://pris.ly/d/migrate-baseline
      next:  `replank resolve --applied NAME` for every migration that the database has already
    ");
    let tables = "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()";
    ensure!(project.value(tables).await? == "Stranger", "something was made");
    // A view is no table to Prisma.
    project.scenario.execute("DROP TABLE `Stranger`").await?;
    project.scenario.execute("CREATE VIEW `OnlyView` AS SELECT 1").await?;
    project.deploy(&[]).succeed().await?;
    Ok(())
}

async fn failed_migration(server: Server) -> Result<()> {
    let project = Project::new(&server, "failed").await?;
    project.add(A, TABLE)?;
    project.add(B, "SELECT 1;\n")?;
    project.begun_by_prisma(A, ", logs = 'Database error code: 1064'").await?;
    // It counts as well when it is not on disk any more.
    project.begun_by_prisma("20260101000000_gone", "").await?;
    let later = "UPDATE _prisma_migrations SET started_at = '2026-02-03 04:05:07' WHERE migration_name LIKE '%gone'";
    project.scenario.execute(later).await?;
    let failed = project.ended(&["deploy"]).await?;
    assert_text!(failed, @r"
    exit code 1
    --- stdout

    3 migrations found in prisma/migrations

    --- stderr
    Error: P3009

    migrate found failed migrations in the target database, new migrations will not be applied. Read more about how to resolve migration issues in a production database: https://pris.ly/d/migrate-resolve
    The `20260301000000_a` migration started at 2026-02-03 04:05:06.700 UTC failed
    The `20260101000000_gone` migration started at 2026-02-03 04:05:07 UTC failed
    ");
    Ok(())
}

async fn rolled_back_migration(server: Server) -> Result<()> {
    let project = Project::new(&server, "rolledback").await?;
    project.add(A, TABLE)?;
    project.begun_by_prisma(A, ", rolled_back_at = '2026-02-04 00:00:00', logs = 'it failed'").await?;
    project.deploy(&[]).succeed().await?;
    let expected = [format!("{A} unfinished rolled-back 0 'it failed'"), format!("{A} finished - 1 NULL")];
    ensure!(project.ledger().await? == expected, "the ledger is {:?}", project.ledger().await?);
    Ok(())
}

async fn edited_and_missing_migrations(server: Server) -> Result<()> {
    let project = Project::new(&server, "edited").await?;
    project.add(A, "SELECT 1;\n")?;
    project.begun_by_prisma(A, ", finished_at = '2026-02-04 00:00:00', applied_steps_count = 1").await?;
    project.begun_by_prisma("20260101000000_gone", ", finished_at = '2026-02-04 00:00:00'").await?;
    let text = project.ended(&["deploy"]).await?;
    // Prisma says nothing of them.
    assert_text!(text, @r"
    exit code 0
    --- stdout

    2 migrations found in prisma/migrations


    No pending migrations to apply.
    --- stderr
    note: the migration `20260101000000_gone` is applied, but not on disk
    note: the migration `20260301000000_a` was modified after it was applied
    ");
    Ok(())
}

async fn missing_script(server: Server) -> Result<()> {
    let project = Project::new(&server, "noscript").await?;
    project.add(A, TABLE)?;
    fs::create_dir(project.scenario.migrations().join(B))?;
    project.add("20260303000000_c", "SELECT 1;\n")?;
    assert_text!(project.ended(&["deploy"]).await?, @r"
    exit code 1
    --- stdout

    4 migrations found in prisma/migrations

    Applying migration `20260301000000_a`
    --- stderr
    Error: P3015

    Could not find the migration file at migration.sql. Please delete the directory or restore the migration file.
      next:  the directory is `20260302000000_b`
    ");
    ensure!(project.ledger().await? == [format!("{A} finished - 1 NULL")], "rows were written");
    Ok(())
}

async fn missing_directory(server: Server) -> Result<()> {
    let project = Project::empty(&server, "nodir").await?;
    fs::remove_dir_all(project.scenario.project().join("prisma"))?;
    assert_text!(project.ended(&["deploy"]).await?, @r"
    exit code 0
    --- stdout

    No migration found in prisma/migrations


    No pending migrations to apply.
    --- stderr
    ");
    assert_text!(project.ended(&["deploy", "--migrations", "prisma/migration"]).await?, @r"
    exit code 10
    --- stdout
    --- stderr
    error: the migrations directory `prisma/migration` does not exist
      table: untouched
      next:  run from the project's root, or pass `--migrations DIR`
    ");
    // Beside the schema, wherever that is.
    let folder = project.scenario.project().join("db/schema");
    fs::create_dir_all(folder.join("migrations").join(A))?;
    fs::write(folder.join("main.prisma"), "datasource db {\n  provider = \"mysql\"\n}\n")?;
    fs::write(folder.join("migrations").join(A).join("migration.sql"), TABLE)?;
    project.deploy(&["--schema", "db/schema"]).succeed().await?;
    ensure!(project.ledger().await? == [format!("{A} finished - 1 NULL")]);
    Ok(())
}

async fn other_provider(server: Server) -> Result<()> {
    let project = Project::empty(&server, "provider").await?;
    project.add(A, TABLE)?;
    fs::write(project.scenario.migrations().join("migration_lock.toml"), "provider = \"postgresql\"\n")?;
    assert_text!(project.ended(&["deploy"]).await?, @r"
    exit code 1
    --- stdout

    1 migration found in prisma/migrations

    --- stderr
    Error: P3019

    The datasource provider `mysql` specified in your schema does not match the one specified in the migration_lock.toml, `postgresql`. Please remove your current migration directory and start a new migration history with prisma migrate dev. Read more: https://pris.ly/d/migrate-provider-switch
    ");
    fs::remove_file(project.scenario.migrations().join("migration_lock.toml"))?;
    project.deploy(&[]).succeed().await?;
    Ok(())
}

/// JavaScript's order, whatever is applied already; what is no directory does not count.
async fn order_of_names(server: Server) -> Result<()> {
    let project = Project::new(&server, "order").await?;
    project.begun_by_prisma("20991231000009_late", ", finished_at = NOW()").await?;
    for name in ["20991231000008-c", "20991231000008_b", "20991231000008_A", ".dot", "20991231000008_a_2"] {
        project.add(name, "SELECT 1;\n")?;
    }
    fs::write(project.scenario.migrations().join("20991231000010_file"), "")?;
    let outcome = project.deploy(&[]).succeed().await?;
    let started: Vec<String> = outcome
        .events("migration_started")
        .map(|seen| seen.event["migration"].as_str().unwrap_or_default().to_owned())
        .collect();
    let expected = [".dot", "20991231000008_A", "20991231000008_a_2", "20991231000008_b", "20991231000008-c"];
    ensure!(started == expected, "the order is {started:?}");
    Ok(())
}

async fn failing_statement(server: Server) -> Result<()> {
    let project = Project::new(&server, "fails").await?;
    project.add(A, format!("{TABLE}\n-- AlterTable\nALTER TABLE `T` ADD COLUMN `id` INTEGER NULL;\nSELECT 1;\n"))?;
    let text = project.ended(&["deploy"]).await?;
    assert_text!(text, @r"
    exit code 1
    --- stdout

    2 migrations found in prisma/migrations

    Applying migration `20260301000000_a`
    --- stderr
    Error: P3018

    A migration failed to apply. New migrations cannot be applied before the error is recovered from. Read more about how to resolve migration issues in a production database: https://pris.ly/d/migrate-resolve

    Migration name: 20260301000000_a

    Database error code: 1060

    Database error:
    Duplicate column name 'id'

    Please check the query number 2 from the migration file.

      next:  statement 1 is done; take that back and `replank resolve --rolled-back 20260301000000_a`,
             or do the rest by hand and `replank resolve --applied 20260301000000_a`
    ");
    let logs = project.value("SELECT logs FROM _prisma_migrations WHERE finished_at IS NULL").await?;
    ensure!(logs.contains("Please check the query number 2 from the migration file.\n"), "the logs are {logs}");
    ensure!(logs.contains("replank: 1 of 3 statements are done"), "the logs are {logs}");
    ensure!(project.ended(&["deploy"]).await?.contains("Error: P3009\n"), "it does not stay failed");
    // The same on a big table, where the clauses are tried first.
    project.command(&["resolve", "--rolled-back", A]).succeed().await?;
    project.scenario.execute("DROP TABLE `T`").await?;
    let online = project.deploy_all_online().run().await?.expect_code(1)?;
    let failed = online.events("failed").next().map(|seen| seen.event.clone()).unwrap_or_default();
    ensure!(failed["prisma"] == "P3018" && failed["what"].to_string().contains("query number 2 "), "{failed}");
    project.command(&["resolve", "--rolled-back", A]).succeed().await?;
    project.scenario.execute("DROP TABLE `T`").await?;
    project.add(A, TABLE)?;
    project.deploy(&[]).succeed().await?;
    let ledger = project.ledger().await?;
    ensure!(ledger.len() == 3 && ledger[2] == format!("{A} finished - 1 NULL"), "the ledger is {ledger:?}");
    Ok(())
}

async fn scripts_without_statements(server: Server) -> Result<()> {
    let cases: [(&str, &str); 5] = [
        ("", "1065"),
        ("SELECT 1;; SELECT 2;", "1064"),
        ("DELIMITER //\nSELECT 1//\n", "1064"),
        ("\u{feff}SELECT 1;\n", "1064"),
        ("CREATE TABLE a (id INT); SELEC 1; CREATE TABLE b (id INT);", "1064"),
    ];
    for (script, code) in cases {
        let project = Project::new(&server, "odd").await?;
        project.add(A, script)?;
        let outcome = project.deploy(&[]).run().await?.expect_code(1)?;
        let failed = outcome.events("failed").next().map(|seen| seen.event.clone()).unwrap_or_default();
        let what = failed["what"].as_str().unwrap_or_default();
        ensure!(failed["prisma"] == "P3018", "{script:?}: {failed}");
        ensure!(what.contains(&format!("Database error code: {code}\n")), "{script:?}: {what}");
        // The server's own count.
        let plainly = Project::new(&server, "oddly").await?.feed(script).await;
        let Err(mysql_async::Error::Server(error)) = plainly else { anyhow::bail!("{script:?}: {plainly:?}") };
        ensure!(error.code.to_string() == code, "{script:?}: {error}");
    }
    let project = Project::new(&server, "comments").await?;
    project.add(A, "-- This is an empty migration.")?;
    project.add(B, "/* nothing; really */\r\n# nothing\r\n")?;
    project.deploy(&[]).succeed().await?;
    ensure!(project.ledger().await? == [format!("{A} finished - 1 NULL"), format!("{B} finished - 1 NULL")]);
    Ok(())
}

/// What cannot be done online stops before the table is touched, and goes on where it stopped once it may block.
async fn refused_online(server: Server) -> Result<()> {
    let project = Project::new(&server, "refused").await?;
    project.add(
        A,
        "CREATE TABLE `P` (`id` INTEGER NOT NULL, PRIMARY KEY (`id`));\nCREATE TABLE `T` (`id` INTEGER NOT NULL, \
        `pId` INTEGER NULL, PRIMARY KEY (`id`), CONSTRAINT `T_pId_fkey` FOREIGN KEY (`pId`) REFERENCES `P`(`id`));\n\
        ALTER TABLE `T` MODIFY `pId` BIGINT NULL;\nSELECT 1;\n",
    )?;
    let text = project.ended(&["deploy", "--online-above", "0"]).await?;
    assert_text!(text, @r"
    exit code 10
    --- stdout

    2 migrations found in prisma/migrations

    Applying migration `20260301000000_a`
    --- stderr
    error: the change gives column `pId` a type that the other side of the foreign key `T_pId_fkey` has not
      table: untouched by this statement; the migration is unfinished
      next:  drop the foreign key first, change the columns on both sides, and add it again
             `replank deploy --allow-blocking` runs it as it is, which blocks writes to the table meanwhile
    ");
    ensure!(
        project
            .value(
                "SELECT applied_steps_count, finished_at FROM _prisma_migrations WHERE migration_name <> \
        '20260102030405_init'"
            )
            .await?
            == "0, NULL"
    );
    project.scenario.execute("INSERT INTO `P` VALUES (1)").await?;
    project.scenario.execute("INSERT INTO `T` VALUES (1, 1)").await?;
    // Its type no longer fits the parent's, so the server does not take the statement either.
    let text = project.ended(&["deploy", "--online-above", "0", "--allow-blocking"]).await?;
    ensure!(text.contains("Please check the query number 3 from the migration file."), "{text}");
    ensure!(text.contains("statements 1 to 2 are done"), "{text}");
    Ok(())
}

/// Rows or bytes make a table big, whichever comes first.
async fn threshold(server: Server) -> Result<()> {
    let cases = [
        (["--online-above", "2000", "--online-above-size", "1GiB"], "by replank"),
        (["--online-above", "1000000", "--online-above-size", "1KiB"], "by replank"),
        (["--online-above", "1000000", "--online-above-size", "1GiB"], "as it is"),
    ];
    for (words, how) in cases {
        let project = Project::new(&server, "threshold").await?;
        project.scenario.execute("CREATE TABLE `T` (`id` INT NOT NULL, `n` INT NOT NULL, PRIMARY KEY (`id`))").await?;
        project.scenario.seed("T", "id, n", "n, n", 5_000).await?;
        project.add(A, "ALTER TABLE `T` MODIFY `n` BIGINT NOT NULL;\n")?;
        let outcome = project.deploy(&words).succeed().await?;
        let told = outcome.events("statement_started").next().map(|seen| seen.event["how"].to_string());
        ensure!(told == Some(format!("\"{how}\"")), "{words:?}: {told:?}");
    }
    Ok(())
}

async fn kept_old_table(server: Server) -> Result<()> {
    let project = Project::new(&server, "kept").await?;
    project.add(
        A,
        "CREATE TABLE `T` (`id` INT NOT NULL, `n` INT NOT NULL, PRIMARY KEY (`id`));\n\
        ALTER TABLE `T` MODIFY `n` BIGINT NOT NULL;\n",
    )?;
    project.add(B, "ALTER TABLE `T` MODIFY `n` SMALLINT NOT NULL;\n")?;
    let outcome = project.deploy_all_online().args(["--keep-old"]).run().await?.expect_code(11)?;
    let failed = outcome.events("failed").next().map(|seen| seen.event.to_string()).unwrap_or_default();
    ensure!(failed.contains("`replank cleanup "), "{failed}");
    ensure!(project.ledger().await?.len() == 2, "the second migration has no row");
    project.scenario.replank("cleanup", "T").succeed().await?;
    project.deploy_all_online().succeed().await?;
    ensure!(project.ledger().await? == [format!("{A} finished - 1 NULL"), format!("{B} finished - 1 NULL")]);
    Ok(())
}

/// An unfinished change of `replank alter` is a failed migration to Prisma, and so it is here, with the way on.
async fn change_by_alter(server: Server) -> Result<()> {
    let project = Project::new(&server, "byalter").await?;
    project.scenario.execute("CREATE TABLE `T` (`id` INT NOT NULL, `n` INT NOT NULL, PRIMARY KEY (`id`))").await?;
    project.scenario.seed("T", "id, n", "n, n", 5_000).await?;
    let alter = project.scenario.alter("T", "MODIFY `n` BIGINT NOT NULL", "widen");
    let mut run = alter.args(["--max-rows-per-second", "1000", "--chunk-time", "10ms"]).start()?;
    ensure!(run.reaches_phase("copy").await?, "it never began to copy");
    run.interrupt()?;
    run.finish().await?.expect_code(130)?;
    let outcome = project.deploy(&[]).run().await?.expect_code(1)?;
    let failed = outcome.events("failed").next().map(|seen| seen.event.clone()).unwrap_or_default();
    ensure!(failed["prisma"] == "P3009" && failed["next"].to_string().contains("`replank resume "), "{failed}");
    project.scenario.replank("resume", "T").succeed().await?;
    project.deploy(&[]).succeed().await?;
    Ok(())
}

/// What worked with `prisma migrate deploy` works without rights on replank's own schema, too.
async fn account_without_bookkeeping(server: Server) -> Result<()> {
    let project = Project::new(&server, "nobooks").await?;
    let account = Account::create(&server).await?;
    account
        .as_root(&format!("GRANT ALL ON `{}`.* TO {}", project.scenario.schema.replace('_', "\\_"), account.sql))
        .await?;
    project.add(A, format!("{TABLE}ALTER TABLE `T` ADD COLUMN `a` INTEGER NULL;\n"))?;
    let url = account.url(&project.scenario)?;
    let deploy = |words: &[&str]| {
        let program = Program::new(project.scenario.project()).args(["deploy", "--output", "json", "--url", &url]);
        program.args(words.iter().copied()).env("PRISMA_SCHEMA_DISABLE_ADVISORY_LOCK", "1")
    };
    let outcome = deploy(&[]).succeed().await?;
    let told = outcome.events("notice").any(|seen| seen.event["text"].to_string().contains("cannot be resumed"));
    ensure!(told, "it does not say what it cannot do");
    project.add(B, "ALTER TABLE `T` MODIFY `a` BIGINT NULL;\n")?;
    // A big table is not blocked for want of rights.
    let outcome = deploy(&["--online-above", "0"]).run().await?.expect_code(10)?;
    let failed = outcome.events("failed").next().map(|seen| seen.event["what"].to_string()).unwrap_or_default();
    ensure!(failed.contains("the account may not make the bookkeeping schema"), "{failed}");
    account.remove().await
}

/// What a file leaves in an open transaction is there once it is recorded, and so is what the next one writes in the
/// same session.
async fn what_is_left_open_is_committed(server: Server) -> Result<()> {
    let project = Project::new(&server, "open").await?;
    project.scenario.execute("CREATE TABLE `T` (`id` INT PRIMARY KEY)").await?;
    project.add("20260301000000_a", "START TRANSACTION;\nINSERT INTO `T` VALUES (1);\n")?;
    project.add("20260302000000_b", "SET autocommit = 0;\nINSERT INTO `T` VALUES (2);\n")?;
    project.add("20260303000000_c", "INSERT INTO `T` VALUES (3);\nROLLBACK;\nINSERT INTO `T` VALUES (4);\n")?;
    project.deploy(&[]).succeed().await?;
    let rows = project.value("SELECT GROUP_CONCAT(`id` ORDER BY `id`) FROM `T`").await?;
    ensure!(rows == "1,2,4", "{rows}: ROLLBACK is the third file's own, in the session that the second has changed");
    let ledger = project.ledger().await?;
    ensure!(ledger.iter().all(|row| row.contains(" finished - 1 ")) && ledger.len() == 3, "{ledger:?}");
    Ok(())
}
