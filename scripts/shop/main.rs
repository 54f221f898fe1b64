//! The demo's program: builds a shop with a million orders, lets its application write, runs `replank alter` on the
//! orders as a user would, and then proves what happened. `scripts/demo` starts it.

mod proof;
#[path = "../../tests/support/mod.rs"]
mod support;

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Parser;
use mysql_async::prelude::Queryable;
use owo_colors::OwoColorize;
use proof::{Proof, prove};
use support::load::{Load, Mapping, Plan, Span};
use support::{Kind, Program, Scenario, Server, block_on, shop};

#[derive(Debug, Parser)]
struct Args {
    /// The server: mariadb-10.11, mariadb-11.8 or mysql-9.7.
    #[arg(long)]
    server: String,
    /// Orders in the shop.
    #[arg(long, default_value_t = 1_000_000)]
    rows: u64,
    /// Operations a second of each of the eight connections.
    #[arg(long, default_value_t = 60)]
    rate: u32,
    /// Keep the database and the project folder.
    #[arg(long)]
    keep: bool,
}

const SCHEMA: &str = "shop";

/// A wider type, a column in the middle and an index: no server does this without rebuilding the table.
const CLAUSES: &str = "MODIFY `total` DECIMAL(12, 2) NOT NULL, \
                       ADD COLUMN `priority` INTEGER NOT NULL DEFAULT 0 AFTER `status`, \
                       ADD INDEX `Order_userId_placedAt_idx`(`userId`, `placedAt`)";
const NAME: &str = "add_order_priority";

fn main() -> ExitCode {
    match block_on(demonstrate(&Args::parse())) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            anstream::eprintln!("{} {error:#}", "error:".red().bold());
            ExitCode::FAILURE
        }
    }
}

async fn demonstrate(args: &Args) -> Result<bool> {
    let kind = Kind::named(&args.server).with_context(|| format!("there is no server {}", args.server))?;
    let server = Server::find(kind)?;
    let mut scenario = build(&server, args.rows).await?;
    scenario.keep(args.keep);

    let shape = shop::orders();
    let mapping = Mapping::identity(&shape);
    let load = Load::start(&server, SCHEMA, shape, mapping.clone(), &Plan::steady(2026, args.rate)).await?;
    anstream::println!(
        "  {} 8 connections insert, update, move and delete orders; 4 with prepared statements, 4 in transactions",
        "load ".dimmed()
    );
    load.during(Duration::from_secs(1)).await;
    let quiet = load.during(Duration::from_secs(5)).await;

    let program = Program::new(scenario.project()).args(["alter", "shop.Order", "--alter", CLAUSES, "--name", NAME]);
    anstream::println!(
        "\n{}\n",
        format!("$ replank alter shop.Order --name {NAME} --url \"$DATABASE_URL\" \\\n    --alter '{CLAUSES}'").bold()
    );
    let from = Instant::now();
    let status = program.args(["--url", &scenario.url()]).command().status().context("replank cannot be run")?;
    let change = Span { from, to: Instant::now() };
    load.during(Duration::from_secs(2)).await;
    let written = load.stop().await?;
    if !status.success() {
        anstream::println!("\n{} replank ended with {status}", "failed:".red().bold());
    }

    anstream::println!("\n{}", "Was that right?".bold());
    let mut is_proven = status.success();
    for Proof { title, text, holds } in prove(&scenario, &mapping, &written, quiet, change, (CLAUSES, NAME)).await {
        let mark = if holds { "✓".green().to_string() } else { "✗".red().bold().to_string() };
        anstream::println!("  {mark} {title:<14} {text}");
        is_proven &= holds;
    }
    Ok(is_proven)
}

async fn build(server: &Server, rows: u64) -> Result<Scenario> {
    anstream::print!("  {} {} orders on {} …", "shop ".dimmed(), proof::grouped(rows), server.kind.title());
    io::stdout().flush()?;
    let began = Instant::now();
    let scenario = Scenario::named(server, SCHEMA, &[shop::USER, shop::PRODUCT, shop::ORDER]).await?;
    shop::seed_users_and_products(&scenario).await?;
    shop::seed_orders(&scenario, rows).await?;
    let size: Option<u64> = scenario
        .connect()
        .await?
        .query_first(
            "SELECT CAST((data_length + index_length) / 1048576 AS UNSIGNED) FROM information_schema.tables \
             WHERE table_schema = 'shop' AND table_name = 'Order'",
        )
        .await?;
    anstream::println!(" {} MiB, built in {:.0} s", size.unwrap_or(0), began.elapsed().as_secs_f64());
    Ok(scenario)
}
