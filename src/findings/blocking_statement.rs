//! A statement that replank runs as it is and that keeps others from a big table.

use super::case::{Case, RowsCase, StepCase, rows};
use super::{Hit, Level, Rule};
use crate::deploy::step::{Action, AsIs};

pub(super) const RULE: Rule = Rule {
    name: "blocking_statement",
    about: "a statement that works through a big table in one go holds its locks for as long as that takes, and each \
            replica waits for it in turn",
    fix: "change tables with ALTER TABLE, CREATE INDEX and DROP INDEX in their plain forms, which run online; change \
          rows in batches, outside of migrations",
    level: Level::Deny,
    check,
};

fn check(case: &Case<'_>) -> Vec<Hit> {
    let hit = |(index, step): (usize, &StepCase<'_>)| {
        let Action::RunAsIs(how) = &step.step.action else { return None };
        if let Some(rows) = &step.rows {
            return of_rows(index, rows);
        }
        let verb = step.words(1).into_iter().next()?;
        if ["CALL", "EXECUTE"].contains(&verb.as_str()) {
            return Some(Hit::suspected(index, format!("what {verb} runs is not known here")));
        }
        let size = step.size.filter(|size| size.is_big)?;
        let table = step.table.as_ref()?.table.as_str();
        let about = rows(size.rows);
        let text = match how {
            AsIs::Frame(_) => format!(
                "`{table}` has about {about} and is changed by the server: IGNORE and IF EXISTS are not done online"
            ),
            AsIs::Unread(error) => format!("`{table}` has about {about} and is changed by the server: {error}"),
            _ if ["OPTIMIZE", "REPAIR", "LOCK"].contains(&verb.as_str()) => {
                format!("{verb} keeps others from `{table}`, which has about {about}")
            }
            _ => return None,
        };
        Some(Hit::told(index, text))
    };
    case.steps.iter().enumerate().filter_map(hit).collect()
}

/// How many rows meet a condition is not known, and they may be few.
fn of_rows(index: usize, work: &RowsCase) -> Option<Hit> {
    let (name, size) = work.biggest.as_ref().filter(|(_, size)| size.is_big)?;
    let text = format!(
        "{} works on `{}`, which has about {}, in one transaction",
        work.verb,
        name.table.as_str(),
        rows(size.rows)
    );
    Some(match work.is_bounded {
        true => Hit::suspected(index, text),
        false => Hit::told(index, text),
    })
}
