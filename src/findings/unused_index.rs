//! Indexes that no query has used, on a table that gets another one.

use super::case::{Case, ChangeCase};
use super::{Answer, Hit, Level, Question, Rule};
use crate::server::Flavor;
use crate::sql::{TableName, string_literal};

pub(super) const RULE: Rule = Rule {
    name: "unused_index",
    about: "an index that the server has never read since it started costs every write",
    fix: "look at every server that answers queries, replicas too; then drop it in a migration of its own",
    level: Level::Note,
    check,
};

fn check(case: &Case<'_>) -> Vec<Hit> {
    let mut hits: Vec<Hit> = Vec::new();
    let mut asked = Vec::new();
    for change in case.changes() {
        let Some(table) = change.case.table.as_ref().filter(|_| change.case.now.is_some()) else { continue };
        if change.added_indexes().next().is_none() || asked.contains(table) {
            continue;
        }
        asked.push(table.clone());
        hits.push(Hit::asked(change.index, question(&change, table, case.flavor)));
    }
    hits
}

fn question(change: &ChangeCase<'_>, table: &TableName, flavor: Flavor) -> Question {
    // A unique index does its work when it refuses a row; one that goes with this change needs no finding.
    let dispensable: Vec<String> = change
        .case
        .now
        .iter()
        .flat_map(|now| &now.indexes)
        .filter(|index| !ChangeCase::is_unique(&index.kind) && change.after.index(&index.name).is_some())
        .map(|index| index.name.as_str().to_owned())
        .collect();
    let name = change.name();
    let read = move |answer: &Answer| {
        let unused: Vec<String> = answer
            .iter()
            .filter_map(|row| row.first()?.clone())
            .filter(|index| dispensable.contains(index))
            .map(|index| format!("`{index}`"))
            .collect();
        let verb = if unused.len() == 1 { "has" } else { "have" };
        (!unused.is_empty()).then(|| {
            format!("{name} gets an index, and {} {verb} not been read since the server started", unused.join(", "))
        })
    };
    let unanswered = "the server's statistics of indexes could not be read".to_owned();
    let sql = sql(table, flavor);
    Question { list: sql.clone(), sql, read: Box::new(read), unanswered, of_values: false, of_rounding: false }
}

/// Both answer with no row where the statistics are not kept.
fn sql(table: &TableName, flavor: Flavor) -> String {
    let (schema, table) = (string_literal(table.schema.as_str()), string_literal(table.table.as_str()));
    match flavor {
        Flavor::MySql => format!(
            "SELECT index_name FROM performance_schema.table_io_waits_summary_by_index_usage \
             WHERE object_schema = {schema} AND object_name = {table} AND index_name IS NOT NULL AND count_read = 0 \
             ORDER BY index_name"
        ),
        Flavor::MariaDb => format!(
            "SELECT DISTINCT s.index_name FROM information_schema.statistics s \
             LEFT JOIN information_schema.index_statistics u ON u.table_schema = s.table_schema \
             AND u.table_name = s.table_name AND u.index_name = s.index_name \
             WHERE @@GLOBAL.userstat = 1 AND s.table_schema = {schema} AND s.table_name = {table} \
             AND u.index_name IS NULL ORDER BY s.index_name"
        ),
    }
}
