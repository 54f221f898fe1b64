//! replank alters large MySQL and MariaDB tables online and keeps Prisma's migration history true.

pub mod cli;
pub mod error;
pub mod event;
pub mod pipeline;
pub mod plan;
pub mod progress;
pub mod run_status;
pub mod schema;
pub mod settings;
pub mod sql;
pub mod telemetry;
