//! After the swap: what the run made goes away, the old table moves to where it is kept or is dropped.

use crate::error::Result;
use crate::event::Events;
use crate::lock_window::{LockRequest, Purpose};
use crate::prepare::drop_table;
use crate::run::Run;
use crate::schema;
use crate::server::{Role, ServerError, server_failure};
use crate::sql::TableName;

/// Cleans up after a swap; does what is left to do. Gives where the old table is kept.
pub async fn clean_up(run: &Run) -> Result<Option<TableName>> {
    let change = &run.change;
    let mut session = run.server.session_for(Role::Work, "connecting for the cleanup").await?;
    // The mirror triggers went along with the old table, which nobody writes any more.
    change.mirror.drop(&mut session).await.map_err(failed)?;
    let old_is_here = schema::exists(&mut session, &change.old).await.map_err(failed)?;
    let kept = if run.options.drop_old {
        drop_table(&mut session, &change.old).await.map_err(failed)?;
        drop_table(&mut session, &change.kept).await.map_err(failed)?;
        None
    } else {
        // They are one where the application's own schema keeps the books.
        if old_is_here && change.old != change.kept {
            let rename = format!("RENAME TABLE {} TO {}", change.old, change.kept);
            session.execute(&rename).await.map_err(failed)?;
        }
        Some(change.kept.clone())
    };
    drop_table(&mut session, &change.log.table).await.map_err(failed)?;
    session.close().await;
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
        let request = LockRequest::new(Purpose::Triggers, &change.original, tables, run.options.lock_patience);
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
