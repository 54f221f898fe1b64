//! What a throttle signal is.

use std::fmt::Debug;
use std::pin::Pin;

/// A sample against its limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// The copy may go on.
    Within,
    /// The copy must wait; the text names signal, value, limit and place.
    Over(String),
}

/// Something that is measured and has a limit.
pub trait Signal: Debug + Send {
    /// Measures once. Never fails: what cannot be measured is over its limit, and says so.
    fn sample(&mut self) -> Pin<Box<dyn Future<Output = Reading> + Send + '_>>;
}
