//! Mirrors the application's writes: triggers log keys, the applier makes shadow rows equal.
//!
//! The triggers append the key of every written row to a narrow change log and do nothing else, so the application's
//! transactions meet no lock, no conversion and no unique check of ours. The applier reads the rows as they are *now*,
//! so the order of the log does not matter.
//!
//! Invariant: in any snapshot, for every key inside the copied ranges that is not in the change log, the shadow row
//! equals the mapped original row, and a key absent from the original is absent from the shadow.

pub mod applier;
pub mod aside;
pub mod change_log;
pub mod in_flight;
pub mod triggers;

pub use applier::{Applier, Background};
pub use aside::Aside;
pub use in_flight::{InFlight, Ticket};
