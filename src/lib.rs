//! replank alters large MySQL and MariaDB tables online and keeps Prisma's migration history true.

pub mod error;
pub mod event;
pub mod plan;
pub mod prisma;
pub mod schema;
pub mod server;
pub mod settings;
pub mod sql;
pub mod telemetry;
