//! A statement that replank runs as it is and that keeps others from a big table.

use super::case::{Case, rows};
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
    let hit = |(index, step): (usize, &super::StepCase<'_>)| {
        let size = step.size.filter(|size| size.is_big)?;
        let Action::RunAsIs(how) = &step.step.action else { return None };
        let table = step.table.as_ref()?.table.as_str();
        let about = rows(size.rows);
        let text = match how {
            AsIs::Frame(_) => format!(
                "`{table}` has about {about} and is changed by the server: IGNORE and IF EXISTS are not done online"
            ),
            AsIs::Unread(error) => format!("`{table}` has about {about} and is changed by the server: {error}"),
            _ => {
                let words = step.words(1);
                match words.first()?.as_str() {
                    verb @ ("UPDATE" | "DELETE" | "INSERT" | "REPLACE") => {
                        format!("{verb} works on `{table}`, which has about {about}, in one transaction")
                    }
                    verb @ ("OPTIMIZE" | "REPAIR" | "LOCK") => {
                        format!("{verb} keeps others from `{table}`, which has about {about}")
                    }
                    _ => return None,
                }
            }
        };
        Some(Hit::told(index, text))
    };
    case.steps.iter().enumerate().filter_map(hit).collect()
}
