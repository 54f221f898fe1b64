//! The ends of commands as JSON lines, in the form of the events before them.

use jiff::Timestamp;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::deploy::resolve::Resolution;
use crate::deploy::standing::Standings;
use crate::error::Failure;
use crate::kept::Cleaned;
use crate::progress::summary::Summary;
use crate::run_status::RunStatus;

/// The value as a line.
pub fn line(value: &impl Serialize) -> String {
    let mut text = serde_json::to_string(value).unwrap_or_default();
    text.push('\n');
    text
}

/// `{"event":"failed", ...}`.
pub struct Failed<'a> {
    /// What stopped.
    pub failure: &'a Failure,
}

/// `{"event":"result", ...}`.
pub struct Finished<'a> {
    /// What was done.
    pub summary: &'a Summary,
}

/// The document of `status`.
#[derive(Serialize)]
pub struct Status<'a> {
    /// Runs that are unfinished or left something.
    pub runs: &'a [RunStatus],
    /// The migrations, where they were looked at.
    pub prisma: Option<&'a Standings>,
}

/// `{"event":"deployed", ...}`.
pub struct Deployed<'a> {
    /// What was applied, in order.
    pub migrations: &'a [String],
}

/// `{"event":"resolved", ...}`.
pub struct Resolved<'a> {
    /// What was written down.
    pub resolution: &'a Resolution,
}

impl Serialize for Deployed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = begin(serializer, "deployed")?;
        map.serialize_entry("code", &0)?;
        map.serialize_entry("migrations", self.migrations)?;
        map.end()
    }
}

impl Serialize for Resolved<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (migration, state) = match self.resolution {
            Resolution::Applied(name) => (name, "applied"),
            Resolution::RolledBack(name) => (name, "rolled_back"),
        };
        let mut map = begin(serializer, "resolved")?;
        map.serialize_entry("code", &0)?;
        map.serialize_entry("migration", migration)?;
        map.serialize_entry("as", state)?;
        map.end()
    }
}

/// `{"event":"aborted", ...}`.
pub struct Aborted<'a> {
    /// `schema.table`.
    pub table: &'a str,
}

/// `{"event":"cleaned_up", ...}`.
pub struct CleanedUp<'a> {
    /// `schema.table`.
    pub table: &'a str,
}

/// `{"event":"cleaned_up", ...}` of all tables.
pub struct CleanedAll<'a> {
    /// What became of what was kept.
    pub cleaned: &'a [Cleaned],
}

impl Serialize for CleanedAll<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = begin(serializer, "cleaned_up")?;
        map.serialize_entry("code", &0)?;
        map.serialize_entry("tables", self.cleaned)?;
        map.end()
    }
}

/// `{"event":"nothing_to_do", ...}`.
pub struct NothingToDo<'a> {
    /// `schema.table`.
    pub table: &'a str,
}

impl Serialize for NothingToDo<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = begin(serializer, "nothing_to_do")?;
        map.serialize_entry("code", &0)?;
        map.serialize_entry("table", self.table)?;
        map.end()
    }
}

impl Serialize for CleanedUp<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = begin(serializer, "cleaned_up")?;
        map.serialize_entry("code", &0)?;
        map.serialize_entry("table", self.table)?;
        map.end()
    }
}

impl Serialize for Failed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Failure { stop, what, table, next, cause, prisma, rejected: _ } = self.failure;
        let mut map = begin(serializer, "failed")?;
        map.serialize_entry("code", &stop.exit_code())?;
        if let Some(code) = prisma.filter(|code| *code > 0) {
            map.serialize_entry("prisma", &format!("P{code}"))?;
        }
        map.serialize_entry("what", what)?;
        map.serialize_entry("table", table)?;
        map.serialize_entry("next", next)?;
        map.serialize_entry("cause", cause)?;
        map.end()
    }
}

impl Serialize for Finished<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = begin(serializer, "result")?;
        map.serialize_entry("code", &0)?;
        map.serialize_entry("summary", self.summary)?;
        map.end()
    }
}

impl Serialize for Aborted<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = begin(serializer, "aborted")?;
        map.serialize_entry("code", &0)?;
        map.serialize_entry("table", self.table)?;
        map.end()
    }
}

fn begin<S: Serializer>(serializer: S, event: &str) -> Result<S::SerializeMap, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    map.serialize_entry("time", &format!("{:.3}", Timestamp::now()))?;
    map.serialize_entry("event", event)?;
    Ok(map)
}
