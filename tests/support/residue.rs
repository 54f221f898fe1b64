//! What a change leaves behind, and whether a table is defined as it should be.

use anyhow::{Result, ensure};
use mysql_async::Conn;
use mysql_async::prelude::Queryable;

use super::{Scenario, quoted};

/// SHOW CREATE TABLE without the AUTO_INCREMENT value, which every insert moves.
pub async fn definition(conn: &mut Conn, table: &str) -> Result<String> {
    let row: Option<(String, Vec<u8>)> = conn.query_first(format!("SHOW CREATE TABLE {table}")).await?;
    // MariaDB prints the default of a BINARY column as its bytes.
    let text = row.map(|(_, text)| String::from_utf8_lossy(&text).into_owned()).unwrap_or_default();
    let Some((before, value)) = text.split_once(" AUTO_INCREMENT=") else {
        return Ok(text);
    };
    Ok(format!("{before}{}", value.trim_start_matches(|digit: char| digit.is_ascii_digit())))
}

/// The same with the order of lines left out: Prisma does not mind the order of indexes, and an online copy may have
/// built them in another.
pub async fn definition_parts(conn: &mut Conn, table: &str) -> Result<Vec<String>> {
    let text = definition(conn, table).await?;
    let mut parts: Vec<String> = text.lines().map(|line| line.trim().trim_end_matches(',').to_owned()).collect();
    parts.sort();
    Ok(parts)
}

/// The tables and the triggers of a schema, by name.
pub async fn objects(conn: &mut Conn, schema: &str) -> Result<Vec<String>> {
    Ok(conn
        .exec(
            "SELECT CONCAT('table ', table_name) FROM information_schema.tables WHERE table_schema = ?
             UNION ALL
             SELECT CONCAT('trigger ', trigger_name) FROM information_schema.triggers WHERE trigger_schema = ?
             ORDER BY 1",
            (schema, schema),
        )
        .await?)
}

/// Fails when the application's schema holds anything but its own tables, or the books anything of a table's change.
pub async fn expect_nothing_left(scenario: &Scenario, tables: &[&str]) -> Result<()> {
    expect_objects(scenario, tables, &[]).await?;
    let kept = objects(&mut scenario.connect().await?, &scenario.bookkeeping()).await?;
    let of_change: Vec<_> = kept.iter().filter(|object| object.contains("__rpk_")).collect();
    ensure!(of_change.is_empty(), "{} still holds {of_change:?}", scenario.bookkeeping());
    Ok(())
}

/// The same while the old table is kept: the triggers that follow the new one are the only strangers.
pub async fn expect_only_followers(scenario: &Scenario, tables: &[&str], changed: &str) -> Result<()> {
    expect_objects(scenario, tables, &["rdel", "rins", "rupd"].map(|kind| format!("trigger {changed}__rpk_{kind}")))
        .await
}

async fn expect_objects(scenario: &Scenario, tables: &[&str], triggers: &[String]) -> Result<()> {
    let own = tables.iter().chain(&["_prisma_migrations"]).map(|table| format!("table {table}"));
    let mut expected: Vec<String> = own.chain(triggers.iter().cloned()).collect();
    expected.sort();
    let mut found = objects(&mut scenario.connect().await?, &scenario.schema).await?;
    found.sort();
    ensure!(found == expected, "the schema holds {found:?} instead of {expected:?}");
    Ok(())
}

/// Fails unless running the migration's script on a new database makes the table what the online change made it, which
/// is what `prisma migrate dev` compares to find drift.
pub async fn expect_no_drift(scenario: &Scenario, table: &str, ddl: &[&str], script: &str) -> Result<()> {
    let twin = Scenario::new(&scenario.server, "twin", ddl).await?;
    twin.execute(script).await?;
    let made = definition_parts(&mut scenario.connect().await?, &quoted(table)).await?;
    let wanted = definition_parts(&mut twin.connect().await?, &quoted(table)).await?;
    let only_in = |these: &[String], those: &[String]| {
        these.iter().filter(|part| !those.contains(part)).cloned().collect::<Vec<_>>().join(", ")
    };
    ensure!(made == wanted, "it has {{{}}} instead of {{{}}}", only_in(&made, &wanted), only_in(&wanted, &made));
    Ok(())
}
