//! Questions about the rows of a table, asked in a session that can only read, in bounded time: those of a plan, and
//! those whose answer refuses a change before anything is touched.

use std::sync::Arc;
use std::time::Duration;

use mysql_async::{Row, Value};

use crate::deploy::step::{Action, Step, TableChange};
use crate::error::{Failure, Result};
use crate::findings::{Answer, Case, Level, Levels, RULES, StepCase, examine};
use crate::plan::definition::read_create_table;
use crate::plan::{Alter, TableRef};
use crate::schema::Table;
use crate::server::{Flavor, Role, Server, ServerError, Session, server_failure};

/// Rules whose findings are rows that would stop a copy on the way.
const STOPPING: [&str; 6] =
    ["lossy_conversion", "enum_value_removed", "null_values", "duplicate_values", "broken_check", "orphans"];
/// How long one question may take. A table that is too big for that is copied with the question open, and such a row
/// stops the copy then.
const TIME: Duration = Duration::from_secs(10);

/// Lets the session read only, and nothing in it take longer than the limit.
pub async fn bound(session: &mut Session, limit: Duration) -> Result<(), ServerError> {
    let limit = match session.server().facts.flavor {
        Flavor::MySql => format!("max_execution_time = {}", limit.as_millis().max(1)),
        Flavor::MariaDb => format!("max_statement_time = {}", limit.as_secs_f64().max(0.001)),
    };
    session.execute(&format!("SET SESSION {limit}")).await?;
    session.execute("SET SESSION TRANSACTION READ ONLY").await?;
    Ok(())
}

/// The answer; `None` when the server gave none, for want of time or of a privilege.
pub async fn ask(session: &mut Session, sql: &str) -> Option<Answer> {
    match session.rows::<Row>(sql).await {
        Ok(rows) => Some(rows.into_iter().map(|row| row.unwrap().into_iter().map(text).collect()).collect()),
        Err(error) => {
            tracing::debug!("no answer to `{sql}`: {error}");
            None
        }
    }
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::NULL => None,
        Value::Bytes(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        other => Some(other.as_sql(true)),
    }
}

/// Refuses a copy that rows of the table would stop. Gives warnings about what there was no time to look for.
pub async fn refuse_rows(server: &Arc<Server>, table: &Table, target: &Table, alter: &Alter) -> Result<Vec<String>> {
    let read = |table: &Table| read_create_table(&table.create_sql).and_then(|created| created.definition);
    let (Some(before), Some(after)) = (read(table), read(target)) else { return Ok(Vec::new()) };
    let name = TableRef { schema: Some(table.name.schema.clone()), table: table.name.table.clone() };
    let change = TableChange { table: name, alter: alter.clone() };
    let step = Step { statements: Vec::new(), action: Action::TableChange(change) };
    let step = StepCase {
        step: &step,
        table: Some(table.name.clone()),
        now: Some(before.clone()),
        before: Some(before),
        after: Some(after),
        size: None,
        is_new: false,
        rows: None,
        written_by: None,
    };
    let case = Case { name: "", steps: vec![step], flavor: server.facts.flavor, has_rollback: true };
    let mut levels = Levels::default();
    RULES.iter().filter(|rule| !STOPPING.contains(&rule.name)).for_each(|rule| levels.set(rule.name, Level::Off));
    let (_, mut open) = examine(&case, &levels);
    // The server's own ALTER rounds, too.
    open.retain(|open| !open.question.of_rounding);
    if open.is_empty() {
        return Ok(Vec::new());
    }
    let failed = |error| server_failure("looking for rows in the way", &error).table("untouched");
    let mut session = server.session_for(Role::Watch, "connecting for questions about rows").await?;
    bound(&mut session, TIME).await.map_err(failed)?;
    let (mut refusals, mut warnings) = (Vec::new(), Vec::new());
    for open in open {
        let answer = ask(&mut session, &open.question.sql).await;
        let list = open.question.list.clone();
        match open.settle(answer.as_ref()) {
            Some(finding) if finding.level == Level::Deny => refusals.push((finding, list)),
            Some(finding) => warnings.push(finding.text),
            None => {}
        }
    }
    session.close().await;
    let Some((first, _)) = refusals.first() else { return Ok(warnings) };
    let mut failure = Failure::refused(first.text.clone()).table("untouched");
    for (finding, list) in &refusals {
        failure = failure.next(format!("`{list}` lists them; {}", finding.fix));
    }
    failure = failure.next("then run the command again");
    if let [_, others @ ..] = refusals.as_slice()
        && !others.is_empty()
    {
        let others: Vec<&str> = others.iter().map(|(finding, _)| finding.text.as_str()).collect();
        failure = failure.cause(format!("and {}", others.join("; ")));
    }
    Err(failure)
}
