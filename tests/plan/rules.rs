//! Rules that ask about rows: each on a table where it fires and on one where it does not.

use anyhow::{Result, ensure};

use crate::project::Project;
use crate::support::{Kind, Server, on_every_server};

on_every_server!(rows_decide, statistics_of_indexes_decide, levels_come_from_the_settings_file);

const TABLE: &str = "CREATE TABLE t (
    id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, a VARCHAR(50) NULL, n BIGINT NULL, d DECIMAL(10, 2) NULL,
    e ENUM('A', 'B', 'C') NULL, t DATETIME(3) NULL, KEY n (n)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci";

const PARENT: &str = "CREATE TABLE IF NOT EXISTS p (id BIGINT NOT NULL PRIMARY KEY); INSERT IGNORE INTO p VALUES (1)";

/// Clauses, rows on which the rule says the text, and rows on which it says nothing.
const CASES: &[(&str, &str, &str, &str)] = &[
    (
        "MODIFY a VARCHAR(3) NULL",
        "(a) VALUES ('four'), ('ok')",
        "1 row of `t` has a value of `a` that does not fit varchar(3), at `id` 1",
        "(a) VALUES ('äöü'), (NULL)",
    ),
    (
        "MODIFY n INT NULL",
        "(n) VALUES (3000000000), (1), (-3000000000)",
        "2 rows of `t` have a value of `n` that does not fit int, between `id` 1 and 3",
        "(n) VALUES (2147483647)",
    ),
    (
        "MODIFY a INT NULL",
        "(a) VALUES ('7'), ('x')",
        "1 row of `t` has a value of `a` that does not fit int, at `id` 2",
        "(a) VALUES ('-12')",
    ),
    (
        "MODIFY a INT NULL",
        "(a) VALUES ('7'), ('99999999999')",
        "1 row of `t` has a value of `a` that does not fit int, at `id` 2",
        "(a) VALUES ('-2147483648')",
    ),
    (
        "MODIFY n VARCHAR(3) NULL",
        "(n) VALUES (123), (-123)",
        "1 row of `t` has a value of `n` that does not fit varchar(3), at `id` 2",
        "(n) VALUES (-12)",
    ),
    (
        "MODIFY a VARCHAR(50) CHARACTER SET latin1 NULL",
        "(a) VALUES ('é'), ('ж')",
        "1 row of `t` has a value of `a` that latin1 does not have, at `id` 2",
        "(a) VALUES ('é'), (NULL)",
    ),
    (
        "CONVERT TO CHARACTER SET utf8mb3",
        "(a) VALUES ('ж'), ('😀')",
        "1 row of `t` has a value of `a` that utf8mb3 does not have, at `id` 2",
        "(a) VALUES ('ж')",
    ),
    (
        "MODIFY d DECIMAL(6, 1) NULL",
        "(d) VALUES (1.25), (100000), (1.5)",
        "1 row of `t` has a value of `d` that does not fit decimal(6, 1)",
        "(d) VALUES (99999.9)",
    ),
    (
        "MODIFY d DECIMAL(6, 1) NULL",
        "(d) VALUES (1.25), (1.5)",
        "1 row of `t` has a value of `d` that is rounded to decimal(6, 1)",
        "(d) VALUES (99999.9)",
    ),
    (
        "MODIFY t DATE NULL",
        "(t) VALUES ('2026-01-01 12:00:00')",
        "1 row of `t` has a value of `t` that is rounded to date",
        "(t) VALUES ('2026-01-01')",
    ),
    (
        "MODIFY t DATETIME NULL",
        "(t) VALUES ('2026-01-01 12:00:00.5')",
        "1 row of `t` has a value of `t` that is rounded to datetime",
        "(t) VALUES ('2026-01-01 12:00:00')",
    ),
    (
        "MODIFY a VARCHAR(50) NOT NULL",
        "(a) VALUES (NULL), ('x'), (NULL)",
        "2 rows of `t` have NULL in `a`, which becomes NOT NULL, between `id` 1 and 3",
        "(a) VALUES ('')",
    ),
    (
        "MODIFY e ENUM('A', 'C') NULL",
        "(e) VALUES ('B'), ('B'), ('A')",
        "`e` of `t` loses 'B', which is in use: 2 rows 'B'",
        "(e) VALUES ('A'), ('C')",
    ),
    (
        "ADD UNIQUE INDEX u (a)",
        "(a) VALUES ('x'), ('X'), ('y')",
        "`u` of `t`, unique over (a): there are duplicates, (x) 2 times",
        "(a) VALUES ('x'), (NULL), (NULL)",
    ),
    (
        "ADD UNIQUE INDEX u (a(2))",
        "(a) VALUES ('xyz'), ('xya')",
        "`u` of `t`, unique over (a): there are duplicates, (xy) 2 times",
        "(a) VALUES ('xyz'), ('xzz')",
    ),
    (
        "ADD UNIQUE INDEX u (a, n)",
        "(a, n) VALUES ('x', 1), ('x', 1), ('x', 2)",
        "unique over (a, n): there are duplicates, (x, 1) 2 times",
        "(a, n) VALUES ('x', 1), ('x', NULL), ('x', NULL)",
    ),
    (
        "ADD CONSTRAINT positive CHECK (n > 0)",
        "(n) VALUES (1), (-1), (NULL)",
        "values that break the CHECK `positive`",
        "(n) VALUES (1), (NULL)",
    ),
    (
        "ADD CONSTRAINT t_p_fkey FOREIGN KEY (n) REFERENCES p (id)",
        "(n) VALUES (1), (7), (NULL)",
        "1 row of `t` references no row of `p` (foreign key `t_p_fkey`), at `id` 2",
        "(n) VALUES (1), (NULL)",
    ),
    (
        "ADD COLUMN r INT NOT NULL",
        "(a) VALUES ('x')",
        "`r` of `t` is new, NOT NULL and has no default",
        "(a) SELECT 1 FROM DUAL WHERE 1 = 0",
    ),
];

async fn rows_decide(server: Server) -> Result<()> {
    let project = Project::new(&server, "rules").await?;
    for (clauses, fires, text, silent) in CASES {
        project.add("20260203040506_alter_t", format!("ALTER TABLE t {clauses};"))?;
        for (rows, expected) in [(fires, true), (silent, false)] {
            project
                .feed(&format!("{PARENT}; DROP TABLE IF EXISTS t; {TABLE}; INSERT INTO t {rows}; ANALYZE TABLE t"))
                .await?;
            let outcome = project.command(&["plan", "--output", "json"]).run().await?;
            let told = outcome.stdout.contains(text);
            ensure!(told == expected, "{clauses} on {rows}: {}", outcome.stdout);
            let denied = outcome.code() == Some(10);
            ensure!(denied == expected, "{clauses} on {rows}: exit code {:?}, {}", outcome.code(), outcome.stdout);
        }
    }
    Ok(())
}

async fn statistics_of_indexes_decide(server: Server) -> Result<()> {
    // MariaDB keeps them with `userstat` only, which is off in the tests: then there is nothing to say.
    let has_statistics = server.kind == Kind::MySql97;
    let project = Project::new(&server, "unused").await?;
    project.feed(&format!("{TABLE}; INSERT INTO t (n) VALUES (1), (2)")).await?;
    project.add("20260203040506_add_index_t_a", "CREATE INDEX a ON t(a);")?;
    let told =
        |outcome: crate::support::Outcome| outcome.stdout.contains("`n` has not been read since the server started");
    let unused = told(project.command(&["plan"]).run().await?.expect_code(0)?);
    ensure!(unused == has_statistics, "before the index was used: {unused}");
    project.value("SELECT id FROM t FORCE INDEX (n) WHERE n = 1").await?;
    ensure!(!told(project.command(&["plan"]).run().await?.expect_code(0)?), "the index was used");
    Ok(())
}

async fn levels_come_from_the_settings_file(server: Server) -> Result<()> {
    let project = Project::new(&server, "levels").await?;
    project.feed(&format!("{TABLE}; INSERT INTO t (a) VALUES ('x')")).await?;
    project.add("20260203040506_drop_t_a", "ALTER TABLE t DROP COLUMN a;")?;
    let file = project.scenario.project().join("replank.toml");
    for (text, code) in [
        ("", 16),
        ("[rules]\ndrop_column = 'off'\n", 0),
        ("[rules]\ndrop_column = 'note'\n", 0),
        ("[rules]\ndrop_column = 'deny'\n", 10),
        ("[rules]\ndrop_columns = 'deny'\n", 2),
        ("online_above = 0\nmigrations = 'nowhere'\n", 10),
    ] {
        std::fs::write(&file, text)?;
        let outcome = project.command(&["plan"]).run().await?;
        ensure!(outcome.code() == Some(code), "{text}: {:?} {}{}", outcome.code(), outcome.stdout, outcome.stderr);
    }
    // A flag wins over the file.
    let outcome = project.command(&["plan", "--migrations", "prisma/migrations"]).run().await?.expect_code(16)?;
    ensure!(outcome.stdout.contains("instant (predicted)"), "the file's online_above holds: {}", outcome.stdout);
    Ok(())
}
