//! Findings about migrations: one rule a file, each with a name, a text, a fix and a level that `replank.toml` can set.
//!
//! A rule looks at one migration with what is known of its tables, and either knows or asks: a [`Question`] is a query
//! with the reading of its answer. So rules do no I/O and can be tested on described tables; whoever runs the questions
//! bounds them in time and runs them read-only.

mod blocking_statement;
mod broken_check;
mod case;
mod charset;
mod charset_conversion;
mod dependent_program;
mod drift;
mod drop_column;
mod drop_table;
mod duplicate_values;
mod enum_value_removed;
mod foreign_key_without_index;
mod implicit_commit;
mod index_before_its_use;
mod lossy_conversion;
mod migration_name;
mod missing_rollback;
mod null_values;
mod orphans;
mod primary_key_change;
mod question;
mod redundant_index;
mod rename_by_drop_and_add;
mod required_without_default;
mod several_changes;
mod unused_index;

pub use case::{Case, RowsCase, Size, StepCase};
pub(crate) use lossy_conversion::{always_fits, misfit_condition};
pub use question::{Answer, Question};

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;

/// What a rule's findings do to the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// The rule is not asked.
    Off,
    /// Told, and no more.
    Note,
    /// The plan needs attention.
    Warn,
    /// The plan is refused.
    Deny,
}

/// A rule.
#[derive(Debug)]
pub struct Rule {
    /// Its name in `replank.toml` and in every finding.
    pub name: &'static str,
    /// What it looks for and why, one sentence.
    pub about: &'static str,
    /// What to do about a finding.
    pub fix: &'static str,
    /// Its level where the settings say nothing.
    pub level: Level,
    check: fn(&Case<'_>) -> Vec<Hit>,
}

/// What a rule found, or wants to know before it can say.
#[derive(Debug)]
struct Hit {
    /// Index of the step; `None` for the migration as a whole.
    step: Option<usize>,
    outcome: Outcome,
    /// What to do about this one, where that can be said better than for all.
    fix: Option<String>,
}

#[derive(Debug)]
enum Outcome {
    Told(String),
    /// What may be so, and shows only when it is tried.
    Suspected(String),
    Asked(Question),
}

/// What a rule found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The rule's name.
    pub rule: &'static str,
    /// How much it matters here.
    pub level: Level,
    /// Index of the step in the migration; `None` for the migration as a whole.
    #[serde(skip)]
    pub step: Option<usize>,
    /// What was found.
    pub text: String,
    /// What to do about it.
    pub fix: Cow<'static, str>,
}

/// A finding that depends on what the server answers.
#[derive(Debug)]
pub struct Open {
    rule: &'static Rule,
    level: Level,
    step: Option<usize>,
    /// The earlier pending statement that may change the answer.
    mended_by: Option<String>,
    /// What the server is to be asked.
    pub question: Question,
}

const BLOCKING: Rule = blocking_statement::RULE;

/// All rules, in the order they are shown.
pub const RULES: [Rule; 23] = [
    drop_table::RULE,
    drop_column::RULE,
    rename_by_drop_and_add::RULE,
    lossy_conversion::RULE,
    enum_value_removed::RULE,
    null_values::RULE,
    duplicate_values::RULE,
    broken_check::RULE,
    orphans::RULE,
    required_without_default::RULE,
    primary_key_change::RULE,
    charset_conversion::RULE,
    dependent_program::RULE,
    blocking_statement::RULE,
    implicit_commit::RULE,
    foreign_key_without_index::RULE,
    redundant_index::RULE,
    unused_index::RULE,
    index_before_its_use::RULE,
    drift::RULE,
    missing_rollback::RULE,
    several_changes::RULE,
    migration_name::RULE,
];

/// The levels that were set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Levels(BTreeMap<String, Level>);

impl Levels {
    /// Sets a rule's level.
    pub fn set(&mut self, rule: &str, level: Level) {
        self.0.insert(rule.to_owned(), level);
    }

    fn of(&self, rule: &Rule) -> Level {
        self.0.get(rule.name).copied().unwrap_or(rule.level)
    }
}

impl Level {
    /// By its word in the settings.
    pub fn named(word: &str) -> Option<Level> {
        [Level::Off, Level::Note, Level::Warn, Level::Deny].into_iter().find(|level| level.word() == word)
    }

    /// What is not certain refuses nothing.
    fn of_suspicion(self) -> Level {
        self.min(Level::Warn)
    }

    /// Its word in the settings.
    pub fn word(self) -> &'static str {
        match self {
            Level::Off => "off",
            Level::Note => "note",
            Level::Warn => "warn",
            Level::Deny => "deny",
        }
    }
}

impl Finding {
    /// For a change that cannot be made online and is left to the server because somebody allowed that.
    pub fn left_to_server(why: String) -> Finding {
        let text = format!("the server makes this change and blocks writes meanwhile: {why}");
        Finding { rule: BLOCKING.name, level: Level::Warn, step: None, text, fix: BLOCKING.fix.into() }
    }
}

impl Open {
    /// The finding, when the answer is one. `None` as the answer: the server did not give one.
    pub fn settle(self, answer: Option<&Answer>) -> Option<Finding> {
        let (text, level) = match answer {
            Some(answer) => {
                let text = (self.question.read)(answer)?;
                match self.mended_by {
                    Some(by) => (format!("{text}, as of now; {by} may mend it"), self.level.of_suspicion()),
                    None => (text, self.level),
                }
            }
            None => (self.question.unanswered, self.level.of_suspicion()),
        };
        Some(Finding { rule: self.rule.name, level, step: self.step, text, fix: self.rule.fix.into() })
    }
}

/// What the rules find in a migration, and what they want to know.
pub fn examine(case: &Case<'_>, levels: &Levels) -> (Vec<Finding>, Vec<Open>) {
    let (mut findings, mut open) = (Vec::new(), Vec::new());
    for rule in &RULES {
        let level = levels.of(rule);
        if level == Level::Off {
            continue;
        }
        for Hit { step, outcome, fix } in (rule.check)(case) {
            let fix = fix.map_or(Cow::Borrowed(rule.fix), Cow::Owned);
            match outcome {
                Outcome::Told(text) => findings.push(Finding { rule: rule.name, level, step, text, fix }),
                Outcome::Suspected(text) => {
                    findings.push(Finding { rule: rule.name, level: level.of_suspicion(), step, text, fix });
                }
                Outcome::Asked(question) => {
                    let written_by = step.and_then(|step| case.steps.get(step)?.written_by.clone());
                    let mended_by = written_by.filter(|_| question.of_values);
                    open.push(Open { rule, level, step, mended_by, question });
                }
            }
        }
    }
    (findings, open)
}

impl Hit {
    fn told(step: usize, text: impl Into<String>) -> Hit {
        Hit { step: Some(step), outcome: Outcome::Told(text.into()), fix: None }
    }

    fn suspected(step: usize, text: impl Into<String>) -> Hit {
        Hit { step: Some(step), outcome: Outcome::Suspected(text.into()), fix: None }
    }

    fn asked(step: usize, question: Question) -> Hit {
        Hit { step: Some(step), outcome: Outcome::Asked(question), fix: None }
    }

    fn of_migration(text: impl Into<String>) -> Hit {
        Hit { step: None, outcome: Outcome::Told(text.into()), fix: None }
    }

    fn with_fix(self, fix: String) -> Hit {
        Hit { fix: Some(fix), ..self }
    }
}

#[cfg(test)]
mod tests;
