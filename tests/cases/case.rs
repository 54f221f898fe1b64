//! A case: a folder with a table, a change of it, and what an application writes meanwhile.
//!
//! `create.sql` makes the table and its rows; `{rows 300}` in it is a table with a column `n` from 1 to 300.
//! `alter.sql` has the clauses, without ALTER TABLE. `writes.sql` has blocks of statements, with blank lines between
//! them; a block is one statement or one transaction, and `-- held` in front of it makes it stay open for a while.
//! `after.sql` takes the place of `writes.sql` once the change has happened, where the old statements do not do then.
//! `during.sql` is written once, while rows are copied. `{data}` is the path of the folder's `data.tsv`.
//! `expect.toml` is an [`Expect`].

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::support::Kind;

#[derive(Debug, Clone)]
pub struct Case {
    /// `keys/enum_in_front`.
    pub name: String,
    pub create: Vec<String>,
    pub clauses: String,
    pub before: Vec<Block>,
    pub after: Vec<Block>,
    /// What is written once, during the copy.
    pub during: Vec<Block>,
    pub expect: Expect,
}

/// Statements that an application sends together.
#[derive(Debug, Clone)]
pub struct Block {
    pub statements: Vec<String>,
    /// A transaction of a connection of its own that stays open while others write. Its rows are nobody else's.
    pub held: bool,
}

/// What a case expects, and where.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Expect {
    /// `mariadb`, `mysql`, or the name of one server; every server when it is empty.
    pub servers: Vec<String>,
    /// The table that is changed.
    pub table: String,
    pub outcome: Outcome,
    /// The exit code of a refusal or a stop.
    pub code: i32,
    /// What stderr says of it.
    pub text: Vec<String>,
    /// Columns whose values are those of the moment of the change.
    pub ignore: Vec<String>,
    /// Whether the counter is that of the server's own ALTER, too. It is not where a new column counts rows in the order
    /// in which they are copied.
    pub counter: bool,
    /// What each of the application's connections sets, in turn.
    pub sessions: Vec<String>,
    /// What the session of the server's own ALTER sets.
    pub alter_session: String,
    /// More arguments of replank.
    pub args: Vec<String>,
    /// Whether the run is also aborted once. It cannot be when there is nothing to copy.
    pub abort: bool,
}

impl Default for Expect {
    fn default() -> Expect {
        Expect {
            servers: Vec::new(),
            table: "t".to_owned(),
            outcome: Outcome::Changed,
            code: 10,
            text: Vec::new(),
            ignore: Vec::new(),
            counter: true,
            sessions: Vec::new(),
            alter_session: String::new(),
            args: Vec::new(),
            abort: true,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The table is what the server's own ALTER would have made of it.
    Changed,
    /// Refused before anything was touched.
    Refused,
    /// Stopped on the way by what the application wrote, and taken back.
    Stopped,
}

impl Case {
    /// All cases, by name.
    pub fn all() -> Result<Vec<Case>> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
        let mut cases = Vec::new();
        for group in folders(&root)? {
            for folder in folders(&group)? {
                let name = folder.strip_prefix(&root)?.display().to_string();
                cases.push(Case::read(&folder, name.clone()).with_context(|| name)?);
            }
        }
        cases.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(cases)
    }

    fn read(folder: &Path, name: String) -> Result<Case> {
        let data = folder.join("data.tsv").display().to_string();
        let text = |file: &str| {
            let text = fs::read_to_string(folder.join(file)).with_context(|| file.to_owned())?;
            anyhow::Ok(text.replace("{data}", &data))
        };
        let expect: Expect = toml::from_str(&text("expect.toml")?).context("expect.toml")?;
        let optional = |file: &str| if folder.join(file).exists() { text(file) } else { Ok(String::new()) };
        let case = Case {
            create: with_rows(&text("create.sql")?)
                .split("\n\n")
                .map(statement)
                .filter(|sql| !sql.is_empty())
                .collect(),
            clauses: statement(&text("alter.sql")?),
            before: blocks(&optional("writes.sql")?),
            after: blocks(&optional("after.sql")?),
            during: blocks(&optional("during.sql")?),
            name,
            expect,
        };
        ensure!(!case.create.is_empty() && !case.clauses.is_empty(), "create.sql or alter.sql is empty");
        ensure!(case.expect.outcome != Outcome::Changed || !case.before.is_empty(), "writes.sql is empty");
        Ok(case)
    }

    pub fn group(&self) -> &str {
        self.name.split('/').next().unwrap_or_default()
    }

    /// The server that the case runs on when it runs on one only.
    pub fn turn(&self) -> Option<Kind> {
        let kinds: Vec<Kind> = Kind::ALL.into_iter().filter(|kind| self.is_for(*kind)).collect();
        let hash = self.name.bytes().fold(7_usize, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
        kinds.get(hash % kinds.len().max(1)).copied()
    }

    pub fn is_for(&self, kind: Kind) -> bool {
        let servers = &self.expect.servers;
        servers.is_empty() || servers.iter().any(|server| kind.name().starts_with(server.as_str()))
    }
}

fn folders(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    Ok(entries.into_iter().map(|entry| entry.path()).filter(|path| path.is_dir()).collect())
}

fn statement(text: &str) -> String {
    text.trim().trim_end_matches(';').to_owned()
}

fn blocks(text: &str) -> Vec<Block> {
    let block = |text: &str| {
        let (held, text) = match text.trim().strip_prefix("-- held") {
            Some(rest) => (true, rest),
            None => (false, text.trim()),
        };
        let statements = text.split(";\n").map(statement).filter(|sql| !sql.is_empty()).collect();
        Block { statements, held }
    };
    text.split("\n\n").map(block).filter(|block| !block.statements.is_empty()).collect()
}

/// Replaces `{rows N}`.
fn with_rows(text: &str) -> String {
    let mut pieces = text.split("{rows ");
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (count, rest) = piece.split_once('}').unwrap_or((piece, ""));
        out.push_str(&format!(
            "(WITH RECURSIVE seed (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM seed WHERE n < {count}) \
             SELECT n FROM seed) AS seed{rest}"
        ));
    }
    out
}
