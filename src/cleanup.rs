//! After the swap: what the run made goes away, the table that was taken out of use moves to where it is kept or is
//! dropped.

use crate::error::Result;
use crate::event::Phase;
use crate::foreign_keys::window;
use crate::kept;
use crate::prepare::drop_table;
use crate::run::Run;
use crate::schema;
use crate::server::retry::Tries;
use crate::server::{Role, ServerError, Session, server_failure};
use crate::sql::TableName;

/// Cleans up after a swap; does what is left to do. Gives where the table that was taken out of use is kept.
pub async fn clean_up(run: &mut Run) -> Result<Option<TableName>> {
    // Like the mirror's triggers before the log that they write.
    window::forget_cascades(run, run.options.drop_old && !run.checkpoint.reverse_armed).await?;
    let mut session = run.server.session_for(Role::Work, "connecting for the cleanup").await?;
    let mut tries = Tries::of("cleaning up");
    let kept = loop {
        match try_to_clean_up(run, &mut session).await {
            Ok(kept) => break kept,
            // Somebody may be looking at the old table.
            Err(error) => tries.recover(&mut session, error, &run.events).await?,
        }
    };
    match &kept {
        Some(table) => {
            let keep_for = run.checkpoint.keep_for.unwrap_or(run.options.keep_for.as_secs());
            let note = kept::note(&mut session, table, keep_for).await;
            run.checkpoint.kept =
                Some(note.map_err(|error| server_failure("looking at the table that is kept", &error))?);
            run.runs.save(&run.row, Phase::Cleanup, &run.checkpoint).await?;
        }
        // It was begun to keep the old table, so the new one is followed, for nobody.
        None if run.checkpoint.reverse_armed => {
            kept::stop_following(&run.server, &run.change, run.options.lock_patience, &run.events).await?;
            run.checkpoint.reverse_armed = false;
            run.runs.save(&run.row, Phase::Cleanup, &run.checkpoint).await?;
        }
        None => {}
    }
    session.close().await;
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
    if run.options.drop_old && !run.checkpoint.reverse_armed {
        drop_table(session, &change.reverse_log.table).await?;
    }
    if let Some(aside) = &change.aside {
        drop_table(session, &aside.table).await?;
    }
    Ok(kept)
}
