//! Whether the server has made a change, from definitions alone.

use crate::error::{Failure, Result, Stop};
use crate::runs::Checkpoint;
use crate::schema;
use crate::server::{ServerError, Session};
use crate::shadow::comparable_definition;
use crate::sql::TableName;

/// What a table is, compared with what it was and what the change makes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// As it was when the change was planned. Also where the change cannot be seen in the definition, as a counter
    /// cannot: such a change may be made again.
    Before,
    /// As the change makes it.
    After,
    /// Neither: somebody else has altered or dropped it.
    Foreign,
}

impl Standing {
    /// Of a table that is defined as `now`.
    pub fn of(now: &str, checkpoint: &Checkpoint) -> Standing {
        let Some(original) = checkpoint.original.as_ref().filter(|_| !checkpoint.target_definition.is_empty()) else {
            // Both are noted before the change is sent to the server.
            return Standing::Before;
        };
        let now = comparable_definition(now);
        if now == comparable_definition(&original.definition) {
            Standing::Before
        } else if now == comparable_definition(&checkpoint.target_definition) {
            Standing::After
        } else {
            Standing::Foreign
        }
    }

    /// Of a table on the server. The session is one that reads as the plan did: what SHOW CREATE TABLE gives depends on
    /// sql_mode.
    pub async fn read(
        session: &mut Session,
        table: &TableName,
        checkpoint: &Checkpoint,
    ) -> Result<Standing, ServerError> {
        let now = schema::create_sql(session, table).await?;
        Ok(Standing::of(&now.unwrap_or_default(), checkpoint))
    }
}

/// The refusal to go on with, or to take back, a change that may or may not be in the table.
pub fn unclear(table: &TableName, migration: Option<&str>) -> Failure {
    let argument = table.argument();
    let by_hand = match migration {
        Some(name) => format!(
            "or see with `SHOW CREATE TABLE {table}` whether this change is in it: `prisma migrate resolve --applied \
             {name}` when it is, `prisma migrate resolve --rolled-back {name}` when it is not, then `replank abort \
             {argument}` ends the run"
        ),
        None => format!("or look at `SHOW CREATE TABLE {table}`, and `replank abort {argument}` ends the run"),
    };
    Failure::new(
        Stop::Occupied,
        format!(
            "{table} was altered by somebody else since the change was begun, so whether it is made cannot be told"
        ),
    )
    .table("altered by somebody else; perhaps changed as well")
    .next(format!("undo the other change, then `replank resume {argument}` finds out and goes on"))
    .next(by_hand)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::Identity;

    fn table(columns: &[&str]) -> String {
        format!("CREATE TABLE `t` (\n  {}\n) ENGINE=InnoDB", columns.join(",\n  "))
    }

    fn standing(now: &[&str], original: &[&str], target: &[&str]) -> Standing {
        let original = Identity::unnumbered(table(original));
        let target_definition = table(target);
        let checkpoint = Checkpoint { target_definition, original: Some(original), ..Checkpoint::default() };
        Standing::of(&table(now), &checkpoint)
    }

    #[test]
    fn a_definition_is_old_new_or_somebody_elses() {
        let (old, new) = (["`a` int", "`b` int"], ["`a` int", "`b` int", "`c` int"]);
        assert_eq!(standing(&old, &old, &new), Standing::Before);
        assert_eq!(standing(&new, &old, &new), Standing::After);
        assert_eq!(standing(&["`a` int"], &old, &new), Standing::Foreign);
        assert_eq!(standing(&["`b` int", "`a` int"], &old, &["`b` int", "`a` int"]), Standing::After);
    }

    #[test]
    fn what_cannot_be_seen_is_not_done() {
        let same = ["`a` int"];
        assert_eq!(standing(&same, &same, &same), Standing::Before);
        assert_eq!(Standing::of(&table(&same), &Checkpoint::default()), Standing::Before);
    }
}
