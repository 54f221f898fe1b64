//! A type that some of the values do not fit.

use super::case::{Case, ChangeCase};
use super::charset;
use super::{Hit, Level, Question, Rule};
use crate::plan::ClauseKind;
use crate::plan::definition::Column;
use crate::plan::definition::integer_bytes;

pub(super) const RULE: Rule = Rule {
    name: "lossy_conversion",
    about: "values that do not fit a new type stop the change, or are cut where the server is not strict",
    fix: "mend or archive the values first, or keep a type that holds them",
    level: Level::Deny,
    check,
};

fn check(case: &Case<'_>) -> Vec<Hit> {
    case.changes()
        .flat_map(|change| {
            let redefined = change.redefined().into_iter().filter_map(|(from, to)| hit(&change, from, to));
            redefined.chain(converted(&change)).collect::<Vec<_>>()
        })
        .collect()
}

/// Texts that CONVERT TO CHARACTER SET writes in another character set.
fn converted(change: &ChangeCase<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for clause in &change.change.alter.clauses {
        let ClauseKind::ConvertCharset { charset: to } = &clause.kind else { continue };
        for column in change.before.columns.iter().filter(|column| text_limit(column).is_some()) {
            let Some(from) = charset::of(column, change.before) else { continue };
            if !charset::has_all_of(to, &from) {
                hits.push(recoded(change, column, &from, to));
            }
        }
    }
    hits
}

/// Asks for values that have characters which the other character set does not have.
fn recoded(change: &ChangeCase<'_>, column: &Column, from: &str, to: &str) -> Hit {
    let what = format!("a value of `{}` that {to} does not have", column.name.as_str());
    let could = format!("{} could have rows with {what}", change.name());
    match change.askable(&column.name) {
        Some(table) => {
            let unanswered = format!("{could}; there was no time to count them");
            let condition = charset::not_kept(&column.name.to_string(), from, to);
            Hit::asked(change.index, Question::rows_where(change, table, &condition, what, unanswered))
        }
        None => Hit::suspected(change.index, could),
    }
}

fn hit(change: &ChangeCase<'_>, from: &Column, to: &Column) -> Option<Hit> {
    let name = from.name.to_string();
    let condition = match misfit(from, to, &name) {
        Fit::Always => {
            let (old, new) = (charset::of(from, change.before)?, charset::of(to, change.after)?);
            let is_kept = text_limit(from).is_none() || text_limit(to).is_none() || charset::has_all_of(&new, &old);
            return (!is_kept).then(|| recoded(change, from, &old, &new));
        }
        Fit::Unless(condition) => condition,
        Fit::Unknown => {
            let text = format!(
                "`{}` of {} becomes {} from {}: whether every value can be cast shows only when it is tried",
                from.name.as_str(),
                change.name(),
                to.type_label(),
                from.type_label()
            );
            return Some(Hit::suspected(change.index, text));
        }
    };
    let what = format!("a value of `{}` that does not fit {}", from.name.as_str(), to.type_label());
    let could = format!("{} could have rows with {what}", change.name());
    Some(match change.askable(&from.name) {
        Some(table) => {
            let unanswered = format!("{could}; there was no time to count them");
            Hit::asked(change.index, Question::rows_where(change, table, &condition, what, unanswered))
        }
        None => Hit::suspected(change.index, could),
    })
}

/// Whether every value of one type is a value of the other.
pub(crate) fn always_fits(from: &Column, to: &Column) -> bool {
    matches!(misfit(from, to, ""), Fit::Always)
}

enum Fit {
    Always,
    /// A condition that is true for values that do not fit.
    Unless(String),
    Unknown,
}

fn misfit(from: &Column, to: &Column, name: &str) -> Fit {
    if from.same_type(to) {
        return Fit::Always;
    }
    if let (Some(limit), true) = (text_limit(to), from.is_text() && from.data_type != "enum" && from.data_type != "set")
    {
        return match (limit, text_limit(from)) {
            (TextLimit::Chars(to), Some(TextLimit::Chars(from))) if from <= to => Fit::Always,
            (TextLimit::Bytes(to), Some(TextLimit::Bytes(from))) if from <= to => Fit::Always,
            // A character has four bytes at most.
            (TextLimit::Bytes(to), Some(TextLimit::Chars(from))) if from * 4 <= to => Fit::Always,
            (TextLimit::Chars(to), _) => Fit::Unless(format!("CHAR_LENGTH({name}) > {to}")),
            (TextLimit::Bytes(to), _) => Fit::Unless(format!("OCTET_LENGTH({name}) > {to}")),
        };
    }
    if let Some((low, high)) = integer_range(to) {
        if let Some((from_low, from_high)) = integer_range(from) {
            return match from_low >= low && from_high <= high {
                true => Fit::Always,
                false => Fit::Unless(format!("{name} < {low} OR {name} > {high}")),
            };
        }
        if matches!(from.data_type.as_str(), "decimal" | "double" | "float") {
            return Fit::Unless(format!("{name} < {low} OR {name} > {high} OR {name} <> ROUND({name})"));
        }
        if from.is_text() && !matches!(from.data_type.as_str(), "enum" | "set") {
            // The number of any text is that of the digits it begins with.
            let number = format!("CAST({name} AS DECIMAL(65))");
            return Fit::Unless(format!("{name} NOT REGEXP '^-?[0-9]+$' OR {number} < {low} OR {number} > {high}"));
        }
        return Fit::Unknown;
    }
    match (from.data_type.as_str(), to.data_type.as_str()) {
        ("decimal", "decimal") => decimal_misfit(from, to, name),
        ("tinyint" | "smallint" | "mediumint" | "int" | "bigint", "decimal") => decimal_misfit(from, to, name),
        ("datetime" | "timestamp", "date") => Fit::Unless(format!("{name} <> DATE({name})")),
        ("date", "datetime") => Fit::Always,
        ("datetime" | "timestamp" | "time", "datetime" | "time" | "timestamp") if from.data_type == to.data_type => {
            let digits = |column: &Column| column.length().unwrap_or(0).min(6) as u32;
            let unit = 10_u32.pow(6 - digits(to));
            match digits(from) <= digits(to) {
                true => Fit::Always,
                false => Fit::Unless(format!("MICROSECOND({name}) % {unit} <> 0")),
            }
        }
        // What leaves an ENUM is another rule's business.
        ("enum", "enum") | ("set", "set") => Fit::Always,
        ("enum" | "set", _) if text_limit(to).is_some() => match text_limit(to) {
            Some(TextLimit::Chars(limit)) => Fit::Unless(format!("CHAR_LENGTH({name}) > {limit}")),
            _ => Fit::Always,
        },
        ("bit", "bit") if from.length().unwrap_or(1) <= to.length().unwrap_or(1) => Fit::Always,
        ("binary" | "varbinary", "varbinary" | "binary") => match (from.length(), to.length()) {
            (Some(from), Some(to)) if from <= to => Fit::Always,
            (_, Some(to)) => Fit::Unless(format!("OCTET_LENGTH({name}) > {to}")),
            _ => Fit::Unknown,
        },
        (
            "tinyblob" | "blob" | "mediumblob" | "longblob" | "varbinary" | "binary",
            "tinyblob" | "blob" | "mediumblob" | "longblob",
        ) => match (blob_limit(&from.data_type), blob_limit(&to.data_type)) {
            (Some(from), Some(to)) if from > to => Fit::Unless(format!("OCTET_LENGTH({name}) > {to}")),
            _ => Fit::Always,
        },
        ("float", "double") => Fit::Always,
        _ if text_limit(to).is_some() => match (integer_range(from), text_limit(to)) {
            (Some((low, high)), Some(TextLimit::Chars(limit))) => {
                let longest = low.to_string().len().max(high.to_string().len()) as u64;
                if longest <= limit { Fit::Always } else { Fit::Unless(format!("CHAR_LENGTH({name}) > {limit}")) }
            }
            // Each of these takes 255 bytes at least.
            (Some(_), _) => Fit::Always,
            _ => Fit::Unknown,
        },
        _ => Fit::Unknown,
    }
}

enum TextLimit {
    Chars(u64),
    Bytes(u64),
}

fn text_limit(column: &Column) -> Option<TextLimit> {
    Some(match column.data_type.as_str() {
        "char" => TextLimit::Chars(column.length().unwrap_or(1)),
        "varchar" => TextLimit::Chars(column.length()?),
        "tinytext" => TextLimit::Bytes(255),
        "text" => TextLimit::Bytes(65_535),
        "mediumtext" => TextLimit::Bytes(16_777_215),
        "longtext" => TextLimit::Bytes(u64::from(u32::MAX)),
        _ => return None,
    })
}

fn blob_limit(data_type: &str) -> Option<u64> {
    Some(match data_type {
        "tinyblob" => 255,
        "blob" => 65_535,
        "mediumblob" => 16_777_215,
        "longblob" => u64::from(u32::MAX),
        _ => return None,
    })
}

fn integer_range(column: &Column) -> Option<(i128, i128)> {
    let bits = 8 * integer_bytes(&column.data_type)?;
    Some(match column.unsigned {
        true => (0, (1 << bits) - 1),
        false => (-(1 << (bits - 1)), (1 << (bits - 1)) - 1),
    })
}

/// Digits before the point, and behind it.
fn decimal_digits(column: &Column) -> Option<(u32, u32)> {
    if let Some((low, high)) = integer_range(column) {
        return Some((low.unsigned_abs().max(high.unsigned_abs()).to_string().len() as u32, 0));
    }
    let number = |at: usize, default: u32| column.arguments.get(at).map_or(Some(default), |text| text.parse().ok());
    let (all, scale) = (number(0, 10)?, number(1, 0)?);
    Some((all.saturating_sub(scale), scale))
}

fn decimal_misfit(from: &Column, to: &Column, name: &str) -> Fit {
    let (Some((whole, scale)), Some((to_whole, to_scale))) = (decimal_digits(from), decimal_digits(to)) else {
        return Fit::Unknown;
    };
    let mut misfits = Vec::new();
    if to_whole < whole {
        misfits.push(format!("ABS({name}) >= 1{}", "0".repeat(to_whole as usize)));
    }
    if to_scale < scale {
        misfits.push(format!("{name} <> ROUND({name}, {to_scale})"));
    }
    if to.unsigned && !from.unsigned {
        misfits.push(format!("{name} < 0"));
    }
    if misfits.is_empty() { Fit::Always } else { Fit::Unless(misfits.join(" OR ")) }
}
