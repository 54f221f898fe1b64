//! A plan as a folder of `tests/cases`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::plan::{End, Plan, TABLE, Write};

/// Writes the folder below the folder of built things, and gives its path.
pub fn write(plan: &Plan) -> Result<PathBuf> {
    let folder =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join("fuzz").join(format!("{}_{}", plan.kind.name(), plan.seed));
    fs::create_dir_all(&folder)?;
    for (file, text) in files(plan) {
        fs::write(folder.join(file), text)?;
    }
    Ok(folder)
}

/// The files of a case.
pub fn files(plan: &Plan) -> [(&'static str, String); 4] {
    let mut create = vec![plan.create_sql()];
    create.extend(plan.seed_sql());
    let create: Vec<String> = create.iter().map(|sql| format!("{sql};\n")).collect();
    let blocks: Vec<String> = plan.writes.iter().map(block).collect();
    let args = if plan.drop_old { "args = [\"--drop-old\"]\n" } else { "" };
    let expect = format!("servers = [\"{}\"]\ntable = \"{TABLE}\"\noutcome = \"changed\"\n{args}", plan.kind.name());
    [
        ("create.sql", create.join("\n")),
        ("alter.sql", format!("{}\n", plan.alter_sql())),
        ("writes.sql", blocks.join("\n")),
        ("expect.toml", expect),
    ]
}

fn block(write: &Write) -> String {
    let held = if write.end == End::CommitLater { "-- held\n" } else { "" };
    let mut script = write.script();
    if write.end == End::Rollback {
        script.push("ROLLBACK".to_owned());
    }
    let statements: Vec<String> = script.iter().map(|sql| format!("{};\n", sql.replace("@n", "{n}"))).collect();
    format!("{held}{}", statements.concat())
}
