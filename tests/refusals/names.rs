//! Tables that are not there, and what is none.

use anyhow::{Result, ensure};

use crate::support::{Scenario, Server, on_every_server};
use crate::{ORDER, Program, alter_as, rebuild, refused, shop};

on_every_server!(unknown_table, unknown_database, unknown_database_in_the_url, view);

async fn unknown_table(server: Server) -> Result<()> {
    let scenario = shop(&server).await?;
    assert_text!(refused(&scenario, rebuild(&scenario, "Oders")).await?, @r"
    exit code 10
    error: there is no table `shop`.`Oders`
      table: nothing was touched
      next:  did you mean `Order`? The case of letters counts
    ");
    assert_text!(refused(&scenario, rebuild(&scenario, "Invoice")).await?, @r"
    exit code 10
    error: there is no table `shop`.`Invoice`
      table: nothing was touched
      next:  tables there: Order, _prisma_migrations
    ");
    // Nor is there a change of a table whose name was mistyped.
    let status = scenario.replank("status", "Oders").run().await?.expect_code(10)?;
    let told = status.events("failed").map(|seen| seen.event.to_string()).collect::<String>();
    ensure!(told.contains("there is no table `"), "{told}");
    Ok(())
}

async fn unknown_database(server: Server) -> Result<()> {
    let scenario = shop(&server).await?;
    let words = ["alter", "nowhere.Order", "--alter", "FORCE", "--name", "change", "--quiet", "--url"];
    let program = Program::new(scenario.project()).args(words).args([&scenario.url()]);
    assert_text!(refused(&scenario, program).await?, @r"
    exit code 10
    error: there is no database `nowhere`
      table: nothing was touched
      next:  check its name
    ");
    Ok(())
}

async fn unknown_database_in_the_url(server: Server) -> Result<()> {
    let scenario = shop(&server).await?;
    let words = ["alter", "Order", "--alter", "FORCE", "--name", "change", "--quiet", "--url"];
    let program = Program::new(scenario.project()).args(words).args([&server.url("nowhere")]);
    assert_text!(refused(&scenario, program).await?, @r"
    exit code 10
    error: there is no database `nowhere`
      table: nothing was touched
      next:  check its name
    ");
    // The table is named with its right database, and the url is wrong all the same.
    let program = alter_as(&scenario, &server.url("nowhere"), "Order", "FORCE");
    assert_text!(refused(&scenario, program).await?, @r"
    exit code 14
    error: the database named in the URL does not exist at root@127.0.0.1:3306
      table: untouched
      next:  check the path of `--url`, DATABASE_URL or `.env`
      cause: ERROR 1049 (42000): Unknown database 'nowhere'
    ");
    Ok(())
}

async fn view(server: Server) -> Result<()> {
    let ddl = [ORDER, "CREATE VIEW `Totals` AS SELECT SUM(`total`) AS `sum` FROM `Order`"];
    let scenario = Scenario::new(&server, "view", &ddl).await?;
    assert_text!(refused(&scenario, rebuild(&scenario, "Totals")).await?, @r"
    exit code 10
    error: `shop`.`Totals` is a view, not a table
      table: untouched
      next:  name the table itself
    ");
    Ok(())
}
