//! Where chunks begin and end: one query for each boundary, and what its answer means.
//!
//! Invariant: chunks are cut one after the other, each begins where the one before ended, and the last one ends at the
//! final bound, which was the greatest key when the walk began; what comes later is the change log's.

use crate::plan::{ChunkKey, KeyValue};
use crate::sql::TableName;

/// Cuts a table into chunks, in the order of its key.
#[derive(Debug, Clone)]
pub struct Walker {
    last: Option<KeyValue>,
    final_bound: Option<KeyValue>,
    next_number: u64,
}

/// A range of keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Counted from 0 in the order of the walk.
    pub number: u64,
    /// Its keys are greater than this; `None` for the beginning of the table.
    pub after: Option<KeyValue>,
    /// Its greatest possible key.
    pub up_to: KeyValue,
}

impl Walker {
    /// A walk up to the greatest key of the table, `None` for an empty one, from where an earlier walk was completed.
    pub fn new(final_bound: Option<KeyValue>, completed: Option<KeyValue>) -> Walker {
        let done = completed == final_bound;
        Walker { last: completed, final_bound: final_bound.filter(|_| !done), next_number: 0 }
    }

    /// Whether every chunk has been cut.
    pub fn is_finished(&self) -> bool {
        self.final_bound.is_none()
    }

    /// The query for the upper bound of a chunk of that many rows, `None` when the walk is over.
    pub fn boundary_query(&self, key: &ChunkKey, table: &TableName, rows: u64) -> Option<String> {
        let final_bound = self.final_bound.as_ref()?;
        let columns = key.source_columns();
        Some(format!(
            "SELECT {select} FROM {table} FORCE INDEX ({index}) WHERE {range} ORDER BY {order} LIMIT 1 OFFSET {offset}",
            select = key.select_list(&columns),
            index = key.index,
            range = key.within(&columns, self.last.as_ref(), final_bound),
            order = columns.join(", "),
            offset = rows.saturating_sub(1),
        ))
    }

    /// Takes the answer to [`Walker::boundary_query`], `None` for no row, and gives the chunk it ends; `None` when the
    /// walk is over.
    pub fn accept(&mut self, boundary: Option<KeyValue>) -> Option<Chunk> {
        let final_bound = self.final_bound.clone()?;
        let up_to = boundary.unwrap_or_else(|| final_bound.clone());
        if up_to == final_bound {
            self.final_bound = None;
        }
        let chunk = Chunk { number: self.next_number, after: self.last.replace(up_to.clone()), up_to };
        self.next_number += 1;
        Some(chunk)
    }
}

/// The query for the greatest key of a table; no row when it is empty.
pub fn final_bound_query(key: &ChunkKey, table: &TableName) -> String {
    let columns = key.source_columns();
    let descending: Vec<String> = columns.iter().map(|column| format!("{column} DESC")).collect();
    format!(
        "SELECT {select} FROM {table} FORCE INDEX ({index}) ORDER BY {order} LIMIT 1",
        select = key.select_list(&columns),
        index = key.index,
        order = descending.join(", "),
    )
}
