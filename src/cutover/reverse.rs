//! The reverse change log: from the swap on, the key of every write to the new table is logged, so that the kept old
//! table can be brought up to date.

use super::identity;
use crate::error::Result;
use crate::run::Run;
use crate::runs::Identity;
use crate::server::retry::Tries;
use crate::server::{Role, ServerError, Session};

/// Creates the triggers on the shadow that write the reverse log, which is there since the preparation. What the applier
/// writes until the swap is logged too, which does no harm: a logged key only says that its row may differ. Gives the log
/// as it was made.
pub async fn arm(run: &Run) -> Result<Identity> {
    let mut session = run.server.session_for(Role::Work, "connecting for the reverse log").await?;
    let mut tries = Tries::of("arming the reverse log");
    let log = loop {
        match try_to_arm(run, &mut session).await {
            Ok(log) => break log,
            // Nobody but us writes the shadow, but somebody may be looking at it.
            Err(error) => {
                run.check_stop()?;
                tries.recover(&mut session, error, &run.events).await?;
            }
        }
    };
    session.close().await;
    Ok(log)
}

async fn try_to_arm(run: &Run, session: &mut Session) -> Result<Identity, ServerError> {
    let change = &run.change;
    if change.reverse.present(session).await? < 3 {
        session.execute("SET SESSION sql_mode = ''").await?;
        change.reverse.drop(session).await?;
        change.reverse.create(session).await?;
    }
    identity(session, &change.reverse_log.table).await
}
