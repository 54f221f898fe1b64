//! Lag of a replica, as the replica itself says.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use mysql_async::{Opts, Row, Value};

use super::{Reading, Signal};
use crate::error::{Failure, Result, Stop};
use crate::server::{Role, Server, ServerError, Session, address, server_failure};

/// One replica.
#[derive(Debug)]
pub struct ReplicaLag {
    server: Arc<Server>,
    session: Option<Session>,
    max_lag: Duration,
}

impl ReplicaLag {
    /// Connects; refuses a server that is no replica.
    pub async fn connect(replica: Opts, max_lag: Duration) -> Result<ReplicaLag> {
        let place = address(&replica);
        let server = Server::open(replica).await.map_err(|failure| Failure {
            next: vec!["check the URL of `--replica`, and that the replica is running".to_owned()],
            ..failure
        })?;
        let mut session = server.session_for(Role::Watch, "connecting to the replica").await?;
        let status = status(&mut session).await;
        let status = status.map_err(|error| {
            server_failure(&format!("reading the replication status of {place}"), &error)
                .table("untouched")
                .next("GRANT REPLICATION CLIENT ON *.* (MariaDB: REPLICA MONITOR) to the account on the replica")
        })?;
        if status.is_none() {
            return Err(Failure::new(Stop::Refused, format!("{place}, given with `--replica`, is not a replica"))
                .table("untouched")
                .next("give the URL of a replica, or leave `--replica` out"));
        }
        Ok(ReplicaLag { server, session: Some(session), max_lag })
    }

    async fn measure(&mut self) -> Result<Option<u64>, ServerError> {
        if self.session.as_ref().is_none_or(Session::is_lost) {
            self.session = Some(self.server.session(Role::Watch).await?);
        }
        let session = self.session.as_mut().expect("just filled");
        Ok(status(session).await?.flatten())
    }
}

impl Signal for ReplicaLag {
    fn sample(&mut self) -> Pin<Box<dyn Future<Output = Reading> + Send + '_>> {
        Box::pin(async move {
            let place = self.server.address();
            let limit = humantime::format_duration(self.max_lag);
            match self.measure().await {
                Ok(Some(lag)) if Duration::from_secs(lag) <= self.max_lag => Reading::Within,
                Ok(Some(lag)) => Reading::Over(format!("replica lag {lag}s > {limit} on {place}")),
                Ok(None) => Reading::Over(format!("replication is stopped on {place}")),
                Err(error) => {
                    self.session = None;
                    Reading::Over(format!("replica {place} does not answer: {error}"))
                }
            }
        })
    }
}

/// `None`: not a replica. `Some(None)`: replication is stopped. Seconds otherwise.
async fn status(session: &mut Session) -> Result<Option<Option<u64>>, ServerError> {
    let row: Option<Row> = session.first_row("SHOW REPLICA STATUS").await?;
    let Some(row) = row else { return Ok(None) };
    let lag = row.columns_ref().iter().position(|column| {
        let name = column.name_str();
        name == "Seconds_Behind_Source" || name == "Seconds_Behind_Master"
    });
    let value = lag.and_then(|index| row.as_ref(index));
    Ok(Some(match value {
        Some(Value::Bytes(text)) => std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()),
        Some(Value::Int(seconds)) => u64::try_from(*seconds).ok(),
        Some(Value::UInt(seconds)) => Some(*seconds),
        _ => None,
    }))
}
