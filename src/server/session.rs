//! One connection with the settings of its role.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mysql_async::prelude::{FromRow, Queryable};
use mysql_async::{Conn, Opts, OptsBuilder, Row};
use tokio_util::sync::CancellationToken;

use super::{CONNECT_TIMEOUT, Flavor, Server, ServerError};
use crate::sql::TableName;
use crate::sql::beginning::beginning;
use crate::sql::executed::executed_tokens;
use crate::sql::lexer::{Token, leading_tokens};

/// A variable that is NULL but in sessions which write rows of a shadow.
pub const WRITER: &str = "@replank_mirrors";
const WRITER_IS_SET: &str = "@replank_mirrors = 1";

/// What a connection is for, which decides its session settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Reads and writes rows of both tables: READ COMMITTED, strict, zone-free.
    Work,
    /// Compares both tables in one snapshot: REPEATABLE READ.
    Verify,
    /// Runs the user's clauses: with the server's own sql_mode and time zone, as a migration would.
    Ddl,
    /// Asks questions and kills: never does work, so it never queues behind work.
    Watch,
    /// Runs the statements of a migration that are run as they are: nothing is set, as Prisma sets nothing.
    Script,
}

/// A connection in the server's process list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its id.
    pub id: u32,
    /// Its account's name.
    pub user: String,
    /// Where it comes from.
    pub host: String,
    /// The database it is in, empty when in none.
    pub schema: String,
    /// What it is doing or waiting for.
    pub state: String,
    /// The statement it runs, empty when idle.
    pub statement: String,
}

impl Process {
    /// Whether it runs a statement that may define or empty a table: one that has its name, and that of its schema
    /// where the connection is in another.
    pub fn redefines(&self, table: &TableName) -> bool {
        // However names are quoted, and whatever letters the server tells apart.
        let plain = |text: &str| text.replace('`', "").to_lowercase();
        let (schema, name) = (plain(table.schema.as_str()), plain(table.table.as_str()));
        let statement = plain(&self.statement);
        self.defines() && statement.contains(&name) && (plain(&self.schema) == schema || statement.contains(&schema))
    }

    /// Whether it runs a definition that commits what was before it, as all do but those of temporary tables.
    pub fn commits_first(&self) -> bool {
        if !self.defines() {
            return false;
        }
        let all = leading_tokens(&self.statement).0;
        let tokens = executed_tokens(&all);
        let second = if tokens.get(1).is_some_and(|token| token.is_word("OR")) { 3 } else { 1 };
        // DROP PREPARE is no definition.
        let goes_on = |token: &Token<'_>| token.is_word("TEMPORARY") || token.is_word("PREPARE");
        !tokens.get(second).is_some_and(goes_on)
    }

    /// Whether it runs a statement that may define or empty a table.
    fn defines(&self) -> bool {
        let statement = self.statement.trim_start().to_lowercase();
        let words = ["truncate", "alter", "drop", "rename", "optimize", "create"];
        words.iter().any(|word| statement.starts_with(word))
    }

    /// Whether it waits for a metadata lock.
    pub fn is_waiting(&self) -> bool {
        self.state == "Waiting for table metadata lock"
    }
}

/// Which connection it is. Numbers begin anew when a server starts, so one says nothing without its time.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionId {
    /// The server's number of it.
    pub number: u32,
    /// When it was there.
    pub seen: Instant,
}

/// A connection. A lost one is not used again: `reconnect` makes another.
#[derive(Debug)]
pub struct Session {
    server: Option<Arc<Server>>,
    role: Role,
    conn: Option<Conn>,
    id: u32,
    /// When it was made.
    since: Instant,
}

impl Session {
    /// The first connection to a server that nothing is known of yet.
    pub(super) async fn first(opts: &Opts) -> Result<Session, ServerError> {
        let conn = connect(opts).await?;
        Ok(Session { server: None, role: Role::Watch, id: conn.id(), conn: Some(conn), since: Instant::now() })
    }

    pub(super) async fn connect(server: &Arc<Server>, role: Role) -> Result<Session, ServerError> {
        let conn = connect(server.opts()).await?;
        let mut session =
            Session { server: Some(Arc::clone(server)), role, id: conn.id(), conn: Some(conn), since: Instant::now() };
        session.set_up().await?;
        Ok(session)
    }

    async fn set_up(&mut self) -> Result<(), ServerError> {
        let Some(server) = self.server.clone() else { return Ok(()) };
        if self.role == Role::Script {
            return Ok(());
        }
        self.execute(&session_settings(self.role, server.facts.flavor)).await?;
        match self.role {
            Role::Work => self.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED").await?,
            Role::Verify => self.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ").await?,
            Role::Ddl | Role::Watch | Role::Script => 0,
        };
        Ok(())
    }

    /// This connection among all that there ever were.
    pub fn connection(&self) -> ConnectionId {
        ConnectionId { number: self.id, seen: self.since }
    }

    /// The server's id of this connection.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The server it is connected to.
    pub fn server(&self) -> &Arc<Server> {
        self.server.as_ref().expect("only the very first connection has no server")
    }

    /// Whether the connection is gone.
    pub fn is_lost(&self) -> bool {
        self.conn.is_none()
    }

    /// Makes a new connection of the same role after the server has forgotten the old one.
    pub async fn reconnect(&mut self) -> Result<(), ServerError> {
        let server = Arc::clone(self.server());
        if let Some(conn) = self.conn.take() {
            // Politely when it still works; the server is asked below in any case.
            let _ = tokio::time::timeout(Duration::from_secs(1), conn.disconnect()).await;
        }
        server.bury(self.connection()).await?;
        let conn = connect(server.opts()).await?;
        self.id = conn.id();
        self.since = Instant::now();
        self.conn = Some(conn);
        self.set_up().await
    }

    /// The connection, for one statement, to be given back by `settle`. A future that is dropped in between takes it
    /// along: an answer that nobody has read would be taken for that of the next statement.
    fn lend(&mut self) -> Result<Conn, ServerError> {
        self.conn.take().ok_or_else(|| ServerError::Lost("not connected".into()))
    }

    fn settle<T>(&mut self, conn: Conn, outcome: Result<T, mysql_async::Error>) -> Result<T, ServerError> {
        let outcome = outcome.map_err(ServerError::from);
        if let Err(error) = &outcome {
            match (self.role, error.code()) {
                // It may quote the statement.
                (Role::Script, Some(code)) => tracing::trace!("[{}] ERROR {code}", self.id),
                _ => tracing::trace!("[{}] {error}", self.id),
            }
        }
        if !matches!(outcome, Err(ServerError::Lost(_))) {
            self.conn = Some(conn);
        }
        outcome
    }

    /// Writes a statement to the log before it is sent, with the values of rows and clauses in it. What a migration runs as
    /// it is may be about accounts, and is shown without its strings.
    fn trace(&self, sql: &str) {
        match self.role {
            Role::Script => tracing::trace!("[{}] {}", self.id, beginning(sql)),
            Role::Work | Role::Verify | Role::Ddl | Role::Watch => tracing::trace!("[{}] {sql}", self.id),
        }
    }

    /// Runs a statement and gives the rows it affected.
    pub async fn execute(&mut self, sql: &str) -> Result<u64, ServerError> {
        self.trace(sql);
        let mut conn = self.lend()?;
        let outcome = conn.query_drop(sql).await;
        let affected = conn.affected_rows();
        self.settle(conn, outcome).map(|()| affected)
    }

    /// Gives a session for work its sql_mode back after triggers were created in it.
    pub async fn restore_sql_mode(&mut self) -> Result<(), ServerError> {
        self.execute(&format!("SET SESSION {WORK_SQL_MODE}")).await.map(drop)
    }

    /// Runs a text that may be several statements, or one with several results. A failure comes with the number of
    /// results before it.
    pub async fn execute_all(&mut self, sql: &str) -> Result<(), (usize, ServerError)> {
        self.trace(sql);
        let mut conn = self.lend().map_err(|error| (0, error))?;
        let mut results = 0;
        let run = async {
            let mut result = conn.query_iter(sql).await?;
            while !result.is_empty() {
                // The header of the next result is read at the end of this one, and so is its error.
                results += 1;
                result.for_each(drop).await?;
            }
            // That of a statement without rows is kept, and would be given for the next statement, unsent.
            result.drop_result().await
        };
        let outcome: Result<(), mysql_async::Error> = run.await;
        self.settle(conn, outcome).map_err(|error| (results, error))
    }

    /// Runs a query and gives its rows.
    pub async fn rows<R: FromRow + Send + 'static>(&mut self, sql: &str) -> Result<Vec<R>, ServerError> {
        self.trace(sql);
        let mut conn = self.lend()?;
        let outcome = conn.query(sql).await;
        // The driver's own conversion of a row panics where a value is not what was asked for.
        let rows: Vec<Row> = self.settle(conn, outcome)?;
        let converted = rows.into_iter().map(R::from_row_opt).collect::<Result<_, _>>();
        converted.map_err(|error| ServerError::Driver(format!("an answer is not what was asked for: {error}")))
    }

    /// Runs a query and gives its first row.
    pub async fn first_row<R: FromRow + Send + 'static>(&mut self, sql: &str) -> Result<Option<R>, ServerError> {
        Ok(self.rows(sql).await?.into_iter().next())
    }

    /// What the server's connections do, as far as this account may see them; its own always.
    ///
    /// SHOW and not information_schema: MySQL's table fails (3854) while any statement has a character of four bytes.
    pub async fn processes(&mut self) -> Result<Vec<Process>, ServerError> {
        let rows: Vec<Row> = self.rows("SHOW FULL PROCESSLIST").await?;
        let text = |row: &Row, name: &str| row.get::<Option<Vec<u8>>, _>(name).flatten().unwrap_or_default();
        let process = |row: Row| Process {
            id: row.get::<u64, _>("Id").and_then(|id| u32::try_from(id).ok()).unwrap_or_default(),
            user: String::from_utf8_lossy(&text(&row, "User")).into_owned(),
            host: String::from_utf8_lossy(&text(&row, "Host")).into_owned(),
            schema: String::from_utf8_lossy(&text(&row, "db")).into_owned(),
            state: String::from_utf8_lossy(&text(&row, "State")).into_owned(),
            statement: String::from_utf8_lossy(&text(&row, "Info")).into_owned(),
        };
        Ok(rows.into_iter().map(process).collect())
    }

    /// Runs a statement that may take long; `stop` ends it on the server, and its outcome is awaited.
    pub async fn execute_until(&mut self, sql: &str, stop: &CancellationToken) -> Result<u64, ServerError> {
        let server = Arc::clone(self.server());
        let id = self.id;
        let running = self.execute(sql);
        tokio::pin!(running);
        tokio::select! {
            outcome = &mut running => return outcome,
            () = stop.cancelled() => {}
        }
        server.kill_query(id).await?;
        running.await
    }

    /// Runs a statement and ends it on the server when it takes longer than `limit`; its outcome is awaited.
    /// The second value says whether it was told to end, which it may have outrun.
    pub async fn execute_within(&mut self, sql: &str, limit: Duration) -> (Result<u64, ServerError>, bool) {
        let server = Arc::clone(self.server());
        let id = self.id;
        let running = self.execute(sql);
        tokio::pin!(running);
        if let Ok(outcome) = tokio::time::timeout(limit, &mut running).await {
            return (outcome, false);
        }
        if server.facts.flavor == Flavor::MariaDb {
            // A KILL that meets MariaDB while it opens a table and parses its triggers leaves that table in the cache
            // with triggers that fail (1064), and the application gets it. Whoever waits has not begun to open.
            let is_waiting = async {
                loop {
                    match server.processes().await {
                        Ok(processes) if !processes.iter().any(|process| process.id == id && process.is_waiting()) => {
                            tokio::time::sleep(Duration::from_millis(1)).await;
                        }
                        _ => return,
                    }
                }
            };
            tokio::select! {
                outcome = &mut running => return (outcome, false),
                () = is_waiting => {}
            }
        }
        if let Err(error) = server.kill_query(id).await {
            tracing::warn!("KILL QUERY {id} failed: {error}");
        }
        (running.await, true)
    }

    /// Runs a text as [`Session::execute_all`] does, and ends it on the server once it has waited for a table for
    /// `limit`; its outcome is awaited. The second value says whether it was told to end, which it may have outrun.
    pub async fn execute_all_unless_waiting(
        &mut self,
        sql: &str,
        limit: Duration,
    ) -> (Result<(), (usize, ServerError)>, bool) {
        let server = Arc::clone(self.server());
        let id = self.id;
        let running = self.execute_all(sql);
        tokio::pin!(running);
        let waits_too_long = async {
            let (begun, mut waits_since) = (Instant::now(), None);
            loop {
                // Most who wait do so from the beginning; a statement that works for long is looked at less often.
                let pause = if begun.elapsed() < Duration::from_secs(1) { 5 } else { 50 };
                tokio::time::sleep(Duration::from_millis(pause)).await;
                let Ok(processes) = server.processes().await else { continue };
                let is_waiting = processes.iter().any(|process| process.id == id && process.is_waiting());
                match (is_waiting, waits_since) {
                    (false, _) => waits_since = None,
                    (true, None) => waits_since = Some(Instant::now()),
                    (true, Some(since)) if since.elapsed() >= limit => return,
                    (true, Some(_)) => {}
                }
            }
        };
        tokio::select! {
            outcome = &mut running => return (outcome, false),
            () = waits_too_long => {}
        }
        if let Err(error) = server.kill_query(id).await {
            tracing::warn!("KILL QUERY {id} failed: {error}");
        }
        (running.await, true)
    }

    /// Uses the connection without any effect on its session, so that an idle one is not closed.
    pub async fn ping(&mut self) -> Result<(), ServerError> {
        let mut conn = self.lend()?;
        let outcome = conn.ping().await;
        self.settle(conn, outcome)
    }

    /// Closes the connection and waits until the server has heard it.
    pub async fn close(mut self) {
        if let Some(conn) = self.conn.take() {
            let _ = tokio::time::timeout(Duration::from_secs(1), conn.disconnect()).await;
        }
    }
}

async fn connect(opts: &Opts) -> Result<Conn, ServerError> {
    // The bookkeeping of prepared statements and the session reset between users of a pool are not wanted: every
    // statement here is text, and a session belongs to one user for its life.
    let opts = OptsBuilder::from_opts(opts.clone()).stmt_cache_size(0).prefer_socket(false);
    match tokio::time::timeout(CONNECT_TIMEOUT, Conn::new(opts)).await {
        Ok(conn) => Ok(conn?),
        Err(_) => Err(ServerError::Lost(format!("no answer within {} s", CONNECT_TIMEOUT.as_secs()))),
    }
}

/// For what reads and writes rows.
const WORK_SQL_MODE: &str = "sql_mode = 'STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES'";

/// The rows of new indexes are sorted in 1 MiB by default; in 32 MiB, four indexes of a million rows are built in 2.8 s
/// and not in 3.6 s.
const SORT_BUFFER: &str = "foreign_key_checks = 1 /*!80027 , innodb_ddl_buffer_size = \
                           CAST(GREATEST(@@innodb_ddl_buffer_size, 33554432) AS UNSIGNED) */";

/// One SET for all settings of a role.
fn session_settings(role: Role, flavor: Flavor) -> String {
    let mut settings = vec![
        // A run may sit idle for hours in a throttle; the server's default would close its connections.
        "wait_timeout = 86400",
        // A metadata lock that somebody else holds must not queue the application behind us for a year (the default).
        "lock_wait_timeout = 2",
        // Row locks are only waited for on our own tables; chunks are short.
        "innodb_lock_wait_timeout = 10",
    ];
    match flavor {
        Flavor::MySql => {
            settings.push("max_execution_time = 0");
            // Estimates and counters as of now, not as of yesterday.
            settings.push("information_schema_stats_expiry = 0");
        }
        Flavor::MariaDb => settings.push("max_statement_time = 0"),
    }
    match role {
        Role::Work | Role::Verify => {
            // Values that do not fit must fail instead of being bent; zero ids, zero dates and invalid dates that are
            // in the table already must pass.
            settings.push(WORK_SQL_MODE);
            settings.push("time_zone = '+00:00'");
            // The shadow has no constraint that the original has not enforced already.
            settings.push("foreign_key_checks = 0");
            // Triggers of the application that are on the shadow already must not fire for what is copied.
            settings.push(WRITER_IS_SET);
        }
        Role::Ddl => {
            settings.push("sql_mode = @@GLOBAL.sql_mode");
            settings.push("time_zone = @@GLOBAL.time_zone");
            settings.push(match flavor {
                Flavor::MySql => SORT_BUFFER,
                Flavor::MariaDb => "foreign_key_checks = 1",
            });
        }
        Role::Watch | Role::Script => {}
    }
    format!("SET SESSION {}", settings.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(schema: &str, statement: &str) -> Process {
        let (user, host, state) = (String::new(), String::new(), String::new());
        Process { id: 1, user, host, schema: schema.to_owned(), state, statement: statement.to_owned() }
    }

    #[test]
    fn definitions_of_temporary_tables_do_not_commit() {
        let commits_first = |statement| process("", statement).commits_first();
        assert!(commits_first("CREATE TABLE t AS SELECT 1"));
        assert!(commits_first("alter table temporary_uploads add prepared_at datetime"));
        assert!(commits_first(" CREATE OR REPLACE TABLE t (temporary INT)"));
        for statement in [
            "create temporary table t as select sleep(9)",
            "CREATE /* for the report */ TEMPORARY TABLE t (a INT)",
            "CREATE OR REPLACE TEMPORARY TABLE t (a INT)",
            "DROP TEMPORARY TABLE t",
            "DROP PREPARE p",
            "SELECT 1",
            "",
        ] {
            assert!(!commits_first(statement), "{statement}");
        }
    }

    #[test]
    fn statements_that_may_redefine_a_table() {
        let redefines =
            |schema: &str, statement: &str| process(schema, statement).redefines(&TableName::new("shop", "Or`der"));
        assert!(redefines("shop", "TRUNCATE `Or``der`"));
        assert!(redefines("other", " alter table SHOP.`or``der` force"));
        assert!(redefines("", "RENAME TABLE `shop`.`Or``der` TO `shop`.`x`"));
        assert!(!redefines("other", "RENAME TABLE `Or``der` TO `x`"));
        assert!(!redefines("shop", "UPDATE `Or``der` SET `id` = 1"));
        assert!(!redefines("shop", "DROP TABLE `Line`"));
    }
}
