//! The results: as JSON for programs, as Markdown for people.

use std::collections::BTreeMap;
use std::env;
use std::fmt::Write;
use std::fs;
use std::process::Command;
use std::thread;

use anyhow::{Context, Result};
use clap::ValueEnum;
use mysql_async::prelude::Queryable;
use serde::{Deserialize, Serialize};

use super::contender::{CLAUSE, Contender, IN_PLACE};
use super::support::Kind;
use super::support::program;
use super::table::Table;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Nobody else uses the server.
    Idle,
    /// An application writes the table.
    Load,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Results {
    made_at: String,
    /// Git revision of replank.
    revision: String,
    processor: String,
    cores: usize,
    rows: u64,
    runs: u32,
    /// Operations a second of each of the eight connections.
    rate: u32,
    baseline_seconds: u64,
    clause: String,
    in_place_clause: String,
    servers: Vec<ServerResults>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ServerResults {
    kind: String,
    version: String,
    settings: BTreeMap<String, String>,
    data_mib: u64,
    index_mib: u64,
    pub measurements: Vec<Measurement>,
}

/// One contender, once.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Measurement {
    pub mode: Mode,
    pub contender: Contender,
    pub run: u32,
    pub seconds: Option<f64>,
    /// Why its seconds do not count.
    pub failure: Option<String>,
    /// What it says it spent them on, in order.
    pub phases: Vec<(String, f64)>,
    /// What the application saw.
    pub application: Option<Application>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Application {
    pub before: Side,
    pub during: Side,
}

/// The application's writes in a span of time. A write is timed until the server has acknowledged it, retries included.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Side {
    pub operations_per_second: f64,
    pub p50_ms: f64,
    pub p95_ms: f64,
    pub p99_ms: f64,
    pub longest_ms: f64,
    /// By the server's error number.
    pub errors: BTreeMap<u16, u64>,
}

impl Results {
    pub fn new(rows: u64, runs: u32, rate: u32, baseline_seconds: u64) -> Results {
        Results {
            made_at: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            revision: revision(),
            processor: processor(),
            cores: thread::available_parallelism().map_or(0, usize::from),
            rows,
            runs,
            rate,
            baseline_seconds,
            clause: CLAUSE.to_owned(),
            in_place_clause: IN_PLACE.to_owned(),
            servers: Vec::new(),
        }
    }

    /// Puts a server's results in the place of those it had.
    pub fn set(&mut self, server: &ServerResults) {
        self.servers.retain(|other| other.kind != server.kind);
        self.servers.push(server.clone());
    }

    pub fn markdown(&self, server: &ServerResults) -> String {
        let mut text = format!(
            "## {} ({})\n\n{} rows, {} MiB of data, {} MiB of indexes; {} cores ({}); {} runs, medians; replank {}, {}.  \n",
            Kind::named(&server.kind).map_or("", Kind::title),
            server.version,
            self.rows,
            server.data_mib,
            server.index_mib,
            self.cores,
            self.processor,
            self.runs,
            self.revision,
            self.made_at
        );
        let settings: Vec<String> = server.settings.iter().map(|(name, value)| format!("`{name}={value}`")).collect();
        let _ = writeln!(text, "{}  ", settings.join(" "));
        let _ = writeln!(text, "The change: `{CLAUSE}`; the server's own way in place: `{IN_PLACE}`.");
        for mode in [Mode::Idle, Mode::Load] {
            if server.of(mode).next().is_some() {
                text.push_str(&match mode {
                    Mode::Idle => idle(server),
                    Mode::Load => self.load(server),
                });
            }
        }
        text
    }

    fn load(&self, server: &ServerResults) -> String {
        let mut text = format!(
            "\n### With an application that writes\n\nEight connections, {} operations a second each; {} s of it before \
             each change, and then during it.\n\n\
             | | seconds | relative to replank | writes/s | p95 ms | p99 ms | longest stall ms | times before | errors |\n\
             |---|--:|--:|--:|--:|--:|--:|--:|---|\n",
            self.rate, self.baseline_seconds
        );
        for contender in server.contenders(Mode::Load) {
            let row = server.row(Mode::Load, contender);
            let seen: Vec<&Application> = row.iter().filter_map(|one| one.application.as_ref()).collect();
            let pair = |figure: fn(&Side) -> f64| {
                let before = median(seen.iter().map(|one| figure(&one.before)));
                let during = median(seen.iter().map(|one| figure(&one.during)));
                before.zip(during).map_or("–".to_owned(), |(before, during)| format!("{before:.0} → {during:.0}"))
            };
            let fine = |figure: fn(&Side) -> f64| {
                let before = median(seen.iter().map(|one| figure(&one.before)));
                let during = median(seen.iter().map(|one| figure(&one.during)));
                before.zip(during).map_or("–".to_owned(), |(before, during)| format!("{before:.1} → {during:.1}"))
            };
            let times = median(seen.iter().map(|one| one.during.longest_ms / one.before.longest_ms.max(0.001)));
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {} | {} | {} | {} | {} |",
                contender.title(),
                seconds(&row),
                server.relative(Mode::Load, contender),
                pair(|side| side.operations_per_second),
                fine(|side| side.p95_ms),
                fine(|side| side.p99_ms),
                pair(|side| side.longest_ms),
                times.map_or("–".to_owned(), |times| format!("{times:.1}")),
                errors(&seen)
            );
        }
        text.push_str(&failures(server, Mode::Load));
        text.push_str(&phases(server, Mode::Load));
        text
    }
}

impl ServerResults {
    /// The server and its table, nothing measured yet.
    pub async fn describe(table: &Table) -> Result<ServerResults> {
        let mut conn = table.scenario.connect().await?;
        let version: Option<String> = conn.query_first("SELECT VERSION()").await?;
        let settings: Vec<(String, String)> = conn
            .query(
                "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('sync_binlog', 'innodb_flush_log_at_trx_commit', \
                 'innodb_doublewrite', 'innodb_flush_method', 'innodb_buffer_pool_size', 'log_bin', 'binlog_format')",
            )
            .await?;
        let (data_mib, index_mib) = table.size().await?;
        Ok(ServerResults {
            kind: table.scenario.server.kind.name().to_owned(),
            version: version.context("no version")?,
            settings: settings.into_iter().collect(),
            data_mib,
            index_mib,
            measurements: Vec::new(),
        })
    }

    fn of(&self, mode: Mode) -> impl Iterator<Item = &Measurement> {
        self.measurements.iter().filter(move |one| one.mode == mode)
    }

    fn row(&self, mode: Mode, contender: Contender) -> Vec<&Measurement> {
        self.of(mode).filter(|one| one.contender == contender).collect()
    }

    fn contenders(&self, mode: Mode) -> Vec<Contender> {
        Contender::ALL.into_iter().filter(|contender| !self.row(mode, *contender).is_empty()).collect()
    }

    fn relative(&self, mode: Mode, contender: Contender) -> String {
        let own = median_seconds(&self.row(mode, contender));
        let replank = median_seconds(&self.row(mode, Contender::Replank));
        own.zip(replank).map_or("–".to_owned(), |(own, replank)| format!("{:.2}", own / replank))
    }
}

impl Measurement {
    pub fn blank(mode: Mode, contender: Contender, run: u32) -> Measurement {
        Measurement { mode, contender, run, seconds: None, failure: None, phases: Vec::new(), application: None }
    }

    /// For those who watch.
    pub fn line(&self) -> String {
        let Measurement { mode, contender, run, .. } = self;
        let result = match (&self.failure, self.seconds) {
            (Some(failure), _) => failure.clone(),
            (None, seconds) => format!("{:.1} s", seconds.unwrap_or(0.0)),
        };
        let stall = self.application.as_ref().map(|seen| format!(", longest stall {:.0} ms", seen.during.longest_ms));
        let mode = format!("{mode:?}").to_lowercase();
        format!("{mode} run {run}, {}: {result}{}", contender.title(), stall.unwrap_or_default())
    }

    fn counted(&self) -> Option<f64> {
        self.seconds.filter(|_| self.failure.is_none())
    }
}

fn idle(server: &ServerResults) -> String {
    let mut text =
        "\n### On an idle server\n\n| | seconds | relative to replank | all runs |\n|---|--:|--:|---|\n".to_owned();
    for contender in server.contenders(Mode::Idle) {
        let row = server.row(Mode::Idle, contender);
        let runs: Vec<String> = row
            .iter()
            .map(|one| one.counted().map_or("failed".to_owned(), |seconds| format!("{seconds:.1}")))
            .collect();
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} |",
            contender.title(),
            seconds(&row),
            server.relative(Mode::Idle, contender),
            runs.join(", ")
        );
    }
    text.push_str(&failures(server, Mode::Idle));
    text.push_str(&phases(server, Mode::Idle));
    text
}

fn seconds(row: &[&Measurement]) -> String {
    match median_seconds(row) {
        Some(seconds) => format!("{seconds:.1}"),
        None => row.iter().find_map(|one| one.failure.clone()).unwrap_or_default(),
    }
}

/// Where some runs failed and others did not, the median hides it.
fn failures(server: &ServerResults, mode: Mode) -> String {
    let mut text = String::new();
    for one in server.of(mode) {
        let Some(failure) = one.failure.as_ref().filter(|failure| *failure != "not installed") else { continue };
        let _ = writeln!(text, "\nRun {} of {}: {failure}.", one.run, one.contender.title());
    }
    text
}

fn phases(server: &ServerResults, mode: Mode) -> String {
    let row = server.row(mode, Contender::Replank);
    let Some(first) = row.iter().find(|one| !one.phases.is_empty()) else { return String::new() };
    let of_phase = |name: &str| {
        let took = |one: &&Measurement| one.phases.iter().find(|(phase, _)| phase == name).map(|(_, took)| *took);
        median(row.iter().filter_map(took)).unwrap_or(0.0)
    };
    let list: Vec<String> = first.phases.iter().map(|(name, _)| format!("{name} {:.1} s", of_phase(name))).collect();
    format!("\nreplank spent it on: {}.\n", list.join(", "))
}

fn errors(seen: &[&Application]) -> String {
    let sum = |side: fn(&Application) -> &Side| {
        let mut sum: BTreeMap<u16, u64> = BTreeMap::new();
        for (code, count) in seen.iter().flat_map(|one| &side(one).errors) {
            *sum.entry(*code).or_insert(0) += count;
        }
        let list: Vec<String> = sum.iter().map(|(code, count)| format!("{count} × {code}")).collect();
        if list.is_empty() { "none".to_owned() } else { list.join(", ") }
    };
    match (sum(|one| &one.before), sum(|one| &one.during)) {
        _ if seen.is_empty() => "–".to_owned(),
        (before, during) if before == "none" => during,
        (before, during) => format!("{during} (before: {before})"),
    }
}

fn median_seconds(row: &[&Measurement]) -> Option<f64> {
    median(row.iter().filter_map(|one| one.counted()))
}

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = values.get(middle)?;
    match values.len().is_multiple_of(2) {
        true => Some((values[middle - 1] + upper) / 2.0),
        false => Some(*upper),
    }
}

/// The revision of what is measured.
fn revision() -> String {
    if env::var_os("REPLANK_BIN").is_some() {
        let version = told(&mut Command::new(program::path()), &["--version"]);
        return format!("{version} of REPLANK_BIN");
    }
    let mut git = Command::new("git");
    git.current_dir(env!("CARGO_MANIFEST_DIR"));
    told(&mut git, &["describe", "--always", "--dirty", "--abbrev=12"])
}

fn told(command: &mut Command, args: &[&str]) -> String {
    let output = command.args(args).output().ok().filter(|output| output.status.success());
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    text.filter(|text| !text.is_empty()).unwrap_or_else(|| "unknown".to_owned())
}

fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("model name"));
    line.and_then(|line| line.split_once(':')).map_or("unknown".to_owned(), |(_, name)| name.trim().to_owned())
}
