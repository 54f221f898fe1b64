//! From what was typed to what the engine is asked: defaults that need the connection, and checks across flags.

use mysql_async::Opts;

use crate::cli::args::{
    AlterArgs, DeployArgs, PlanArgs, RecordArgs, ResolveArgs, RollbackArgs, RollbackTarget, RunArgs,
};
use crate::cli::connection::{self, Surroundings};
use crate::cli::table_arg::TableArg;
use crate::deploy::DeployRequest;
use crate::deploy::resolve::Resolution;
use crate::error::{Failure, Stop};
use crate::findings::Levels;
use crate::forecast::ForecastRequest;
use crate::prisma::{MigrationName, location};
use crate::rollback::{RollbackRequest, Target};
use crate::settings::{AlterRequest, KEEP_FOR, RunOptions};
use crate::sql::{Ident, TableName};

/// The request of `replank alter`.
pub fn alter(url: Option<&str>, args: AlterArgs, surroundings: &Surroundings) -> Result<AlterRequest, Failure> {
    let server = connection::server(url, surroundings)?;
    let table = table(&args.table, &server)?;
    let name = args.name.unwrap_or_else(|| default_name(&table));
    let own = run_options(args.run, args.record)?;
    let options = RunOptions { force_copy: args.force_copy, keep_for: args.keep_old, ..own };
    Ok(AlterRequest { server, table, clauses: args.alter, name, step: None, options })
}

/// The table with its schema, which the connection may have to give.
pub fn table(typed: &TableArg, server: &Opts) -> Result<TableName, Failure> {
    typed.within(server.db_name()).ok_or_else(|| {
        Failure::new(Stop::Usage, format!("no database for table {}", typed.table))
            .next(format!("write `database.{}`, or end the URL with the database", typed.table))
    })
}

/// The request of `replank deploy`.
pub fn deploy(url: Option<&str>, args: DeployArgs, surroundings: &Surroundings) -> Result<DeployRequest, Failure> {
    let server = connection::server(url, surroundings)?;
    let (migrations, migrations_named) =
        location::migrations(args.location.migrations, args.location.schema.as_deref())?;
    // The ledger is the deploy's business, and so is the file.
    let record = RecordArgs { migrations: migrations.clone(), no_record: true, drop_old: args.keep_old.is_none() };
    Ok(DeployRequest {
        server,
        migrations,
        migrations_named,
        online_above_rows: args.online.online_above,
        online_above_bytes: args.online.online_above_size.as_u64(),
        allow_blocking: args.online.allow_blocking,
        options: RunOptions { keep_for: args.keep_old.unwrap_or(KEEP_FOR), ..run_options(args.run, record)? },
    })
}

/// The request of `replank plan`.
pub fn plan(
    url: Option<&str>,
    args: PlanArgs,
    levels: Levels,
    surroundings: &Surroundings,
) -> Result<ForecastRequest, Failure> {
    let server = connection::server(url, surroundings)?;
    let (migrations, _) = location::migrations(args.location.migrations, args.location.schema.as_deref())?;
    Ok(ForecastRequest {
        server,
        migrations,
        levels,
        online_above_rows: args.online.online_above,
        online_above_bytes: args.online.online_above_size.as_u64(),
        allow_blocking: args.online.allow_blocking,
        check_time: args.check_time,
        disk_reserve: args.disk_reserve.as_u64(),
        bookkeeping: args.bookkeeping.bookkeeping_schema,
    })
}

/// The request of `replank rollback`.
pub fn rollback(
    url: Option<&str>,
    args: RollbackArgs,
    surroundings: &Surroundings,
) -> Result<RollbackRequest, Failure> {
    let server = connection::server(url, surroundings)?;
    let target = match args.target {
        RollbackTarget::Table(typed) => Target::Table(table(&typed, &server)?),
        RollbackTarget::Migration(name) => {
            let schema = server.db_name().ok_or_else(|| {
                Failure::new(Stop::Usage, format!("no database for migration {name}"))
                    .next("end the URL with the database")
            })?;
            Target::Migration(Ident::new(schema), name)
        }
    };
    let (migrations, _) = location::migrations(args.location.migrations, args.location.schema.as_deref())?;
    let options = RunOptions {
        workers: args.workers,
        ..RunOptions::for_takedown(args.bookkeeping.bookkeeping_schema, args.lock_patience)
    };
    Ok(RollbackRequest { server, target, migrations, options, agreed: args.yes })
}

/// What `replank resolve` is to write down; with Prisma's words for neither and both.
pub fn resolution(args: &ResolveArgs) -> Result<Resolution, Failure> {
    match (&args.applied, &args.rolled_back) {
        (Some(name), None) => Ok(Resolution::Applied(name.clone())),
        (None, Some(name)) => Ok(Resolution::RolledBack(name.clone())),
        (Some(_), Some(_)) => Err(Failure::prisma(0, "Pass either --applied or --rolled-back, not both.")),
        (None, None) => Err(Failure::prisma(
            0,
            "--applied or --rolled-back must be part of the command like:\nreplank resolve --applied \
             20201231000000_example\nreplank resolve --rolled-back 20201231000000_example",
        )),
    }
}

/// The settings of a run. A resumed one keeps the strategy it has, so nothing forces a copy here.
pub fn run_options(args: RunArgs, record: RecordArgs) -> Result<RunOptions, Failure> {
    let replicas = args.replica.iter().map(|url| connection::opts(url, "--replica")).collect::<Result<_, _>>()?;
    Ok(RunOptions {
        migrations: record.migrations,
        bookkeeping: args.bookkeeping.bookkeeping_schema,
        drop_old: record.drop_old,
        keep_for: KEEP_FOR,
        record: !record.no_record,
        workers: args.workers,
        chunk_time: args.chunk_time,
        max_rows_per_second: args.max_rows_per_second,
        replicas,
        max_lag: args.max_lag,
        max_load: args.max_load,
        lock_patience: args.lock_patience,
        disk_reserve: args.disk_reserve.as_u64(),
        force_copy: false,
    })
}

/// A name for a change that is not recorded or only planned.
fn default_name(table: &TableName) -> String {
    let name = MigrationName::made_of(&format!("alter_{}", table.table.as_str()));
    name.expect("it begins with letters").as_str().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::{Args, Command};
    use clap::Parser;
    use std::path::PathBuf;
    use std::time::Duration;

    fn request(words: &str) -> Result<AlterRequest, Failure> {
        let args = Args::try_parse_from(words.split(' ')).unwrap();
        let Command::Alter(alter_args) = args.command else { unreachable!() };
        let surroundings = Surroundings { variable: &|_| None, directory: PathBuf::new(), schema: None };
        alter(args.global.url.as_deref(), alter_args, &surroundings)
    }

    #[test]
    fn flags_become_settings() {
        let request = request(
            "replank alter Order --alter FORCE --name f --url mysql://root@h/shop --replica mysql://root@r1 \
             --replica mysql://root@r2 --max-load Threads_running=40 --disk-reserve 2GiB --no-record",
        )
        .unwrap();
        assert_eq!(request.table.plain(), "shop.Order");
        assert_eq!((request.clauses.as_str(), request.name.as_str()), ("FORCE", "f"));
        let options = request.options;
        assert_eq!(options.replicas.len(), 2);
        assert_eq!((options.max_load.len(), options.max_load[0].limit), (1, 40));
        assert_eq!((options.disk_reserve, options.record), (2 << 30, false));
        assert_eq!((options.workers, options.chunk_time), (2, Duration::from_millis(300)));
        assert_eq!((options.max_lag, options.lock_patience), (Duration::from_secs(2), Duration::from_secs(60)));
        assert_eq!(options.migrations, PathBuf::from("prisma/migrations"));
    }

    #[test]
    fn a_table_needs_a_database() {
        let failure = request("replank alter Order --alter FORCE --name f --url mysql://root@h").unwrap_err();
        assert_eq!(failure.what, "no database for table Order");
        let request = request("replank alter a.Order-2 --alter FORCE --no-record --url mysql://root@h/b").unwrap();
        assert_eq!((request.table.plain().as_str(), request.name.as_str()), ("a.Order-2", "alter_order_2"));
    }
}
