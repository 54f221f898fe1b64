//! What else hangs on a table: triggers, foreign keys on both sides, checks.

use super::belongs_to;
use crate::server::{Flavor, ServerError, Session};
use crate::sql::{Ident, TableName, string_literal};

/// Names only: planning decides what they mean.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Relations {
    /// Triggers on the table.
    pub triggers: Vec<String>,
    /// Foreign keys of the table: constraint and the table it references.
    pub references: Vec<(String, String)>,
    /// Foreign keys of other tables (or itself) that reference the table: constraint and child table.
    pub referenced_by: Vec<(String, TableName)>,
    /// CHECK constraints of the table that have a name in the schema (MySQL; MariaDB names are per table).
    pub schema_wide_checks: Vec<String>,
}

impl Relations {
    /// Reads them.
    pub async fn read(session: &mut Session, name: &TableName, flavor: Flavor) -> Result<Relations, ServerError> {
        let schema = string_literal(name.schema.as_str());
        let table = string_literal(name.table.as_str());
        let triggers = session
            .rows(&format!(
                "SELECT trigger_name FROM information_schema.triggers \
                 WHERE event_object_schema = {schema} AND event_object_table = {table} ORDER BY trigger_name"
            ))
            .await?;
        let references = session
            .rows(&format!(
                "SELECT DISTINCT constraint_name, CONCAT(referenced_table_schema, '.', referenced_table_name) \
                 FROM information_schema.key_column_usage WHERE {} AND referenced_table_name IS NOT NULL",
                belongs_to(name)
            ))
            .await?;
        let referenced_by: Vec<(String, String, String)> = session
            .rows(&format!(
                "SELECT DISTINCT constraint_name, table_schema, table_name \
                 FROM information_schema.key_column_usage \
                 WHERE referenced_table_schema = {schema} AND referenced_table_name = {table}"
            ))
            .await?;
        let referenced_by =
            referenced_by.into_iter().map(|(name, schema, table)| (name, TableName::new(schema, table))).collect();
        let schema_wide_checks = match flavor {
            Flavor::MariaDb => Vec::new(),
            Flavor::MySql => {
                session
                    .rows(&format!(
                        "SELECT constraint_name FROM information_schema.table_constraints \
                         WHERE {} AND constraint_type = 'CHECK' ORDER BY constraint_name",
                        belongs_to(name)
                    ))
                    .await?
            }
        };
        Ok(Relations { triggers, references, referenced_by, schema_wide_checks })
    }
}

/// A query for triggers by their names, whatever table they are on, which it gives as well. The servers compare such
/// names without case.
pub fn triggers_named_sql<'a>(schema: &Ident, names: impl Iterator<Item = &'a Ident>) -> String {
    let names: Vec<String> = names.map(|name| string_literal(name.as_str())).collect();
    format!(
        "SELECT trigger_name, event_object_table FROM information_schema.triggers WHERE trigger_schema = {} \
         AND trigger_name IN ({})",
        string_literal(schema.as_str()),
        names.join(", ")
    )
}
