//! Makes what a copy needs: shadow table, change log, triggers.
//!
//! Until the triggers are in, nothing of this is worth keeping, so an interrupted preparation is undone and made anew.

use crate::change::{Change, Direction};
use crate::cutover::{self, identity};
use crate::error::{Failure, Result, Stop};
use crate::event::Phase;
use crate::foreign_keys::family::named_parents;
use crate::foreign_keys::window;
use crate::lock_window::{LockRequest, Purpose, Round};
use crate::plan::Alter;
use crate::run::Run;
use crate::schema;
use crate::server::retry::{Tries, patiently};
use crate::server::{Flavor, Role, ServerError, Session, server_failure};
use crate::shadow::{Shadow, split_indexes};
use crate::sql::{Ident, TableName};
use crate::user_triggers::{self, UserTrigger};

/// Makes everything and fills in the checkpoint.
pub async fn prepare(run: &mut Run, alter: &Alter) -> Result<()> {
    remove(run, "resume").await?;
    run.checkpoint.muted_by = None;
    let change = run.change.clone();
    let mut work = run.server.session_for(Role::Work, "connecting for the preparation").await?;
    let mut ddl = run.server.session_for(Role::Ddl, "connecting for the preparation").await?;
    let shadow = Shadow::create(run, &mut ddl, &mut work, alter).await?;
    let split = split_indexes(&shadow.table, &change.key);
    shadow.strip(run, &mut ddl, &split).await?;
    ddl.execute("SET SESSION sql_mode = ''").await.map_err(failed)?;
    run.define(&mut ddl, &change.log.create_sql(), preparing).await?;
    run.check_stop()?;
    // Noted before there is anything to be removed.
    window::plan(run, &mut work).await?;
    run.runs.save(&run.row, Phase::Prepare, &run.checkpoint).await?;
    // Triggers name it from the start.
    if change.direction == Direction::Forward && !run.checkpoint.drop_old {
        run.define(&mut ddl, &change.reverse_log.create_sql(), preparing).await?;
    }
    run.checkpoint.user_triggers = user_triggers_of(run, &mut work).await?;
    run.relocation().prove(&change.shadow).await?;
    install(run).await?;
    window::watch_cascades(run).await?;
    run.checkpoint.target_definition = shadow.table.create_sql.clone();
    run.checkpoint.deferred_indexes = split.deferred;
    run.checkpoint.temporary_key = split.temporary_key;
    run.checkpoint.shadow_index = split.key_index.as_str().to_owned();
    let now = identity(&mut work, &change.original).await.map_err(failed)?;
    let is_other = run.checkpoint.original.as_ref().is_some_and(|planned| planned.definition != now.definition);
    if is_other || user_triggers_of(run, &mut work).await? != run.checkpoint.user_triggers {
        return Err(altered_meanwhile(&change.original));
    }
    run.checkpoint.original = Some(now);
    // From here on every write is logged, so rows beyond this key need no copy.
    let last = crate::copy::workers::last_key(&mut work, &change).await?;
    run.checkpoint.last_key = last.map(|key| key.raw().to_vec());
    work.close().await;
    ddl.close().await;
    Ok(())
}

/// Removes what an earlier preparation left: triggers first, because they write the log. `command` is the one that
/// tries again.
pub async fn remove(run: &Run, command: &'static str) -> Result<()> {
    let change = &run.change;
    let mut work = run.server.session_for(Role::Work, "connecting for the preparation").await?;
    let looking = "looking for what the change has made";
    let triggers = patiently(looking, &mut work, async |session| change.mirror.found(session).await).await?;
    for (table, names) in triggers {
        drop_mirror(run, command, &table, &names).await?;
    }
    window::forget_cascades(run, true).await?;
    if patiently(looking, &mut work, async |session| schema::exists(session, &change.shadow).await).await? {
        // A table with foreign keys is not dropped without a lock on those it references.
        window::withdraw_left(run).await?;
    }
    run.relocation().asked_by(command).unmute().await?;
    let removing = "removing what the change has made";
    patiently(removing, &mut work, async |session| cutover::remove_leftovers(run, session).await).await?;
    for table in [&change.shadow, &change.log.table, &change.reverse_log.table] {
        // The server may not have heard yet that a session which used it is gone.
        patiently(removing, &mut work, async |session| drop_table(session, table).await).await?;
    }
    work.close().await;
    Ok(())
}

/// Drops the mirror's triggers off a table, all at once and without making the application wait.
async fn drop_mirror(run: &Run, command: &'static str, table: &TableName, names: &[Ident]) -> Result<()> {
    let drops: Vec<String> =
        names.iter().map(|name| format!("DROP TRIGGER IF EXISTS {}.{name}", table.schema)).collect();
    let tables = trigger_tables(run, table).await?;
    let request = LockRequest::new(Purpose::Triggers, table, tables.iter().collect(), run.options.lock_patience);
    request.asked_by(command).run_repeatable(&run.server, "dropping the triggers", &drops, &run.events).await
}

/// The tables of a window in which the mirror's triggers come or go. MariaDB needs the one that they write, too; on MySQL
/// a parent's statements would meet both of them, and the parents are named instead.
async fn trigger_tables(run: &Run, table: &TableName) -> Result<Vec<TableName>> {
    if run.server.facts.flavor == Flavor::MariaDb {
        return Ok(vec![table.clone(), run.change.log.table.clone()]);
    }
    let mut session = run.server.session_for(Role::Watch, "connecting for the triggers").await?;
    let look = async |session: &mut Session| named_parents(session, table).await;
    let parents = patiently("reading the foreign keys", &mut session, look).await?;
    session.close().await;
    Ok([vec![table.clone()], parents].concat())
}

/// DROP TABLE of something of ours; no error when it is gone.
pub async fn drop_table(session: &mut Session, table: &TableName) -> Result<(), ServerError> {
    session.execute(&drop_table_sql(table)).await.map(drop)
}

/// The statement.
pub fn drop_table_sql(table: &TableName) -> String {
    format!("DROP TABLE IF EXISTS {table}")
}

async fn user_triggers_of(run: &Run, work: &mut Session) -> Result<Vec<UserTrigger>> {
    let Change { original, mirror, .. } = &*run.change;
    let keys = &run.checkpoint.foreign_keys;
    let is_own = |name: &str| mirror.is_one_of_them(name) || keys.is_own_trigger(name);
    user_triggers::read(work, original, is_own).await.map_err(failed)
}

/// Creates the mirror triggers in one window.
async fn install(run: &Run) -> Result<()> {
    let change = &run.change;
    let mut watch = run.server.session_for(Role::Watch, "connecting for the triggers").await?;
    let tables = trigger_tables(run, &change.original).await?;
    let mut request =
        LockRequest::new(Purpose::Triggers, &change.original, tables.iter().collect(), run.options.lock_patience);
    let mut locker = run.server.session_for(Role::Work, "connecting for the triggers").await?;
    let mut tries = Tries::of("creating the triggers");
    let mut is_again = false;
    loop {
        run.check_stop()?;
        let round = request.round(&mut locker, &mut watch, &run.events, std::time::Duration::from_secs(1)).await?;
        let Round::Granted(window) = round else { continue };
        let mut created = Ok(());
        if is_again {
            // What the attempt before has left would be in the way.
            created = change.mirror.drop(&mut locker).await;
        }
        if created.is_ok() {
            created = change.mirror.create_first(&mut locker).await;
        }
        if created.is_err() {
            // Half a mirror is none.
            let _ = change.mirror.drop(&mut locker).await;
        }
        is_again = true;
        match created.and(window.unlock(&mut locker, &run.events).await) {
            Ok(()) => break,
            Err(error) => tries.recover(&mut locker, error, &run.events).await?,
        }
    }
    locker.close().await;
    watch.close().await;
    Ok(())
}

fn altered_meanwhile(table: &TableName) -> Failure {
    Failure::new(Stop::Occupied, format!("{table} was altered by somebody else since the change was planned"))
        .table("untouched by replank; its copy would not have that change")
        .next(format!("`replank abort {}`, then run the change again", table.argument()))
}

fn failed(error: ServerError) -> Failure {
    preparing(&error)
}

fn preparing(error: &ServerError) -> Failure {
    server_failure("preparing the change", error)
}
