//! Settings of the whole server. They are changed on a server of the test's own.

use anyhow::Result;

use crate::private_server::PrivateServer;
use crate::support::account::Account;
use crate::support::{Scenario, Server, on_every_server};
use crate::{alter, alter_as, rebuild, refused, shop};

on_every_server!(settings_of_the_server);

/// All in one test, because the server takes seconds to start.
async fn settings_of_the_server(server: Server) -> Result<()> {
    let private = PrivateServer::start(server.kind)?;
    let scenario = shop(&private.server).await?;
    read_only(&scenario).await?;
    statements_in_the_binary_log(&scenario).await?;
    triggers_on_replicas(&scenario).await?;
    a_plain_account_is_enough(&scenario).await
}

async fn read_only(scenario: &Scenario) -> Result<()> {
    scenario.execute("SET GLOBAL read_only = ON").await?;
    let text = refused(scenario, alter(scenario, "Order", "ADD COLUMN `note` VARCHAR(64) NULL")).await?;
    scenario.execute("SET GLOBAL read_only = OFF").await?;
    assert_text!(text, @r"
    exit code 10
    error: the server is read-only
      table: untouched
      next:  give the primary in `--url`, DATABASE_URL or `.env`: a change made on a replica never leaves it
    ");
    Ok(())
}

async fn statements_in_the_binary_log(scenario: &Scenario) -> Result<()> {
    for format in ["MIXED", "STATEMENT"] {
        scenario.execute(&format!("SET GLOBAL binlog_format = {format}")).await?;
        let text = refused(scenario, rebuild(scenario, "Order")).await?;
        assert_text!(text.replace(format, "MIXED"), @r"
        exit code 10
        error: binlog_format is MIXED; the copy needs ROW
          table: untouched
          next:  `SET GLOBAL binlog_format = ROW`, and reconnect the applications
        ");
        // The server's own change of the definition is a statement in the log in any case.
        alter(scenario, "Order", "ADD COLUMN `note` VARCHAR(64) NULL").args(["--dry-run"]).succeed().await?;
    }
    scenario.execute("SET GLOBAL binlog_format = ROW").await
}

async fn triggers_on_replicas(scenario: &Scenario) -> Result<()> {
    if scenario.execute("SET GLOBAL slave_run_triggers_for_rbr = YES").await.is_err() {
        // MySQL has no such thing.
        return Ok(());
    }
    let text = refused(scenario, rebuild(scenario, "Order")).await?;
    scenario.execute("SET GLOBAL slave_run_triggers_for_rbr = NO").await?;
    assert_text!(text, @r"
    exit code 10
    error: slave_run_triggers_for_rbr is on; replicas would log and mirror every write twice
      table: untouched
      next:  `SET GLOBAL slave_run_triggers_for_rbr = NO` on every server of the topology
    ");
    Ok(())
}

/// With the setting that a refusal asks for, an account with nothing but the printed grants can make a whole copy.
async fn a_plain_account_is_enough(scenario: &Scenario) -> Result<()> {
    let account = Account::create(&scenario.server).await?;
    let program = alter_as(scenario, &account.url(scenario)?, "Order", "FORCE");
    for line in program.run().await?.expect_code(14)?.stderr.lines() {
        if let Some((_, grant)) = line.split_once("`GRANT ") {
            account.as_root(&format!("GRANT {}", grant.trim_end_matches('`'))).await?;
        }
    }
    program.run().await?.expect_code(10)?;
    scenario.execute("SET GLOBAL log_bin_trust_function_creators = 1").await?;
    program.succeed().await?;
    let cleanup = scenario.replank("cleanup", "Order");
    cleanup.succeed().await?;
    account.remove().await
}
