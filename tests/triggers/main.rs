//! Triggers of the application on the table that is changed: they fire exactly once for every write, before, during and
//! after, and are in the end what the server's own ALTER would have left.

#[path = "../support/mod.rs"]
mod support;

#[path = "../support/intercept.rs"]
mod intercept;

mod audit;
mod definitions;
mod deployed;
mod firing;
mod keyed;
mod killed;
mod meddling;
mod name_taken;
mod programs;
mod refused;
mod rolled_back;
