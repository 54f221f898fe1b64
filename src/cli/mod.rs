//! The command line: what was typed becomes settings, a command runs, its end becomes text and an exit code.

mod args;
mod confirm;
mod connection;
mod defects;
mod dotenv;
mod env_files;
mod help;
mod output;
pub mod render;
mod request;
mod settings_file;
mod signals;
mod table_arg;

use std::ffi::OsString;
use std::io::IsTerminal;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::process::ExitCode;

use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use crate::cli::args::{Args, Command, GlobalArgs, LocationArgs, Output};
use crate::cli::connection::Surroundings;
use crate::cli::signals::Signals;
use crate::deploy;
use crate::deploy::resolve::resolve;
use crate::deploy::standing::standings;
use crate::error::{Failure, Stop};
use crate::event::{self, Events};
use crate::findings::Levels;
use crate::forecast;
use crate::forecast::report::Verdict;
use crate::kept;
use crate::pipeline::{self, Taken};
use crate::prisma::{MigrationsDirectory, location};
use crate::progress::summary::Summary;
use crate::progress::{Display, Progress};
use crate::rollback;
use crate::settings::RunOptions;
use crate::sql::Ident;
use crate::status::{Scope, status};
use crate::telemetry;

/// Runs the command line and says how it ended.
pub fn main(words: impl IntoIterator<Item = OsString>) -> ExitCode {
    let file = settings_file::read(Path::new(settings_file::NAME));
    let words: Vec<OsString> = words.into_iter().collect();
    let defaults = file.as_ref().map_or(&[][..], |file| file.options.as_slice());
    let args = match Args::try_parse_with(words.iter().cloned(), defaults) {
        Ok(args) => args,
        Err(error) => {
            // Help goes to standard output and exits with 0, mistakes to standard error with 2.
            let _ = error.print();
            if let Some(option) = settings_file::option_at_fault(defaults, &error.to_string(), &words) {
                output::set_in_file(option, settings_file::NAME);
            }
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(Stop::Usage.exit_code()));
        }
    };
    let Args { global, command } = args;
    log_to_stderr(global.verbose);
    telemetry::describe();
    defects::keep();
    let code = match file.and_then(|file| execute(&global, command, file.levels)) {
        Ok(code) => code,
        Err(failure) => {
            output::failure(&failure, global.output);
            ExitCode::from(failure.stop.exit_code())
        }
    };
    if let Some(defect) = defects::take() {
        // A task nobody waited for: it did not decide how the command ended, and must not be silent either.
        output::defect(&defect);
    }
    code
}

fn execute(global: &GlobalArgs, command: Command, levels: Levels) -> Result<ExitCode, Failure> {
    if global.output == Output::Markdown && !matches!(command, Command::Plan(_)) {
        return Err(Failure::new(Stop::Usage, "only `replank plan` is written as Markdown")
            .next("leave `--output` out, or use `--output json`"));
    }
    let surroundings = Surroundings {
        variable: &|name| std::env::var(name).ok(),
        directory: std::env::current_dir().unwrap_or_default(),
        schema: command.schema().map(Path::to_owned),
    };
    let url = global.url.as_deref();
    match command {
        Command::Alter(args) if args.dry_run => {
            let request = request::alter(url, args, &surroundings)?;
            let plan = guarded(&runtime()?, pipeline::dry_run(request))?;
            output::plan(&plan, global.output)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Alter(args) => {
            let request = request::alter(url, args, &surroundings)?;
            let ((), summary) =
                watched(global, None, |events, stop| async { pipeline::alter(request, events, stop).await })?;
            output::summary(&summary, global.output);
            Ok(ExitCode::SUCCESS)
        }
        Command::Resume(args) => {
            let server = connection::server(url, &surroundings)?;
            let table = request::table(&args.table, &server)?;
            let name = table.plain();
            let options = request::run_options(args.run, args.record)?;
            let (taken, summary) = watched(global, None, |events, stop| async {
                pipeline::resume(server, table, options, events, stop).await
            })?;
            match taken {
                Taken::Done => output::summary(&summary, global.output),
                Taken::Nothing => output::nothing_to("resume", &name, global.output),
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Abort(args) => {
            let server = connection::server(url, &surroundings)?;
            let table = request::table(&args.table, &server)?;
            let name = table.plain();
            let options = RunOptions::for_takedown(args.bookkeeping.bookkeeping_schema, args.lock_patience);
            let (taken, _) =
                watched(global, None, |events, _stop| async { pipeline::abort(server, table, options, events).await })?;
            match taken {
                Taken::Done => output::aborted(&name, global.output),
                Taken::Nothing => output::nothing_to("abort", &name, global.output),
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Rollback(args) => {
            let mut request = request::rollback(url, args, &surroundings)?;
            if !request.agreed && confirm::can_ask(global.output) {
                let losses = guarded(&runtime()?, rollback::losses(&request))?;
                request.agreed = losses.is_empty() || confirm::agreed(&losses);
            }
            let ((), summary) =
                watched(global, None, |events, stop| async { rollback::rollback(request, events, stop).await })?;
            output::summary(&summary, global.output);
            Ok(ExitCode::SUCCESS)
        }
        Command::Cleanup(args) => {
            let server = connection::server(url, &surroundings)?;
            let options = RunOptions::for_takedown(args.bookkeeping.bookkeeping_schema.clone(), args.lock_patience);
            let Some(typed) = args.table else {
                let scope = Scope {
                    schema: server.db_name().map(Ident::new),
                    table: None,
                    bookkeeping: args.bookkeeping.bookkeeping_schema.map(Ident::new),
                };
                let (cleaned, _) = watched(global, Some("`replank cleanup`"), |events, stop| async {
                    kept::of_all(server, scope, options, events, stop).await
                })?;
                output::cleaned(&cleaned, global.output);
                return Ok(ExitCode::SUCCESS);
            };
            let table = request::table(&typed, &server)?;
            let name = table.plain();
            let (taken, _) =
                watched(global, None, |events, _stop| async { kept::of_table(server, table, options, events).await })?;
            match taken {
                Taken::Done => output::cleaned_up(&name, global.output),
                Taken::Nothing => output::nothing_to("clean up", &name, global.output),
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Status(args) => {
            let server = connection::server(url, &surroundings)?;
            let table = args.table.map(|typed| request::table(&typed, &server)).transpose()?;
            let scope = Scope {
                schema: server.db_name().filter(|_| table.is_none()).map(Ident::new),
                table,
                bookkeeping: args.bookkeeping.bookkeeping_schema.map(Ident::new),
            };
            let opts = server.clone();
            let directory = prismas_directory(&args.location, &scope)?.filter(|_| opts.db_name().is_some());
            let runtime = runtime()?;
            let standings = match directory {
                Some(directory) => {
                    let books = scope.bookkeeping.as_ref().map(Ident::as_str);
                    Some(guarded(&runtime, standings(&opts, &directory, books))?)
                }
                None => None,
            };
            let runs = guarded(&runtime, status(server, scope))?;
            output::status(&runs, standings.as_ref(), global.output)?;
            Ok(ExitCode::from(standings.map_or(0, |standings| standings.verdict.exit_code())))
        }
        Command::Plan(args) if args.rollback => {
            let write = args.write;
            let request = request::plan(url, args, levels, &surroundings)?;
            let rollbacks = guarded(&runtime()?, forecast::rollbacks(&request))?;
            let saved = if write { forecast::save(&request.migrations, &rollbacks)? } else { Vec::new() };
            output::rollbacks(&rollbacks, &saved, global.output)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Plan(args) => {
            let request = request::plan(url, args, levels, &surroundings)?;
            let report = guarded(&runtime()?, forecast::forecast(request))?;
            output::forecast(&report, global.output)?;
            Ok(ExitCode::from(match report.verdict {
                Verdict::Safe => 0,
                Verdict::Attention => Stop::Attention.exit_code(),
                Verdict::Refused => Stop::Refused.exit_code(),
            }))
        }
        Command::Deploy(args) => {
            let request = request::deploy(url, args, &surroundings)?;
            let (applied, _) = watched(global, Some("`replank deploy`"), |events, stop| async {
                deploy::deploy(request, events, stop).await
            })?;
            output::deployed(&applied, global.output);
            Ok(ExitCode::SUCCESS)
        }
        Command::Resolve(args) => {
            let resolution = request::resolution(&args)?;
            let server = connection::server(url, &surroundings)?;
            let (migrations, _) = location::migrations(args.location.migrations, args.location.schema.as_deref())?;
            let (told, books) = (resolution.clone(), args.bookkeeping.bookkeeping_schema);
            watched(global, Some("`replank resolve`"), |events, stop| async {
                resolve(server, migrations, resolution, books.as_deref(), events, stop).await
            })?;
            output::resolved(&told, global.output);
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Where Prisma's migrations are, when the whole schema is asked for and they can be found.
fn prismas_directory(args: &LocationArgs, scope: &Scope) -> Result<Option<MigrationsDirectory>, Failure> {
    if scope.table.is_some() {
        return Ok(None);
    }
    let (path, named) = location::migrations(args.migrations.clone(), args.schema.as_deref())?;
    let directory = MigrationsDirectory::lenient(path);
    Ok((named || directory.exists()).then_some(directory))
}

/// Runs what may take long: shows its progress and lets signals stop it. `way_on` is the command that goes on after a
/// second signal, when it is not that of the run.
fn watched<T, F>(
    global: &GlobalArgs,
    way_on: Option<&str>,
    command: impl FnOnce(Events, CancellationToken) -> F,
) -> Result<(T, Summary), Failure>
where
    F: Future<Output = Result<T, Failure>>,
{
    let runtime = runtime()?;
    let (events, stream) = event::channel();
    let stop = CancellationToken::new();
    let progress = Progress::start(stream, display(global)).map_err(unexpected("cannot start a thread"))?;
    let signals = {
        let _inside = runtime.enter();
        Signals::install().map_err(unexpected("cannot listen to signals"))?
    };
    let work = command(events.clone(), stop.clone());
    let mut first = None;
    let outcome = guarded(&runtime, async {
        tokio::select! {
            outcome = work => outcome.map(Some),
            // The second signal: the user does not want to wait for a safe point.
            () = signals.watch(&mut first, &stop, &events) => Ok(None),
        }
    });
    let summary = progress.finish();
    // Tasks that hang on a dead server must not hold the process.
    runtime.shutdown_background();
    match (outcome, first) {
        (Ok(Some(value)), _) => Ok((value, summary)),
        (Ok(None), first) => Err(signals::quit(first.unwrap_or(Stop::Interrupted), &summary.table, way_on)),
        (Err(failure), Some(Stop::Terminated)) if failure.stop == Stop::Interrupted => {
            Err(Failure { stop: Stop::Terminated, ..failure })
        }
        (Err(failure), _) => Err(failure),
    }
}

/// Runs a future; a defect in it becomes a failure with an exit code of the contract, not a bare panic.
fn guarded<T>(runtime: &Runtime, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    std::panic::catch_unwind(AssertUnwindSafe(|| runtime.block_on(work))).unwrap_or_else(|_| {
        let failure = Failure::new(Stop::Unexpected, "replank stopped on a defect of its own")
            .next("`replank status` shows what it left")
            .next("please report it, with RUST_BACKTRACE=1 if it happens again");
        Err(match defects::take() {
            Some(defect) => failure.cause(defect),
            None => failure,
        })
    })
}

fn runtime() -> Result<Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(unexpected("cannot start the runtime"))
}

fn unexpected(what: &'static str) -> impl FnOnce(std::io::Error) -> Failure {
    move |error| Failure::new(Stop::Unexpected, what).cause(error)
}

fn display(global: &GlobalArgs) -> Display {
    match global {
        GlobalArgs { output: Output::Json, .. } => Display::Json,
        GlobalArgs { quiet: true, .. } => Display::Quiet,
        // Bars and log lines would overwrite each other.
        GlobalArgs { verbose: 1.., .. } => Display::Log,
        _ if std::io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb") => {
            Display::Terminal
        }
        _ => Display::Log,
    }
}

fn log_to_stderr(verbose: u8) {
    let filter = match verbose {
        0 => return,
        1 => "replank=debug",
        _ => "replank=trace",
    };
    // A second subscriber in one process, as in tests, is no reason to fail.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_writer(std::io::stderr)
        .with_ansi(anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never)
        .try_init();
}
