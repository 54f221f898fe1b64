//! `replank.toml` in the directory where the command is run: defaults of options, and levels of rules.
//!
//! ```toml
//! online_above = 50000
//! max_lag = "5s"
//!
//! [rules]
//! drop_column = "deny"
//! ```
//!
//! An option is named as its flag, with underscores; a flag that is typed wins over it.

use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use toml::{Table, Value};

use crate::error::{Failure, Stop};
use crate::findings::{Level, Levels, RULES};
use crate::plan::near::nearest;

/// The file's name.
pub const NAME: &str = "replank.toml";

/// Options that hold for every run; the rest says what one run is about.
const OPTIONS: [&str; 16] = [
    "allow_blocking",
    "bookkeeping_schema",
    "check_time",
    "chunk_time",
    "disk_reserve",
    "keep_old",
    "lock_patience",
    "max_lag",
    "max_load",
    "max_rows_per_second",
    "migrations",
    "online_above",
    "online_above_size",
    "replica",
    "schema",
    "workers",
];

const RULES_TABLE: &str = "rules";

/// What the file says.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct SettingsFile {
    /// Options with their values as they would be typed.
    pub options: Vec<(String, Vec<String>)>,
    /// Levels of rules.
    pub levels: Levels,
}

/// Reads it; without the file, nothing is set.
pub fn read(path: &Path) -> Result<SettingsFile, Failure> {
    match fs::read_to_string(path) {
        Ok(text) => parse(&text)
            .map_err(|failure| Failure { what: format!("`{}`: {}", path.display(), failure.what), ..failure }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(SettingsFile::default()),
        Err(error) => Err(Failure::new(Stop::Usage, format!("`{}` cannot be read", path.display())).cause(error)),
    }
}

/// The option of the file that a mistake is about, when nobody has typed its flag.
pub fn option_at_fault<'a>(options: &'a [(String, Vec<String>)], mistake: &str, words: &[OsString]) -> Option<&'a str> {
    let about = |option: &&String| {
        let flag = format!("--{}", option.replace('_', "-"));
        let typed = |word: &OsString| word.to_string_lossy().split('=').next() == Some(flag.as_str());
        mistake.starts_with("error: invalid value")
            && mistake.contains(&format!("'{flag} "))
            && !words.iter().any(typed)
    };
    options.iter().map(|(option, _)| option).find(about).map(String::as_str)
}

fn parse(text: &str) -> Result<SettingsFile, Failure> {
    let table: Table = text.parse().map_err(|error: toml::de::Error| {
        let place = error.span().map(|span| 1 + text[..span.start].matches('\n').count());
        let place = place.map(|line| format!(" in line {line}")).unwrap_or_default();
        mistake(format!("it is not TOML{place}")).cause(error.message())
    })?;
    let mut file = SettingsFile::default();
    for (key, value) in table {
        match value {
            Value::Table(rules) if key == RULES_TABLE => file.levels = levels(rules)?,
            value if OPTIONS.contains(&key.as_str()) => {
                let values = values(&value).ok_or_else(|| {
                    mistake(format!("`{key}` must be text, a number, true or false, or a list of text"))
                })?;
                file.options.push((key, values));
            }
            Value::Table(_) => {
                return Err(unknown("table", &key, &[RULES_TABLE]).next("rules are set under `[rules]`"));
            }
            _ => return Err(unknown("option", &key, &OPTIONS)),
        }
    }
    Ok(file)
}

fn levels(rules: Table) -> Result<Levels, Failure> {
    let mut levels = Levels::default();
    for (name, value) in rules {
        if !RULES.iter().any(|rule| rule.name == name) {
            return Err(unknown("rule", &name, &RULES.each_ref().map(|rule| rule.name)));
        }
        let level = value.as_str().and_then(Level::named);
        let level = level.ok_or_else(|| {
            mistake(format!("the level of `{name}` is {}", spelled(&value)))
                .next("write \"off\", \"note\", \"warn\" or \"deny\"")
        })?;
        levels.set(&name, level);
    }
    Ok(levels)
}

fn spelled(value: &Value) -> String {
    values(value).map_or_else(|| format!("a {}", value.type_str()), |values| format!("`{}`", values.join(", ")))
}

fn values(value: &Value) -> Option<Vec<String>> {
    let one = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Boolean(on) => Some(on.to_string()),
        _ => None,
    };
    match value {
        Value::Array(values) => values.iter().map(one).collect(),
        value => one(value).map(|value| vec![value]),
    }
}

fn unknown(kind: &str, name: &str, known: &[&str]) -> Failure {
    let known: Vec<String> = known.iter().map(|name| (*name).to_owned()).collect();
    let near: Vec<String> = nearest(name, &known).into_iter().map(|name| format!("`{name}`")).collect();
    let failure = mistake(format!("there is no {kind} `{name}`"));
    if near.is_empty() {
        return failure.next(format!("{kind}s are {}", known.join(", ")));
    }
    failure.next(format!("did you mean {}?", near.join(" or ")))
}

fn mistake(what: String) -> Failure {
    Failure::new(Stop::Usage, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_and_levels() {
        let file = parse(
            "workers = 4\nmax_load = ['Threads_running=40', 'a=1']\nallow_blocking = true\n[rules]\ndrift = 'off'\n",
        );
        let file = file.unwrap();
        let option = |name: &str, values: &[&str]| (name.to_owned(), values.iter().map(|v| (*v).to_owned()).collect());
        let mut options = file.options;
        options.sort();
        let expected: [(String, Vec<String>); 3] = [
            option("allow_blocking", &["true"]),
            option("max_load", &["Threads_running=40", "a=1"]),
            option("workers", &["4"]),
        ];
        assert_eq!(options, expected);
        let mut levels = Levels::default();
        levels.set("drift", Level::Off);
        assert_eq!(file.levels, levels);
    }

    #[test]
    fn what_is_not_known_is_refused_with_what_may_be_meant() {
        #[track_caller]
        fn check(text: &str, what: &str, next: &str) {
            let failure = parse(text).unwrap_err();
            assert_eq!((failure.what.as_str(), failure.next.first().map_or("", String::as_str)), (what, next));
            assert_eq!(failure.stop, Stop::Usage);
        }
        check("worker = 4", "there is no option `worker`", "did you mean `workers`?");
        check("[rules]\ndrop_colum = 'deny'", "there is no rule `drop_colum`", "did you mean `drop_column`?");
        check(
            "[rules]\ndrift = 'error'",
            "the level of `drift` is `error`",
            "write \"off\", \"note\", \"warn\" or \"deny\"",
        );
        check("[rule]\ndrift = 'off'", "there is no table `rule`", "did you mean `rules`?");
        check("workers = 1.5", "`workers` must be text, a number, true or false, or a list of text", "");
        check("a = \nb = 1", "it is not TOML in line 1", "");
    }
}
