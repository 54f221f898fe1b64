//! The steps of a migration: which of its statements change one table's definition, and which of those are one change.
//!
//! A step that changes a table has the clauses of the ALTER TABLE that both servers make of its statements; how it is
//! made depends on the table.
//! A step keeps its statements, so that it can also be run as they are.

use super::assignments::text_behind_settings;
use super::merge::can_follow;
use crate::plan::{Alter, ClauseError, ClauseKind, Statement as Kind, TableRef, read_statement};
use crate::sql::script::{Reading, Script, Statement, Unsplit};

/// One or more statements that are run together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step<'a> {
    /// In the order of the script; more than one only for a change of one table.
    pub statements: Vec<Statement<'a>>,
    /// What they do.
    pub action: Action,
}

/// What a step does, as far as it decides how the step may be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// One statement for the server, as it is in the file.
    RunAsIs(AsIs),
    /// A change of one table's definition.
    TableChange(TableChange),
}

/// Why a statement is run as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AsIs {
    /// It does not change the definition of a table that is there: CREATE TABLE, DML, a stored program.
    Other,
    /// `RENAME TABLE`, or ALTER TABLE with nothing but RENAME TO: from and to, in order.
    RenameTable(Vec<(TableRef, TableRef)>),
    /// It changes a table's definition in words that mean more than the clauses: IGNORE, IF EXISTS, and MariaDB's
    /// `SET STATEMENT … FOR` in front of it.
    Frame(TableChange),
    /// It seems to change a table's definition, but cannot be read.
    Unread(ClauseError),
    /// It is the rest of a script that cannot be split; it may be several statements.
    Unsplit(Unsplit),
}

/// A change of one table's definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableChange {
    /// The table as the statements name it; without a schema it is the session's.
    pub table: TableRef,
    /// The clauses of all statements, in order.
    pub alter: Alter,
}

impl Step<'_> {
    /// The change, when it is one.
    pub fn change(&self) -> Option<&TableChange> {
        match &self.action {
            Action::TableChange(change) => Some(change),
            Action::RunAsIs(_) => None,
        }
    }
}

/// The steps of a script, changes of one table merged where one ALTER TABLE gives the same table as one after another.
pub fn steps<'a>(script: &Script<'a>) -> Vec<Step<'a>> {
    let mut steps: Vec<Step<'a>> = Vec::new();
    let mut rest = script.statements.as_slice();
    while let Some(step) = first_step(rest) {
        rest = &rest[step.statements.len()..];
        steps.push(step);
    }
    steps
}

/// The step that these statements begin with. It looks no further than one statement behind it.
pub fn first_step<'a>(statements: &[Statement<'a>]) -> Option<Step<'a>> {
    let (first, rest) = statements.split_first()?;
    let mut step = Step { statements: vec![first.clone()], action: classify(first) };
    let Action::TableChange(change) = &mut step.action else { return Some(step) };
    for statement in rest {
        let Action::TableChange(next) = classify(statement) else { break };
        if change.table != next.table || !can_follow(&change.alter, &next.alter) {
            break;
        }
        change.alter.clauses.extend(next.alter.clauses);
        step.statements.push(statement.clone());
    }
    Some(step)
}

/// What one statement does.
pub fn classify(statement: &Statement<'_>) -> Action {
    if let Reading::Rest(why) = &statement.reading {
        return Action::RunAsIs(AsIs::Unsplit(why.clone()));
    }
    if let Some(text) = text_behind_settings(statement.text) {
        return match classify(&Statement { text, ..statement.clone() }) {
            Action::TableChange(change) => Action::RunAsIs(AsIs::Frame(change)),
            action => action,
        };
    }
    let change = match read_statement(statement.text) {
        Ok(Kind::AlterTable(change) | Kind::CreateIndex(change) | Kind::DropIndex(change)) => change,
        Ok(Kind::RenameTable { pairs }) => return Action::RunAsIs(AsIs::RenameTable(pairs)),
        Ok(Kind::Other) | Err(ClauseError::Empty) => return Action::RunAsIs(AsIs::Other),
        Err(error) => {
            let unread = changes_a_table(statement.text).then_some(AsIs::Unread(error));
            return Action::RunAsIs(unread.unwrap_or(AsIs::Other));
        }
    };
    let (table, alter, frame) = (change.table, change.alter, change.frame);
    if let [only] = alter.clauses.as_slice()
        && let ClauseKind::RenameTable { to } = &only.kind
    {
        return Action::RunAsIs(AsIs::RenameTable(vec![(table, to.clone())]));
    }
    let change = TableChange { table, alter };
    if frame.ignore || frame.if_exists {
        return Action::RunAsIs(AsIs::Frame(change));
    }
    Action::TableChange(change)
}

/// Whether a statement that cannot be read begins like one that changes a table's definition.
fn changes_a_table(text: &str) -> bool {
    let words: Vec<String> = crate::sql::lexer::leading_tokens(text)
        .0
        .iter()
        .filter(|token| !token.is_trivia())
        .take(4)
        .map(|token| token.text.to_ascii_uppercase())
        .collect();
    let has = |word: &str| words.iter().any(|found| found == word);
    match words.first().map(String::as_str) {
        Some("ALTER") => has("TABLE"),
        Some("CREATE" | "DROP") => has("INDEX"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::script::split;

    /// One line a step: the numbers of its statements and what it does.
    fn described(source: &str) -> Vec<String> {
        let describe = |step: &Step<'_>| {
            let numbers: Vec<String> = step.statements.iter().map(|statement| statement.number.to_string()).collect();
            let action = match &step.action {
                Action::TableChange(change) => format!("{}: {}", change.table, change.alter.spliced()),
                Action::RunAsIs(AsIs::Other) => "as is".to_owned(),
                Action::RunAsIs(AsIs::RenameTable(pairs)) => {
                    pairs.iter().map(|(from, to)| format!("{from} to {to}")).collect::<Vec<_>>().join(", ")
                }
                Action::RunAsIs(AsIs::Frame(change)) => format!("as is, would change {}", change.table),
                Action::RunAsIs(AsIs::Unread(error)) => format!("unread: {error}"),
                Action::RunAsIs(AsIs::Unsplit(why)) => format!("unsplit: {why}"),
            };
            format!("{} {action}", numbers.join("+"))
        };
        steps(&split(source)).iter().map(describe).collect()
    }

    #[test]
    fn each_form_of_a_change_is_clauses_of_its_table() {
        let source = "-- AlterTable\nALTER TABLE `a` DROP FOREIGN KEY f;\nALTER TABLE s.b ADD CONSTRAINT f FOREIGN KEY (a) \
            REFERENCES p (id) ON DELETE CASCADE ON UPDATE CASCADE;\nCREATE UNIQUE INDEX i ON c(x, y(10) DESC);\n\
            CREATE FULLTEXT INDEX i ON d(x) COMMENT ';';\nDROP INDEX i ON e ALGORITHM=INPLACE LOCK=NONE;\n\
            ALTER TABLE f RENAME INDEX a TO b;\nALTER TABLE g ADD COLUMN x INT, ALGORITHM=INSTANT;";
        insta::assert_snapshot!(described(source).join("\n"), @"
        1 `a`: DROP FOREIGN KEY f
        2 `s`.`b`: ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES p (id) ON DELETE CASCADE ON UPDATE CASCADE
        3 `c`: ADD UNIQUE INDEX i (x, y(10) DESC)
        4 `d`: ADD FULLTEXT INDEX i (x) COMMENT ';'
        5 `e`: DROP INDEX i, ALGORITHM=INPLACE, LOCK=NONE
        6 `f`: RENAME INDEX a TO b
        7 `g`: ADD COLUMN x INT, ALGORITHM=INSTANT
        ");
    }

    #[test]
    fn what_changes_no_table_is_run_as_it_is() {
        let source = "CREATE TABLE a (id INT); DROP TABLE b; UPDATE c SET x = 1; RENAME TABLE d TO e, f TO g;\
            ALTER TABLE h RENAME TO s.i; ALTER TABLE IF EXISTS j ADD x INT; ALTER IGNORE TABLE k ADD UNIQUE (x);\
            ALTER TABLE l ADD x INT /*!80023 INVISIBLE */; ALTER TABLE m; ALTER VIEW n AS SELECT 1; \
            CREATE TRIGGER o BEFORE INSERT ON p FOR EACH ROW BEGIN SET NEW.a = 1; END; SELECT 1;; SELECT 2";
        insta::assert_snapshot!(described(source).join("\n"), @"
        1 as is
        2 as is
        3 as is
        4 `d` to `e`, `f` to `g`
        5 `h` to `s`.`i`
        6 as is, would change `j`
        7 as is, would change `k`
        8 unread: executable comment `/*!80023 INVISIBLE */` means different SQL on different servers; write what it contains without the comment
        9 as is
        10 as is
        11 as is
        12 as is
        13 unsplit: there is no statement between two semicolons
        ");
    }

    #[test]
    fn settings_of_one_statement_do_not_hide_what_it_does() {
        let source = "SET STATEMENT max_statement_time = 9 FOR ALTER TABLE a ADD x INT; ALTER TABLE a ADD y INT;\
            SET STATEMENT a = (SELECT 1) FOR UPDATE t SET a = 1; SET STATEMENT a = 1 FOR RENAME TABLE b TO c;\
            SET STATEMENT a = 1 FOR ALTER TABLE d ADD x INT /*!80023 INVISIBLE */; SET STATEMENT a = 1";
        insta::assert_snapshot!(described(source).join("\n"), @"
        1 as is, would change `a`
        2 `a`: ADD y INT
        3 as is
        4 `b` to `c`
        5 unread: executable comment `/*!80023 INVISIBLE */` means different SQL on different servers; write what it contains without the comment
        6 as is
        ");
    }

    #[test]
    fn consecutive_changes_of_one_table_are_one_step() {
        let source = "CREATE INDEX new ON t(a); DROP INDEX old ON t; ALTER TABLE t ADD COLUMN b INT NOT NULL;\
            CREATE INDEX i ON t(b); CREATE INDEX i ON u(b); CREATE INDEX i ON s.u(b); DROP INDEX j ON s.u; SELECT 1;\
            DROP INDEX k ON s.u; ALTER TABLE s.u ADD COLUMN k INT;";
        insta::assert_snapshot!(described(source).join("\n"), @"
        1+2+3+4 `t`: ADD INDEX new (a), DROP INDEX old, ADD COLUMN b INT NOT NULL, ADD INDEX i (b)
        5 `u`: ADD INDEX i (b)
        6+7 `s`.`u`: ADD INDEX i (b), DROP INDEX j
        8 as is
        9+10 `s`.`u`: DROP INDEX k, ADD COLUMN k INT
        ");
    }
}
