//! replank alters large MySQL and MariaDB tables online and keeps Prisma's migration history true.
//!
//! The library is what the command is made of; begin at [`pipeline`].
//! Its interface follows the command's needs and promises no stability.
//!
#![doc = include_str!("../ARCHITECTURE.md")]

pub mod change;
pub mod cleanup;
pub mod cli;
pub mod copy;
pub mod cutover;
pub mod deploy;
pub mod error;
pub mod event;
pub mod findings;
pub mod forecast;
pub mod foreign_keys;
pub mod index;
pub mod kept;
pub mod lock_window;
pub mod mirror;
pub mod native;
pub mod pipeline;
pub mod plan;
pub mod prepare;
pub mod prisma;
pub mod progress;
pub mod record;
pub mod rollback;
pub mod row_questions;
pub mod run;
pub mod run_status;
pub mod runs;
pub mod schema;
pub mod server;
pub mod settings;
pub mod shadow;
pub mod sql;
pub mod status;
pub mod survey;
pub mod takeover;
pub mod tally;
pub mod telemetry;
pub mod throttle;
pub mod trial;
pub mod user_triggers;
pub mod verify;
