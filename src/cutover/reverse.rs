//! The reverse change log: from the swap on, the key of every write to the new table is logged, so that the kept old
//! table can be brought up to date.

use crate::error::Result;
use crate::run::Run;
use crate::server::retry::Tries;
use crate::server::{Role, ServerError, Session};

/// Creates the reverse log and its triggers on the shadow. What the applier writes until the swap is logged too, which
/// does no harm: a logged key only says that its row may differ.
pub async fn arm(run: &Run) -> Result<()> {
    let mut session = run.server.session_for(Role::Work, "connecting for the reverse log").await?;
    let mut tries = Tries::of("arming the reverse log");
    // Nobody but us writes the shadow, but somebody may be looking at it.
    while let Err(error) = try_to_arm(run, &mut session).await {
        run.check_stop()?;
        tries.recover(&mut session, error, &run.events).await?;
    }
    session.close().await;
    Ok(())
}

async fn try_to_arm(run: &Run, session: &mut Session) -> Result<(), ServerError> {
    let change = &run.change;
    if change.reverse.present(session).await? == 3 {
        return Ok(());
    }
    session.execute("SET SESSION sql_mode = ''").await?;
    change.reverse.drop(session).await?;
    session.execute(&change.reverse_log.create_sql()).await?;
    change.reverse.create(session).await
}
