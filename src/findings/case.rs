//! What rules look at: one migration, its steps, and what is known of the tables before and after each.

use super::Question;
use crate::deploy::step::{Action, AsIs, Step, TableChange};
use crate::plan::definition::{Column, Definition};
use crate::plan::{Clause, ConstraintKind};
use crate::server::Flavor;
use crate::sql::{Ident, TableName};

/// A migration.
#[derive(Debug)]
pub struct Case<'a> {
    /// Its full name, stamp included.
    pub name: &'a str,
    /// Its steps.
    pub steps: Vec<StepCase<'a>>,
    /// The family of the server.
    pub flavor: Flavor,
    /// Whether there is a rollback.sql beside it.
    pub has_rollback: bool,
}

/// A step.
#[derive(Debug)]
pub struct StepCase<'a> {
    /// The step.
    pub step: &'a Step<'a>,
    /// The table it is about, as far as that can be told.
    pub table: Option<TableName>,
    /// The table as it is on the server now.
    pub now: Option<Definition>,
    /// The table as the statements before this one leave it; `None` when that is not known or there is none.
    pub before: Option<Definition>,
    /// The table behind this step.
    pub after: Option<Definition>,
    /// How big it is on the server now.
    pub size: Option<Size>,
    /// Whether it is made by a migration that is still pending.
    pub is_new: bool,
    /// The rows it works on, when it is a statement about rows.
    pub rows: Option<RowsCase>,
    /// The last pending statement before this one that changes rows of the table, as it is told to people.
    pub written_by: Option<String>,
}

/// What a statement does to rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowsCase {
    /// Its verb.
    pub verb: &'static str,
    /// Whether it need not work on all rows.
    pub is_bounded: bool,
    /// The biggest table on the server that it works through.
    pub biggest: Option<(TableName, Size)>,
}

/// How big a table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// The server's estimate.
    pub rows: u64,
    /// Bytes of rows and indexes.
    pub bytes: u64,
    /// Whether that is over the size at which a table is changed online.
    pub is_big: bool,
}

/// A change with its table before and after.
#[derive(Debug, Clone, Copy)]
pub(super) struct ChangeCase<'a> {
    pub(super) index: usize,
    pub(super) case: &'a StepCase<'a>,
    pub(super) change: &'a TableChange,
    pub(super) before: &'a Definition,
    pub(super) after: &'a Definition,
}

impl<'a> Case<'a> {
    /// The steps that change a table whose definition is known.
    pub(super) fn changes(&'a self) -> impl Iterator<Item = ChangeCase<'a>> {
        self.steps.iter().enumerate().filter_map(|(index, case)| {
            let change = match &case.step.action {
                Action::TableChange(change) | Action::RunAsIs(AsIs::Frame(change)) => change,
                Action::RunAsIs(_) => return None,
            };
            let (before, after) = (case.before.as_ref()?, case.after.as_ref()?);
            Some(ChangeCase { index, case, change, before, after })
        })
    }

    /// The steps that make a table whose definition is known, with its name.
    pub(super) fn creations(&'a self) -> impl Iterator<Item = (usize, &'a TableName, &'a Definition)> {
        self.steps.iter().enumerate().filter_map(|(index, case)| {
            let makes = case.before.is_none() && case.step.action == Action::RunAsIs(AsIs::Other);
            Some((index, case.table.as_ref()?, case.after.as_ref().filter(|_| makes)?))
        })
    }

    /// The clauses of all steps that change a table, whether its definition is known or not.
    pub(super) fn clauses(&'a self) -> impl Iterator<Item = (usize, &'a TableChange, &'a Clause)> {
        self.steps.iter().enumerate().flat_map(|(index, case)| {
            let change = match &case.step.action {
                Action::TableChange(change) | Action::RunAsIs(AsIs::Frame(change)) => Some(change),
                Action::RunAsIs(_) => None,
            };
            change
                .into_iter()
                .flat_map(move |change| change.alter.clauses.iter().map(move |clause| (index, change, clause)))
        })
    }
}

impl StepCase<'_> {
    /// The words that the statement begins with, in upper case.
    pub(super) fn words(&self, most: usize) -> Vec<String> {
        let text = self.step.statements.first().map_or("", |statement| statement.text);
        crate::sql::lexer::significant(text).iter().take(most).map(|token| token.text.to_ascii_uppercase()).collect()
    }
}

impl ChangeCase<'_> {
    /// Pairs of a column before and what MODIFY or CHANGE makes of it.
    pub(super) fn redefined(&self) -> Vec<(&Column, &Column)> {
        use crate::plan::ClauseKind;
        let pair = |clause: &Clause| {
            let (from, to) = match &clause.kind {
                ClauseKind::ModifyColumn { column } => (column, column),
                ClauseKind::ChangeColumn { from, to } => (from, to),
                _ => return None,
            };
            Some((self.before.column(from)?, self.after.column(to)?))
        };
        self.change.alter.clauses.iter().filter_map(pair).collect()
    }

    /// Columns that are new.
    pub(super) fn added_columns(&self) -> Vec<&Column> {
        use crate::plan::ClauseKind;
        let names = self.change.alter.clauses.iter().flat_map(|clause| match &clause.kind {
            ClauseKind::AddColumn { columns, .. } => columns.clone(),
            _ => Vec::new(),
        });
        names.filter_map(|name| self.after.column(&name)).collect()
    }

    /// Indexes that are new, in the definition behind the step.
    pub(super) fn added_indexes(&self) -> impl Iterator<Item = &crate::plan::definition::Index> {
        self.after.indexes.iter().filter(|index| {
            self.before.index(&index.name).is_none_or(|before| before.parts != index.parts || before.kind != index.kind)
                && !self.is_renamed(&index.name)
        })
    }

    fn is_renamed(&self, name: &Ident) -> bool {
        use crate::plan::ClauseKind;
        self.change.alter.clauses.iter().any(|clause| match &clause.kind {
            ClauseKind::RenameIndex { to, .. } => to.same_name(name),
            _ => false,
        })
    }

    /// The table, when its rows can be asked about this column: it is there now with the values this step will find.
    pub(super) fn askable(&self, column: &Ident) -> Option<&TableName> {
        let now = self.case.now.as_ref()?.column(column)?;
        let before = self.before.column(column)?;
        (now.data_type == before.data_type).then_some(self.case.table.as_ref()?)
    }

    /// `, MIN(id), MAX(id)` for a key of one column, so that a count can say where to look.
    pub(super) fn where_to_look(&self) -> (String, Option<Ident>) {
        let key = self.case.now.as_ref().and_then(Definition::primary_key);
        match key.map(|key| key.parts.as_slice()) {
            Some([only]) if only.prefix.is_none() => {
                (format!(", MIN({0}), MAX({0})", only.column), Some(only.column.clone()))
            }
            _ => (String::new(), None),
        }
    }

    /// Whether an index of this kind must be unique.
    pub(super) fn is_unique(kind: &ConstraintKind) -> bool {
        matches!(kind, ConstraintKind::Unique | ConstraintKind::Primary)
    }

    /// The table's name for people, in backticks.
    pub(super) fn name(&self) -> String {
        format!("`{}`", self.change.table.table.as_str())
    }
}

/// `, from id 3 to id 90`, from what [`ChangeCase::where_to_look`] asked for.
pub(super) fn places(key: Option<&Ident>, values: &[Option<String>]) -> String {
    match (key, values) {
        (Some(key), [Some(first), Some(last), ..]) if first == last => format!(", at `{}` {first}", key.as_str()),
        (Some(key), [Some(first), Some(last), ..]) => format!(", between `{}` {first} and {last}", key.as_str()),
        _ => String::new(),
    }
}

/// `1 row`, `1,234 rows`.
pub(super) fn rows(count: u64) -> String {
    crate::progress::wording::counted(count, "row")
}

impl Question {
    /// How many rows of a table meet a condition.
    pub(super) fn rows_where(
        change: &ChangeCase<'_>,
        table: &TableName,
        condition: &str,
        what: String,
        unanswered: String,
    ) -> Question {
        let (look, key) = change.where_to_look();
        let sql = format!("SELECT COUNT(*){look} FROM {table} WHERE {condition}");
        let name = change.name();
        let list = format!("SELECT * FROM {table} WHERE {condition}");
        let question = Question::count(sql, list, unanswered, move |count, values| {
            let verb = if count == 1 { "has" } else { "have" };
            format!("{} of {name} {verb} {what}{}", rows(count), places(key.as_ref(), values))
        });
        question.of_values()
    }
}
