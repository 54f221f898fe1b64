//! The Prisma side: the migrations directory, the text of a migration, and the ledger in the database.
//!
//! Whatever replank changes must look to `prisma migrate` as if Prisma had changed it: the same directory names, the
//! same file, the same rows written in the same order.
//! Nothing here decides when to write; the pipeline does.

pub mod directory;
pub mod errors;
pub mod history;
pub mod ledger;
pub mod location;
pub mod name;
mod order;
pub mod package;
pub mod script;

pub use directory::{MigrationsDirectory, WriteError};
pub use ledger::{Ledger, LedgerRow, Recorded, UnfinishedRow, as_prisma, unfinished_failure};
pub use name::MigrationName;
pub use script::{alter_script, checksum};
