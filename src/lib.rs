//! replank alters large MySQL and MariaDB tables online and keeps Prisma's migration history true.

pub mod copy;
pub mod error;
pub mod event;
pub mod plan;
pub mod schema;
pub mod settings;
pub mod sql;
pub mod telemetry;
