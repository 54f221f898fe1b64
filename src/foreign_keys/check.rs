//! Which changes of a table with foreign keys are not done online, and why.

use super::Family;
use super::cascade::{Edge, Path};
use super::family::index_for;
use crate::error::Failure;
use crate::plan::{Alter, ChunkKey, ClauseKind, ColumnMapping};
use crate::schema::{Column, Table};
use crate::sql::Ident;

/// The refusal of a change that foreign keys do not allow. `target` is the table with the clauses applied.
pub fn refuse(
    family: &Family,
    table: &Table,
    target: &Table,
    mapping: &ColumnMapping,
    key: &ChunkKey,
    alter: &Alter,
) -> Option<Failure> {
    if family.is_empty() {
        return None;
    }
    let check = Check { family, table, target, mapping, key };
    check
        .partitioning(alter)
        .or_else(|| check.sight())
        .or_else(|| check.recursion())
        .or_else(|| check.columns())
        .or_else(|| check.indexes())
        .or_else(|| check.names_under_cascades())
        .or_else(|| check.key_text())
}

struct Check<'a> {
    family: &'a Family,
    table: &'a Table,
    target: &'a Table,
    mapping: &'a ColumnMapping,
    key: &'a ChunkKey,
}

impl Check<'_> {
    fn partitioning(&self, alter: &Alter) -> Option<Failure> {
        let clause = alter.clauses.iter().find(|clause| matches!(clause.kind, ClauseKind::PartitionBy))?;
        Some(refused(
            format!("`{}`: the server takes no foreign keys on partitioned tables", clause.text),
            "drop the foreign keys first",
        ))
    }

    fn sight(&self) -> Option<Failure> {
        let child = self.family.unseen.as_ref()?;
        Some(refused(
            format!("{child} references {} by a foreign key, and the account may not see that table", self.table.name),
            "grant the account SELECT, LOCK TABLES and ALTER on its schema",
        ))
    }

    fn recursion(&self) -> Option<Failure> {
        let name = self.family.recursive.as_ref()?;
        Some(refused(
            format!(
                "cascades come back to {} over the foreign key {name}, and such rows cannot be followed online yet",
                self.table.name
            ),
            "run the change in a maintenance window, or let that foreign key RESTRICT meanwhile",
        ))
    }

    /// The columns under foreign keys, each with the key's name.
    fn constrained(&self) -> impl Iterator<Item = (&Ident, &Ident)> {
        let own = self.family.own.iter().flat_map(|key| key.columns.iter().map(move |column| (column, &key.name)));
        let to_itself = self.family.own.iter().filter(|key| key.parent == self.table.name);
        let of_children = self.family.children.iter().flat_map(|child| &child.keys).chain(to_itself);
        own.chain(of_children.flat_map(|key| key.referenced.iter().map(move |column| (column, &key.name))))
    }

    fn columns(&self) -> Option<Failure> {
        self.constrained().find_map(|(name, key)| {
            let Some(target) = self.mapping.target_of(name) else {
                return Some(refused(
                    format!("the change drops column {name}, which the foreign key {key} needs"),
                    "drop the foreign key first",
                ));
            };
            let source = self.table.column(name)?;
            (!fits(source, target)).then(|| {
                refused(
                    format!(
                        "the change gives column {name} a type that the other side of the foreign key {key} has not"
                    ),
                    "drop the foreign key first, change the columns on both sides, and add it again",
                )
            })
        })
    }

    fn indexes(&self) -> Option<Failure> {
        let own = self.family.own.iter().map(|key| (&key.columns, &key.name));
        let to_itself = self.family.own.iter().filter(|key| key.parent == self.table.name);
        let of_children = self.family.children.iter().flat_map(|child| &child.keys).chain(to_itself);
        own.chain(of_children.map(|key| (&key.referenced, &key.name))).find_map(|(columns, key)| {
            let columns: Option<Vec<Ident>> =
                columns.iter().map(|column| Some(self.mapping.target_of(column)?.name.clone())).collect();
            index_for(&self.target.indexes, &columns?).is_none().then(|| {
                refused(
                    format!("the change leaves the foreign key {key} without an index that begins with its columns"),
                    "keep the index, or add another one in the same change",
                )
            })
        })
    }

    /// The triggers that follow cascades read the table under its name before the swap and after it.
    fn names_under_cascades(&self) -> Option<Failure> {
        let of_table = |path: &Path| -> Vec<Edge> {
            let edges = path.edges.iter();
            edges.filter(|edge| edge.child == self.table.name || edge.key.parent == self.table.name).cloned().collect()
        };
        let edges: Vec<Edge> = self.family.paths.iter().flat_map(of_table).collect();
        let first = edges.first()?;
        let key = self.key.columns.iter().map(|column| column.source.clone());
        let read = edges.iter().flat_map(|edge| match edge.child == self.table.name {
            true => edge.key.columns.clone(),
            false => edge.key.referenced.clone(),
        });
        let renamed = key.chain(read).find(|column| {
            self.mapping.target_of(column).is_some_and(|target| target.name.as_str() != column.as_str())
        });
        if let Some(column) = renamed {
            return Some(refused(
                format!(
                    "the change renames column {column}, by which cascades of the foreign key {} are followed",
                    first.key.name
                ),
                "rename it in a change of its own, which the server makes at once",
            ));
        }
        let lost = edges.iter().filter(|edge| edge.child == self.table.name).find(|edge| {
            let same = self.target.indexes.iter().filter(|index| index.name == edge.index);
            same.into_iter().all(|index| index_for(std::slice::from_ref(index), &edge.key.columns).is_none())
        })?;
        Some(refused(
            format!(
                "the change takes away the index {}, by which cascades of the foreign key {} are followed",
                lost.index, lost.key.name
            ),
            "change that index in a change of its own",
        ))
    }

    /// Rows of the old table are found by the new one's key for a moment after the swap.
    fn key_text(&self) -> Option<Failure> {
        let column = self.key.columns.iter().find(|column| {
            let source = self.table.column(&column.source);
            let target = self.mapping.target_of(&column.source);
            source.zip(target).is_some_and(|(source, target)| source.collation != target.collation)
        })?;
        Some(refused(
            format!(
                "the change gives the key column {} another collation, on a table with foreign keys",
                column.source
            ),
            "run the change in a maintenance window",
        ))
    }
}

/// Whether a foreign key can stay on a column that becomes another.
pub fn fits(source: &Column, target: &Column) -> bool {
    let text = matches!(source.data_type.as_str(), "char" | "varchar");
    let same_type = match text {
        true => source.data_type == target.data_type,
        false => source.column_type == target.column_type,
    };
    same_type && source.charset == target.charset && source.collation == target.collation
}

fn refused(why: String, next: &str) -> Failure {
    Failure::refused(why).table("untouched").next(next)
}
