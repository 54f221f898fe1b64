//! Whether two changes of one table can be one ALTER TABLE.
//!
//! Invariant: where both ways succeed, they leave the same definition and the same rows.
//! In one ALTER TABLE, most names mean what was there before all of its clauses; one after the other, each means what
//! the one before has left. So two changes are merged only when neither names what the other makes, changes or takes
//! away, except where that is known to come out the same: an index on a column that was just added, an index in the
//! place of one that was just dropped.
//! What is not on the list is not merged: that costs time, never data.

use crate::plan::{Alter, Clause, ClauseKind, ConstraintKind};
use crate::sql::Ident;
use crate::sql::lexer::{Token, TokenKind, tokens};

/// Whether the clauses of `next` can be put behind those of `first` in one statement.
pub(super) fn can_follow(first: &Alter, next: &Alter) -> bool {
    let (Some(first), Some(next)) = (Names::of(first), Names::of(next)) else { return false };
    let defined_twice = meet(&first.columns(), &next.columns());
    let index_on_changed = meet(&first.indexed, &next.columns()) || meet(&first.dropped, &next.indexed);
    let index_twice = meet(&first.added_indexes, &next.indexes())
        || meet(&first.renamed_indexes, &next.indexes())
        || meet(&first.dropped_indexes, &next.dropped_indexes)
        || meet(&first.dropped_indexes, &next.renamed_indexes);
    // Dropping a column takes it out of indexes, and an index without columns away.
    let names_old_index = !next.dropped_indexes.is_empty() || !next.renamed_indexes.is_empty();
    let index_without_column = !first.dropped.is_empty() && names_old_index;
    !(defined_twice || index_on_changed || index_twice || index_without_column)
}

/// What a change that may be merged makes, changes and takes away.
#[derive(Debug, Default)]
struct Names {
    added: Vec<Ident>,
    changed: Vec<Ident>,
    dropped: Vec<Ident>,
    indexed: Vec<Ident>,
    added_indexes: Vec<Ident>,
    renamed_indexes: Vec<Ident>,
    dropped_indexes: Vec<Ident>,
}

impl Names {
    /// `None` for a change that is never merged.
    fn of(alter: &Alter) -> Option<Names> {
        let mut names = Names::default();
        for clause in &alter.clauses {
            names.take(clause)?;
        }
        Some(names)
    }

    fn take(&mut self, clause: &Clause) -> Option<()> {
        if !is_plain(&clause.text) {
            return None;
        }
        match &clause.kind {
            ClauseKind::AddColumn { columns, constraints } if constraints.is_empty() => {
                self.added.extend(columns.iter().cloned());
            }
            ClauseKind::ModifyColumn { column } | ClauseKind::AlterColumn { column } => {
                self.changed.push(column.clone());
            }
            ClauseKind::DropColumn { column } => self.dropped.push(column.clone()),
            ClauseKind::DropIndex { name } => self.dropped_indexes.push(name.clone()),
            ClauseKind::RenameIndex { from, to } => self.renamed_indexes.extend([from.clone(), to.clone()]),
            ClauseKind::AddConstraint(added)
                if matches!(added.kind, ConstraintKind::Index | ConstraintKind::Unique | ConstraintKind::Fulltext) =>
            {
                // The server names an index after what is there when it is made.
                self.added_indexes.push(added.name.clone()?);
                self.indexed.extend(added.columns.iter().cloned());
            }
            _ => return None,
        }
        Some(())
    }

    fn columns(&self) -> Vec<Ident> {
        [self.added.as_slice(), &self.changed, &self.dropped].concat()
    }

    fn indexes(&self) -> Vec<Ident> {
        [self.added_indexes.as_slice(), &self.renamed_indexes, &self.dropped_indexes].concat()
    }
}

/// Whether a clause has no words that name other columns, make an index, or ask for what is there.
fn is_plain(text: &str) -> bool {
    const MORE_THAN_A_COLUMN: [&str; 15] = [
        "AFTER",
        "FIRST",
        "AS",
        "GENERATED",
        "CHECK",
        "REFERENCES",
        "CONSTRAINT",
        "PRIMARY",
        "AUTO_INCREMENT",
        "SERIAL",
        "IF",
        "WITH",
        "WITHOUT",
        "ALGORITHM",
        "LOCK",
    ];
    let Ok(tokens) = tokens(text) else { return false };
    let tokens: Vec<Token<'_>> = tokens.into_iter().filter(|token| !token.is_trivia()).collect();
    let adds_index = tokens.iter().take(3).any(|token| token.is_word("INDEX") || token.is_word("KEY"))
        || tokens.get(1).is_some_and(|token| token.is_word("FULLTEXT") || token.is_word("UNIQUE"));
    let makes_index = |token: &Token<'_>| token.is_word("UNIQUE") || token.is_word("KEY");
    let has_more = |token: &Token<'_>| MORE_THAN_A_COLUMN.iter().any(|word| token.is_word(word));
    // `DEFAULT (a + 1)`, `INDEX i ((a + 1))`: an expression names columns that are not looked for.
    let expression = |pair: &[Token<'_>]| {
        pair[1].kind == TokenKind::LeftParen
            && (matches!(pair[0].kind, TokenKind::LeftParen | TokenKind::Comma) || pair[0].is_word("DEFAULT"))
    };
    !tokens.iter().any(has_more)
        && (adds_index || !tokens.iter().any(makes_index))
        && !tokens.windows(2).any(expression)
}

fn meet(some: &[Ident], others: &[Ident]) -> bool {
    some.iter().any(|name| others.iter().any(|other| other.same_name(name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::read_clauses;

    #[track_caller]
    fn check(first: &str, next: &str, expected: bool) {
        let can = can_follow(&read_clauses(first).unwrap(), &read_clauses(next).unwrap());
        assert_eq!(can, expected, "{first}; {next}");
    }

    #[test]
    fn changes_that_do_not_touch_each_other() {
        check("ADD INDEX new (a)", "DROP INDEX old", true);
        check("DROP INDEX old", "ADD INDEX old (a)", true);
        check("ADD COLUMN a INT", "ADD UNIQUE INDEX i (a)", true);
        check("MODIFY a BIGINT NULL", "ADD INDEX i (a, b)", true);
        check("DROP INDEX i", "DROP COLUMN a, ADD COLUMN b INT DEFAULT 1", true);
        check("DROP COLUMN a, ADD COLUMN b INT", "ADD INDEX i (b(10) DESC)", true);
        check("ALTER COLUMN a DROP DEFAULT", "ALTER COLUMN b SET DEFAULT 'AFTER'", true);
        check("RENAME INDEX a TO b", "ADD INDEX c (x)", true);
        check("ADD COLUMN `after` INT", "ADD COLUMN b INT", true);
    }

    #[test]
    fn changes_where_one_means_what_the_other_left() {
        for (first, next) in [
            ("DROP COLUMN a", "ADD COLUMN a INT"),
            ("ADD COLUMN a INT", "DROP COLUMN A"),
            ("ADD COLUMN a INT", "MODIFY a BIGINT"),
            ("MODIFY a INT", "ALTER COLUMN a SET DEFAULT 1"),
            ("ADD INDEX i (a)", "DROP COLUMN a"),
            ("ADD INDEX i (a)", "MODIFY a TEXT"),
            ("ADD INDEX i (a)", "ADD COLUMN a INT"),
            ("DROP COLUMN a", "ADD INDEX i (a)"),
            ("DROP COLUMN a", "DROP INDEX i"),
            ("DROP COLUMN a", "RENAME INDEX i TO j"),
            ("ADD INDEX i (a)", "DROP INDEX i"),
            ("ADD INDEX i (a)", "RENAME INDEX i TO j"),
            ("RENAME INDEX i TO j", "DROP INDEX j"),
            ("RENAME INDEX i TO j", "ADD INDEX I (a)"),
            ("DROP INDEX i", "RENAME INDEX j TO i"),
            ("DROP INDEX i", "DROP INDEX i"),
        ] {
            check(first, next, false);
        }
    }

    #[test]
    fn what_is_not_on_the_list_stands_alone() {
        for alone in [
            "RENAME COLUMN a TO b",
            "CHANGE a b INT",
            "DROP PRIMARY KEY",
            "ADD PRIMARY KEY (a)",
            "ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES p (id)",
            "DROP FOREIGN KEY f",
            "ADD INDEX (a)",
            "ADD INDEX i ((a + 1))",
            "ADD INDEX i (a, (b + 1))",
            "ADD SPATIAL INDEX i (a)",
            "ADD COLUMN a INT AFTER b",
            "ADD COLUMN a INT FIRST",
            "ADD COLUMN a INT UNIQUE",
            "ADD COLUMN a INT KEY",
            "ADD COLUMN a INT DEFAULT (b)",
            "ADD COLUMN a INT AS (b)",
            "ADD COLUMN a INT CHECK (a > 1)",
            "ADD COLUMN IF NOT EXISTS a INT",
            "ADD COLUMN (a INT, KEY (a))",
            "DROP INDEX IF EXISTS i",
            "ADD COLUMN a INT, ALGORITHM=INSTANT",
            "ENGINE=InnoDB",
            "COMMENT 'x'",
            "FORCE",
        ] {
            check(alone, "ADD COLUMN z INT", false);
            check("ADD COLUMN z INT", alone, false);
        }
    }
}
