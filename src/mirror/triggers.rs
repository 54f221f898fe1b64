//! The triggers that log keys: their text, and whether they are in place.
//!
//! They are created with an empty sql_mode, frozen into them, so that nothing a row holds (zero dates, invalid dates)
//! can fail on its way into the log.

use super::change_log::ChangeLog;
use crate::plan::names::TriggerNames;
use crate::schema::relations::triggers_named_sql;
use crate::server::{Flavor, ServerError, Session, errno};
use crate::sql::lexer::{Token, leading_tokens};
use crate::sql::{Ident, TableName, string_literal};

/// In the order in which the triggers are made.
const EVENTS: [&str; 3] = ["INSERT", "UPDATE", "DELETE"];

/// Moves the time that MariaDB notes as the trigger's creation a little into the future.
///
/// MariaDB prepares a statement anew for a trigger only when the statement was prepared before that time, which it takes
/// at the start of CREATE TRIGGER and cuts to hundredths of a second. PREPARE is not held back by LOCK TABLES, so one
/// that falls between that time and the trigger's appearance would never learn of the trigger, and every execution of
/// it would fail with 1146 on the log, which it has not opened. Three seconds outlast the creation of a trigger; the
/// price is that a statement may be prepared once more than needed within them.
const CREATED_LATER: &str = "SET SESSION timestamp = UNIX_TIMESTAMP(SYSDATE(6)) + 3";

/// Three triggers on one table that log keys into one log.
#[derive(Debug, Clone)]
pub struct LogTriggers {
    /// The table they are on.
    pub table: TableName,
    /// Their names.
    pub names: TriggerNames,
    /// The log they write.
    pub log: ChangeLog,
    /// A log that they name and never write, see [`LogTriggers::create_sql`].
    pub next_log: Option<ChangeLog>,
}

impl LogTriggers {
    /// CREATE TRIGGER for each.
    ///
    /// MariaDB before 11.2 remembers, for a statement in a stored procedure, which tables its triggers write, and does not
    /// notice a table of other triggers: after the swap it would not open the reverse log (1146). So the triggers before
    /// the swap name the log that those after it write.
    pub fn create_sql(&self) -> [String; 3] {
        EVENTS.map(|event| self.create_sql_of(event, ""))
    }

    /// CREATE TRIGGER for an event; `place` is ` PRECEDES name` or nothing.
    fn create_sql_of(&self, event: &str, place: &str) -> String {
        let (schema, table, body) = (&self.table.schema, &self.table, self.body(event));
        let name = self.name_of(event).expect("one of the three events");
        format!("CREATE TRIGGER {schema}.{name} AFTER {event} ON {table} FOR EACH ROW{place} {body}")
    }

    fn body(&self, event: &str) -> String {
        let next = match &self.next_log {
            Some(log) => format!("; IF FALSE THEN INSERT INTO {} () VALUES (); END IF", log.table),
            None => String::new(),
        };
        let log = |row| self.log.trigger_insert(row);
        match (event, next.is_empty()) {
            ("UPDATE", _) => {
                let (new, old, changed) = (log("NEW"), log("OLD"), self.log.trigger_key_changed());
                format!("BEGIN {new}; IF {changed} THEN {old}; END IF{next}; END")
            }
            (_, true) => log(row_of(event)),
            (_, false) => format!("BEGIN {}{next}; END", log(row_of(event))),
        }
    }

    /// Whether a trigger's name is one of these.
    pub fn is_one_of_them(&self, name: &str) -> bool {
        let name = Ident::new(name);
        self.all_names().into_iter().any(|own| own.same_name(&name))
    }

    /// The name of the one for an event, `INSERT`.
    pub fn name_of(&self, event: &str) -> Option<&Ident> {
        match event {
            "INSERT" => Some(&self.names.insert),
            "UPDATE" => Some(&self.names.update),
            "DELETE" => Some(&self.names.delete),
            _ => None,
        }
    }

    fn all_names(&self) -> [&Ident; 3] {
        [&self.names.insert, &self.names.update, &self.names.delete]
    }

    /// DROP TRIGGER for each; no error when they are gone.
    pub fn drop_sql(&self) -> [String; 3] {
        let schema = &self.table.schema;
        self.all_names().map(|name| format!("DROP TRIGGER IF EXISTS {schema}.{name}"))
    }

    /// Creates all three, in front of all others of the table. Under LOCK TABLES of the table this is atomic for its
    /// writers.
    ///
    /// Of several triggers for one event MariaDB asks only the first whether it is newer than a prepared statement; behind
    /// another one they would not be noticed, and every execution of such a statement would fail (1146).
    pub async fn create_first(&self, session: &mut Session) -> Result<(), ServerError> {
        let sql = format!(
            "SELECT event_manipulation, trigger_name FROM information_schema.triggers WHERE event_object_schema = {} \
             AND event_object_table = {} AND action_timing = 'AFTER' AND action_order = 1",
            string_literal(self.table.schema.as_str()),
            string_literal(self.table.table.as_str())
        );
        let heads: Vec<(String, String)> = session.rows(&sql).await?;
        self.create_before(session, &heads).await
    }

    /// Creates all three, behind all others of the table.
    pub async fn create(&self, session: &mut Session) -> Result<(), ServerError> {
        self.create_before(session, &[]).await
    }

    /// `heads` are events and the triggers that these come in front of.
    async fn create_before(&self, session: &mut Session, heads: &[(String, String)]) -> Result<(), ServerError> {
        session.execute("SET SESSION sql_mode = ''").await?;
        let mariadb = session.server().facts.flavor == Flavor::MariaDb;
        for event in EVENTS {
            let head = heads.iter().find(|(of, _)| of == event).map(|(_, head)| Ident::new(head));
            let place = head.map(|head| format!(" PRECEDES {head}")).unwrap_or_default();
            date_ahead(session).await?;
            let name = format!("{}.{}", self.table.schema, self.name_of(event).expect("one of the three events"));
            create_placed(session, &name, &self.table, &self.create_sql_of(event, &place)).await?;
        }
        if mariadb && let Err(error @ ServerError::Lost(_)) = session.execute("SET SESSION timestamp = DEFAULT").await {
            return Err(error);
        }
        Ok(())
    }

    /// Drops all three.
    pub async fn drop(&self, session: &mut Session) -> Result<(), ServerError> {
        for sql in self.drop_sql() {
            session.execute(&sql).await?;
        }
        Ok(())
    }

    /// Those of these names that write this log: what somebody else made under such a name is left alone.
    ///
    /// Not from information_schema.triggers, where MySQL spoils names that have a backtick in them.
    pub async fn own(&self, session: &mut Session) -> Result<Vec<Ident>, ServerError> {
        let log = format!("INSERT INTO {} ", self.log.table);
        let mut own = Vec::new();
        for name in self.all_names() {
            let shown = self.shown(session, name).await?;
            if shown.as_deref().and_then(event_and_body).is_some_and(|(_, body)| body.contains(&log)) {
                own.push(name.clone());
            }
        }
        Ok(own)
    }

    /// The triggers of these names that are on the table, whatever their text, and those of this run that have moved along
    /// with it to another name; by the tables they are on. Another table whose name differs in case only may have such
    /// triggers, too.
    pub async fn found(&self, session: &mut Session) -> Result<Vec<(TableName, Vec<Ident>)>, ServerError> {
        let own = self.own(session).await?;
        let sql = triggers_named_sql(&self.table.schema, self.all_names().into_iter());
        let mut found: Vec<(TableName, Vec<Ident>)> = Vec::new();
        for (name, table) in session.rows::<(String, String)>(&sql).await? {
            let (name, table) = (Ident::new(name), TableName { table: Ident::new(table), ..self.table.clone() });
            if table != self.table && !own.contains(&name) {
                continue;
            }
            match found.iter_mut().find(|(on, _)| *on == table) {
                Some((_, names)) => names.push(name),
                None => found.push((table, vec![name])),
            }
        }
        Ok(found)
    }

    /// How many of the three are in place with the text they were made with.
    pub async fn present(&self, session: &mut Session) -> Result<usize, ServerError> {
        let mut present = 0;
        for (name, expected) in self.all_names().into_iter().zip(self.create_sql()) {
            let shown = self.shown(session, name).await?;
            present += usize::from(shown.is_some_and(|shown| same_body(&shown, &expected)));
        }
        Ok(present)
    }

    /// SHOW CREATE TRIGGER, `None` when there is none of that name.
    async fn shown(&self, session: &mut Session, name: &Ident) -> Result<Option<String>, ServerError> {
        let sql = format!("SHOW CREATE TRIGGER {}.{name}", self.table.schema);
        match session.first_row::<mysql_async::Row>(&sql).await {
            Ok(row) => Ok(row.and_then(|row| row.get::<Option<String>, _>(2).flatten())),
            Err(error) if error.code() == Some(errno::NO_SUCH_TRIGGER) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Creates a trigger in front of another one.
pub(crate) async fn create_placed(
    session: &mut Session,
    name: &str,
    table: &TableName,
    sql: &str,
) -> Result<(), ServerError> {
    match session.execute(sql).await {
        Err(error) if error.code() == Some(errno::NO_SUCH_NEIGHBOUR) => {
            open_anew(session, name, table).await?;
            session.execute(sql).await.map(drop)
        }
        outcome => outcome.map(drop),
    }
}

/// Lets the server open a locked table anew, by a trigger of any name that does nothing and is gone at once.
///
/// MySQL 9 opens a table that its children reference by cascades twice under LOCK TABLES, the second time without its
/// triggers, finds that one, and says of a trigger on it that it does not exist (3011). Once a trigger has been created,
/// it finds all of them.
pub(crate) async fn open_anew(session: &mut Session, name: &str, table: &TableName) -> Result<(), ServerError> {
    // A server that crashed here before has left it.
    let sql = format!(
        "DROP TRIGGER IF EXISTS {name};\nCREATE TRIGGER {name} BEFORE INSERT ON {table} FOR EACH ROW BEGIN END;\n\
         DROP TRIGGER {name}"
    );
    session.execute_all(&sql).await.map_err(|(_, error)| error)
}

/// Creates triggers with an empty sql_mode, which the session keeps.
pub(crate) async fn create_triggers(
    session: &mut Session,
    statements: impl Iterator<Item = &str>,
) -> Result<(), ServerError> {
    session.execute("SET SESSION sql_mode = ''").await?;
    let mariadb = session.server().facts.flavor == Flavor::MariaDb;
    for sql in statements {
        if mariadb {
            // Under secure_timestamp it is refused; the triggers work without, but for that rare PREPARE.
            match session.execute(CREATED_LATER).await {
                Ok(_) | Err(ServerError::Server { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        session.execute(sql).await?;
    }
    if mariadb && let Err(error @ ServerError::Lost(_)) = session.execute("SET SESSION timestamp = DEFAULT").await {
        return Err(error);
    }
    Ok(())
}

/// Dates the trigger that the session makes next a little ahead, where that matters.
pub async fn date_ahead(session: &mut Session) -> Result<(), ServerError> {
    if session.server().facts.flavor != Flavor::MariaDb {
        return Ok(());
    }
    // Under secure_timestamp it is refused; the triggers work without, but for that rare PREPARE.
    match session.execute(CREATED_LATER).await {
        Ok(_) | Err(ServerError::Server { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Whether event and body are the same. The server adds a DEFINER, and MySQL takes the schema off the table's name.
fn same_body(shown: &str, expected: &str) -> bool {
    let parts = |text| event_and_body(text);
    parts(shown).is_some_and(|shown| Some(shown) == parts(expected))
}

/// Read token by token, because names may have any of the words in them.
fn event_and_body(create_sql: &str) -> Option<(&str, &str)> {
    let tokens: Vec<Token<'_>> = leading_tokens(create_sql).0.into_iter().filter(|token| !token.is_trivia()).collect();
    let after = tokens.iter().position(|token| token.is_word("AFTER"))?;
    let is_each_row =
        |three: &[Token<'_>]| three[0].is_word("FOR") && three[1].is_word("EACH") && three[2].is_word("ROW");
    let row = tokens.windows(3).position(is_each_row)? + 2;
    Some((tokens.get(after + 1)?.text, create_sql[tokens[row].end()..].trim()))
}

/// The row of which an event has a key to log.
fn row_of(event: &str) -> &'static str {
    if event == "DELETE" { "OLD" } else { "NEW" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_in_names_do_not_matter() {
        let of = |name: &str, table: &str, body: &str| {
            format!("CREATE TRIGGER {name} AFTER INSERT ON {table} FOR EACH ROW {body}")
        };
        let hostile = "` FOR EACH ROW `` AFTER UPDATE ON `";
        let expected =
            of(&format!("`s AFTER `.{hostile}"), &format!("`s AFTER `.{hostile}"), "INSERT INTO `a` () VALUES ()");
        let shown = of(&format!("DEFINER=`a`@` ON ` TRIGGER {hostile}"), hostile, "INSERT INTO `a` () VALUES ()");
        assert!(same_body(&shown.replacen("CREATE TRIGGER DEF", "CREATE DEF", 1), &expected));
        assert!(!same_body(&of("`a`", "`a`", "DO 1"), &of("`a`", "`a`", "DO 2")));
        let deleted = of("`a`", "`a`", "DO 1").replace("INSERT", "DELETE");
        assert!(!same_body(&of("`a`", "`a`", "DO 1"), &deleted));
        assert!(!same_body("", ""));
    }
}
