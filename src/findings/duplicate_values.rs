//! A unique key over values that occur more than once.

use super::case::{Case, ChangeCase};
use super::{Answer, Hit, Level, Question, Rule};
use crate::plan::definition::Index;
use crate::sql::Ident;

pub(super) const RULE: Rule = Rule {
    name: "duplicate_values",
    about: "a unique key over values that occur more than once cannot be made",
    fix: "merge or change the duplicates first, and keep the application from making new ones",
    level: Level::Deny,
    check,
};

/// How many duplicates are shown.
const EXAMPLES: usize = 3;

fn check(case: &Case<'_>) -> Vec<Hit> {
    case.changes()
        .flat_map(|change| {
            let unique =
                change.added_indexes().filter(|index| ChangeCase::is_unique(&index.kind) && !index.has_expression);
            unique.filter_map(|index| ask(&change, index)).collect::<Vec<_>>()
        })
        .collect()
}

fn ask(change: &ChangeCase<'_>, index: &Index) -> Option<Hit> {
    // Values of a key that was unique already are.
    let was_unique = |before: &&Index| {
        ChangeCase::is_unique(&before.kind)
            && !before.has_expression
            && before
                .parts
                .iter()
                .all(|part| index.parts.iter().any(|other| other.column == part.column && other.prefix == part.prefix))
    };
    if change.before.indexes.iter().any(|before| was_unique(&before)) {
        return None;
    }
    if let Some(hit) = same_for_all(change, index) {
        return Some(hit);
    }
    let mut table = None;
    let mut values = Vec::new();
    for part in &index.parts {
        table = Some(change.askable(&part.column)?);
        values.push(match &part.prefix {
            Some(length) => format!("LEFT({}, {length})", part.column),
            None => part.column.to_string(),
        });
    }
    let names: Vec<&str> = index.columns().map(|column| column.as_str()).collect();
    let what = format!("`{}` of {}, unique over ({})", index.name.as_str(), change.name(), names.join(", "));
    let not_null: Vec<String> = values.iter().map(|value| format!("{value} IS NOT NULL")).collect();
    let list = values.join(", ");
    let groups = format!(
        "SELECT COUNT(*), {list} FROM {} WHERE {} GROUP BY {list} HAVING COUNT(*) > 1",
        table?,
        not_null.join(" AND "),
    );
    let sql = format!("{groups} ORDER BY 1 DESC, {list} LIMIT {}", EXAMPLES + 1);
    let unanswered = format!("{what}: there was no time to look for duplicates");
    let read = move |answer: &Answer| {
        let example = |row: &Vec<Option<String>>| {
            let values: Vec<String> = row[1..].iter().map(|value| value.clone().unwrap_or_default()).collect();
            format!("({}) {} times", values.join(", "), row[0].as_deref().unwrap_or("several"))
        };
        let examples: Vec<String> = answer.iter().take(EXAMPLES).map(example).collect();
        let more = if answer.len() > EXAMPLES { " and more" } else { "" };
        (!examples.is_empty()).then(|| format!("{what}: there are duplicates, {}{more}", examples.join(", ")))
    };
    Some(Hit::asked(
        change.index,
        Question { sql, list: groups, read: Box::new(read), unanswered, of_values: true, of_rounding: false },
    ))
}

/// New columns that are NOT NULL: every row gets the same value. A name that this change gives to an old column is none.
fn same_for_all(change: &ChangeCase<'_>, index: &Index) -> Option<Hit> {
    let now = change.case.now.as_ref()?;
    let same = |column: &Ident| {
        let differs = |default: &String| default.contains('(') && !default.to_ascii_uppercase().starts_with("CURRENT");
        now.column(column).is_none()
            && (change.before.column(column).is_some()
                || change.added_columns().iter().any(|added| added.name.same_name(column)))
            && change.after.column(column).is_some_and(|new| {
                let has_value = !new.nullable || new.default.is_some();
                has_value
                    && !new.auto_increment
                    && new.generated.is_none()
                    && !new.default.as_ref().is_some_and(differs)
            })
    };
    if !index.columns().all(same) {
        return None;
    }
    let names: Vec<&str> = index.columns().map(|column| column.as_str()).collect();
    let text = format!(
        "`{}` of {}, unique over ({}): the column is new, and every row gets the same value",
        index.name.as_str(),
        change.name(),
        names.join(", ")
    );
    let sql = format!("SELECT COUNT(*) FROM (SELECT 1 FROM {} LIMIT 2) some", change.case.table.as_ref()?);
    let unanswered = text.clone();
    let read = move |answer: &Answer| {
        let rows = answer.first()?.first()?.as_deref()?;
        (rows == "2").then(|| text.clone())
    };
    Some(Hit::asked(
        change.index,
        Question { list: sql.clone(), sql, read: Box::new(read), unanswered, of_values: true, of_rounding: false },
    ))
}
