//! What is in the end: the triggers that the server's own ALTER would have left, to the letter.

use anyhow::{Result, ensure};
use mysql_async::Row;
use mysql_async::prelude::Queryable;

use crate::audit::{AUDIT, ITEM};
use crate::support::account::Account;
use crate::support::{Scenario, Server, on_every_server, residue};

on_every_server!(as_the_servers_own_change_leaves_them);

const CLAUSES: &str = "MODIFY `total` BIGINT NOT NULL";

/// Settings of a session and a trigger made in it, with ACCOUNT for the definer of another account.
const TRIGGERS: [(&str, &str); 9] = [
    ("", "create trigger Plain before insert on Item for each row set new.total = abs(new.total)"),
    (
        "sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE'",
        "CREATE TRIGGER `strict``er` BEFORE INSERT ON `Item` FOR EACH ROW BEGIN -- new;\n  \
         SET NEW.`token` = TRIM(NEW.`token`); # that's it\nEND",
    ),
    (
        "sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT,NO_BACKSLASH_ESCAPES'",
        "CREATE TRIGGER \"ansi\" AFTER INSERT ON \"Item\" FOR EACH ROW \
         INSERT INTO \"Audit\" (\"who\", \"event\", \"token\") VALUES ('ansi\\', 'insert', NEW.\"token\" || '')",
    ),
    (
        "",
        "CREATE DEFINER = ACCOUNT TRIGGER `theirs` AFTER INSERT ON `Item` FOR EACH ROW PRECEDES `ansi` SET @theirs = NEW.`id`",
    ),
    (
        "character_set_client = latin1, collation_connection = latin1_german2_ci",
        "CREATE TRIGGER latin AFTER UPDATE ON Item FOR EACH ROW BEGIN DECLARE t VARCHAR(9) DEFAULT 'x'; \
         IF OLD.token <> NEW.token THEN SET @t = t; END IF; END",
    ),
    (
        "character_set_client = utf8mb4, collation_connection = utf8mb4_bin",
        "CREATE TRIGGER `größe` BEFORE UPDATE ON `Item` FOR EACH ROW SET NEW.`token` = REPLACE(NEW.`token`, '東', 'café')",
    ),
    ("", "CREATE TRIGGER first BEFORE UPDATE ON `Item` FOR EACH ROW PRECEDES `größe` SET @first = 1"),
    ("", "CREATE TRIGGER gone BEFORE DELETE ON `Item` FOR EACH ROW label: BEGIN LEAVE label; END label"),
    ("", "CREATE TRIGGER last AFTER DELETE ON `Item` FOR EACH ROW SET @last = OLD.id -- OLD.nothing"),
];

async fn scenario(server: &Server, account: &Account) -> Result<Scenario> {
    let scenario = Scenario::new(server, "triggers", &[ITEM, AUDIT]).await?;
    scenario.seed("Item", "token, total", "CONCAT('seed ', n), n", 100).await?;
    for (settings, trigger) in TRIGGERS {
        let mut conn = scenario.connect().await?;
        if !settings.is_empty() {
            conn.query_drop(format!("SET SESSION {settings}")).await?;
        }
        conn.query_drop(trigger.replace("ACCOUNT", &account.sql)).await?;
        conn.disconnect().await?;
    }
    Ok(scenario)
}

async fn as_the_servers_own_change_leaves_them(server: Server) -> Result<()> {
    let account = Account::create(&server).await?;
    let plain = scenario(&server, &account).await?;
    plain.execute(&format!("ALTER TABLE `Item` {CLAUSES}, ALGORITHM=COPY")).await?;
    let online = scenario(&server, &account).await?;
    let before = triggers(&online).await?;
    online.alter("Item", CLAUSES, "wider").args(["--force-copy"]).succeed().await?;
    online.replank("cleanup", "Item").succeed().await?;
    let (wanted, made) = (triggers(&plain).await?, triggers(&online).await?);
    ensure!(made == wanted, "the triggers are\n{made:#?}\ninstead of\n{wanted:#?}");
    ensure!(made == before, "the triggers are\n{made:#?}\nand were\n{before:#?}");
    account.remove().await?;
    residue::definition(&mut online.connect().await?, "`Item`").await?;
    Ok(())
}

/// Everything that the server says of them, but for the time of their creation.
async fn triggers(scenario: &Scenario) -> Result<Vec<String>> {
    let mut conn = scenario.connect().await?;
    let sql = "SELECT CONCAT_WS(' | ', trigger_name, event_manipulation, action_timing, action_order, event_object_table, \
               action_statement, action_orientation, sql_mode, definer, character_set_client, collation_connection, \
               database_collation) FROM information_schema.triggers WHERE trigger_schema = DATABASE() \
               ORDER BY event_manipulation, action_timing, action_order";
    let mut told: Vec<String> = conn.query(sql).await?;
    let names: Vec<String> = conn
        .query("SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = DATABASE() ORDER BY 1")
        .await?;
    for name in names {
        let row: Option<Row> = conn.query_first(format!("SHOW CREATE TRIGGER `{}`", name.replace('`', "``"))).await?;
        let columns = row.map(Row::unwrap).unwrap_or_default();
        // The last is the time.
        told.extend(columns.iter().take(6).map(|value| value.as_sql(false)));
    }
    conn.disconnect().await?;
    Ok(told)
}
