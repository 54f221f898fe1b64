//! Accounts that are not let in, or that may not do what a change takes.

use anyhow::{Result, ensure};

use crate::support::account::Account;
use crate::support::{Scenario, Server, on_every_server};
use crate::{alter_as, plain, refused, shop};

on_every_server!(
    wrong_password,
    password_in_no_log,
    unreachable_server,
    missing_privileges,
    no_privileges_at_all,
    trigger_creation,
);

/// What the server does without touching a row, and without triggers.
const INSTANT: &str = "ADD COLUMN `note` VARCHAR(64) NULL";

async fn wrong_password(server: Server) -> Result<()> {
    let scenario = shop(&server).await?;
    let mut url = url::Url::parse(&scenario.url())?;
    ensure!(url.set_password(Some("wr0ng-w0rd")).is_ok(), "a url with a password");
    let text = refused(&scenario, alter_as(&scenario, url.as_str(), "Order", INSTANT)).await?;
    ensure!(!text.contains("wr0ng") && !text.contains("w0rd"), "{text}");
    // The cause names the host that the server saw.
    let (before, cause) = text.split_once("  cause: ").unwrap_or((&text, ""));
    assert_text!(before, @r"
    exit code 14
    error: the server denied access to root@127.0.0.1:3306
      table: untouched
      next:  check user and password in `--url`, DATABASE_URL or `.env`; special characters are %-encoded there
    ");
    ensure!(cause.starts_with("ERROR 1045 (28000): Access denied for user 'root'@"), "{text}");
    Ok(())
}

async fn password_in_no_log(server: Server) -> Result<()> {
    let scenario = shop(&server).await?;
    let account = Account::create(&server).await?;
    account.as_root(&format!("GRANT ALL ON `{}%`.* TO {}", scenario.schema, account.sql)).await?;
    let target = format!("{}.Order", scenario.schema);
    let words = ["alter", &target, "--alter", INSTANT, "--name", "change", "-vv", "--url"];
    let program = crate::Program::new(scenario.project()).args(words).args([account.url(&scenario)?]);
    for args in [&["--dry-run"][..], &[]] {
        let outcome = program.clone().args(args).succeed().await?;
        let told = format!("{}{}", outcome.stdout, outcome.stderr);
        ensure!(!told.contains(&account.password), "{told}");
    }
    account.remove().await
}

async fn unreachable_server(server: Server) -> Result<()> {
    let scenario = shop(&server).await?;
    // A port that only root may listen on, and nobody does.
    let program = alter_as(&scenario, "mysql://root:wr0ng-w0rd@127.0.0.1:1/shop", "Order", INSTANT);
    let text = refused(&scenario, program).await?;
    ensure!(!text.contains("wr0ng"), "{text}");
    assert_text!(text, @r"
    exit code 14
    error: cannot connect to root@127.0.0.1:1
      table: untouched
      next:  check host and port in `--url`, DATABASE_URL or `.env`, and that the server is running
      cause: Connection refused (os error 111)
    ");
    Ok(())
}

async fn missing_privileges(server: Server) -> Result<()> {
    let scenario = shop(&server).await?;
    let account = Account::create(&server).await?;
    account.as_root(&format!("GRANT SELECT, INSERT ON `{}`.* TO {}", scenario.schema, account.sql)).await?;
    let text = denied(&scenario, &account).await?;
    assert_text!(text, @r"
    exit code 14
    error: the account 'app'@'%' lacks privileges, UPDATE for one
      table: untouched
      next:  `GRANT UPDATE, DELETE, CREATE, DROP, ALTER, INDEX, TRIGGER, LOCK TABLES ON `shop`.* TO 'app'@'%'`
             `GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, ALTER, INDEX, CREATE TEMPORARY TABLES, LOCK TABLES ON `shop\_\_replank`.* TO 'app'@'%'`
    ");
    expect_grants_to_do(&scenario, &account).await?;
    account.remove().await
}

async fn no_privileges_at_all(server: Server) -> Result<()> {
    let scenario = shop(&server).await?;
    let account = Account::create(&server).await?;
    let text = denied(&scenario, &account).await?;
    assert_text!(text, @r"
    exit code 14
    error: the account 'app'@'%' lacks privileges, SELECT for one
      table: untouched
      next:  `GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, ALTER, INDEX, TRIGGER, LOCK TABLES ON `shop`.* TO 'app'@'%'`
             `GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, ALTER, INDEX, CREATE TEMPORARY TABLES, LOCK TABLES ON `shop\_\_replank`.* TO 'app'@'%'`
    ");
    expect_grants_to_do(&scenario, &account).await?;
    account.remove().await
}

async fn denied(scenario: &Scenario, account: &Account) -> Result<String> {
    let program = alter_as(scenario, &account.url(scenario)?, "Order", INSTANT);
    Ok(account.hide(&refused(scenario, program).await?))
}

/// Executes the statements that the refusal prints, after which the same command must be able to do everything.
async fn expect_grants_to_do(scenario: &Scenario, account: &Account) -> Result<()> {
    let program = alter_as(scenario, &account.url(scenario)?, "Order", INSTANT);
    let refusal = program.run().await?;
    let mut granted = 0;
    for line in refusal.stderr.lines() {
        if let Some((_, grant)) = line.split_once("`GRANT ") {
            let grant = format!("GRANT {}", grant.trim_end_matches('`'));
            account.as_root(&grant).await?;
            granted += 1;
        }
    }
    ensure!(granted > 0, "no GRANT is printed:\n{}", refusal.stderr);
    program.clone().args(["--dry-run"]).succeed().await?;
    program.succeed().await?;
    Ok(())
}

async fn trigger_creation(server: Server) -> Result<()> {
    let scenario = shop(&server).await?;
    let account = Account::create(&server).await?;
    account.as_root(&format!("GRANT ALL ON `{}%`.* TO {}", scenario.schema, account.sql)).await?;
    let program = alter_as(&scenario, &account.url(&scenario)?, "Order", "FORCE");
    let text = refused(&scenario, program).await?;
    assert_text!(plain(&scenario, &account.hide(&text)), @r"
    exit code 10
    error: log_bin_trust_function_creators is OFF, so this account may not create triggers
      table: untouched
      next:  `SET GLOBAL log_bin_trust_function_creators = 1` (the triggers made here are safe for row events)
             or use an account with SUPER
    ");
    account.remove().await
}
