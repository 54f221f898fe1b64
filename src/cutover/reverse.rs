//! The reverse change log: from the swap on, the key of every write to the new table is logged, so that the kept old
//! table can be brought up to date.

use crate::error::Result;
use crate::run::Run;
use crate::server::{Role, ServerError, server_failure};

/// Creates the reverse log and its triggers on the shadow. What the applier writes until the swap is logged too, which
/// does no harm: a logged key only says that its row may differ.
pub async fn arm(run: &Run) -> Result<()> {
    let change = &run.change;
    let mut session = run.server.session_for(Role::Work, "connecting for the reverse log").await?;
    let armed = async {
        if change.reverse.present(&mut session).await? == 3 {
            return Ok(());
        }
        session.execute("SET SESSION sql_mode = ''").await?;
        change.reverse.drop(&mut session).await?;
        session.execute(&change.reverse_log.create_sql()).await?;
        change.reverse.create(&mut session).await
    };
    armed.await.map_err(|error: ServerError| server_failure("arming the reverse log", &error))?;
    session.close().await;
    Ok(())
}
