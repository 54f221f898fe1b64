//! The clauses of an ALTER TABLE: what each one is, as far as planning must know, and the text it was typed as.
//!
//! Invariant: [`Clause::text`] is a slice of what was typed, from its first token to its last, so that a clause can be
//! put into another statement without changing its meaning.
//! (CREATE INDEX has no clause of ALTER TABLE in its text; there it is made of slices.)

use std::fmt;

use crate::sql::lexer::LexError;
use crate::sql::{Ident, TableName};

/// Clauses in the order they were typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alter {
    /// At least one.
    pub clauses: Vec<Clause>,
}

/// One clause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clause {
    /// What it is.
    pub kind: ClauseKind,
    /// What was typed, without the comma, whitespace and comments around it.
    pub text: String,
}

/// What a clause is, with the names that planning needs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClauseKind {
    /// `ADD [COLUMN] a INT` or `ADD [COLUMN] (a INT, b INT, KEY (a))`.
    AddColumn {
        /// One, or all of the parenthesised list.
        columns: Vec<Ident>,
        /// What the parenthesised list has besides columns.
        constraints: Vec<Constraint>,
    },
    /// `DROP [COLUMN] a`.
    DropColumn {
        /// Which.
        column: Ident,
    },
    /// `MODIFY [COLUMN] a …`.
    ModifyColumn {
        /// Which.
        column: Ident,
    },
    /// `CHANGE [COLUMN] a b …`, where both may be the same name.
    ChangeColumn {
        /// The name it has.
        from: Ident,
        /// The name it gets.
        to: Ident,
    },
    /// `RENAME COLUMN a TO b`.
    RenameColumn {
        /// The name it has.
        from: Ident,
        /// The name it gets.
        to: Ident,
    },
    /// `ALTER [COLUMN] a SET DEFAULT …` and its like: only the definition changes.
    AlterColumn {
        /// Which.
        column: Ident,
    },
    /// `ADD INDEX`, `ADD UNIQUE`, `ADD PRIMARY KEY`, `ADD FOREIGN KEY`, `ADD CHECK` and their like.
    AddConstraint(Constraint),
    /// `ALTER CHECK c …`, `ALTER CONSTRAINT c …`.
    AlterConstraint {
        /// Which.
        name: Ident,
    },
    /// `DROP INDEX i`, `DROP KEY i`.
    DropIndex {
        /// Which.
        name: Ident,
    },
    /// `DROP PRIMARY KEY`.
    DropPrimaryKey,
    /// `DROP FOREIGN KEY f`.
    DropForeignKey {
        /// Which.
        name: Ident,
    },
    /// `DROP CHECK c`.
    DropCheck {
        /// Which.
        name: Ident,
    },
    /// `DROP CONSTRAINT c`, of whatever kind it is.
    DropConstraint {
        /// Which.
        name: Ident,
    },
    /// `RENAME INDEX a TO b`.
    RenameIndex {
        /// The name it has.
        from: Ident,
        /// The name it gets.
        to: Ident,
    },
    /// `ALTER INDEX i INVISIBLE` and its like.
    AlterIndex {
        /// Which.
        name: Ident,
    },
    /// `RENAME [TO] t`.
    RenameTable {
        /// The name it gets.
        to: TableRef,
    },
    /// `CONVERT TO CHARACTER SET …`: every text column changes.
    ConvertCharset {
        /// The character set, lower case; `default` is possible.
        charset: String,
    },
    /// A table option other than AUTO_INCREMENT: `ENGINE=InnoDB`, `COMMENT 'x'`.
    TableOption {
        /// Its name in upper case, words separated by one space, without DEFAULT: `CHARACTER SET`.
        name: String,
        /// Its value as typed.
        value: String,
    },
    /// `AUTO_INCREMENT = 10`.
    AutoIncrement,
    /// `FORCE`.
    Force,
    /// `ORDER BY a, b`.
    OrderBy,
    /// `DISABLE KEYS`.
    DisableKeys,
    /// `ENABLE KEYS`.
    EnableKeys,
    /// `ALGORITHM = INPLACE`: how, not what.
    Algorithm(
        /// The value in upper case.
        String,
    ),
    /// `LOCK = NONE`: how, not what.
    Lock(
        /// The value in upper case.
        String,
    ),
    /// `PARTITION BY …`.
    PartitionBy,
    /// `REMOVE PARTITIONING`.
    RemovePartitioning,
    /// `ADD PARTITION …`.
    AddPartitions,
    /// `DROP PARTITION …`.
    DropPartitions,
    /// `TRUNCATE PARTITION …`: rows go away.
    TruncatePartition,
    /// `REORGANIZE PARTITION …`.
    ReorganizePartition,
    /// `EXCHANGE PARTITION …`: rows come from another table.
    ExchangePartition,
    /// `COALESCE PARTITION n`.
    CoalescePartition,
    /// `ANALYZE`, `CHECK`, `OPTIMIZE`, `REBUILD`, `REPAIR PARTITION …`.
    MaintainPartition,
    /// `DISCARD TABLESPACE`, `IMPORT TABLESPACE`, with or without PARTITION.
    Tablespace,
    /// `ADD SYSTEM VERSIONING`.
    AddSystemVersioning,
    /// `DROP SYSTEM VERSIONING`.
    DropSystemVersioning,
    /// `ADD PERIOD FOR …`.
    AddPeriod,
    /// `DROP PERIOD FOR …`.
    DropPeriod,
    /// `WITH VALIDATION`, `WITHOUT VALIDATION`: how, not what.
    Validation,
    /// Not known: only the server can say what it is.
    Other,
}

/// An index, key or check that a clause adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constraint {
    /// What it is.
    pub kind: ConstraintKind,
    /// The name it will have, `None` when the server chooses it.
    pub name: Option<Ident>,
    /// The columns it names, prefix lengths and directions left out; expressions name none.
    pub columns: Vec<Ident>,
}

/// What a constraint is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConstraintKind {
    /// `INDEX`, `KEY`.
    Index,
    /// `UNIQUE [INDEX|KEY]`.
    Unique,
    /// `PRIMARY KEY`.
    Primary,
    /// `FULLTEXT [INDEX|KEY]`.
    Fulltext,
    /// `SPATIAL [INDEX|KEY]`.
    Spatial,
    /// `VECTOR INDEX`.
    Vector,
    /// `FOREIGN KEY`.
    ForeignKey {
        /// The parent.
        references: TableRef,
    },
    /// `CHECK (…)`.
    Check,
}

/// A table as a statement names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableRef {
    /// The schema, `None` for the session's.
    pub schema: Option<Ident>,
    /// The table.
    pub table: Ident,
}

impl TableRef {
    /// The table itself, where the session's schema is this one.
    pub fn in_schema(self, own: &Ident) -> TableName {
        TableName { schema: self.schema.unwrap_or_else(|| own.clone()), table: self.table }
    }
}

/// Why a text is not read as clauses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClauseError {
    /// The text cannot even be cut into tokens.
    #[error(transparent)]
    Lex(#[from] LexError),
    /// There is nothing but whitespace and comments.
    #[error("there is no clause")]
    Empty,
    /// Two commas in a row, or one at an end.
    #[error("there is an empty clause {place}")]
    EmptyClause {
        /// Where, for people.
        place: String,
    },
    /// Text behind a semicolon.
    #[error("only one statement is read, and `{text}` follows a semicolon")]
    SecondStatement {
        /// Its beginning.
        text: String,
    },
    /// `(` without `)`, or the other way round.
    #[error("parentheses do not match in `{text}`")]
    Unbalanced {
        /// From there to the end, its beginning.
        text: String,
    },
    /// A whole statement where only clauses are taken.
    #[error("only the clauses are taken here, without `ALTER TABLE`")]
    WholeStatement,
    /// The statement's own frame is not what it should be.
    #[error("expected {expected} {place}")]
    Expected {
        /// What.
        expected: &'static str,
        /// Where, for people.
        place: String,
    },
}

impl Alter {
    /// The asserted algorithm, the last one as the servers take it, upper case.
    pub fn algorithm(&self) -> Option<&str> {
        self.clauses.iter().rev().find_map(|clause| match &clause.kind {
            ClauseKind::Algorithm(value) => Some(value.as_str()),
            _ => None,
        })
    }

    /// The asserted lock, the last one as the servers take it, upper case.
    pub fn lock(&self) -> Option<&str> {
        self.clauses.iter().rev().find_map(|clause| match &clause.kind {
            ClauseKind::Lock(value) => Some(value.as_str()),
            _ => None,
        })
    }

    /// The clauses that say what changes, not how.
    pub fn changes(&self) -> impl Iterator<Item = &Clause> {
        self.clauses.iter().filter(|clause| !matches!(clause.kind, ClauseKind::Algorithm(_) | ClauseKind::Lock(_)))
    }

    /// The changes as they go behind `ALTER TABLE name `, without ALGORITHM and LOCK; empty when there is none.
    ///
    /// Another ALGORITHM and LOCK go in front of them: behind ORDER BY and PARTITION BY no server takes any.
    pub fn without_algorithm_and_lock(&self) -> String {
        join(self.changes(), " ")
    }

    /// Everything as it goes behind `ALTER TABLE name `.
    pub fn spliced(&self) -> String {
        join(self.clauses.iter(), " ")
    }

    /// The statement as Prisma frames it in migration.sql, without ALGORITHM and LOCK: a migration says what changes,
    /// and is replayed on servers where another way of doing it is possible.
    pub fn prisma_sql(&self, table: &Ident) -> String {
        format!("ALTER TABLE {table} {};", join(self.changes(), "\n    "))
    }

    /// The names of the kinds, a parenthesised ADD COLUMN once for each of its columns and constraints.
    pub fn labels(&self) -> Vec<&'static str> {
        let mut labels = Vec::new();
        for clause in &self.clauses {
            match &clause.kind {
                ClauseKind::AddColumn { columns, constraints } => {
                    labels.extend(columns.iter().map(|_| "AddColumn"));
                    labels.extend(constraints.iter().map(|_| "AddConstraint"));
                }
                kind => labels.push(kind.label()),
            }
        }
        labels
    }
}

/// Joins with commas, except before partitioning, which both servers want without one.
fn join<'a>(clauses: impl Iterator<Item = &'a Clause>, space: &str) -> String {
    let mut joined = String::new();
    for clause in clauses {
        if !joined.is_empty() {
            if !clause.kind.follows_without_comma() {
                joined.push(',');
            }
            joined.push_str(space);
        }
        joined.push_str(&clause.text);
    }
    joined
}

impl ClauseKind {
    /// The name of the variant, for messages and tests.
    pub fn label(&self) -> &'static str {
        match self {
            ClauseKind::AddColumn { .. } => "AddColumn",
            ClauseKind::DropColumn { .. } => "DropColumn",
            ClauseKind::ModifyColumn { .. } => "ModifyColumn",
            ClauseKind::ChangeColumn { .. } => "ChangeColumn",
            ClauseKind::RenameColumn { .. } => "RenameColumn",
            ClauseKind::AlterColumn { .. } => "AlterColumn",
            ClauseKind::AddConstraint(_) => "AddConstraint",
            ClauseKind::AlterConstraint { .. } => "AlterConstraint",
            ClauseKind::DropIndex { .. } => "DropIndex",
            ClauseKind::DropPrimaryKey => "DropPrimaryKey",
            ClauseKind::DropForeignKey { .. } => "DropForeignKey",
            ClauseKind::DropCheck { .. } => "DropCheck",
            ClauseKind::DropConstraint { .. } => "DropConstraint",
            ClauseKind::RenameIndex { .. } => "RenameIndex",
            ClauseKind::AlterIndex { .. } => "AlterIndex",
            ClauseKind::RenameTable { .. } => "RenameTable",
            ClauseKind::ConvertCharset { .. } => "ConvertCharset",
            ClauseKind::TableOption { .. } => "TableOption",
            ClauseKind::AutoIncrement => "AutoIncrement",
            ClauseKind::Force => "Force",
            ClauseKind::OrderBy => "OrderBy",
            ClauseKind::DisableKeys => "DisableKeys",
            ClauseKind::EnableKeys => "EnableKeys",
            ClauseKind::Algorithm(_) => "Algorithm",
            ClauseKind::Lock(_) => "Lock",
            ClauseKind::PartitionBy => "PartitionBy",
            ClauseKind::RemovePartitioning => "RemovePartitioning",
            ClauseKind::AddPartitions => "AddPartitions",
            ClauseKind::DropPartitions => "DropPartitions",
            ClauseKind::TruncatePartition => "TruncatePartition",
            ClauseKind::ReorganizePartition => "ReorganizePartition",
            ClauseKind::ExchangePartition => "ExchangePartition",
            ClauseKind::CoalescePartition => "CoalescePartition",
            ClauseKind::MaintainPartition => "MaintainPartition",
            ClauseKind::Tablespace => "Tablespace",
            ClauseKind::AddSystemVersioning => "AddSystemVersioning",
            ClauseKind::DropSystemVersioning => "DropSystemVersioning",
            ClauseKind::AddPeriod => "AddPeriod",
            ClauseKind::DropPeriod => "DropPeriod",
            ClauseKind::Validation => "Validation",
            ClauseKind::Other => "Other",
        }
    }

    pub(super) fn follows_without_comma(&self) -> bool {
        matches!(self, ClauseKind::PartitionBy | ClauseKind::RemovePartitioning)
    }
}

impl fmt::Display for TableRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.schema {
            write!(f, "{schema}.")?;
        }
        write!(f, "{}", self.table)
    }
}

#[cfg(test)]
mod tests {
    use super::super::read_clauses;
    use super::*;

    #[test]
    fn prisma_frames_each_clause_on_its_line() {
        let alter =
            read_clauses("ADD COLUMN `sku` VARCHAR(64) NULL,DROP COLUMN a, ALGORITHM=INPLACE, LOCK=NONE").unwrap();
        let sql = alter.prisma_sql(&Ident::new("Order"));
        assert_eq!(sql, "ALTER TABLE `Order` ADD COLUMN `sku` VARCHAR(64) NULL,\n    DROP COLUMN a;");
        assert_eq!(alter.without_algorithm_and_lock(), "ADD COLUMN `sku` VARCHAR(64) NULL, DROP COLUMN a");
        assert_eq!((alter.algorithm(), alter.lock()), (Some("INPLACE"), Some("NONE")));
    }

    #[test]
    fn the_last_algorithm_wins_as_on_the_server() {
        let alter = read_clauses("ALGORITHM=copy, FORCE, ALGORITHM inplace").unwrap();
        assert_eq!(alter.algorithm(), Some("INPLACE"));
        assert_eq!(alter.without_algorithm_and_lock(), "FORCE");
    }

    #[test]
    fn only_how_and_not_what_is_no_change() {
        assert_eq!(read_clauses("ALGORITHM=INSTANT").unwrap().without_algorithm_and_lock(), "");
    }

    #[test]
    fn partitioning_takes_no_comma() {
        let alter = read_clauses("ADD COLUMN a INT, FORCE PARTITION BY HASH (id) PARTITIONS 4").unwrap();
        assert_eq!(alter.labels(), ["AddColumn", "Force", "PartitionBy"]);
        assert_eq!(alter.spliced(), "ADD COLUMN a INT, FORCE PARTITION BY HASH (id) PARTITIONS 4");
    }
}
