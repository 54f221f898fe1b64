//! One online change under load, from an empty schema to every proof there is.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::load::{Load, Mapping, Plan, Shape, Written};
use super::program::{Outcome, Program, Run, Seen};
use super::snapshot::{Look, Watch};
use super::{Scenario, Server, oracle, prisma, quoted, residue};

/// What is changed, and how its columns are found again afterwards.
#[derive(Debug, Clone)]
pub struct Change {
    pub ddl: &'static str,
    pub shape: Shape,
    /// The columns the application writes and reads.
    pub mapping: Mapping,
    /// The columns the two tables share, which may be more: the application cannot read a column that is renamed.
    pub shared: Mapping,
    pub clauses: &'static str,
    /// The migration's name.
    pub slug: &'static str,
}

impl Change {
    pub fn new(ddl: &'static str, shape: Shape, clauses: &'static str, slug: &'static str) -> Change {
        let mapping = Mapping::identity(&shape);
        Change { ddl, shape, shared: mapping.clone(), mapping, clauses, slug }
    }

    /// A column that the application writes reads differently after the change.
    pub fn read_as(self, column: &str, expression: &str) -> Change {
        let [mapping, shared] = [self.mapping, self.shared].map(|mapping| mapping.read_as(column, expression));
        Change { mapping, shared, ..self }
    }

    /// A column that the application does not know of is carried over.
    pub fn carries(self, before: &str, after: &str) -> Change {
        Change { shared: self.shared.with(before, after), ..self }
    }

    pub fn table(&self) -> String {
        quoted(self.shape.table)
    }

    pub async fn scenario(&self, server: &Server) -> Result<Scenario> {
        Scenario::new(server, self.slug, &[self.ddl]).await
    }

    pub async fn load(&self, scenario: &Scenario, plan: &Plan) -> Result<Load> {
        Load::start(&scenario.server, &scenario.schema, self.shape.clone(), self.mapping.clone(), plan).await
    }

    /// `replank alter`, as an online copy even where the server could do it in place, and slow enough to be met.
    pub fn program(&self, scenario: &Scenario, rows_per_second: u32) -> Program {
        let pace = rows_per_second.to_string();
        scenario.alter(self.shape.table, self.clauses, self.slug).args([
            "--force-copy",
            "--chunk-time",
            "50ms",
            "--max-rows-per-second",
            &pace,
        ])
    }

    /// Runs the change while the application writes and the invariant is watched, then checks everything.
    pub async fn prove(&self, scenario: &Scenario, plan: &Plan, rows_per_second: u32) -> Result<()> {
        let load = self.load(scenario, plan).await?;
        let watch = Watch::start(scenario, self.shape.table, &self.shared).await?;
        let mut run = self.program(scenario, rows_per_second).start()?;
        follow(&mut run, &watch).await?;
        let outcome = run.finish().await?.expect_code(0)?;
        let watched = watch.stop().await?;
        load.during(Duration::from_millis(500)).await;
        let written = load.stop().await?;
        watched.expect_invariant()?;
        ensure!(watched.logged > 0, "no snapshot saw the change log at work, so nothing is proven of it");
        self.expect_changed(scenario, &written, &[&outcome]).await
    }

    /// Fails unless the change has happened, lost nothing, harmed nobody, is recorded, and leaves nothing behind when
    /// it is cleaned up.
    pub async fn expect_changed(&self, scenario: &Scenario, written: &Written, runs: &[&Outcome]) -> Result<()> {
        let mut conn = scenario.connect().await?;
        oracle::expect_application_unharmed(&mut conn, &self.table(), written, runs).await?;
        self.expect_old_table_equal(scenario, written, runs).await?;
        let script = prisma::expect_recorded(scenario, self.shape.table, self.clauses, self.slug).await?;
        residue::expect_no_drift(scenario, self.shape.table, &[self.ddl], &script).await?;
        residue::expect_only_followers(scenario, &[self.shape.table], self.shape.table).await?;
        scenario.replank("cleanup", self.shape.table).succeed().await?;
        residue::expect_nothing_left(scenario, &[self.shape.table]).await
    }

    /// The table that is kept shows what the change was made of: it may differ only in rows written since the swap.
    async fn expect_old_table_equal(&self, scenario: &Scenario, written: &Written, runs: &[&Outcome]) -> Result<()> {
        let swapped = runs.iter().find_map(|run| may_have_swapped(run)).unwrap_or(written.started);
        let ends = runs.iter().flat_map(|run| run.events("finished"));
        let named = ends.filter_map(|seen| seen.event["old_table"].as_str()).last();
        let old_table = match named {
            Some(name) => quoted_parts(name)?,
            None => kept_table(scenario).await?,
        };
        let mut conn = scenario.connect().await?;
        let difference = oracle::difference(&mut conn, &old_table, &self.table(), &self.shared).await?;
        let unexplained = difference.unexplained(&written.ledger, swapped);
        ensure!(
            unexplained.is_empty(),
            "{} rows differ from {old_table} although nothing wrote them since the swap, such as {:?}",
            unexplained.len(),
            &unexplained[..unexplained.len().min(5)]
        );
        Ok(())
    }
}

/// Tells the watch what can be said of the shadow, phase by phase.
async fn follow(run: &mut Run, watch: &Watch) -> Result<()> {
    if run.reaches_phase("copy").await? {
        watch.look(Look::Copying);
    }
    if run.reaches(|seen| seen.is_phase("phase_finished", "copy")).await? {
        watch.look(Look::Copied);
    }
    // The cutover swaps what the watch looks at.
    let is_over = |seen: &Seen| seen.is_phase("phase_finished", "verify") || seen.is_phase("phase_started", "cutover");
    if run.reaches(is_over).await? {
        watch.look(Look::Away);
    }
    Ok(())
}

/// From when on the new table may have been in place. A run that was killed between the swap and telling it leaves
/// only the beginning of its cutover.
fn may_have_swapped(run: &Outcome) -> Option<Instant> {
    let began = || run.events.iter().find(|seen| seen.is_phase("phase_started", "cutover"));
    Some(run.events("swapped").next().or_else(began)?.at)
}

/// `schema.table` with both names quoted.
fn quoted_parts(name: &str) -> Result<String> {
    let (schema, table) = name.split_once('.').with_context(|| format!("{name} is no schema and table"))?;
    Ok(format!("{}.{}", quoted(schema), quoted(table)))
}

/// The old table, where no event named it.
pub async fn kept_table(scenario: &Scenario) -> Result<String> {
    let kept = residue::objects(&mut scenario.connect().await?, &scenario.bookkeeping()).await?;
    for object in &kept {
        match object.strip_prefix("table ") {
            Some(table) if table.contains("_rpk_old") => {
                return Ok(format!("{}.{}", quoted(&scenario.bookkeeping()), quoted(table)));
            }
            _ => {}
        }
    }
    bail!("no old table is kept among {kept:?}")
}

/// Fails when the application was ever made to wait as long as users notice. Not a measurement: that is
/// scripts/moderate_load.rs; this finds a lock that was left behind.
pub fn expect_no_standstill(written: &Written) -> Result<()> {
    const STANDSTILL: Duration = Duration::from_secs(15);
    // A write may flush in the server several times.
    let allowed = STANDSTILL + 3 * written.longest_flush;
    let whole = super::load::Span { from: written.started, to: Instant::now() };
    if let Some(stall) = written.record.longest_stall(whole) {
        ensure!(
            stall.took < allowed,
            "a write took {:?}, {:?} after the start",
            stall.took,
            stall.at - written.started
        );
    }
    Ok(())
}
