//! `replank plan`, and what it is made of, on real servers.

mod corpus;
mod deploy_agrees;
mod github_action;
mod merge;
mod predicted;
#[path = "../deploy/project.rs"]
#[allow(dead_code, reason = "the tests of deploy use all of it")]
mod project;
mod read_only;
mod rollback;
mod rules;
mod script;
#[path = "../support/mod.rs"]
mod support;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

/// The folders of `tests/data/migrations`, which have a `before.sql` and a `migration.sql`.
fn cases() -> Result<Vec<PathBuf>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/migrations");
    let mut cases: Vec<PathBuf> = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    cases.sort();
    if let Ok(wanted) = std::env::var("REPLANK_TEST_CASE") {
        cases.retain(|case| case.ends_with(&wanted));
    }
    Ok(cases)
}

/// The name of a case.
fn name(case: &Path) -> String {
    case.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
