//! What a dry run announces is what the run then does: the statements are those that the server gets.

use crate::intercept::{Intercept, Then};
use crate::support::{Program, Scenario, Server, on_every_server};
use anyhow::{Context, Result, ensure};

on_every_server!(copy, copy_that_keeps_nothing, copy_with_a_temporary_key, native, unrecorded);

const ORDER: &str = "CREATE TABLE `Order` (`id` INTEGER NOT NULL AUTO_INCREMENT, `code` VARCHAR(20) NOT NULL,
    `total` INTEGER NOT NULL, `note` VARCHAR(64) NULL,
    UNIQUE INDEX `Order_code_key`(`code`), INDEX `Order_total_idx`(`total`), INDEX `Order_note_idx`(`note`),
    PRIMARY KEY (`id`))";

async fn copy(server: Server) -> Result<()> {
    announced(&server, "MODIFY `total` BIGINT NOT NULL, DROP INDEX `Order_note_idx`", &["--name", "wider"]).await
}

async fn copy_that_keeps_nothing(server: Server) -> Result<()> {
    announced(&server, "MODIFY `total` BIGINT NOT NULL", &["--name", "wider", "--drop-old"]).await
}

/// No index of the new definition keeps the walked key unique.
async fn copy_with_a_temporary_key(server: Server) -> Result<()> {
    let clauses = "DROP PRIMARY KEY, ADD PRIMARY KEY (`code`), MODIFY `id` INTEGER NOT NULL";
    announced(&server, clauses, &["--name", "rekey"]).await
}

async fn native(server: Server) -> Result<()> {
    announced(&server, "ADD COLUMN `sku` VARCHAR(64) NULL", &["--name", "sku"]).await
}

async fn unrecorded(server: Server) -> Result<()> {
    announced(&server, "MODIFY `total` BIGINT NOT NULL", &["--no-record"]).await
}

/// Compares the statements of a dry run with those that pass on the way to the server.
async fn announced(server: &Server, clauses: &str, args: &[&str]) -> Result<()> {
    let scenario = Scenario::new(server, "dry_run", &[ORDER]).await?;
    scenario.seed("Order", "code, total", "CONCAT('code ', n), n", 200).await?;
    let way = Intercept::start(server, &["nothing of this kind"], Then::Cut).await?;
    let (target, url) = (format!("{}.Order", scenario.schema), way.url(&scenario)?);
    let words = ["alter", &target, "--alter", clauses, "--url", &url];
    let program = Program::new(scenario.project()).args(words).args(args);
    let output = program.clone().args(["--dry-run", "--output", "json"]).command().output()?;
    let plan: serde_json::Value = serde_json::from_slice(&output.stdout).context("the plan")?;
    let planned = plan["statements"].as_array().context("the plan has statements")?;
    // What looks like losing the table there is explained.
    let gated =
        planned.iter().filter(|statement| statement["sql"].as_str().is_some_and(|sql| sql.contains("rpk_gate")));
    for gate in gated {
        ensure!(gate["note"].as_str().is_some_and(|note| note.starts_with("an empty table")), "{gate}");
    }
    let planned: Vec<String> = planned.iter().filter_map(|statement| statement["sql"].as_str()).map(masked).collect();
    let passed_before = way.statements().len();
    program.succeed().await?;
    let sent = way.statements();
    let sent = as_done(sent[passed_before..].iter().filter(|sql| is_planned(sql)));
    ensure!(planned == sent, "announced were\n{planned:#?}\nand sent\n{sent:#?}");
    Ok(())
}

/// Whether a statement defines something of the change, or writes the ledger. Trials and the run's own row are not
/// announced.
fn is_planned(sql: &str) -> bool {
    let defines = ["CREATE TABLE", "CREATE TRIGGER", "ALTER TABLE", "ANALYZE", "RENAME TABLE", "DROP T"];
    let writes = sql.starts_with("INSERT INTO") || sql.starts_with("UPDATE");
    let own = ["rpk_trial_", "replank_runs", "AUTO_INCREMENT ="].iter().any(|own| sql.contains(own));
    (defines.iter().any(|word| sql.starts_with(word)) || writes && sql.contains("_prisma_migrations")) && !own
}

/// The statements that have an effect, in the order of that.
fn as_done<'a>(sent: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut done: Vec<String> = Vec::new();
    for sql in sent {
        // What an earlier run may have left is dropped first, whether or not it is there.
        if let Some((_, name)) = sql.split_once(" IF EXISTS ").filter(|_| sql.starts_with("DROP"))
            && !done.iter().any(|earlier| earlier.contains(name))
        {
            continue;
        }
        // An attempt at the swap that is made again has done nothing.
        let is_again = ["RENAME TABLE", "CREATE TABLE IF NOT EXISTS"].iter().any(|word| sql.starts_with(word));
        if is_again && done.contains(&masked(sql)) {
            continue;
        }
        let at = match done.last() {
            // On MariaDB the RENAME is sent before and waits for the lock.
            Some(last) if last.starts_with("RENAME") && sql.contains("DROP INDEX `rpk_walked_key`") => done.len() - 1,
            _ => done.len(),
        };
        done.insert(at, masked(sql));
    }
    done
}

/// Without the ledger's values, which differ from run to run.
fn masked(sql: &str) -> String {
    if !sql.contains("_prisma_migrations") {
        // The mark of the run, by which another process would find a statement that the server is still at.
        return sql.split_once(" /* replank run ").map_or(sql, |(announced, _)| announced).to_owned();
    }
    sql.split('\'').enumerate().map(|(at, part)| if at % 2 == 0 { part } else { "?" }).collect()
}
