//! What the user typed, exactly. No I/O and no defaults that depend on the world: those are in `request`.

use std::ffi::OsString;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use bytesize::ByteSize;
use clap::builder::{NonEmptyStringValueParser, PossibleValuesParser, TypedValueParser};
use clap::{Arg, ArgAction, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::cli::help;
use crate::cli::table_arg::TableArg;
use crate::prisma::MigrationName;
use crate::prisma::name::BadName;
use crate::settings::LoadLimit;

/// Alters large MySQL and MariaDB tables online and keeps Prisma's migration history true.
#[derive(Debug, Parser)]
#[command(
    name = "replank",
    version,
    max_term_width = 100,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    after_help = help::overview()
)]
pub struct Args {
    /// What every command takes.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What every command takes.
#[derive(Debug, Clone, clap::Args)]
pub struct GlobalArgs {
    /// Server to connect to, mysql://user:password@host:3306/database [default: $DATABASE_URL, then DATABASE_URL in
    /// .env]
    #[arg(long, global = true, value_name = "URL", help_heading = "Connection")]
    pub url: Option<String>,
    /// How results and events are written; markdown is for `plan`
    #[arg(
        long,
        global = true,
        default_value = "text",
        value_parser = PossibleValuesParser::new(["text", "json", "markdown"]).map(Output::named),
        value_name = "FORMAT",
        help_heading = "Output"
    )]
    pub output: Output,
    /// Write results and failures only
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = "Output")]
    pub quiet: bool,
    /// Write logs in place of progress bars; twice for every SQL statement, values included
    #[arg(short, long, global = true, action = ArgAction::Count, help_heading = "Output")]
    pub verbose: u8,
}

/// How results and events are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// For people.
    Text,
    /// One JSON document, or one JSON object a line while a change runs.
    Json,
    /// For a comment on a pull request; of a plan only.
    Markdown,
}

impl Args {
    /// Parses a command line; `defaults` are what the settings file says in the place of an option's own default.
    pub fn try_parse_with(
        words: impl IntoIterator<Item = OsString>,
        defaults: &[(String, Vec<String>)],
    ) -> Result<Args, clap::Error> {
        let with_default = |arg: Arg| match defaults.iter().find(|(option, _)| option == arg.get_id().as_str()) {
            Some((_, values)) => arg.default_values(values.clone()),
            None => arg,
        };
        let matches =
            Args::command().mut_subcommands(|command| command.mut_args(with_default)).try_get_matches_from(words)?;
        Args::from_arg_matches(&matches)
    }
}

impl Output {
    /// By its word. Not a `ValueEnum`: documented variants turn `--help` into its long form, three times the lines.
    fn named(word: String) -> Output {
        match word.as_str() {
            "json" => Output::Json,
            "markdown" => Output::Markdown,
            _ => Output::Text,
        }
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Change one table while the application keeps writing
    #[command(after_help = help::alter())]
    Alter(AlterArgs),
    /// Continue a change that was interrupted
    #[command(after_help = help::resume())]
    Resume(ResumeArgs),
    /// Give an unfinished change up and remove what it made
    #[command(after_help = help::abort())]
    Abort(AbortArgs),
    /// Put the old table of a finished change back, with every write made since
    #[command(after_help = help::rollback())]
    Rollback(RollbackArgs),
    /// Drop old tables that finished changes keep, with the triggers that follow the new ones
    #[command(after_help = help::cleanup())]
    Cleanup(CleanupArgs),
    /// Show what `deploy` would do to which table, what it costs and what is better changed first
    #[command(after_help = help::plan())]
    Plan(PlanArgs),
    /// Apply pending Prisma migrations as `prisma migrate deploy` does, changes of big tables online
    #[command(after_help = help::deploy())]
    Deploy(DeployArgs),
    /// Tell Prisma's history how an unfinished migration ended
    #[command(after_help = help::resolve())]
    Resolve(ResolveArgs),
    /// Show Prisma's migrations and unfinished changes, what they left and what to do next
    #[command(after_help = help::status())]
    Status(StatusArgs),
}

impl Command {
    /// The Prisma schema that was named.
    pub fn schema(&self) -> Option<&Path> {
        let location = match self {
            Command::Plan(args) => &args.location,
            Command::Deploy(args) => &args.location,
            Command::Resolve(args) => &args.location,
            Command::Status(args) => &args.location,
            _ => return None,
        };
        location.schema.as_deref()
    }
}

/// `replank alter`.
#[derive(Debug, clap::Args)]
pub struct AlterArgs {
    /// Table to change, `db.table`, or `table` in the database of the URL
    #[arg(value_name = "DB.TABLE")]
    pub table: TableArg,
    /// Clauses of the change, as they would follow ALTER TABLE name
    #[arg(long, value_name = "CLAUSES", value_parser = NonEmptyStringValueParser::new().try_map(clauses))]
    pub alter: String,
    /// Name of the Prisma migration, without its time stamp
    #[arg(long, value_name = "NAME", value_parser = migration_name, required_unless_present_any = ["no_record", "dry_run"])]
    pub name: Option<String>,
    /// Show the plan and change nothing; exit code 10 when a check refuses it
    #[arg(long)]
    pub dry_run: bool,
    /// Copy even where the server could change the table by itself
    #[arg(long)]
    pub force_copy: bool,
    /// How long the old table is kept in the bookkeeping schema, for `rollback`
    #[arg(long, value_name = "TIME", default_value = "7d", value_parser = duration, help_heading = "Bookkeeping")]
    pub keep_old: Duration,
    /// Where it is recorded.
    #[command(flatten)]
    pub record: RecordArgs,
    /// How it runs.
    #[command(flatten)]
    pub run: RunArgs,
}

/// `replank resume`.
#[derive(Debug, clap::Args)]
pub struct ResumeArgs {
    /// Table of the change, `db.table`, or `table` in the database of the URL
    #[arg(value_name = "DB.TABLE")]
    pub table: TableArg,
    /// Where it is recorded.
    #[command(flatten)]
    pub record: RecordArgs,
    /// How it runs.
    #[command(flatten)]
    pub run: RunArgs,
}

/// `replank abort`.
#[derive(Debug, clap::Args)]
pub struct AbortArgs {
    /// Table of the change, `db.table`, or `table` in the database of the URL
    #[arg(value_name = "DB.TABLE")]
    pub table: TableArg,
    /// How long to try for a quiet moment of the table before giving up
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = humantime::parse_duration)]
    pub lock_patience: Duration,
    /// Where its bookkeeping is.
    #[command(flatten)]
    pub bookkeeping: BookkeepingArgs,
}

/// `replank cleanup`.
#[derive(Debug, clap::Args)]
pub struct CleanupArgs {
    /// Table whose old table is dropped now [default: old tables of every table, once their time is over]
    #[arg(value_name = "DB.TABLE")]
    pub table: Option<TableArg>,
    /// How long to try for a quiet moment of a table before giving up
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = humantime::parse_duration)]
    pub lock_patience: Duration,
    /// Where its bookkeeping is.
    #[command(flatten)]
    pub bookkeeping: BookkeepingArgs,
}

/// `replank rollback`.
#[derive(Debug, clap::Args)]
pub struct RollbackArgs {
    /// Migration to take back, or table whose last change is taken back, as `db.table`
    #[arg(value_name = "MIGRATION|DB.TABLE")]
    pub target: RollbackTarget,
    /// Take it back although something is lost, without asking
    #[arg(short, long)]
    pub yes: bool,
    /// Where the migrations are.
    #[command(flatten)]
    pub location: LocationArgs,
    /// Where its bookkeeping is.
    #[command(flatten)]
    pub bookkeeping: BookkeepingArgs,
    /// Chunks compared at the same time
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=64), help_heading = "Speed")]
    pub workers: u32,
    /// How long to try for a lock before giving up
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration, help_heading = "Limits")]
    pub lock_patience: Duration,
}

/// What `replank rollback` is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RollbackTarget {
    /// A name that begins with a migration's stamp.
    Migration(String),
    /// Anything else.
    Table(TableArg),
}

impl FromStr for RollbackTarget {
    type Err = <TableArg as FromStr>::Err;

    fn from_str(text: &str) -> Result<RollbackTarget, Self::Err> {
        let stamp = text.bytes().take_while(u8::is_ascii_digit).count();
        if stamp == 14 && !text.contains('.') {
            return Ok(RollbackTarget::Migration(text.to_owned()));
        }
        text.parse().map(RollbackTarget::Table)
    }
}

/// `replank status`.
#[derive(Debug, clap::Args)]
pub struct StatusArgs {
    /// Only this table [default: every table of the URL's database, or of all when it names none]
    #[arg(value_name = "DB.TABLE")]
    pub table: Option<TableArg>,
    /// Where the migrations are.
    #[command(flatten)]
    pub location: LocationArgs,
    /// Where its bookkeeping is.
    #[command(flatten)]
    pub bookkeeping: BookkeepingArgs,
}

/// Where runs keep their state.
#[derive(Debug, Clone, clap::Args)]
pub struct BookkeepingArgs {
    /// Schema for replank's own tables [default: the table's schema with __replank added]
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new(), help_heading = "Bookkeeping")]
    pub bookkeeping_schema: Option<String>,
}

/// `replank deploy`.
#[derive(Debug, clap::Args)]
pub struct DeployArgs {
    /// Where the migrations are.
    #[command(flatten)]
    pub location: LocationArgs,

    /// What is online.
    #[command(flatten)]
    pub online: OnlineArgs,
    /// Keep old tables for `rollback`, for 7d unless a time is given; without it they are dropped
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true, default_missing_value = "7d", value_parser = duration, help_heading = "Bookkeeping")]
    pub keep_old: Option<Duration>,
    /// How changes of big tables run.
    #[command(flatten)]
    pub run: RunArgs,
}

/// Which changes are made online.
#[derive(Debug, Clone, clap::Args)]
pub struct OnlineArgs {
    /// Rows from which on a table is changed online; 0 for every table
    #[arg(long, value_name = "ROWS", default_value_t = 10_000, help_heading = "Strategy")]
    pub online_above: u64,
    /// Size from which on a table is changed online, however few rows it has
    #[arg(long, value_name = "SIZE", default_value = "16MiB", value_parser = size, help_heading = "Strategy")]
    pub online_above_size: ByteSize,
    /// Leave to the server what cannot be done online, although that blocks writes to a big table
    #[arg(long, help_heading = "Strategy")]
    pub allow_blocking: bool,
}

/// `replank plan`.
#[derive(Debug, clap::Args)]
pub struct PlanArgs {
    /// Show the statements that take each pending migration back, and what no statement brings back
    #[arg(long)]
    pub rollback: bool,
    /// Save them as rollback.sql beside migration.sql; a file with other content stays
    #[arg(long, requires = "rollback")]
    pub write: bool,
    /// Where the migrations are.
    #[command(flatten)]
    pub location: LocationArgs,
    /// What is online.
    #[command(flatten)]
    pub online: OnlineArgs,
    /// How long one question about the rows of a table may take
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = duration, help_heading = "Limits")]
    pub check_time: Duration,
    /// Space that must stay free on the data disk
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = size, help_heading = "Limits")]
    pub disk_reserve: ByteSize,
    /// Where its bookkeeping would be.
    #[command(flatten)]
    pub bookkeeping: BookkeepingArgs,
}

/// `replank resolve`.
#[derive(Debug, clap::Args)]
pub struct ResolveArgs {
    /// Record that all changes of this migration are in the database
    #[arg(long, value_name = "NAME")]
    pub applied: Option<String>,
    /// Record that no change of this migration is in the database
    #[arg(long, value_name = "NAME")]
    pub rolled_back: Option<String>,
    /// Where the migrations are.
    #[command(flatten)]
    pub location: LocationArgs,
    /// Where the bookkeeping is.
    #[command(flatten)]
    pub bookkeeping: BookkeepingArgs,
}

/// Where the migrations are.
#[derive(Debug, Clone, clap::Args)]
pub struct LocationArgs {
    /// Directory of the Prisma migrations [default: beside the schema, or prisma/migrations]
    #[arg(long, value_name = "DIR", help_heading = "Prisma")]
    pub migrations: Option<PathBuf>,
    /// File or folder of the Prisma schema
    #[arg(long, value_name = "PATH", help_heading = "Prisma")]
    pub schema: Option<PathBuf>,
}

/// Where a change is recorded.
#[derive(Debug, Clone, clap::Args)]
pub struct RecordArgs {
    /// Directory of the Prisma migrations
    #[arg(long, value_name = "DIR", default_value = "prisma/migrations", help_heading = "Prisma")]
    pub migrations: PathBuf,
    /// Do not record the change as a Prisma migration
    #[arg(long, help_heading = "Prisma")]
    pub no_record: bool,
    /// Drop the old table at the end; the change cannot be rolled back then
    #[arg(long, help_heading = "Bookkeeping")]
    pub drop_old: bool,
}

/// How a change runs.
#[derive(Debug, Clone, clap::Args)]
pub struct RunArgs {
    /// Where its bookkeeping is.
    #[command(flatten)]
    pub bookkeeping: BookkeepingArgs,

    /// Chunks copied at the same time
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=64), help_heading = "Speed")]
    pub workers: u32,
    /// Time that one chunk should take
    #[arg(long, value_name = "TIME", default_value = "300ms", value_parser = duration, help_heading = "Speed")]
    pub chunk_time: Duration,
    /// Ceiling of the copy
    #[arg(long, value_name = "N", help_heading = "Speed")]
    pub max_rows_per_second: Option<NonZeroU32>,

    /// Replica whose lag holds the copy back; may be repeated
    #[arg(long, value_name = "URL", help_heading = "Limits")]
    pub replica: Vec<String>,
    /// Replica lag over which the copy waits
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = duration, help_heading = "Limits")]
    pub max_lag: Duration,
    /// Status variable and value over which the copy waits, Threads_running=40; may be repeated
    #[arg(long, value_name = "VARIABLE=N", value_parser = load_limit, help_heading = "Limits")]
    pub max_load: Vec<LoadLimit>,
    /// How long to try for a lock before giving up
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration, help_heading = "Limits")]
    pub lock_patience: Duration,
    /// Space that must stay free on the data disk
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = size, help_heading = "Limits")]
    pub disk_reserve: ByteSize,
}

fn duration(text: &str) -> Result<Duration, String> {
    let parsed = humantime::parse_duration(text).map_err(|error| format!("{error}; write 300ms, 2s or 5m"))?;
    if parsed.is_zero() {
        return Err("must be more than zero".to_owned());
    }
    Ok(parsed)
}

fn size(text: &str) -> Result<ByteSize, String> {
    text.parse().map_err(|_| "not a size; write 512MiB or 1GiB".to_owned())
}

fn load_limit(text: &str) -> Result<LoadLimit, String> {
    let malformed = || "write a status variable and its limit, Threads_running=40".to_owned();
    let (variable, limit) = text.split_once('=').ok_or_else(malformed)?;
    let limit = limit.trim().parse().map_err(|_| malformed())?;
    let variable = variable.trim();
    // The name ends up in SHOW GLOBAL STATUS; nothing else is a status variable.
    if variable.is_empty() || !variable.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err(malformed());
    }
    Ok(LoadLimit { variable: variable.to_owned(), limit })
}

fn clauses(text: String) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("no clauses".to_owned());
    }
    let mut words = text.split_whitespace().map(str::to_ascii_uppercase);
    if words.next().as_deref() == Some("ALTER")
        && matches!(words.next().as_deref(), Some("TABLE" | "ONLINE" | "IGNORE"))
    {
        return Err("give the clauses only, without ALTER TABLE and the table's name".to_owned());
    }
    Ok(text)
}

fn migration_name(text: &str) -> Result<String, BadName> {
    MigrationName::parse(text).map(|name| name.as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn a_rollback_is_of_a_migration_or_a_table() {
        let target = |text: &str| text.parse::<RollbackTarget>().unwrap();
        assert_eq!(target("20261123184500_sku"), RollbackTarget::Migration("20261123184500_sku".into()));
        assert_eq!(target("20261123184500"), RollbackTarget::Migration("20261123184500".into()));
        for table in ["Order", "shop.Order", "2026_orders", "shop.20261123184500_sku"] {
            assert!(matches!(target(table), RollbackTarget::Table(_)), "{table}");
        }
    }

    #[test]
    fn values_are_checked_where_they_are_typed() {
        assert_eq!(duration("300ms"), Ok(Duration::from_millis(300)));
        assert!(duration("0s").is_err());
        assert!(duration("fast").is_err());
        assert_eq!(size("1GiB").map(|size| size.as_u64()), Ok(1 << 30));
        assert!(size("lots").is_err());
        assert_eq!(load_limit("Threads_running=40"), Ok(LoadLimit { variable: "Threads_running".into(), limit: 40 }));
        for bad in ["Threads_running", "=4", "Threads_running=many", "a b=4", "x=-1"] {
            assert!(load_limit(bad).is_err(), "{bad}");
        }
        assert!(clauses("alter  table t add x int".into()).is_err());
        assert!(clauses("ALTER COLUMN x SET DEFAULT 1".into()).is_ok());
        assert!(migration_name("Add sku").is_err());
    }
}
