//! Applies the pending migrations of a directory.

mod merge;
pub mod step;
