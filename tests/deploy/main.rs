//! `replank deploy`, `resolve` and `status`, against what `prisma migrate` does.

#[path = "../support/mod.rs"]
mod support;

mod corpus;
mod project;
