//! A CHECK that some of the rows break.

use super::case::Case;
use super::{Hit, Level, Question, Rule};
use crate::plan::definition::Check;

pub(super) const RULE: Rule = Rule {
    name: "broken_check",
    about: "rows that break a new CHECK stop the change",
    fix: "mend those rows first, and keep the application from writing new ones",
    level: Level::Deny,
    check,
};

fn check(case: &Case<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for change in case.changes() {
        let (Some(table), Some(now)) = (&change.case.table, &change.case.now) else { continue };
        let is_new = |check: &&Check| change.before.checks.iter().all(|before| expression(before) != expression(check));
        for new in change.after.checks.iter().filter(is_new) {
            let Some(condition) = expression(new) else { continue };
            // A condition on columns that are not there yet cannot be asked about; that of a column that is there under
            // this name and will be another one must not.
            let is_moved = change.before.columns.iter().any(|column| {
                change.after.column(&column.name).is_none_or(|after| after.data_type != column.data_type)
                    && condition.contains(column.name.as_str())
            });
            let is_added = change.added_columns().iter().any(|added| condition.contains(added.name.as_str()));
            if is_moved || is_added || now.columns.is_empty() {
                continue;
            }
            let name = new.name.as_ref().map_or_else(|| "a CHECK".to_owned(), |name| format!("the CHECK {name}"));
            let unanswered = format!("{name} of {}: there was no time to look for rows that break it", change.name());
            let what = format!("values that break {name}");
            hits.push(Hit::asked(
                change.index,
                Question::rows_where(&change, table, &format!("NOT ({condition})"), what, unanswered),
            ));
        }
    }
    hits
}

/// What is in the parentheses; `None` for a check that is not enforced.
fn expression(check: &Check) -> Option<&str> {
    let at = check.text.to_ascii_uppercase().find("CHECK")?;
    let behind = check.text[at + "CHECK".len()..].trim();
    let enforced = behind.strip_prefix('(')?.strip_suffix(')');
    enforced.map(str::trim)
}
