//! How the rows of a table are walked in chunks: where chunks begin and end, how big they are, how far all is done.
//!
//! Invariant: every key up to the final bound is in exactly one chunk, and a walk that starts again at the watermark
//! misses none.

pub mod sizer;
pub mod walker;
pub mod watermark;
pub mod workers;

pub use sizer::Sizer;
pub use walker::{Chunk, Walker};
pub use watermark::Watermark;
