//! The engine's entry points. A stand-in until the engine is there: it refuses, so that nothing pretends to work.

use mysql_async::Opts;
use tokio_util::sync::CancellationToken;

use crate::error::{Failure, Stop};
use crate::event::Events;
use crate::plan::explain::Plan;
use crate::run_status::RunStatus;
use crate::settings::{AlterRequest, RunOptions};
use crate::sql::TableName;

fn missing() -> Failure {
    Failure::new(Stop::Unexpected, "the engine is not part of this build").table("untouched")
}

/// Runs one change.
pub async fn alter(_request: AlterRequest, _events: Events, _stop: CancellationToken) -> Result<(), Failure> {
    Err(missing())
}

/// Plans one change.
pub async fn dry_run(_request: AlterRequest) -> Result<Plan, Failure> {
    Err(missing())
}

/// Continues an interrupted change.
pub async fn resume(
    _server: Opts,
    _table: TableName,
    _options: RunOptions,
    _events: Events,
    _stop: CancellationToken,
) -> Result<(), Failure> {
    Err(missing())
}

/// Gives a change up.
pub async fn abort(
    _server: Opts,
    _table: TableName,
    _bookkeeping: Option<String>,
    _events: Events,
) -> Result<(), Failure> {
    Err(missing())
}

/// What runs there are.
pub async fn status(
    _server: Opts,
    _schema: Option<String>,
    _bookkeeping: Option<String>,
) -> Result<Vec<RunStatus>, Failure> {
    Err(missing())
}
