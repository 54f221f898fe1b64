//! Every type to every other: what the copy's INSERT makes of a value is what the server's own ALTER makes of it.
//!
//! On temporary tables, without a run: only the expression is the product's. What the INSERT refuses stops a run before
//! the swap and is only counted; what it silently makes another value of is a defect.

use anyhow::{Context, Result, bail, ensure};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error};
use replank::change::copied_value;
use replank::schema::Column;
use replank::sql::Ident;

use super::types::{TYPES, Type};
use crate::support::tables::{TextRow, each_row};
use crate::support::{Kind, Server, on_every_server};

on_every_server!(every_type_to_every_other);

/// The part of the conversions that the test suite makes; `scripts/fuzz` makes all.
const EVERY: usize = 4;

async fn every_type_to_every_other(server: Server) -> Result<()> {
    let mut conn = server.connect("").await?;
    let schema = format!("conversions_{}", &uuid::Uuid::new_v4().simple().to_string()[..8]);
    conn.query_drop(format!("CREATE DATABASE `{schema}` CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci")).await?;
    conn.query_drop(format!("USE `{schema}`")).await?;
    conn.query_drop("SET @n = 3, time_zone = '+00:00'").await?;
    let outcome = all(&mut conn, server.kind).await;
    conn.query_drop(format!("DROP DATABASE `{schema}`")).await?;
    conn.disconnect().await?;
    outcome
}

async fn all(conn: &mut Conn, kind: Kind) -> Result<()> {
    let (mut compared, mut refused, mut wrong) = (0, Vec::new(), Vec::new());
    let there = || TYPES.iter().enumerate().filter(|(_, one)| one.on.has(kind));
    for (row, from) in there() {
        for (column, to) in there() {
            if from.sql == to.sql || (row + column) % EVERY != 0 && !super::Extent::is_asked() {
                continue;
            }
            match one(conn, from, to).await? {
                Some(Ok(())) => compared += 1,
                Some(Err(Difference::Refused(why))) => refused.push(format!("{} to {}: {why}", from.sql, to.sql)),
                Some(Err(Difference::Value(difference))) => {
                    wrong.push(format!("{} to {}: {difference}", from.sql, to.sql))
                }
                None => {}
            }
        }
    }
    println!("{}: {compared} conversions are equal, {} are refused by a copy alone", kind.name(), refused.len());
    refused.iter().for_each(|line| println!("  {line}"));
    ensure!(wrong.is_empty(), "{} conversions differ:\n{}", wrong.len(), wrong.join("\n"));
    ensure!(compared > 100, "only {compared} conversions were compared");
    Ok(())
}

enum Difference {
    /// Another value than the server's.
    Value(String),
    /// The server makes the change, and the INSERT of the copy fails.
    Refused(String),
}

/// `None` where the server's ALTER refuses the change: then it refuses the values.
async fn one(conn: &mut Conn, from: &Type, to: &Type) -> Result<Option<Result<(), Difference>>> {
    conn.query_drop("DROP TEMPORARY TABLE IF EXISTS a, b, c").await?;
    conn.query_drop(format!("CREATE TEMPORARY TABLE a (id INT NOT NULL PRIMARY KEY, v {} NULL)", from.sql)).await?;
    for (id, value) in from.values.iter().chain(&["NULL"]).enumerate() {
        conn.query_drop(format!("INSERT INTO a VALUES ({id}, {value})")).await?;
    }
    // Values that the type does not take are taken out, and the others compared.
    let mut kept: Vec<usize> = (0..=from.values.len()).collect();
    if !altered(conn, from, to, None).await? {
        let mut able = Vec::new();
        for id in kept {
            if altered(conn, from, to, Some(id)).await? {
                able.push(id);
            }
        }
        kept = able;
        if kept.len() < 2 {
            return Ok(None);
        }
        let list: Vec<String> = kept.iter().map(usize::to_string).collect();
        conn.query_drop(format!("DELETE FROM a WHERE id NOT IN ({})", list.join(", "))).await?;
        if !altered(conn, from, to, None).await? {
            return Ok(None);
        }
    }
    let wanted = rows(conn, "b").await?;
    conn.query_drop(format!("CREATE TEMPORARY TABLE c (id INT NOT NULL PRIMARY KEY, v {} NULL)", to.sql)).await?;
    conn.query_drop("SET @mode = @@sql_mode, sql_mode = 'STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES'")
        .await?;
    let expression = copied_value("a.v", &column(conn, "a").await?, &column(conn, "c").await?);
    let inserted = conn.query_drop(format!("INSERT INTO c SELECT id, {expression} FROM a")).await;
    conn.query_drop("SET sql_mode = @mode").await?;
    match inserted {
        Ok(()) => {}
        Err(Error::Server(error)) => return Ok(Some(Err(Difference::Refused(error.message)))),
        Err(error) => bail!(error),
    }
    let made = rows(conn, "c").await?;
    Ok(Some(match made == wanted {
        true => Ok(()),
        false => Err(Difference::Value(format!("{} instead of {}", shown(&made), shown(&wanted)))),
    }))
}

/// The server's own ALTER, on all rows or on one.
async fn altered(conn: &mut Conn, from: &Type, to: &Type, only: Option<usize>) -> Result<bool> {
    conn.query_drop("DROP TEMPORARY TABLE IF EXISTS b").await?;
    conn.query_drop(format!("CREATE TEMPORARY TABLE b (id INT NOT NULL PRIMARY KEY, v {} NULL)", from.sql)).await?;
    let only = only.map(|id| format!(" WHERE id = {id}")).unwrap_or_default();
    conn.query_drop(format!("INSERT INTO b SELECT * FROM a{only}")).await?;
    // As a migration does: in the server's own zone.
    conn.query_drop("SET time_zone = DEFAULT").await?;
    let altered = conn.query_drop(format!("ALTER TABLE b MODIFY v {} NULL, ALGORITHM=COPY", to.sql)).await;
    conn.query_drop("SET time_zone = '+00:00'").await?;
    match altered {
        Ok(()) => Ok(true),
        Err(Error::Server(_)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// A column as the product knows it; of temporary tables, only SHOW tells.
async fn column(conn: &mut Conn, table: &str) -> Result<Column> {
    let row: Option<mysql_async::Row> = conn.query_first(format!("SHOW FULL COLUMNS FROM {table} LIKE 'v'")).await?;
    let row = row.context("the column is there")?;
    let (name, collation): (Option<String>, Option<Option<String>>) = (row.get("Field"), row.get("Collation"));
    let (name, collation) = (name.unwrap_or_default(), collation.flatten());
    let column_type: Vec<u8> = row.get("Type").unwrap_or_default();
    let column_type = String::from_utf8_lossy(&column_type).into_owned();
    Ok(Column {
        name: Ident::new(name),
        data_type: column_type.split(['(', ' ']).next().unwrap_or_default().to_owned(),
        column_type,
        nullable: true,
        has_default: true,
        defaults_to_now: false,
        extra: String::new(),
        charset: collation.as_ref().and_then(|collation| collation.split('_').next()).map(str::to_owned),
        collation,
        generated: false,
    })
}

async fn rows(conn: &mut Conn, table: &str) -> Result<Vec<TextRow>> {
    let mut rows = Vec::new();
    let sql = format!("SELECT v, HEX(v), CHARSET(v), LENGTH(v) FROM {table} ORDER BY id");
    each_row(conn, &sql, |row| rows.push(row)).await?;
    Ok(rows)
}

fn shown(rows: &[TextRow]) -> String {
    let value = |row: &TextRow| row[0].as_ref().map_or("NULL".to_owned(), |text| text.escape_ascii().to_string());
    rows.iter().map(value).collect::<Vec<_>>().join(", ")
}
