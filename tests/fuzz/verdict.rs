//! One plan on one server: the change by replank, beside the server's own on a twin.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result};
use mysql_async::prelude::Queryable;
use tokio_util::sync::CancellationToken;

use super::application::{Application, Written};
use super::plan::{Plan, TABLE};
use super::twin::{Twin, definition_lines, difference, make_table, rows};
use crate::support::scenario::drop_schema;
use crate::support::{Kind, Outcome, Program, Server, residue};

/// What came of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Both tables are equal.
    Same,
    /// Neither makes the change; what the server says.
    BothRefuse(String),
    /// The server makes the change and replank does not; why.
    OnlyReplankRefuses(String),
    /// The server does not take the table or its rows.
    NoTable(String),
    /// A defect.
    Wrong(String),
}

/// What is told of a run.
#[derive(Debug)]
pub struct Told {
    pub verdict: Verdict,
    pub writes: usize,
    /// Times it got 1205 or 1213, all while a lock of replank's was asked for or held.
    pub retryable: usize,
}

/// Runs a plan in databases of its own.
pub async fn of(server: &Server, plan: &Plan) -> Result<Told> {
    let unique = uuid::Uuid::new_v4().simple().to_string();
    let schemas = Schemas { name: format!("fuzz_{}_{}", plan.seed, &unique[..6]) };
    let mut conn = server.connect("").await?;
    for schema in [&schemas.name, &schemas.twin(), &schemas.empty()] {
        let sql = format!("CREATE DATABASE `{schema}` CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci");
        conn.query_drop(sql).await?;
    }
    let told = within(server, plan, &schemas).await;
    if std::env::var_os("REPLANK_TEST_KEEP").is_none() {
        for schema in [schemas.name.clone(), schemas.twin(), schemas.empty(), schemas.bookkeeping()] {
            drop_schema(&mut conn, &schema).await?;
        }
    }
    conn.disconnect().await?;
    told.with_context(|| schemas.name)
}

struct Schemas {
    name: String,
}

impl Schemas {
    fn twin(&self) -> String {
        format!("{}_twin", self.name)
    }

    fn empty(&self) -> String {
        format!("{}_empty", self.name)
    }

    fn bookkeeping(&self) -> String {
        format!("{}__replank", self.name)
    }
}

async fn within(server: &Server, plan: &Plan, schemas: &Schemas) -> Result<Told> {
    let mut conn = server.connect(&schemas.name).await?;
    conn.query_drop("SET time_zone = '+00:00'").await?;
    if let Err(error) = make_table(&mut conn, plan).await {
        return Ok(Told { verdict: Verdict::NoTable(format!("{error:#}")), writes: 0, retryable: 0 });
    }
    let before = definition_lines(&mut conn).await?;
    let counter_before = counter(&mut conn).await?;
    let application = Application::connect(server, &schemas.name, plan.seed).await?;
    let stop = CancellationToken::new();
    let writing = tokio::spawn(application.write(plan.clone(), stop.clone()));
    let outcome = program(server, plan, &schemas.name).run().await?;
    stop.cancel();
    let written = writing.await??;
    let mut compared = Compared { server, plan, schemas, conn, before, counter_before, written };
    let mut verdict = match outcome.code() {
        Some(0) => compared.changed().await?,
        _ => compared.refused(&outcome).await?,
    };
    let windows: Vec<_> =
        ["native", "triggers", "cutover"].iter().flat_map(|purpose| outcome.lock_windows(purpose)).collect();
    let record = &compared.written.record;
    if let Some(error) = record.unexcused(&windows).first() {
        verdict = Verdict::Wrong(format!("outside every lock window the application had {}", error.message));
    }
    let verdict = match verdict {
        Verdict::Wrong(why) => Verdict::Wrong(format!("{why}\n{}", transcript(&outcome))),
        other => other,
    };
    compared.conn.disconnect().await?;
    Ok(Told { verdict, writes: compared.written.done.len(), retryable: compared.written.record.errors.len() })
}

fn program(server: &Server, plan: &Plan, schema: &str) -> Program {
    let mut args = vec!["alter".to_owned(), format!("{schema}.{TABLE}"), "--alter".to_owned(), plan.alter_sql()];
    args.extend(["--url".to_owned(), server.url(schema), "--output".to_owned(), "json".to_owned()]);
    args.push("--no-record".to_owned());
    if plan.force_copy {
        args.push("--force-copy".to_owned());
    }
    if plan.drop_old {
        args.push("--drop-old".to_owned());
    }
    if let Some(pace) = plan.pace {
        args.extend(["--max-rows-per-second".to_owned(), pace.to_string()]);
    }
    Program::new(Path::new(env!("CARGO_TARGET_TMPDIR"))).args(args)
}

struct Compared<'a> {
    server: &'a Server,
    plan: &'a Plan,
    schemas: &'a Schemas,
    conn: mysql_async::Conn,
    before: Vec<String>,
    counter_before: Option<String>,
    written: Written,
}

impl Compared<'_> {
    /// replank has made the change. An autocommitted write that met the swap was before it or after it.
    async fn changed(&mut self) -> Result<Verdict> {
        let first = self.changed_if(&self.schemas.twin(), false).await?;
        if self.written.done.iter().all(|done| done.after.is_some() || done.failed.is_some()) {
            return Ok(first);
        }
        match first {
            Verdict::Wrong(_) => self.changed_if(&self.schemas.empty(), true).await,
            other => Ok(other),
        }
    }

    async fn changed_if(&mut self, schema: &str, unclear_is_after: bool) -> Result<Verdict> {
        let mut twin = Twin::make(self.server, schema, self.plan).await?;
        let mut altered = false;
        for done in &self.written.done {
            if done.after.is_none() && done.failed.is_some() {
                continue;
            }
            if done.after.unwrap_or(unclear_is_after) && !altered {
                altered = true;
                if let Some(refusal) = twin.alter(self.plan).await? {
                    return Ok(Verdict::Wrong(format!("it made a change that the server refuses: {refusal:?}")));
                }
            }
            if let Some(wrong) = twin.repeat(done, self.plan).await? {
                return Ok(Verdict::Wrong(wrong));
            }
        }
        if !altered && let Some(refusal) = twin.alter(self.plan).await? {
            return Ok(Verdict::Wrong(format!("it made a change that the server refuses: {refusal:?}")));
        }
        let (made, wanted) = (definition_lines(&mut self.conn).await?, definition_lines(twin.conn()).await?);
        if made != wanted {
            return Ok(Verdict::Wrong(format!("the definition differs\n  {made:#?}\n  instead of\n  {wanted:#?}")));
        }
        if let Some(wrong) = self.difference(&mut twin).await? {
            return Ok(Verdict::Wrong(wrong));
        }
        if self.plan.writes.is_empty()
            && let Some(wrong) = counters(&mut self.conn, twin.conn()).await?
            && !self.is_as_before().await?
        {
            return Ok(Verdict::Wrong(wrong));
        }
        if !self.plan.drop_old {
            let args =
                ["cleanup", &format!("{}.{TABLE}", self.schemas.name), "--url", &self.server.url(&self.schemas.name)];
            let cleaned = Program::new(Path::new(env!("CARGO_TARGET_TMPDIR"))).args(args).run().await?;
            if cleaned.code() != Some(0) && plan_is_copied(&mut self.conn, self.schemas).await? {
                return Ok(Verdict::Wrong(format!("cleanup: {}", cleaned.stderr)));
            }
        }
        self.expect_nothing_left(Verdict::Same).await
    }

    /// Whether the counter goes on where it was. MariaDB's own ALTER lets it jump behind keys that INSERT IGNORE has left
    /// out, which an INSERT into the table as it was would not have skipped.
    async fn is_as_before(&mut self) -> Result<bool> {
        let is_set = self.plan.alter_sql().contains("AUTO_INCREMENT");
        Ok(self.server.kind != Kind::MySql97 && !is_set && counter(&mut self.conn).await? == self.counter_before)
    }

    /// replank has not made the change: the table is what it was, and the server refuses it as well, or it is told.
    async fn refused(&mut self, outcome: &Outcome) -> Result<Verdict> {
        let reason = reason(outcome);
        if definition_lines(&mut self.conn).await? != self.before {
            return Ok(Verdict::Wrong("it failed, and the definition is another".to_owned()));
        }
        let touched = residue::objects(&mut self.conn, &self.schemas.name).await?.len() > 1;
        if touched {
            let args =
                ["abort", &format!("{}.{TABLE}", self.schemas.name), "--url", &self.server.url(&self.schemas.name)];
            let aborted = Program::new(Path::new(env!("CARGO_TARGET_TMPDIR"))).args(args).run().await?;
            if aborted.code() != Some(0) {
                return Ok(Verdict::Wrong(format!("abort: {}", aborted.stderr)));
            }
        }
        let mut twin = Twin::make(self.server, &self.schemas.twin(), self.plan).await?;
        for done in &self.written.done {
            if let Some(wrong) = twin.repeat(done, self.plan).await? {
                return Ok(Verdict::Wrong(wrong));
            }
        }
        if let Some(wrong) = self.difference(&mut twin).await? {
            return Ok(Verdict::Wrong(wrong));
        }
        let refusal = twin.alter(self.plan).await?;
        let even_empty = match refusal {
            None => false,
            Some(_) => {
                let bare = Plan { rows: 0, ..self.plan.clone() };
                let mut empty = Twin::make(self.server, &self.schemas.empty(), &bare).await?;
                empty.alter(self.plan).await?.is_some()
            }
        };
        if even_empty && (touched || outcome.code() != Some(10)) {
            let code = outcome.code();
            return Ok(Verdict::Wrong(format!(
                "a change no server takes was begun, and ended with {code:?}: {reason}"
            )));
        }
        let verdict = match (refusal, outcome.code()) {
            (Some((code, message)), _) => Verdict::BothRefuse(format!("{code} {}", without_names(&message))),
            (None, Some(10 | 12)) => Verdict::OnlyReplankRefuses(reason),
            (None, code) => Verdict::Wrong(format!("it ended with {code:?}: {reason}")),
        };
        self.expect_nothing_left(verdict).await
    }

    async fn difference(&mut self, twin: &mut Twin) -> Result<Option<String>> {
        // Both in one time zone, and with the full text of a column.
        twin.conn().query_drop("SET time_zone = '+00:00'").await?;
        self.conn.query_drop("SET time_zone = '+00:00'").await?;
        Ok(difference(&rows(&mut self.conn).await?, &rows(twin.conn()).await?))
    }

    async fn expect_nothing_left(&mut self, verdict: Verdict) -> Result<Verdict> {
        let own = BTreeSet::from([format!("table {TABLE}")]);
        let found: BTreeSet<String> = residue::objects(&mut self.conn, &self.schemas.name).await?.into_iter().collect();
        let books = residue::objects(&mut self.conn, &self.schemas.bookkeeping()).await?;
        let strangers: Vec<&String> = books.iter().filter(|object| object.contains("__rpk_")).collect();
        if found == own && strangers.is_empty() {
            return Ok(verdict);
        }
        Ok(Verdict::Wrong(format!("it left {found:?} and {strangers:?}")))
    }
}

/// Whether something is kept: a change that the server made keeps nothing, and there is nothing to clean up.
async fn plan_is_copied(conn: &mut mysql_async::Conn, schemas: &Schemas) -> Result<bool> {
    let books = residue::objects(conn, &schemas.bookkeeping()).await?;
    Ok(books.iter().any(|object| object.contains("__rpk_")))
}

async fn counters(conn: &mut mysql_async::Conn, twin: &mut mysql_async::Conn) -> Result<Option<String>> {
    let (made, wanted) = (counter(conn).await?, counter(twin).await?);
    Ok((made != wanted).then(|| format!("the counter is {made:?} instead of {wanted:?}")))
}

/// The counter's next value, `None` where it is 1 or there is none.
pub async fn counter(conn: &mut mysql_async::Conn) -> Result<Option<String>> {
    let row: Option<(String, Vec<u8>)> = conn.query_first(format!("SHOW CREATE TABLE `{TABLE}`")).await?;
    let text = row.map(|(_, text)| String::from_utf8_lossy(&text).into_owned()).unwrap_or_default();
    let options = text.rsplit_once("\n) ").map(|(_, options)| options.to_owned()).unwrap_or_default();
    let value = options.split_once(" AUTO_INCREMENT=").map(|(_, rest)| rest);
    Ok(value.map(|rest| rest.chars().take_while(char::is_ascii_digit).collect()))
}

/// What replank says, without the names and numbers of this run.
fn reason(outcome: &Outcome) -> String {
    let said = outcome.events("failed").next().map(|seen| seen.event.clone()).unwrap_or_default();
    let what = said["what"].as_str().or(said["message"].as_str()).map_or_else(|| outcome.stderr.clone(), str::to_owned);
    let text = without_names(&what);
    let cause = said["cause"].as_str().unwrap_or_default();
    let cause = without_names(cause);
    match outcome.code() {
        Some(10) => format!("10 {text}"),
        code => format!("{code:?} {text} ({cause})"),
    }
}

/// A message that many runs have in common.
fn without_names(message: &str) -> String {
    let first = message.lines().next().unwrap_or_default();
    let mut text = String::new();
    for (at, piece) in first.split(['`', '\'']).enumerate() {
        text.push_str(if at % 2 == 1 { "…" } else { piece });
    }
    text.chars().map(|ch| if ch.is_ascii_digit() { '#' } else { ch }).take(110).collect()
}

fn transcript(outcome: &Outcome) -> String {
    let events: Vec<String> = outcome.events.iter().map(|seen| seen.event.to_string()).collect();
    format!("{}\n{}\n{}", events.join("\n"), outcome.stdout, outcome.stderr)
}
