//! Triggers of the application: they are made again on the new table, so they must fit it, and the account must be
//! allowed to make them.

use super::Inspection;
use crate::error::{Failure, Stop};
use crate::plan::grants::Account;
use crate::server::Flavor;
use crate::sql::{Ident, TableName};
use crate::user_triggers::UserTrigger;

/// What is wrong with the triggers themselves. `has_column` is asked of the new definition.
pub(super) fn check(
    table: &TableName,
    triggers: &[UserTrigger],
    has_column: &dyn Fn(&Ident) -> bool,
) -> Option<Failure> {
    triggers.iter().find_map(|trigger| {
        let name = trigger.name();
        if !trigger.is_readable() {
            return Some(refused(
                format!("the trigger {name} of {table} has a text that replank cannot send as it was"),
                "make it anew in a session with `SET NAMES utf8mb4`",
            ));
        }
        let (then, now) = (&trigger.facts.database_collation, &trigger.facts.schema_collation);
        if then != now {
            return Some(refused(
                format!(
                    "the trigger {name} of {table} was made when the database had the collation {then}; made again, it \
                     would have {now}"
                ),
                "make it anew, or give the database that collation with ALTER DATABASE",
            ));
        }
        let lost = trigger.columns().unwrap_or_default().into_iter().find(|column| !has_column(column))?;
        Some(refused(
            format!("the trigger {name} of {table} names the column {lost}, which the table will not have"),
            "drop the trigger before the change, and make it for the other definition after it",
        ))
    })
}

fn refused(what: String, next: &str) -> Failure {
    Failure::refused(what).table("untouched").next(next)
}

/// A trigger runs as its definer, and who makes one for somebody else must be allowed to.
pub(super) fn check_definers(inspection: &Inspection, triggers: &[UserTrigger]) -> Option<Failure> {
    let (facts, grants) = (inspection.facts, inspection.grants);
    let (privileges, to_grant): (&[&str], &str) = match facts.flavor {
        Flavor::MariaDb => (&["SUPER", "SET USER"], "SET USER"),
        Flavor::MySql if facts.version >= (8, 2, 0) => (&["SUPER", "SET_ANY_DEFINER"], "SET_ANY_DEFINER"),
        Flavor::MySql => (&["SUPER", "SET_USER_ID"], "SET_USER_ID"),
    };
    if privileges.iter().any(|privilege| grants.has_global(privilege)) {
        return None;
    }
    let of_others = triggers.iter().find(|trigger| trigger.facts.definer != facts.current_user)?;
    let account = Account::parse(&facts.current_user);
    Some(
        Failure::new(
            Stop::Server,
            format!(
                "the trigger {} of {} runs as {}, and this account may not make triggers for others",
                of_others.name(),
                inspection.table.name,
                of_others.facts.definer
            ),
        )
        .table("untouched")
        .next(format!("`GRANT {to_grant} ON *.* TO {account}`")),
    )
}
