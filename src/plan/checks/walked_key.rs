//! A target that is left without a primary key while the walked key goes: the temporary index that keeps that key unique
//! is then what orders the rows, and taking it away inside the lock window would rebuild the table there.

use crate::error::Failure;
use crate::plan::key::ChunkKey;
use crate::schema::Table;

pub(super) fn check(target: &Table, key: &ChunkKey) -> Option<Failure> {
    (target.primary_key().is_none() && key.index_in(target).is_none()).then(|| {
        Failure::refused(format!("the change leaves {} without a primary key", target.name))
            .table("untouched")
            .next("add another primary key in the same change, or make the change in a maintenance window")
    })
}
