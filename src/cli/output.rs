//! Where rendered text goes: results to standard output, the rest to standard error.
//!
//! A reader that closed its end (`| head`) is no failure; colours are stripped unless a terminal reads.

use std::io::{self, ErrorKind, IsTerminal, Write};
use std::path::PathBuf;

use anstream::{AutoStream, stream::AsLockedWrite, stream::RawStream};
use serde::Serialize;
use terminal_size::terminal_size_of;

use crate::cli::args::Output;
use crate::cli::render::{self, json};
use crate::deploy::resolve::Resolution;
use crate::deploy::standing::Standings;
use crate::error::{Failure, Stop};
use crate::forecast::report::Report;
use crate::forecast::rollback::Rollback;
use crate::kept::Cleaned;
use crate::plan::explain::Plan;
use crate::progress::summary::Summary;
use crate::run_status::RunStatus;

/// A plan, to standard output.
pub fn plan(plan: &Plan, output: Output) -> Result<(), Failure> {
    result(&match output {
        Output::Text | Output::Markdown => render::plan::text(plan, stdout_width()),
        Output::Json => document(plan),
    })
}

/// Migrations and runs, to standard output; what Prisma writes to standard error, to standard error.
pub fn status(runs: &[RunStatus], standings: Option<&Standings>, output: Output) -> Result<(), Failure> {
    match output {
        Output::Json => result(&document(&json::Status { runs, prisma: standings })),
        Output::Text | Output::Markdown => {
            let Some(standings) = standings else { return result(&render::status::text(runs, stdout_width())) };
            let (text, complaint) = render::standing::text(standings);
            result(&text)?;
            result(&format!("\n{}", render::status::text(runs, stdout_width())))?;
            if let Some(complaint) = complaint {
                let _ = write(io::stderr(), &format!("\n{complaint}\n"));
            }
            Ok(())
        }
    }
}

/// The end of a deploy.
pub fn deployed(migrations: &[String], output: Output) {
    let _ = result(&match output {
        Output::Text | Output::Markdown => render::deploy::applied(migrations),
        Output::Json => json::line(&json::Deployed { migrations }),
    });
}

/// The end of a resolve.
pub fn resolved(resolution: &Resolution, output: Output) {
    let _ = result(&match output {
        Output::Text | Output::Markdown => render::deploy::resolved(resolution),
        Output::Json => json::line(&json::Resolved { resolution }),
    });
}

/// The plan of the pending migrations, to standard output.
pub fn forecast(report: &Report, output: Output) -> Result<(), Failure> {
    result(&match output {
        Output::Text => render::forecast::text(report, stdout_width()),
        Output::Markdown => render::markdown::forecast(report),
        Output::Json => document(report),
    })
}

/// What takes the pending migrations back, to standard output; with the files it was saved as.
pub fn rollbacks(rollbacks: &[Rollback], saved: &[PathBuf], output: Output) -> Result<(), Failure> {
    result(&match output {
        Output::Text => render::forecast::rollbacks(rollbacks, saved),
        Output::Markdown => render::markdown::rollbacks(rollbacks),
        Output::Json => document(&rollbacks),
    })
}

/// The end of a change that happened. Whether anyone reads it does not change that.
pub fn summary(summary: &Summary, output: Output) {
    let _ = result(&match output {
        Output::Text | Output::Markdown => render::summary::text(summary, stdout_width()),
        Output::Json => json::line(&json::Finished { summary }),
    });
}

/// The end of an abort.
pub fn aborted(table: &str, output: Output) {
    let _ = result(&match output {
        Output::Text | Output::Markdown => format!("{table}: the change is given up, nothing of it is left\n"),
        Output::Json => json::line(&json::Aborted { table }),
    });
}

/// The end of a cleanup.
pub fn cleaned_up(table: &str, output: Output) {
    let _ = result(&match output {
        Output::Text | Output::Markdown => format!("{table}: the old table is dropped\n"),
        Output::Json => json::line(&json::CleanedUp { table }),
    });
}

/// The end of a cleanup of all tables.
pub fn cleaned(cleaned: &[Cleaned], output: Output) {
    let _ = result(&match output {
        Output::Text | Output::Markdown => render::cleanup::text(cleaned),
        Output::Json => json::line(&json::CleanedAll { cleaned }),
    });
}

/// The end of a command that found nothing to do.
pub fn nothing_to(what: &str, table: &str, output: Output) {
    let _ = result(&match output {
        Output::Text | Output::Markdown => format!("{table}: nothing to {what}\n"),
        Output::Json => json::line(&json::NothingToDo { table }),
    });
}

/// A failure: text to standard error, a JSON line to standard output.
pub fn failure(failure: &Failure, output: Output) {
    let _ = match output {
        Output::Text | Output::Markdown => {
            let width = terminal_size_of(io::stderr()).map_or(0, |(width, _)| width.0.into());
            write(io::stderr(), &render::failure::text(failure, width))
        }
        Output::Json => write(io::stdout(), &json::line(&json::Failed { failure })),
    };
}

/// Where a value that does not do comes from, to standard error.
pub fn set_in_file(option: &str, file: &str) {
    let _ = write(io::stderr(), &format!("note: the value is that of `{option}` in `{file}`\n"));
}

/// A panic that ended no command, to standard error.
pub fn defect(text: &str) {
    let _ = write(io::stderr(), &format!("note: a part of replank stopped on a defect: {text}\n"));
}

/// Columns to fold to, 0 when nobody looks at columns.
fn stdout_width() -> usize {
    if !io::stdout().is_terminal() {
        return 0;
    }
    terminal_size_of(io::stdout()).map_or(0, |(width, _)| width.0.into())
}

fn result(text: &str) -> Result<(), Failure> {
    write(io::stdout(), text)
        .map_err(|error| Failure::new(Stop::Unexpected, "cannot write the result to standard output").cause(error))
}

fn write(stream: impl RawStream + AsLockedWrite, text: &str) -> io::Result<()> {
    let mut stream = AutoStream::auto(stream);
    let written = stream.write_all(text.as_bytes()).and_then(|()| stream.flush());
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

fn document(value: &impl Serialize) -> String {
    // Neither type has a key that is not a string, the only thing JSON could refuse.
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.push('\n');
    text
}
