pub mod table;
pub use table::{Column, Index, IndexPart, Table};
