//! The measurement behind `scripts/bench`: the same change of the same table by replank, by the server itself and by
//! pt-online-schema-change, in turn, on an idle server and with an application that writes.

mod contender;
mod report;
#[path = "../../tests/support/mod.rs"]
mod support;
mod table;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use clap::Parser;
use contender::{Contender, Finish};
use report::{Application, Measurement, Mode, Results, ServerResults, Side};
use support::load::{Load, Mapping, Plan, Span, Written};
use support::{Kind, Scenario, Server, block_on, oracle};
use table::Table;

#[derive(Debug, Parser)]
struct Args {
    /// The server: mariadb-10.11, mariadb-11.8 or mysql-9.7. Its binary logs are purged, so nothing else may need them.
    #[arg(long)]
    server: String,
    /// Measure only this contender; may be repeated.
    #[arg(long, value_enum)]
    contender: Vec<Contender>,
    /// Measure only this.
    #[arg(long, value_enum)]
    only: Option<Mode>,
    /// Rows of the table.
    #[arg(long, default_value_t = 1_000_000)]
    rows: u64,
    /// Runs of each contender.
    #[arg(long, default_value_t = 3)]
    runs: u32,
    /// Operations a second of each of the eight connections.
    #[arg(long, default_value_t = 60)]
    rate: u32,
    /// Seconds of load without a change, before each change.
    #[arg(long, default_value_t = 20)]
    baseline: u64,
    /// The program pt-online-schema-change.
    #[arg(long)]
    pt_osc: Option<PathBuf>,
    /// Where the results go for programs; a server is added to those that are there.
    #[arg(long)]
    json: PathBuf,
}

impl Args {
    fn modes(&self) -> Vec<Mode> {
        self.only.map_or(vec![Mode::Idle, Mode::Load], |only| vec![only])
    }

    /// The contenders to measure, in the order they take their turns.
    fn contenders(&self) -> Vec<Contender> {
        let wanted = |contender: &Contender| self.contender.is_empty() || self.contender.contains(contender);
        Contender::ALL.into_iter().filter(wanted).collect()
    }
}

/// A schema of this name is replaced.
const SCHEMA: &str = "bench";

fn main() -> ExitCode {
    match block_on(bench(&Args::parse())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn bench(args: &Args) -> Result<()> {
    let kind = Kind::named(&args.server).with_context(|| format!("there is no server {}", args.server))?;
    let server = Server::find(kind)?;
    let mut results = read(&args.json)?.unwrap_or_else(|| Results::new(args.rows, args.runs, args.rate, args.baseline));
    let began = Instant::now();
    let table = Table::build(&server, args.rows).await?;
    let mut of_server = ServerResults::describe(&table).await?;
    eprintln!("{}: {} rows built in {:.0} s", kind.name(), args.rows, began.elapsed().as_secs_f64());
    for mode in args.modes() {
        for run in 1..=args.runs {
            for contender in args.contenders() {
                let measurement = measure(args, &table, mode, contender, run).await?;
                eprintln!("{}: {}", kind.name(), measurement.line());
                of_server.measurements.push(measurement);
                // After each, so that an interrupt loses one measurement and not an hour of them.
                results.set(&of_server);
                write(&args.json, &results)?;
            }
        }
    }
    println!("{}", results.markdown(&of_server));
    Ok(())
}

/// One contender, once. Its failure is a result; only trouble with the server or the table is an error.
async fn measure(args: &Args, table: &Table, mode: Mode, contender: Contender, run: u32) -> Result<Measurement> {
    let blank = Measurement::blank(mode, contender, run);
    if contender == Contender::PtOsc && args.pt_osc.is_none() {
        return Ok(Measurement { failure: Some("not installed".to_owned()), ..blank });
    }
    table.restore().await?;
    table.settle().await?;
    let (finish, application) = match mode {
        Mode::Idle => (contender.run(&table.scenario, args.pt_osc.as_deref()).await, Ok(None)),
        Mode::Load => under_load(args, table, contender).await?,
    };
    let mut measurement = match finish {
        Ok(Finish { seconds, phases }) => Measurement { seconds: Some(seconds), phases, ..blank },
        Err(error) => Measurement { failure: Some(brief(&error)), ..blank },
    };
    let checked = match &application {
        _ if measurement.failure.is_some() => Ok(()),
        Ok(None) => table.check(contender).await,
        Ok(Some(_)) => table.check_definition(contender).await,
        Err(error) => Err(anyhow!("{error:#}")),
    };
    if let Err(error) = checked {
        measurement.failure = Some(format!("wrong result: {}", brief(&error)));
    }
    measurement.application = application.ok().flatten();
    Ok(measurement)
}

/// How the contender ended, and what its application saw; an error there when the table does not hold what was written.
type UnderLoad = (Result<Finish>, Result<Option<Application>>);

async fn under_load(args: &Args, table: &Table, contender: Contender) -> Result<UnderLoad> {
    let Scenario { server, schema, .. } = &table.scenario;
    let shape = table::shape();
    let mapping = Mapping::identity(&shape);
    // The same seed for every contender, so that all have the same application.
    let load = Load::start(server, schema, shape, mapping, &Plan::steady(1, args.rate)).await?;
    // Caches and statement handles first.
    load.during(Duration::from_secs(2)).await;
    let quiet = load.during(Duration::from_secs(args.baseline)).await;
    let from = Instant::now();
    let finish = contender.run(&table.scenario, args.pt_osc.as_deref()).await;
    let change = Span { from, to: Instant::now() };
    load.during(Duration::from_millis(500)).await;
    let written = match load.stop().await {
        Ok(written) => written,
        Err(error) => return Ok((finish, Err(error.context("the application gave up")))),
    };
    let right = oracle::expect_contents(&mut table.scenario.connect().await?, "`Event`", &written).await;
    Ok((finish, right.map(|_| Some(application(&written, quiet, change)))))
}

fn application(written: &Written, quiet: Span, change: Span) -> Application {
    // The longest of few writes is shorter than the longest of many: where the change was shorter than the time
    // before it, only as much of that counts.
    let length = change.length().min(quiet.length());
    let before = Span { from: quiet.to - length, to: quiet.to };
    let after = change.to + Duration::from_millis(500);
    Application {
        before: side(written, before, before.to),
        // A session that waited for the change hears of its error a moment later.
        during: side(written, change, after),
    }
}

fn side(written: &Written, span: Span, errors_until: Instant) -> Side {
    let latencies = written.record.latencies(span);
    let ms = |quantile| latencies.value_at_quantile(quantile) as f64 / 1_000.0;
    let mut errors = std::collections::BTreeMap::new();
    for error in written.record.errors.iter().filter(|error| span.from <= error.at && error.at <= errors_until) {
        *errors.entry(error.code).or_insert(0) += 1;
    }
    Side {
        operations_per_second: latencies.len() as f64 / span.length().as_secs_f64().max(0.001),
        p50_ms: ms(0.5),
        p95_ms: ms(0.95),
        p99_ms: ms(0.99),
        longest_ms: written.record.longest_stall(span).map_or(0.0, |stall| stall.took.as_secs_f64() * 1_000.0),
        errors,
    }
}

/// In the one line that there is room for in a table; all of it goes to those who watch.
fn brief(error: &anyhow::Error) -> String {
    let text = format!("{error:#}");
    eprintln!("{text}");
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").replace('|', "/").chars().take(200).collect()
}

fn read(file: &Path) -> Result<Option<Results>> {
    if !file.exists() {
        return Ok(None);
    }
    let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let results = serde_json::from_str(&text).with_context(|| format!("{} has no results", file.display()))?;
    Ok(Some(results))
}

fn write(file: &Path, results: &Results) -> Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(file, serde_json::to_string_pretty(results)? + "\n").with_context(|| file.display().to_string())
}
