//! replank alters large MySQL and MariaDB tables online and keeps Prisma's migration history true.

pub mod copy;
pub mod error;
pub mod event;
pub mod plan;
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
pub mod verify;
