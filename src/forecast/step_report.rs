//! One step of a plan: strategy, reason and cost. Pure.

use std::cmp::Reverse;

use super::catalog::Standing;
use super::estimate::{self, Estimate};
use super::report::{MigrationReport, StepReport, Verdict};
use super::subject::Subject;
use crate::deploy::locked_tables::{Locked, locked_tables};
use crate::deploy::step::{Action, AsIs, TableChange};
use crate::findings::{Finding, Size};
use crate::plan::TableRef;
use crate::plan::predict::predict;
use crate::plan::strategy::Strategy;
use crate::server::Flavor;
use crate::sql::Ident;

/// What the server runs as it is in the file.
const AS_IT_IS: &str = "as it is";

/// Where nothing can be predicted.
const OPEN: &str = "decided at deploy";

struct Way {
    strategy: &'static str,
    predicted: bool,
    reason: String,
    estimate: Option<Estimate>,
    refusal: Option<String>,
}

impl Way {
    fn as_it_is(reason: impl Into<String>) -> Way {
        Way { strategy: AS_IT_IS, predicted: false, reason: reason.into(), estimate: None, refusal: None }
    }
}

/// A step as it is planned, without findings.
pub(super) fn report_step(standing: &Standing<'_>, flavor: Flavor, migration: &str, database: &Ident) -> StepReport {
    let case = &standing.case;
    let way = match &case.step.action {
        Action::TableChange(change) => change_way(standing, change, flavor, migration),
        Action::RunAsIs(how) => with_locks(as_is_way(standing, how, migration), standing, flavor),
    };
    let table = case.table.as_ref().map(|name| match name.schema == *database {
        true => name.table.as_str().to_owned(),
        false => name.plain(),
    });
    let estimate = way.estimate;
    StepReport {
        statements: case.step.statements.iter().map(|statement| statement.number).collect(),
        line: case.step.statements.first().map_or(1, |statement| statement.line),
        sql: case.step.statements.iter().map(|statement| statement.code().to_owned()).collect(),
        table,
        rows: case.size.map(|size| size.rows),
        bytes: case.size.map(|size| size.bytes),
        strategy: way.strategy,
        predicted: way.predicted,
        reason: way.reason,
        locks: estimate.as_ref().map(|estimate| estimate.locks.clone()),
        seconds: estimate
            .as_ref()
            .and_then(|estimate| estimate.time)
            .map(|(best, worst)| (best.as_secs(), worst.as_secs())),
        disk: estimate.and_then(|estimate| estimate.disk),
        refusal: way.refusal,
        findings: Vec::new(),
    }
}

/// With the locks that the statement takes by itself, when it is one that is sent again and again instead of waiting.
fn with_locks(way: Way, standing: &Standing<'_>, flavor: Flavor) -> Way {
    let text = standing.case.step.statements.first().map_or("", |statement| statement.text);
    let list = |tables: &[TableRef]| tables.iter().map(TableRef::to_string).collect::<Vec<_>>().join(", ");
    let what = match locked_tables(text) {
        _ if standing.made_by.is_some() || way.refusal.is_some() => return way,
        Some(Locked::Tables(tables)) => list(&tables),
        Some(Locked::TableOf(trigger)) => format!("the table of {trigger}"),
        Some(Locked::Changed(_)) | None => return way,
    };
    let at_a_time = match flavor {
        Flavor::MariaDb => "a second",
        Flavor::MySql => "a few tenths of a second",
    };
    let locks =
        format!("{what}, exclusively, for a moment; a transaction in the way is waited for {at_a_time} at a time");
    let (time, disk) = way.estimate.map_or((None, None), |estimate| (estimate.time, estimate.disk));
    Way { estimate: Some(Estimate { time, locks, disk }), ..way }
}

fn change_way(standing: &Standing<'_>, change: &TableChange, flavor: Flavor, migration: &str) -> Way {
    let table = change.table.table.as_str();
    if let Some(made_by) = &standing.made_by {
        return Way::as_it_is(match made_by == migration {
            true => "the table is created by this migration".to_owned(),
            false => format!("the table is created by the pending migration `{made_by}`"),
        });
    }
    let Some(size) = standing.case.size else {
        let way = Way::as_it_is("there is no such table");
        return Way { refusal: Some(format!("there is no table `{table}`: the statement fails")), ..way };
    };
    let Some(before) = &standing.case.before else {
        let reason =
            "the definition of the table cannot be read, so the server is asked when it is deployed".to_owned();
        return Way { strategy: OPEN, predicted: true, reason, estimate: None, refusal: None };
    };
    let prediction = predict(&change.alter, before, flavor);
    if !size.is_big {
        return small(prediction.strategy, size);
    }
    let mut reason = prediction.reason;
    if let Some(changed_by) = standing.changed_by.as_ref().filter(|changed_by| *changed_by != migration) {
        reason.push_str(&format!("; the pending migration `{changed_by}` changes the table before"));
    }
    if standing.case.step.statements.len() > 1 {
        reason.push_str("; the statements are made in one go");
    }
    Way {
        strategy: prediction.strategy.label(),
        predicted: true,
        reason,
        estimate: Some(estimate::online(prediction.strategy, size)),
        refusal: None,
    }
}

fn small(strategy: Strategy, size: Size) -> Way {
    let reason = match strategy {
        Strategy::Instant | Strategy::InPlace => "the table is small, and the server touches no row",
        Strategy::Copy => "the table is small",
    };
    Way { estimate: Some(estimate::plain(strategy, size)), predicted: true, ..Way::as_it_is(reason) }
}

fn as_is_way(standing: &Standing<'_>, how: &AsIs, migration: &str) -> Way {
    if standing.case.step.statements.first().is_some_and(|statement| statement.text.is_empty()) {
        let refusal = Some("the file is empty: the server answers error 1065, Query was empty".to_owned());
        return Way { refusal, ..Way::as_it_is("there is no statement") };
    }
    match how {
        AsIs::RenameTable(_) => Way {
            estimate: standing.case.size.map(|size| estimate::plain(Strategy::Instant, size)),
            ..Way::as_it_is("only the name changes")
        },
        AsIs::Frame(_) => Way {
            estimate: standing.case.size.map(|size| estimate::plain(Strategy::Copy, size)),
            ..Way::as_it_is("IGNORE and IF EXISTS are not done online")
        },
        AsIs::Unread(error) => Way {
            estimate: standing.case.size.map(|size| estimate::plain(Strategy::Copy, size)),
            ..Way::as_it_is(format!("it cannot be read: {error}"))
        },
        AsIs::Unsplit(why) => Way::as_it_is(format!("the file cannot be split further: {why}")),
        AsIs::Other => match Subject::of(standing.case.step) {
            Subject::Creates(..) => Way::as_it_is("a new table"),
            Subject::Drops(_) => Way::as_it_is("the table goes"),
            Subject::Hidden => Way::as_it_is("what it runs is not known here"),
            _ if standing.made_by.as_deref() == Some(migration) => {
                Way::as_it_is("the table is created by this migration")
            }
            _ => Way::as_it_is("it changes no table's definition"),
        },
    }
}

impl StepReport {
    /// For a change that cannot be made online, where that is allowed.
    pub(super) fn leave_to_server(&mut self, why: String, size: Option<Size>) {
        let estimate = size.map(|size| estimate::plain(Strategy::Copy, size));
        self.strategy = AS_IT_IS;
        self.locks = estimate.as_ref().map(|estimate| estimate.locks.clone());
        self.seconds =
            estimate.and_then(|estimate| estimate.time).map(|(best, worst)| (best.as_secs(), worst.as_secs()));
        self.findings.push(Finding::left_to_server(why));
    }

    /// Whether the server runs it as it is in the file.
    pub(super) fn is_as_it_is(&self) -> bool {
        self.strategy == AS_IT_IS
    }

    /// Whether replank would copy the table.
    pub(super) fn is_copy(&self) -> bool {
        self.strategy == Strategy::Copy.label()
    }
}

impl MigrationReport {
    pub(super) fn new(name: &str, steps: Vec<StepReport>) -> MigrationReport {
        MigrationReport { name: name.to_owned(), verdict: Verdict::Safe, done: None, findings: Vec::new(), steps }
    }

    /// Puts findings where they belong, in the order of the rules.
    pub(super) fn add(&mut self, findings: Vec<Finding>) {
        let mut findings = findings;
        findings.sort_by_key(|finding| Reverse(finding.level));
        for finding in findings {
            match finding.step.and_then(|step| self.steps.get_mut(step)) {
                Some(step) => step.findings.push(finding),
                None => self.findings.push(finding),
            }
        }
    }
}
