//! What a cleanup of all tables did, as text: a line a table.

use crate::kept::Cleaned;
use crate::progress::wording::counted;

/// The lines, the last one ended.
pub fn text(cleaned: &[Cleaned]) -> String {
    if cleaned.is_empty() {
        return "nothing to clean up\n".to_owned();
    }
    cleaned.iter().map(line).collect()
}

fn line(one: &Cleaned) -> String {
    let mut parts: Vec<String> = one.dropped.iter().map(|table| format!("dropped {table}")).collect();
    parts.extend(one.kept.iter().map(|(table, until)| match until.as_str() {
        "" => format!("kept {table}"),
        until => format!("kept {table} until {until} UTC"),
    }));
    if one.pruned > 0 {
        parts.push(format!("{} pruned from its log", counted(one.pruned, "superseded key")));
    }
    if parts.is_empty() {
        parts.push("dropped the triggers and the log that followed it".to_owned());
    }
    format!("{}: {}\n", one.table, parts.join(", "))
}
