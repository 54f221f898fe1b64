//! A new definition without any key that tells its rows apart, or without a primary key and without the walked one.
//!
//! The walked key must stay unique in the shadow, by an index of its own if need be; where there is no other key during
//! the copy, InnoDB clusters the table by that index, and it cannot be dropped in place in the cutover any more.

use crate::error::Failure;
use crate::plan::key::ChunkKey;
use crate::schema::{Index, Table};

pub(super) fn check(target: &Table, walked: &ChunkKey) -> Option<Failure> {
    // InnoDB clusters by a primary key in any case, one on the beginnings of columns too.
    if target.primary_key().is_some() {
        return None;
    }
    let not_null = |columns: Vec<&crate::sql::Ident>| {
        columns.into_iter().all(|name| target.column(name).is_some_and(|column| !column.nullable))
    };
    let tells_apart = |index: &Index| index.unique && index.whole_columns().is_some_and(not_null);
    if target.indexes.iter().any(tells_apart) {
        // Other unique keys come back only after the copy.
        return (!walked.is_kept_in(target)).then(|| {
            Failure::refused("the change leaves the table without a primary key")
                .table("untouched")
                .next("add another primary key in the same change, or make the change in a maintenance window")
        });
    }
    Some(
        Failure::refused("the change leaves the table without a primary key or a unique key on NOT NULL columns")
            .table("untouched")
            .next("keep the key, or add another one in the same change"),
    )
}
