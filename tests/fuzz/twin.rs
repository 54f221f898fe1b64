//! The oracle: a twin of the table that gets the same writes in the same order, and the server's own ALTER.

use anyhow::{Result, bail};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error};

use super::application::{Done, connect, settings};
use super::plan::{Plan, TABLE, quoted};
use crate::support::Server;
use crate::support::residue::definition;
use crate::support::tables::{TextRow, each_row};

/// The sql_mode in which values that are in a table already pass, as they do in a copy.
const LENIENT: &str = "STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES";

pub struct Twin {
    sessions: Vec<Conn>,
}

impl Twin {
    /// A table like the plan's in another schema.
    pub async fn make(server: &Server, schema: &str, plan: &Plan) -> Result<Twin> {
        let mut sessions = Vec::new();
        for session in 0..3 {
            let mut conn = connect(server, schema, session).await?;
            conn.query_drop("SET sql_log_bin = 0").await?;
            sessions.push(conn);
        }
        make_table(&mut sessions[0], plan).await?;
        Ok(Twin { sessions })
    }

    pub fn conn(&mut self) -> &mut Conn {
        &mut self.sessions[0]
    }

    /// Does a write again; an error that the application had and the twin has not, or another one, is a difference.
    pub async fn repeat(&mut self, done: &Done, plan: &Plan) -> Result<Option<String>> {
        let conn = &mut self.sessions[done.session];
        conn.query_drop(settings(done.number)).await?;
        conn.query_drop("START TRANSACTION").await?;
        let mut counted = done.counted.iter();
        let mut failed = None;
        for (sql, statement) in done.write.script().into_iter().zip(done.write.in_script()) {
            if let Some(&first) = counted.next()
                && first > 0
                && statement.is_some_and(|statement| statement.counts(plan.key))
            {
                conn.query_drop(format!("SET insert_id = {first}")).await?;
            }
            match conn.query_drop(&sql).await {
                Ok(()) => {}
                Err(Error::Server(error)) => {
                    failed = Some((error.code, error.message, sql));
                    break;
                }
                Err(error) => return Err(error.into()),
            }
        }
        let end = if done.write.end == super::plan::End::Rollback || failed.is_some() { "ROLLBACK" } else { "COMMIT" };
        conn.query_drop(end).await?;
        let number = |failed: &Option<(u16, String, String)>| failed.as_ref().map(|(code, ..)| *code);
        Ok((number(&done.failed) != number(&failed)).then(|| {
            format!("the application had {:?}, its twin {failed:?}, in {:?}", done.failed, done.write.script())
        }))
    }

    /// The server's own ALTER; gives what it says against it.
    pub async fn alter(&mut self, plan: &Plan) -> Result<Option<(u16, String)>> {
        let sql = format!("ALTER TABLE `{TABLE}` {}", plan.alter_sql());
        let conn = &mut self.sessions[0];
        conn.query_drop("SET time_zone = DEFAULT, timestamp = DEFAULT").await?;
        // On MariaDB a renamed column under a CHECK or in an expression is unknown (1054) when the open table was first
        // used under an alias, by an UPDATE of several tables.
        // The counter, which is compared where there are no writes, is another one after each such reopening.
        if !plan.writes.is_empty() {
            conn.query_drop(format!("FLUSH TABLES `{TABLE}`")).await?;
        }
        let mut outcome = conn.query_drop(&sql).await;
        // NO_ZERO_DATE and its like refuse what is there already.
        if let Err(Error::Server(error)) = &outcome
            && matches!(error.code, 1292 | 1067)
        {
            conn.query_drop(format!("SET sql_mode = '{LENIENT}'")).await?;
            outcome = conn.query_drop(&sql).await;
        }
        conn.query_drop("SET sql_mode = DEFAULT, time_zone = '+00:00'").await?;
        match outcome {
            Ok(()) => Ok(None),
            Err(Error::Server(error)) => Ok(Some((error.code, error.message))),
            Err(error) => Err(error.into()),
        }
    }
}

/// The plan's table with its first rows.
pub async fn make_table(conn: &mut Conn, plan: &Plan) -> Result<()> {
    conn.query_drop(plan.create_sql()).await?;
    conn.query_drop("SET timestamp = 1700000000, @n = 0").await?;
    for sql in plan.seed_sql() {
        conn.query_drop(sql).await?;
    }
    // MySQL's counter in an open table is not renewed by rows that INSERT IGNORE leaves out, and its ALTER keeps that one.
    Ok(conn.query_drop(format!("FLUSH TABLES `{TABLE}`")).await?)
}

/// The definition as it must be equal: columns in their order, the others in any.
pub async fn definition_lines(conn: &mut Conn) -> Result<Vec<String>> {
    let text = definition(conn, &format!("`{TABLE}`")).await?;
    let lines = text.lines().map(|line| line.trim().trim_end_matches(',').to_owned());
    let (columns, mut others): (Vec<String>, Vec<String>) = lines.partition(|line| line.starts_with('`'));
    others.sort();
    Ok(columns.into_iter().chain(others).collect())
}

/// Every row with the bytes of every column, invisible ones included.
pub async fn rows(conn: &mut Conn) -> Result<Vec<TextRow>> {
    let columns: Vec<(String, String)> = conn
        .exec(
            "SELECT column_name, data_type FROM information_schema.columns \
             WHERE table_schema = DATABASE() AND table_name = ? ORDER BY ordinal_position",
            (TABLE,),
        )
        .await?;
    if columns.is_empty() {
        bail!("there is no table");
    }
    let read = |(name, data_type): &(String, String)| match data_type.to_lowercase().as_str() {
        // Text of a FLOAT has six digits.
        "float" => format!("{} + 0e0", quoted(name)),
        // The character set of the connection must not bend what is stored.
        kind if kind.contains("text") || kind.contains("char") || kind == "enum" || kind == "set" => {
            format!("CONCAT(CHARSET({0}), ' ', HEX({0}))", quoted(name))
        }
        _ => quoted(name),
    };
    let list: Vec<String> = columns.iter().map(read).collect();
    let mut rows = Vec::new();
    each_row(conn, &format!("SELECT {} FROM `{TABLE}`", list.join(", ")), |row| rows.push(row)).await?;
    rows.sort();
    Ok(rows)
}

/// The rows that only one side has, for people.
pub fn difference(these: &[TextRow], those: &[TextRow]) -> Option<String> {
    if these == those {
        return None;
    }
    let only = |rows: &[TextRow], others: &[TextRow]| {
        let found: Vec<String> =
            rows.iter().filter(|row| others.binary_search(row).is_err()).take(3).map(shown).collect();
        found.join("\n    ")
    };
    Some(format!(
        "{} rows instead of {}\n  only in the table:\n    {}\n  only in its twin:\n    {}",
        these.len(),
        those.len(),
        only(these, those),
        only(those, these)
    ))
}

fn shown(row: &TextRow) -> String {
    let column = |value: &Option<Vec<u8>>| match value {
        None => "NULL".to_owned(),
        Some(bytes) => String::from_utf8_lossy(bytes).into_owned(),
    };
    row.iter().map(column).collect::<Vec<_>>().join(" | ")
}
