//! After the swap: what the run made goes away, the old table moves to where it is kept or is dropped.

use crate::error::Result;
use crate::event::Events;
use crate::lock_window::{LockRequest, Purpose};
use crate::prepare::drop_table;
use crate::run::Run;
use crate::schema;
use crate::server::retry::Tries;
use crate::server::{Role, ServerError, Session, server_failure};
use crate::sql::TableName;

/// Cleans up after a swap; does what is left to do. Gives where the old table is kept.
pub async fn clean_up(run: &Run) -> Result<Option<TableName>> {
    let mut session = run.server.session_for(Role::Work, "connecting for the cleanup").await?;
    let mut tries = Tries::of("cleaning up");
    let kept = loop {
        match try_to_clean_up(run, &mut session).await {
            Ok(kept) => break kept,
            // Somebody may be looking at the old table.
            Err(error) => tries.recover(&mut session, error, &run.events).await?,
        }
    };
    session.close().await;
    if run.options.drop_old && run.checkpoint.reverse_armed {
        // It was begun to keep the old table, so the new one is followed, for nobody.
        drop_kept(run, &run.events).await?;
    }
    Ok(kept)
}

async fn try_to_clean_up(run: &Run, session: &mut Session) -> Result<Option<TableName>, ServerError> {
    let change = &run.change;
    // The mirror triggers went along with the old table, which nobody writes any more.
    change.mirror.drop(session).await?;
    let kept = if run.options.drop_old {
        drop_table(session, &change.old).await?;
        drop_table(session, &change.kept).await?;
        None
    } else {
        // They are one where the application's own schema keeps the books.
        if change.old != change.kept && schema::exists(session, &change.old).await? {
            session.execute(&format!("RENAME TABLE {} TO {}", change.old, change.kept)).await?;
        }
        Some(change.kept.clone())
    };
    drop_table(session, &change.log.table).await?;
    Ok(kept)
}

/// Drops the old table that an earlier change keeps, and the triggers that follow the new one: triggers first.
pub async fn drop_kept(run: &Run, events: &Events) -> Result<()> {
    let change = &run.change;
    let mut triggers = change.reverse.clone();
    triggers.table = change.original.clone();
    let mut session = run.server.session_for(Role::Work, "connecting for the cleanup").await?;
    if triggers.any_exists(&mut session).await.map_err(failed)? {
        let mut locker = run.server.session_for(Role::Work, "connecting for the cleanup").await?;
        let mut watch = run.server.session_for(Role::Watch, "connecting for the cleanup").await?;
        let tables = vec![&change.original, &change.reverse_log.table];
        let request = LockRequest::new(Purpose::Triggers, &change.original, tables, run.options.lock_patience)
            .asked_by("cleanup");
        let window = request.granted(&mut locker, &mut watch, events).await?;
        let dropped = triggers.drop(&mut locker).await;
        window.unlock(&mut locker, events).await.map_err(failed)?;
        dropped.map_err(failed)?;
        locker.close().await;
        watch.close().await;
    }
    drop_table(&mut session, &change.reverse_log.table).await.map_err(failed)?;
    drop_table(&mut session, &change.kept).await.map_err(failed)?;
    session.close().await;
    Ok(())
}

fn failed(error: ServerError) -> crate::error::Failure {
    server_failure("cleaning up", &error)
}
