//! A new definition without any key that tells its rows apart.
//!
//! The walked key must stay unique in the shadow, by an index of its own if need be; where there is no other key,
//! InnoDB clusters the table by that index, and it cannot be dropped in place in the cutover any more.

use crate::error::Failure;
use crate::schema::{Index, Table};

pub(super) fn check(target: &Table) -> Option<Failure> {
    let not_null = |columns: Vec<&crate::sql::Ident>| {
        columns.into_iter().all(|name| target.column(name).is_some_and(|column| !column.nullable))
    };
    let tells_apart = |index: &Index| index.unique && index.whole_columns().is_some_and(not_null);
    if target.indexes.iter().any(tells_apart) {
        return None;
    }
    Some(
        Failure::refused("the change leaves the table without a primary key or a unique key on NOT NULL columns")
            .table("untouched")
            .next("keep the key, or add another one in the same change"),
    )
}
