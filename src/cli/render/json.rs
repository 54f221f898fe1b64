//! The ends of commands as JSON lines, in the form of the events before them.

use jiff::Timestamp;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::error::Failure;
use crate::progress::summary::Summary;

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
        if let Some(code) = prisma.filter(|code| !code.is_empty()) {
            map.serialize_entry("prisma", code)?;
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
