//! The triggers that log keys: their text, and whether they are in place.
//!
//! They are created with an empty sql_mode, frozen into them, so that nothing a row holds (zero dates, invalid dates)
//! can fail on its way into the log.

use super::change_log::ChangeLog;
use crate::plan::names::TriggerNames;
use crate::server::{Flavor, ServerError, Session, errno};
use crate::sql::{Ident, TableName, string_literal};

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
}

impl LogTriggers {
    /// CREATE TRIGGER for each.
    pub fn create_sql(&self) -> [String; 3] {
        let TriggerNames { insert, update, delete } = &self.names;
        let new = self.log.trigger_insert("NEW");
        let old = self.log.trigger_insert("OLD");
        let changed = self.log.trigger_key_changed();
        let schema = &self.table.schema;
        let table = &self.table;
        [
            format!("CREATE TRIGGER {schema}.{insert} AFTER INSERT ON {table} FOR EACH ROW {new}"),
            format!(
                "CREATE TRIGGER {schema}.{update} AFTER UPDATE ON {table} FOR EACH ROW \
                 BEGIN {new}; IF {changed} THEN {old}; END IF; END"
            ),
            format!("CREATE TRIGGER {schema}.{delete} AFTER DELETE ON {table} FOR EACH ROW {old}"),
        ]
    }

    /// Whether a trigger's name is one of these.
    pub fn is_one_of_them(&self, name: &str) -> bool {
        let name = Ident::new(name);
        self.all_names().into_iter().any(|own| own.same_name(&name))
    }

    fn all_names(&self) -> [&Ident; 3] {
        [&self.names.insert, &self.names.update, &self.names.delete]
    }

    /// DROP TRIGGER for each; no error when they are gone.
    pub fn drop_sql(&self) -> [String; 3] {
        let schema = &self.table.schema;
        self.all_names().map(|name| format!("DROP TRIGGER IF EXISTS {schema}.{name}"))
    }

    /// Creates all three. Under LOCK TABLES of the table this is atomic for its writers.
    pub async fn create(&self, session: &mut Session) -> Result<(), ServerError> {
        session.execute("SET SESSION sql_mode = ''").await?;
        let mariadb = session.server().facts.flavor == Flavor::MariaDb;
        for sql in self.create_sql() {
            if mariadb {
                // Under secure_timestamp it is refused; the triggers work without, but for that rare PREPARE.
                match session.execute(CREATED_LATER).await {
                    Ok(_) | Err(ServerError::Server { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
            session.execute(&sql).await?;
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

    /// Whether any trigger of these names exists, whatever its text and table.
    pub async fn any_exists(&self, session: &mut Session) -> Result<bool, ServerError> {
        let names: Vec<String> = self.all_names().iter().map(|name| string_literal(name.as_str())).collect();
        let sql = format!(
            "SELECT COUNT(*) FROM information_schema.triggers WHERE trigger_schema = {} AND trigger_name IN ({})",
            string_literal(self.table.schema.as_str()),
            names.join(", ")
        );
        Ok(session.first_row::<u64>(&sql).await?.unwrap_or(0) > 0)
    }

    /// How many of the three are in place with the text they were made with.
    pub async fn present(&self, session: &mut Session) -> Result<usize, ServerError> {
        let mut present = 0;
        for (name, expected) in self.all_names().into_iter().zip(self.create_sql()) {
            let sql = format!("SHOW CREATE TRIGGER {}.{name}", self.table.schema);
            match session.first_row::<mysql_async::Row>(&sql).await {
                Ok(Some(row)) => {
                    let text: Option<String> = row.get::<Option<String>, _>(2).flatten();
                    present += usize::from(text.is_some_and(|text| same_body(&text, &expected)));
                }
                Ok(None) => {}
                Err(error) if error.code() == Some(errno::NO_SUCH_TRIGGER) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(present)
    }
}

/// Whether event and body are the same. The server adds a DEFINER, and MySQL takes the schema off the table's name.
fn same_body(shown: &str, expected: &str) -> bool {
    let parts = |text: &str| {
        let (_, from_timing) = text.split_once(" AFTER ")?;
        let (event, _) = from_timing.split_once(" ON ")?;
        let (_, body) = from_timing.split_once(" FOR EACH ROW ")?;
        Some((event.to_owned(), body.to_owned()))
    };
    parts(shown).is_some_and(|shown| Some(shown) == parts(expected))
}
