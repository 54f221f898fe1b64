//! Scripts are split where the server splits them: the same statements run, and the same one fails with the same error.

use anyhow::{Context, Result, ensure};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Row};
use replank::sql::script::{Reading, split};

use crate::project::feed;
use crate::support::{Scenario, Server, on_every_server};
use crate::{cases, name};

on_every_server!(the_server_counts_the_same_statements);

const TRICKY: &[&str] = &[
    "",
    " \n\t",
    ";",
    "; ;\n",
    "-- This is an empty migration.",
    "/* nothing */\n",
    "SELECT 1; -- end",
    "SELECT 1;\n\n;;\n",
    "SELECT 1;; SELECT 2",
    "SELECT 1; -- nothing\n; SELECT 2",
    "\u{feff}SELECT 1",
    "SELECT 1;\r\nSELECT 2;\r\n",
    "DELIMITER $$\nCREATE TRIGGER a BEFORE INSERT ON t FOR EACH ROW BEGIN SET NEW.a = 1; END$$\nDELIMITER ;",
    "SELECT 'a;b', \"c;\\\";d\", 'e''f;' /* ; */ # ;\n, 2 -- ;\n; SELECT 3",
    "CREATE TABLE `x;y` (`a;` INT); DROP TABLE `x;y`",
    "SELECT 1; SELECT 'open; SELECT 2",
    "SELECT 1; SELECT /* open; SELECT 2",
    "/*!40101 SET @a = 1 */; SELECT @a",
    "SELECT 1 /*! , 2 */; SELECT 3",
    "SELECT 5--1; SELECT 6",
    "CREATE TABLE t (a INT); CREATE TRIGGER a BEFORE INSERT ON t FOR EACH ROW BEGIN IF NEW.a > 1 THEN SET NEW.a = CASE \
     NEW.a WHEN 2 THEN 3 ELSE 4 END; ELSE SET NEW.a = 0; END IF; END; INSERT INTO t VALUES (5); SELECT * FROM t",
    "CREATE TABLE t (`end` INT, `begin` INT); CREATE TRIGGER a BEFORE INSERT ON t FOR EACH ROW SET NEW.end = 1; SELECT 1",
    "CREATE PROCEDURE p() BEGIN DECLARE a INT DEFAULT 0; DECLARE CONTINUE HANDLER FOR SQLEXCEPTION, NOT FOUND BEGIN \
     SET a = 9; END; l: LOOP SET a = a + 1; IF a > 3 THEN LEAVE l; END IF; END LOOP l; REPEAT SET a = a - 1; UNTIL a < 1 \
     END REPEAT; WHILE a < 2 DO SET a = a + 1; END WHILE; CASE a WHEN 1 THEN SET a = 1; ELSE SET a = 2; END CASE; END; \
     CALL p(); SELECT 3",
    "CREATE FUNCTION f(a INT) RETURNS VARCHAR(10) CHARSET utf8mb4 DETERMINISTIC NO SQL RETURN CASE a WHEN 1 THEN 'x' \
     END; SELECT f(1)",
    "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DISABLE DO BEGIN SELECT 1; SELECT 2; END; SELECT 3",
    "BEGIN NOT ATOMIC SELECT 1; SELECT 2; END; SELECT 3",
    "BEGIN; SELECT 1; COMMIT; SELECT 2",
    "SELECT 1; SELECT nothing; SELECT 2",
    "CREATE TRIGGER a BEFORE INSERT ON t FOR EACH ROW BEGIN SET NEW.a = 1;",
    "CREATE PROCEDURE p() SELECT 1; SELECT IF(1, 2, 3); SELECT 4",
    "SELECT b'01', x'61', N'c;'; SELECT 2",
];

async fn the_server_counts_the_same_statements(server: Server) -> Result<()> {
    let mut scripts: Vec<(String, String, String)> = Vec::new();
    for script in TRICKY {
        scripts.push(((*script).to_owned(), String::new(), (*script).to_owned()));
    }
    for case in cases()? {
        let read =
            |file: &str| std::fs::read(case.join(file)).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        scripts.push((name(&case), read("before.sql")?, read("migration.sql")?));
    }
    let (whole, apart) = (Scenario::new(&server, "whole", &[]).await?, Scenario::new(&server, "apart", &[]).await?);
    for (label, before, script) in scripts {
        let mut conn = fresh(&whole, &before).await?;
        let wanted = run(&mut conn, &script).await;
        let mut conn = fresh(&apart, &before).await?;
        let found = run_apart(&mut conn, &script).await;
        ensure!(wanted == found, "{label}: as a whole {wanted:?}, apart {found:?}");
        if wanted.1.is_none() && !label.contains("open") {
            let is_whole = |statement: &replank::sql::script::Statement<'_>| statement.reading == Reading::Whole;
            ensure!(split(&script).statements.iter().all(is_whole), "{label} runs, and is not split");
        }
    }
    Ok(())
}

/// A connection to an empty schema in which `before` was run.
async fn fresh(scenario: &Scenario, before: &str) -> Result<Conn> {
    let schema = &scenario.schema;
    scenario.execute(&format!("DROP DATABASE `{schema}`")).await?;
    let mut conn = scenario.server.connect("").await?;
    conn.query_drop(format!("CREATE DATABASE `{schema}` CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci")).await?;
    conn.query_drop(format!("USE `{schema}`")).await?;
    if !before.is_empty() {
        feed(&mut conn, before).await.with_context(|| before.to_owned())?;
    }
    Ok(conn)
}

/// How many statements ran, and the error of the next one.
type Outcome = (usize, Option<u16>);

/// Feeds a text to the server and counts the results of the statements it finds in it.
async fn run(conn: &mut Conn, text: &str) -> Outcome {
    let (mut ran, code) = (0, |error: mysql_async::Error| match error {
        mysql_async::Error::Server(error) => Some(error.code),
        other => panic!("{other}"),
    });
    let mut result = match conn.query_iter(text).await {
        Ok(result) => result,
        Err(error) => return (0, code(error)),
    };
    while result.columns().is_some() {
        let is_last = result.is_empty();
        if !is_last && let Err(error) = result.collect::<Row>().await {
            return (ran + 1, code(error));
        }
        ran += 1;
        if is_last {
            return (ran, None);
        }
    }
    // An error in the place of a result is kept until somebody asks.
    (ran, result.drop_result().await.err().and_then(code))
}

/// The same, one statement after the other.
async fn run_apart(conn: &mut Conn, text: &str) -> Outcome {
    let script = split(text);
    let mut ran = 0;
    for statement in &script.statements {
        let (some, error) = run(conn, statement.text).await;
        ran += some;
        if error.is_some() {
            return (ran, error);
        }
    }
    // The server answers comments behind the last statement, as an empty statement.
    let is_comment = script.tail.contains(['#', '-', '/']);
    (ran + usize::from(is_comment), None)
}
