//! Makes what a copy needs: shadow table, change log, triggers.
//!
//! Until the triggers are in, nothing of this is worth keeping, so an interrupted preparation is undone and made anew.

use crate::change::Change;
use crate::cutover::{self, identity};
use crate::error::{Failure, Result, Stop};
use crate::lock_window::{LockRequest, Purpose, Round};
use crate::plan::Alter;
use crate::run::Run;
use crate::server::{Role, ServerError, Session, server_failure};
use crate::shadow::{Shadow, split_indexes};
use crate::sql::TableName;

/// Makes everything and fills in the checkpoint.
pub async fn prepare(run: &mut Run, alter: &Alter) -> Result<()> {
    remove(run, "resume").await?;
    let change = run.change.clone();
    let mut work = run.server.session_for(Role::Work, "connecting for the preparation").await?;
    let mut ddl = run.server.session_for(Role::Ddl, "connecting for the preparation").await?;
    let shadow = Shadow::create(&mut ddl, &mut work, &change.original, &change.shadow, alter).await?;
    let split = split_indexes(&shadow.table, &change.key);
    shadow.strip(&mut ddl, &change.key, &split).await?;
    ddl.execute("SET SESSION sql_mode = ''").await.map_err(failed)?;
    ddl.execute(&change.log.create_sql()).await.map_err(failed)?;
    run.check_stop()?;
    install(run).await?;
    run.checkpoint.target_definition = shadow.table.create_sql.clone();
    run.checkpoint.deferred_indexes = split.deferred;
    run.checkpoint.temporary_key = split.temporary_key;
    run.checkpoint.shadow_index = split.key_index.as_str().to_owned();
    let now = identity(&mut work, &change.original).await.map_err(failed)?;
    if run.checkpoint.original.as_ref().is_some_and(|planned| planned.definition != now.definition) {
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
    if change.mirror.any_exists(&mut work).await.map_err(failed)? {
        drop_mirror(run, command).await?;
    }
    cutover::remove_leftovers(run, &mut work).await.map_err(failed)?;
    for table in [&change.shadow, &change.log.table, &change.reverse_log.table] {
        drop_table(&mut work, table).await.map_err(failed)?;
    }
    work.close().await;
    Ok(())
}

/// Drops the mirror's triggers, all at once and without making the application wait.
async fn drop_mirror(run: &Run, command: &'static str) -> Result<()> {
    let Change { mirror, log, .. } = &*run.change;
    let mut locker = run.server.session_for(Role::Work, "connecting for the triggers").await?;
    let mut watch = run.server.session_for(Role::Watch, "connecting for the triggers").await?;
    let request =
        LockRequest::new(Purpose::Triggers, &mirror.table, vec![&mirror.table, &log.table], run.options.lock_patience);
    let window = request.asked_by(command).granted(&mut locker, &mut watch, &run.events).await?;
    let dropped = mirror.drop(&mut locker).await;
    window.unlock(&mut locker, &run.events).await.map_err(failed)?;
    dropped.map_err(failed)?;
    locker.close().await;
    watch.close().await;
    Ok(())
}

/// DROP TABLE of something of ours; no error when it is gone.
pub async fn drop_table(session: &mut Session, table: &TableName) -> Result<(), ServerError> {
    session.execute(&drop_table_sql(table)).await.map(drop)
}

/// The statement.
pub fn drop_table_sql(table: &TableName) -> String {
    format!("DROP TABLE IF EXISTS {table}")
}

/// Creates the mirror triggers in one window.
async fn install(run: &Run) -> Result<()> {
    let change = &run.change;
    let mut watch = run.server.session_for(Role::Watch, "connecting for the triggers").await?;
    let tables = vec![&change.original, &change.log.table];
    let mut request = LockRequest::new(Purpose::Triggers, &change.original, tables, run.options.lock_patience);
    let mut locker = run.server.session_for(Role::Work, "connecting for the triggers").await?;
    loop {
        run.check_stop()?;
        let round = request.round(&mut locker, &mut watch, &run.events, std::time::Duration::from_secs(1)).await?;
        let Round::Granted(window) = round else { continue };
        let created = change.mirror.create(&mut locker).await;
        if created.is_err() {
            // Half a mirror is none.
            let _ = change.mirror.drop(&mut locker).await;
        }
        window.unlock(&mut locker, &run.events).await.map_err(failed)?;
        created.map_err(|error| server_failure("creating the triggers", &error))?;
        break;
    }
    locker.close().await;
    watch.close().await;
    Ok(())
}

fn altered_meanwhile(table: &TableName) -> Failure {
    Failure::new(Stop::Occupied, format!("{table} was altered by somebody else since the change was planned"))
        .table("untouched by replank; its copy would not have that change")
        .next(format!("`replank abort {}`, then run the change again", table.plain()))
}

fn failed(error: ServerError) -> crate::error::Failure {
    server_failure("preparing the change", &error)
}
