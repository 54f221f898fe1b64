//! The foreign keys around a table: its own, those of its children, and the ways over which cascades reach it.

use super::cascade::{Edge, Path};
use super::{Child, ForeignKey};
use crate::mirror::change_log::exact_type;
use crate::schema::{self, Index};
use crate::server::{Flavor, ServerError, Session, errno};
use crate::sql::{Ident, TableName, file_name, string_literal};

/// Longer ways than the engine goes (15 levels), or more ways than a trigger should have statements, are not followed.
const MOST_EDGES: usize = 15;
const MOST_PATHS: usize = 100;

/// What is around a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Family {
    /// Foreign keys of the table, those to itself included.
    pub own: Vec<ForeignKey>,
    /// Foreign keys of other tables that reference it.
    pub children: Vec<Child>,
    /// The ways over which writes to other tables, or deletes in the table itself, change its rows.
    pub paths: Vec<Path>,
    /// The tables that are referenced by those where these ways begin.
    pub beyond: Vec<TableName>,
    /// A table that references it and that the account may not see, by InnoDB's name for it.
    pub unseen: Option<String>,
    /// The first foreign key over which a cascade comes back to where it was, so that it has no longest way.
    pub recursive: Option<String>,
}

impl Family {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.own.is_empty() && self.children.is_empty() && self.unseen.is_none()
    }

    /// Reads what is around a table.
    pub async fn read(session: &mut Session, table: &TableName) -> Result<Family, ServerError> {
        let mut family = Family { own: own(session, table).await?, ..Family::default() };
        for child in children(session, table).await? {
            let keys = own(session, &child).await?.into_iter().filter(|key| key.parent == *table).collect();
            family.children.push(Child { table: child, keys });
        }
        family.read_paths(session, table).await?;
        family.unseen = family.unseen_child(session, table).await?;
        Ok(family)
    }

    /// The server's list of foreign keys leaves out tables on which the account has no privilege, InnoDB's does not.
    async fn unseen_child(&self, session: &mut Session, table: &TableName) -> Result<Option<String>, ServerError> {
        let known: Vec<&TableName> = self.children.iter().map(|child| &child.table).chain([table]).collect();
        let (view, name_of): (_, fn(&TableName) -> String) = match session.server().facts.flavor {
            Flavor::MySql => ("innodb_foreign", file_name::of_table_in_dictionary),
            Flavor::MariaDb => ("innodb_sys_foreign", file_name::of_table),
        };
        let name = name_of(table);
        let sql = format!(
            "SELECT ref_name, for_name FROM information_schema.{view} WHERE ref_name = {} ORDER BY for_name",
            string_literal(&name)
        );
        match session.rows::<(String, String)>(&sql).await {
            // The comparison ignores the case of letters, which tells tables apart.
            Ok(found) => {
                let referencing = found.into_iter().filter(|(referenced, _)| *referenced == name);
                // Where names are stored in lower case, InnoDB has them so, too.
                let is_known = |child: &str| known.iter().any(|known| name_of(known).eq_ignore_ascii_case(child));
                Ok(referencing.map(|(_, child)| child).find(|child| !is_known(child)))
            }
            // Without PROCESS nobody can know.
            Err(error) if error.is_any(&errno::DENIED) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn read_paths(&mut self, session: &mut Session, table: &TableName) -> Result<(), ServerError> {
        let mut open =
            edges(session, table).await?.into_iter().map(|edge| Path { edges: vec![edge] }).collect::<Vec<_>>();
        while let Some(path) = open.pop() {
            if !path.carries_delete() && !path.carries_update() {
                continue;
            }
            for edge in edges(session, path.start()).await? {
                if !self.beyond.contains(&edge.key.parent) {
                    self.beyond.push(edge.key.parent.clone());
                }
                let longer = path.behind(edge.clone());
                if !longer.carries_delete() && !longer.carries_update() {
                    continue;
                }
                if path.edges.contains(&edge) || path.edges.len() >= MOST_EDGES || self.paths.len() >= MOST_PATHS {
                    self.recursive.get_or_insert_with(|| format!("{} of {}", edge.key.name, edge.child));
                } else {
                    open.push(longer);
                }
            }
            self.paths.push(path);
        }
        Ok(())
    }
}

/// The foreign keys of a table.
pub async fn own(session: &mut Session, table: &TableName) -> Result<Vec<ForeignKey>, ServerError> {
    let definition = schema::create_sql(session, table).await?.unwrap_or_default();
    Ok(ForeignKey::read(table, &definition))
}

/// The tables that a lock window of a single table has to name beside it.
///
/// LOCK TABLES of MySQL takes the parents of a table by itself, but only after it, and stands back there behind writers: a
/// statement that has the parent and waits for the table is told to begin anew, gets the parent once more, and fails the
/// fourth time when it is a prepared one (1615). A parent that is named is asked for with priority.
pub async fn named_parents(session: &mut Session, table: &TableName) -> Result<Vec<TableName>, ServerError> {
    if session.server().facts.flavor == Flavor::MariaDb {
        return Ok(Vec::new());
    }
    let mut parents = Vec::new();
    for key in own(session, table).await? {
        // One that was dropped without checks cannot be named.
        let is_new = key.parent != *table && !parents.contains(&key.parent);
        if is_new && schema::exists(session, &key.parent).await? {
            parents.push(key.parent);
        }
    }
    Ok(parents)
}

/// The other tables that reference a table.
pub async fn children(session: &mut Session, table: &TableName) -> Result<Vec<TableName>, ServerError> {
    children_of(session, &[table]).await
}

/// The tables that reference one of these and are none of them.
pub async fn children_of(session: &mut Session, tables: &[&TableName]) -> Result<Vec<TableName>, ServerError> {
    if tables.is_empty() {
        return Ok(Vec::new());
    }
    let references = |table: &&TableName| {
        format!(
            "referenced_table_schema = {} AND referenced_table_name = {}",
            string_literal(table.schema.as_str()),
            string_literal(table.table.as_str())
        )
    };
    let conditions: Vec<String> = tables.iter().map(references).collect();
    let rows: Vec<(String, String)> = session
        .rows(&format!(
            "SELECT DISTINCT table_schema, table_name FROM information_schema.key_column_usage \
             WHERE {} ORDER BY 1, 2",
            conditions.join(" OR ")
        ))
        .await?;
    let found = rows.into_iter().map(|(schema, table)| TableName::new(schema, table));
    Ok(found.filter(|child| !tables.contains(&child)).collect())
}

/// The foreign keys of a table with the indexes under them.
async fn edges(session: &mut Session, child: &TableName) -> Result<Vec<Edge>, ServerError> {
    let keys = own(session, child).await?;
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let indexes = schema::indexes(session, child).await?;
    let mut edges = Vec::new();
    for key in keys {
        // The engine does not let a foreign key be without an index, nor reference columns that are not there.
        let index = index_for(&indexes, &key.columns).map(|index| index.name.clone());
        let columns = schema::columns(session, &key.parent).await?;
        let type_of = |name: &Ident| columns.iter().find(|column| column.name.same_name(name)).map(exact_type);
        let types: Option<Vec<String>> = key.referenced.iter().map(type_of).collect();
        if let (Some(index), Some(types)) = (index, types) {
            edges.push(Edge { child: child.clone(), key, index, types });
        }
    }
    Ok(edges)
}

/// The index that begins with these whole columns.
pub fn index_for<'a>(indexes: &'a [Index], columns: &[Ident]) -> Option<&'a Index> {
    let begins = |index: &&Index| {
        index.parts.len() >= columns.len()
            && index.kind.eq_ignore_ascii_case("BTREE")
            && index.parts.iter().zip(columns).all(|(part, column)| {
                part.prefix.is_none() && part.column.as_ref().is_some_and(|own| own.same_name(column))
            })
    };
    // The same order of columns is preferred by the engine; of several, the shortest has the least to read.
    indexes.iter().filter(begins).min_by_key(|index| index.parts.len())
}
