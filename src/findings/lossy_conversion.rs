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
            let redefined = change.redefined().into_iter().flat_map(|(from, to)| hits(&change, from, to));
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

fn hits(change: &ChangeCase<'_>, from: &Column, to: &Column) -> Vec<Hit> {
    let (column, new_type) = (from.name.as_str(), to.type_label());
    match misfit(from, to, &from.name.to_string()) {
        Fit::Always => {
            let charsets = charset::of(from, change.before).zip(charset::of(to, change.after));
            let lost = charsets.filter(|(old, new)| {
                text_limit(from).is_some() && text_limit(to).is_some() && !charset::has_all_of(new, old)
            });
            lost.map(|(old, new)| recoded(change, from, &old, &new)).into_iter().collect()
        }
        Fit::Unless { stops, rounds } => {
            let stopped = stops.map(|condition| {
                (condition, format!("a value of `{column}` that does not fit {new_type}"), Question::of_values as Mark)
            });
            let rounded = rounds.map(|condition| {
                (condition, format!("a value of `{column}` that is rounded to {new_type}"), Question::rounded as Mark)
            });
            stopped
                .into_iter()
                .chain(rounded)
                .map(|(condition, what, mark)| asked(change, from, &condition, what, mark))
                .collect()
        }
        Fit::Unknown => {
            let text = format!(
                "`{column}` of {} becomes {new_type} from {}: whether every value can be cast shows only when it is tried",
                change.name(),
                from.type_label()
            );
            vec![Hit::suspected(change.index, text)]
        }
    }
}

/// Says of a question what it is about.
type Mark = fn(Question) -> Question;

fn asked(change: &ChangeCase<'_>, from: &Column, condition: &str, what: String, mark: Mark) -> Hit {
    let could = format!("{} could have rows with {what}", change.name());
    match change.askable(&from.name) {
        Some(table) => {
            let unanswered = format!("{could}; there was no time to count them");
            Hit::asked(change.index, mark(Question::rows_where(change, table, condition, what, unanswered)))
        }
        None => Hit::suspected(change.index, could),
    }
}

/// Whether every value of one type is a value of the other.
pub(crate) fn always_fits(from: &Column, to: &Column) -> bool {
    matches!(misfit(from, to, ""), Fit::Always)
}

/// A condition that is true for values of one type that do not fit the other, where there is one. A value that is rounded
/// fits.
pub(crate) fn misfit_condition(from: &Column, to: &Column, name: &str) -> Option<String> {
    match misfit(from, to, name) {
        Fit::Unless { stops, .. } => stops,
        Fit::Always | Fit::Unknown => None,
    }
}

enum Fit {
    Always,
    /// Conditions that are true for values that do not fit, and for those that fit once they are rounded.
    Unless {
        stops: Option<String>,
        rounds: Option<String>,
    },
    Unknown,
}

impl Fit {
    fn unless(stops: String) -> Fit {
        Fit::Unless { stops: Some(stops), rounds: None }
    }

    fn rounded_if(rounds: String) -> Fit {
        Fit::Unless { stops: None, rounds: Some(rounds) }
    }
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
            (TextLimit::Chars(to), _) => Fit::unless(format!("CHAR_LENGTH({name}) > {to}")),
            (TextLimit::Bytes(to), _) => Fit::unless(format!("OCTET_LENGTH({name}) > {to}")),
        };
    }
    if let Some((low, high)) = integer_range(to) {
        if let Some((from_low, from_high)) = integer_range(from) {
            return match from_low >= low && from_high <= high {
                true => Fit::Always,
                false => Fit::unless(format!("{name} < {low} OR {name} > {high}")),
            };
        }
        if matches!(from.data_type.as_str(), "decimal" | "double" | "float") {
            return Fit::Unless {
                stops: Some(format!("ROUND({name}) < {low} OR ROUND({name}) > {high}")),
                rounds: Some(format!("{name} <> ROUND({name})")),
            };
        }
        if from.is_text() && !matches!(from.data_type.as_str(), "enum" | "set") {
            // The number of any text is that of the digits it begins with.
            let number = format!("CAST({name} AS DECIMAL(65))");
            return Fit::unless(format!("{name} NOT REGEXP '^-?[0-9]+$' OR {number} < {low} OR {number} > {high}"));
        }
        return Fit::Unknown;
    }
    match (from.data_type.as_str(), to.data_type.as_str()) {
        ("decimal", "decimal") => decimal_misfit(from, to, name),
        ("tinyint" | "smallint" | "mediumint" | "int" | "bigint", "decimal") => decimal_misfit(from, to, name),
        ("datetime" | "timestamp", "date") => Fit::rounded_if(format!("{name} <> DATE({name})")),
        ("date", "datetime") => Fit::Always,
        ("datetime" | "timestamp" | "time", "datetime" | "time" | "timestamp") if from.data_type == to.data_type => {
            let digits = |column: &Column| column.length().unwrap_or(0).min(6) as u32;
            let unit = 10_u32.pow(6 - digits(to));
            match digits(from) <= digits(to) {
                true => Fit::Always,
                false => Fit::rounded_if(format!("MICROSECOND({name}) % {unit} <> 0")),
            }
        }
        // What leaves an ENUM is another rule's business.
        ("enum", "enum") | ("set", "set") => Fit::Always,
        ("enum" | "set", _) if text_limit(to).is_some() => match text_limit(to) {
            Some(TextLimit::Chars(limit)) => Fit::unless(format!("CHAR_LENGTH({name}) > {limit}")),
            _ => Fit::Always,
        },
        ("bit", "bit") if from.length().unwrap_or(1) <= to.length().unwrap_or(1) => Fit::Always,
        ("binary" | "varbinary", "varbinary" | "binary") => match (from.length(), to.length()) {
            (Some(from), Some(to)) if from <= to => Fit::Always,
            (_, Some(to)) => Fit::unless(format!("OCTET_LENGTH({name}) > {to}")),
            _ => Fit::Unknown,
        },
        (
            "tinyblob" | "blob" | "mediumblob" | "longblob" | "varbinary" | "binary",
            "tinyblob" | "blob" | "mediumblob" | "longblob",
        ) => match (blob_limit(&from.data_type), blob_limit(&to.data_type)) {
            (Some(from), Some(to)) if from > to => Fit::unless(format!("OCTET_LENGTH({name}) > {to}")),
            _ => Fit::Always,
        },
        ("float", "double") => Fit::Always,
        _ if text_limit(to).is_some() => match (integer_range(from), text_limit(to)) {
            (Some((low, high)), Some(TextLimit::Chars(limit))) => {
                let longest = low.to_string().len().max(high.to_string().len()) as u64;
                if longest <= limit { Fit::Always } else { Fit::unless(format!("CHAR_LENGTH({name}) > {limit}")) }
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
        misfits.push(format!("ABS(ROUND({name}, {to_scale})) >= 1{}", "0".repeat(to_whole as usize)));
    }
    if to.unsigned && !from.unsigned {
        misfits.push(format!("{name} < 0"));
    }
    let stops = (!misfits.is_empty()).then(|| misfits.join(" OR "));
    let rounds = (to_scale < scale).then(|| format!("{name} <> ROUND({name}, {to_scale})"));
    if stops.is_none() && rounds.is_none() { Fit::Always } else { Fit::Unless { stops, rounds } }
}
