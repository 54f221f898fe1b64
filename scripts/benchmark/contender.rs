//! Who is measured, and how each is run.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use mysql_async::Opts;
use mysql_async::prelude::Queryable;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::support::Scenario;

/// No server does this in place.
pub const CLAUSE: &str = "MODIFY quantity BIGINT NOT NULL";

/// What a server can do in place that is as much work: it writes the same rows and indexes anew.
pub const IN_PLACE: &str = "FORCE, ALGORITHM=INPLACE, LOCK=NONE";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Contender {
    Replank,
    Inplace,
    Copy,
    PtOsc,
}

/// How it went.
#[derive(Debug)]
pub struct Finish {
    pub seconds: f64,
    /// What it says it spent them on, in order.
    pub phases: Vec<(String, f64)>,
}

impl Contender {
    pub const ALL: [Contender; 4] = [Contender::Replank, Contender::Inplace, Contender::Copy, Contender::PtOsc];

    /// Its name for people.
    pub fn title(self) -> &'static str {
        match self {
            Contender::Replank => "replank",
            Contender::Inplace => "native `FORCE, ALGORITHM=INPLACE`",
            Contender::Copy => "native `ALGORITHM=COPY`",
            Contender::PtOsc => "pt-online-schema-change",
        }
    }

    /// The type that `quantity` has afterwards.
    pub fn leaves(self) -> &'static str {
        match self {
            Contender::Inplace => "int",
            Contender::Replank | Contender::Copy | Contender::PtOsc => "bigint",
        }
    }

    pub async fn run(self, scenario: &Scenario, pt_osc: Option<&Path>) -> Result<Finish> {
        match self {
            Contender::Replank => replank(scenario).await,
            Contender::Inplace => native(scenario, IN_PLACE).await,
            Contender::Copy => native(scenario, &format!("{CLAUSE}, ALGORITHM=COPY")).await,
            Contender::PtOsc => toolkit(scenario, pt_osc.context("not installed")?).await,
        }
    }
}

async fn native(scenario: &Scenario, clauses: &str) -> Result<Finish> {
    let mut conn = scenario.connect().await?;
    let began = Instant::now();
    conn.query_drop(format!("ALTER TABLE `Event` {clauses}")).await?;
    let seconds = began.elapsed().as_secs_f64();
    conn.disconnect().await?;
    Ok(Finish { seconds, phases: Vec::new() })
}

async fn replank(scenario: &Scenario) -> Result<Finish> {
    let program = scenario.replank("alter", "Event").args(["--alter", CLAUSE]);
    let program = program.args(["--force-copy", "--no-record", "--drop-old"]);
    let (took, output) = timed(program.command()).await?;
    if !output.status.success() {
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        bail!("{}: {}", output.status, told.lines().find(|line| !line.is_empty()).unwrap_or_default());
    }
    let events = String::from_utf8_lossy(&output.stdout).into_owned();
    let events = events.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let phase = |event: Value| {
        let name = event["phase"].as_str().filter(|_| event["event"] == "phase_finished")?;
        Some((name.to_owned(), event["seconds"].as_f64()?))
    };
    Ok(Finish { seconds: took.as_secs_f64(), phases: events.filter_map(phase).collect() })
}

async fn toolkit(scenario: &Scenario, program: &Path) -> Result<Finish> {
    let opts = Opts::from_url(&scenario.url())?;
    // In a file, as the command line is for all to see.
    let file = scenario.project().join("pt-osc.cnf");
    let (host, port) = (opts.ip_or_hostname(), opts.tcp_port());
    let (user, password) = (opts.user().unwrap_or_default(), opts.pass().unwrap_or_default());
    fs::write(&file, format!("[client]\nhost={host}\nport={port}\nuser={user}\npassword=\"{password}\"\n"))?;
    let mut command = Command::new(program);
    command
        .args(["--execute", "--recursion-method=none", "--no-version-check", "--alter", CLAUSE])
        .arg(format!("F={},D={},t=Event", file.display(), scenario.schema))
        .current_dir(scenario.project())
        .stdin(Stdio::null());
    let (took, output) = timed(command).await?;
    if !output.status.success() {
        bail!("{}", complaint(&output));
    }
    Ok(Finish { seconds: took.as_secs_f64(), phases: Vec::new() })
}

/// The first line of stderr that is no progress report.
fn complaint(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let is_news = |line: &&str| {
        !line.is_empty()
            && !["No replicas", "No slaves", "Not checking", "Copying "].iter().any(|word| line.starts_with(word))
    };
    text.lines().map(str::trim).find(is_news).map_or_else(|| output.status.to_string(), str::to_owned)
}

async fn timed(mut command: Command) -> Result<(Duration, Output)> {
    let name = command.get_program().to_string_lossy().into_owned();
    tokio::task::spawn_blocking(move || {
        let began = Instant::now();
        let output = command.output().with_context(|| format!("{name} cannot be run"))?;
        Ok((began.elapsed(), output))
    })
    .await?
}
