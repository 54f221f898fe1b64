//! Clauses that add and drop foreign keys: the table ends as it does with plain SQL, and rows that reference nothing stop
//! the change.

use std::time::Duration;

use anyhow::{Result, ensure};
use mysql_async::prelude::Queryable;

use crate::intercept::{Intercept, Then};
use crate::support::{Outcome, Program, Scenario, Server, on_every_server, prisma, residue};

on_every_server!(
    made_by_the_server,
    made_with_a_copy,
    rows_in_the_way,
    row_that_slips_in,
    row_that_slips_in_before_the_swap,
    killed_before_the_key,
    killed_before_the_proof,
);

const DDL: [&str; 4] = [
    "CREATE TABLE `User` (`id` INTEGER NOT NULL, `region` INTEGER NOT NULL, `number` INTEGER NOT NULL, \
     PRIMARY KEY (`id`), UNIQUE INDEX `User_place_key`(`region`, `number`))",
    "CREATE TABLE `Shop` (`code` VARCHAR(20) NOT NULL, PRIMARY KEY (`code`))",
    "CREATE TABLE `Order` (`id` INTEGER NOT NULL AUTO_INCREMENT, `userId` INTEGER NULL, `region` INTEGER NULL, \
     `number` INTEGER NULL, `previousId` INTEGER NULL, `shop` VARCHAR(20) NULL, `bare` INTEGER NULL, PRIMARY KEY (`id`), \
     INDEX `Order_userId_idx`(`userId`, `id`), INDEX `Order_place_idx`(`region`, `number`), \
     INDEX `Order_previousId_idx`(`previousId`), INDEX `Order_shop_idx`(`shop`), \
     CONSTRAINT `Order_ibfk_3` FOREIGN KEY (`shop`) REFERENCES `Shop`(`code`) ON UPDATE CASCADE)",
    "CREATE TABLE `Line` (`id` INTEGER NOT NULL AUTO_INCREMENT, `orderId` INTEGER NOT NULL, PRIMARY KEY (`id`), \
     CONSTRAINT `Line_orderId_fkey` FOREIGN KEY (`orderId`) REFERENCES `Order`(`id`) ON DELETE RESTRICT)",
];

/// Every second value is another case of the parent's, and each column has NULLs. `userId` has an index that goes on with
/// a column that is never NULL: MySQL 9.7 checks no row with a NULL behind the key's own columns, whoever made the key.
async fn scenario(server: &Server, topic: &str) -> Result<Scenario> {
    let scenario = Scenario::new(server, topic, &DDL).await?;
    scenario.seed("User", "id, region, number", "n, n % 5, n", 100).await?;
    scenario.execute("INSERT INTO `Shop` VALUES ('north'), ('south')").await?;
    let values = "IF(n % 7 = 0, NULL, n % 100), IF(n % 11 = 0, NULL, n % 5), n % 100, IF(n < 3, NULL, n - 1), \
                  IF(n % 2 = 0, 'NORTH', 'south'), IF(n % 3 = 0, NULL, n % 100)";
    scenario.seed("Order", "userId, region, number, previousId, shop, bare", values, 3_000).await?;
    scenario.seed("Line", "orderId", "n + 1", 1_000).await?;
    scenario.analyze().await?;
    Ok(scenario)
}

/// Makes the changes one after the other, and compares each time with plain SQL on a twin.
async fn like_plain_sql(server: &Server, topic: &str, phases: &[&str], changes: &[&str]) -> Result<()> {
    let (scenario, twin) = (scenario(server, topic).await?, scenario(server, "twin").await?);
    for (number, clauses) in changes.iter().enumerate() {
        let outcome = scenario.alter("Order", clauses, &format!("change_{number}")).succeed().await?;
        let made: Vec<_> = outcome.events("phase_started").map(|seen| seen.event["phase"].clone()).collect();
        ensure!(phases.iter().all(|phase| made.contains(&(*phase).into())), "the phases of {clauses} were {made:?}");
        let copied = made.contains(&"copy".into());
        ensure!(copied == phases.contains(&"copy"), "the phases of {clauses} were {made:?}");
        twin.execute(&format!("ALTER TABLE `Order` {clauses}")).await?;
        let (mut made, mut plain) = (scenario.connect().await?, twin.connect().await?);
        for table in ["User", "Order", "Line"] {
            let name = format!("`{table}`");
            let (made, plain) = match copied {
                false => (
                    vec![residue::definition(&mut made, &name).await?],
                    vec![residue::definition(&mut plain, &name).await?],
                ),
                true => (
                    residue::definition_parts(&mut made, &name).await?,
                    residue::definition_parts(&mut plain, &name).await?,
                ),
            };
            let place = |definition: Vec<String>, schema: &str| definition.join("\n").replace(schema, "shop");
            let (made, plain) = (place(made, &scenario.schema), place(plain, &twin.schema));
            ensure!(made == plain, "after {clauses}, {table} is\n{made}\ninstead of\n{plain}");
        }
        scenario.replank("cleanup", "Order").succeed().await?;
    }
    residue::expect_nothing_left(&scenario, &["User", "Shop", "Order", "Line"]).await
}

async fn made_by_the_server(server: Server) -> Result<()> {
    let changes = [
        "ADD CONSTRAINT `Order_userId_fkey` FOREIGN KEY (`userId`) REFERENCES `User`(`id`) ON DELETE RESTRICT ON UPDATE CASCADE",
        "DROP FOREIGN KEY `Order_userId_fkey`",
        // Without names: the server counts on from what is there, and composite ones let rows with any NULL pass.
        "ADD FOREIGN KEY (region, `number`) REFERENCES `User` (region, `number`) ON DELETE SET NULL, \
         ADD FOREIGN KEY (`previousId`) REFERENCES `Order` (`id`) MATCH FULL ON DELETE NO ACTION",
        "DROP FOREIGN KEY `Order_ibfk_4`, DROP FOREIGN KEY `Order_ibfk_5`, RENAME INDEX `Order_userId_idx` TO `renamed`",
        "DROP FOREIGN KEY `Order_ibfk_3`, ADD CONSTRAINT `of``shop` FOREIGN KEY (`shop`) REFERENCES `Shop`(`code`)",
    ];
    // MariaDB 10.11 prints a backtick in the name of a foreign key as it is.
    let known = if server.kind.name().contains("10.11") { &changes[..4] } else { &changes[..] };
    like_plain_sql(&server, "server", &[], known).await
}

async fn made_with_a_copy(server: Server) -> Result<()> {
    let changes = [
        "ADD CONSTRAINT `Order_bare_fkey` FOREIGN KEY (`bare`) REFERENCES `User`(`id`) ON DELETE CASCADE",
        "DROP FOREIGN KEY `Order_bare_fkey`, DROP FOREIGN KEY `Order_ibfk_3`, MODIFY `shop` VARCHAR(30) NOT NULL, \
         ADD COLUMN `first` INTEGER NULL REFERENCES `User` (`id`), ADD FOREIGN KEY named (`number`) REFERENCES `User`(`id`)",
    ];
    like_plain_sql(&server, "copy", &["copy", "constrain"], &changes).await
}

const ADD: &str = "ADD CONSTRAINT `Order_userId_fkey` FOREIGN KEY (`userId`) REFERENCES `User`(`id`)";
/// Takes an index of its own.
const ADD_BARE: &str = "ADD CONSTRAINT `Order_bare_fkey` FOREIGN KEY (`bare`) REFERENCES `User`(`id`)";

async fn rows_in_the_way(server: Server) -> Result<()> {
    let scenario = scenario(&server, "rows").await?;
    let before = residue::definition(&mut scenario.connect().await?, "`Order`").await?;
    scenario.execute("UPDATE `Order` SET `userId` = 500, `bare` = 501 WHERE `id` IN (7, 8, 2000)").await?;
    for (clauses, value) in [(ADD, "userId"), (ADD_BARE, "bare")] {
        let refused = scenario.alter("Order", clauses, "change").run().await?.expect_code(10)?;
        let told = told(&refused);
        ensure!(told.contains("3 rows of `Order` reference no row of `User`"), "{told}");
        ensure!(told.contains("7; 8; 2000") && told.contains("LEFT JOIN") && told.contains(value), "{told}");
        expect_untouched(&scenario, &before).await?;
    }
    Ok(())
}

fn told(outcome: &Outcome) -> String {
    outcome.events("failed").next().map(|seen| seen.event.to_string()).unwrap_or_default()
}

async fn expect_untouched(scenario: &Scenario, before: &str) -> Result<()> {
    let mut conn = scenario.connect().await?;
    let now = residue::definition(&mut conn, "`Order`").await?;
    ensure!(now == before, "the table is\n{now}\ninstead of\n{before}");
    ensure!(prisma::recorded(&mut conn).await?.is_empty(), "the ledger has a row");
    residue::expect_nothing_left(scenario, &["User", "Shop", "Order", "Line"]).await
}

/// Somebody writes a row that references nothing after all looks at the rows, and before the key is there.
async fn row_that_slips_in(server: Server) -> Result<()> {
    let scenario = scenario(&server, "slip").await?;
    let before = residue::definition(&mut scenario.connect().await?, "`Order`").await?;
    let add = format!("LOCK TABLES `{}`.`Order` WRITE", scenario.schema);
    let orphan = format!("UPDATE `{}`.`Order` SET `userId` = 500 WHERE `id` = 1235", scenario.schema);
    let way = Intercept::start(&server, &[&add], Then::First(orphan)).await?;
    let refused = altered(&scenario, &way, ADD).await?.expect_code(10)?;
    let text = told(&refused);
    ensure!(way.has_met() && text.contains("rows of `Order` reference no row of `User`"), "{text}");
    ensure!(text.contains("id = 1235"), "{text}");
    let made = way.statements().iter().any(|sql| sql.contains("ADD CONSTRAINT `Order_userId_fkey`"));
    ensure!(made, "the key was never made");
    expect_untouched(&scenario, &before).await?;
    // What is in the way is mended, and the same command works.
    scenario.execute("UPDATE `Order` SET `userId` = NULL WHERE `id` = 1235").await?;
    scenario.alter("Order", ADD, "change").succeed().await?;
    expect_checked(&scenario, "userId").await
}

/// The same around a swap: the change is made but for the key, which a resume adds when the row is mended.
async fn row_that_slips_in_before_the_swap(server: Server) -> Result<()> {
    let scenario = scenario(&server, "swap").await?;
    let orphan = "UPDATE `Order` SET `bare` = 500 WHERE `id` = 1235";
    let mut holder = scenario.connect().await?;
    holder.query_drop("START TRANSACTION").await?;
    // Keeps the swap waiting behind the last look.
    let mut run = scenario.alter("Order", ADD_BARE, "change").start()?;
    ensure!(run.reaches_phase("verify").await?, "it never came to the verification");
    holder.query_drop("SELECT `id` FROM `Order` LIMIT 1").await?;
    ensure!(run.reaches_phase("cutover").await?, "it never came to the swap");
    scenario.execute(orphan).await?;
    holder.query_drop("ROLLBACK").await?;
    let refused = run.finish().await?.expect_code(10)?;
    let text = told(&refused);
    ensure!(text.contains("id = 1235") && text.contains("replank resume"), "{text}");
    let mut conn = scenario.connect().await?;
    let now = residue::definition(&mut conn, "`Order`").await?;
    ensure!(now.contains("KEY `Order_bare_fkey`") && !now.contains("CONSTRAINT `Order_bare_fkey`"), "{now}");
    let text = told(&scenario.replank("resume", "Order").run().await?.expect_code(10)?);
    ensure!(text.contains("id = 1235"), "{text}");
    scenario.execute("UPDATE `Order` SET `bare` = NULL WHERE `id` = 1235").await?;
    scenario.replank("resume", "Order").succeed().await?;
    scenario.replank("cleanup", "Order").succeed().await?;
    expect_checked(&scenario, "bare").await?;
    residue::expect_nothing_left(&scenario, &["User", "Shop", "Order", "Line"]).await
}

async fn altered(scenario: &Scenario, way: &Intercept, clauses: &str) -> Result<Outcome> {
    started(scenario, way, clauses)?.run().await
}

fn started(scenario: &Scenario, way: &Intercept, clauses: &str) -> Result<Program> {
    let (target, url) = (format!("{}.Order", scenario.schema), way.url(scenario)?);
    let words = ["alter", &target, "--alter", clauses, "--name", "change", "--url", &url, "--output", "json"];
    Ok(Program::new(scenario.project()).args(words))
}

/// The server checks what is written, and nothing is unfinished.
async fn expect_checked(scenario: &Scenario, column: &str) -> Result<()> {
    let broken = scenario.execute(&format!("UPDATE `Order` SET `{column}` = 500 WHERE `id` = 1235")).await;
    let error = broken.err().map(|error| format!("{error:#}")).unwrap_or_default();
    ensure!(error.contains("foreign key constraint fails"), "the key is not checked: {error}");
    ensure!(scenario.replank("status", "Order").succeed().await?.lists_no_run(), "a run is unfinished");
    let rows = prisma::recorded(&mut scenario.connect().await?).await?;
    ensure!(rows.len() == 1, "the ledger has {rows:?}");
    Ok(())
}

async fn killed_before_the_key(server: Server) -> Result<()> {
    killed_at(&server, &[]).await
}

/// The key is there, and not all rows are looked at.
async fn killed_before_the_proof(server: Server) -> Result<()> {
    killed_at(&server, &["UNLOCK TABLES"]).await
}

async fn killed_at(server: &Server, behind: &[&str]) -> Result<()> {
    for command in ["resume", "abort"] {
        let scenario = scenario(server, "kill").await?;
        let before = residue::definition(&mut scenario.connect().await?, "`Order`").await?;
        let add = format!("ALTER TABLE `{}`.`Order` ADD CONSTRAINT", scenario.schema);
        let statements: Vec<&str> = [add.as_str()].into_iter().chain(behind.iter().copied()).collect();
        let mut way = Intercept::start(server, &statements, Then::Hold).await?;
        let mut run = started(&scenario, &way, ADD)?.start()?;
        let met = tokio::time::timeout(Duration::from_secs(60), way.met()).await;
        run.kill();
        let killed = run.finish().await?;
        ensure!(met.is_ok(), "it never came to its statement: {}", killed.stderr);
        ensure!(killed.code().is_none(), "it was over before the kill");
        let status = scenario.replank("status", "Order").run().await?;
        ensure!(!status.lists_no_run(), "the run is not shown as unfinished");
        scenario.replank(command, "Order").succeed().await?;
        match command {
            "resume" => expect_checked(&scenario, "userId").await?,
            _ => expect_untouched(&scenario, &before).await?,
        }
    }
    Ok(())
}
