//! Settings of the whole server. They are changed on a server of the test's own.

use anyhow::{Result, ensure};
use mysql_async::prelude::Queryable;

use crate::private_server::PrivateServer;
use crate::support::account::Account;
use crate::support::{Kind, Program, Scenario, Server, on_every_server};
use crate::{alter, alter_as, rebuild, refused, shop};

on_every_server!(settings_of_the_server);

/// All in one test, because the server takes seconds to start.
async fn settings_of_the_server(server: Server) -> Result<()> {
    let private = PrivateServer::start(server.kind)?;
    let scenario = shop(&private.server).await?;
    read_only(&scenario).await?;
    statements_in_the_binary_log(&scenario).await?;
    triggers_on_replicas(&scenario).await?;
    writes_ahead_of_the_swap(&scenario).await?;
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

async fn writes_ahead_of_the_swap(scenario: &Scenario) -> Result<()> {
    if scenario.server.kind == Kind::MySql97 {
        return Ok(());
    }
    scenario.execute("SET GLOBAL max_write_lock_count = 4").await?;
    let text = refused(scenario, rebuild(scenario, "Order")).await?;
    scenario.execute("SET GLOBAL max_write_lock_count = DEFAULT").await?;
    assert_text!(text, @r"
    exit code 10
    error: max_write_lock_count is 4; writes that wait could go ahead of the swap and be lost
      table: untouched
      next:  `SET GLOBAL max_write_lock_count = DEFAULT`
    ");
    Ok(())
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

/// A trigger of another account is made again for that account, which takes a privilege more.
async fn runs_as_somebody_else(scenario: &Scenario, account: &Account, program: &Program) -> Result<()> {
    scenario.execute("CREATE TRIGGER `theirs` BEFORE INSERT ON `Order` FOR EACH ROW SET @theirs = 1").await?;
    let refused = program.run().await?.expect_code(14)?.stderr;
    ensure!(refused.contains("the trigger `theirs` of") && refused.contains("runs as root@"), "{refused}");
    grant(account, &refused).await
}

/// Runs the one GRANT of a refusal.
async fn grant(account: &Account, refused: &str) -> Result<()> {
    let grants = refused.lines().filter_map(|line| line.split_once("`GRANT ")).map(|(_, grant)| grant);
    let grants: Vec<&str> = grants.filter_map(|grant| grant.split('`').next()).collect();
    let [grant] = grants.as_slice() else { anyhow::bail!("{refused}") };
    account.as_root(&format!("GRANT {grant}")).await
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
    runs_as_somebody_else(scenario, &account, &program).await?;
    let outcome = program.run().await?;
    if outcome.code() != Some(0) {
        // Only MySQL itself knows that root is an account that takes one more.
        let refused = outcome.expect_code(14)?.stderr;
        ensure!(refused.contains("SYSTEM_USER"), "{refused}");
        grant(&account, &refused).await?;
        let resume = Program::new(scenario.project()).args(["resume", &format!("{}.Order", scenario.schema)]);
        resume.args(["--url", &account.url(scenario)?]).succeed().await?;
    }
    let running = "SELECT definer FROM information_schema.triggers WHERE trigger_name = 'theirs'";
    let definer: Option<String> = scenario.connect().await?.query_first(running).await?;
    ensure!(definer.is_some_and(|definer| definer.starts_with("root@")), "it runs as somebody else now");
    let cleanup = scenario.replank("cleanup", "Order");
    cleanup.succeed().await?;
    account.remove().await
}
