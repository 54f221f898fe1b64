//! A status variable of the server itself, such as `Threads_running`.

use std::pin::Pin;
use std::sync::Arc;

use super::{Reading, Signal};
use crate::error::{Failure, Result, Stop};
use crate::server::{Role, Server, ServerError, Session, server_failure};
use crate::settings::LoadLimit;
use crate::sql::string_literal;

/// One variable with its limit.
#[derive(Debug)]
pub struct StatusVariable {
    server: Arc<Server>,
    session: Option<Session>,
    limit: LoadLimit,
}

impl StatusVariable {
    /// Connects; refuses a variable that the server does not have or that is no number.
    pub async fn connect(server: &Arc<Server>, limit: LoadLimit) -> Result<StatusVariable> {
        let mut signal = StatusVariable { server: Arc::clone(server), session: None, limit };
        let value = signal.measure().await;
        let value = value.map_err(|error| server_failure("reading a status variable", &error))?;
        if value.is_none() {
            let name = &signal.limit.variable;
            return Err(Failure::new(Stop::Refused, format!("`--max-load {name}`: no such numeric status variable"))
                .table("untouched")
                .next("`SHOW GLOBAL STATUS` lists those of the server"));
        }
        Ok(signal)
    }

    async fn measure(&mut self) -> Result<Option<u64>, ServerError> {
        if self.session.as_ref().is_none_or(Session::is_lost) {
            self.session = Some(self.server.session(Role::Watch).await?);
        }
        let session = self.session.as_mut().expect("just filled");
        let name = string_literal(&self.limit.variable);
        let row: Option<(String, String)> =
            session.first_row(&format!("SHOW GLOBAL STATUS WHERE variable_name = {name}")).await?;
        Ok(row.and_then(|(_, value)| value.parse().ok()))
    }
}

impl Signal for StatusVariable {
    fn sample(&mut self) -> Pin<Box<dyn Future<Output = Reading> + Send + '_>> {
        Box::pin(async move {
            let LoadLimit { variable, limit } = self.limit.clone();
            match self.measure().await {
                Ok(Some(value)) if value <= limit => Reading::Within,
                Ok(Some(value)) => Reading::Over(format!("{variable} {value} > {limit}")),
                Ok(None) => Reading::Over(format!("{variable} is gone")),
                Err(error) => {
                    self.session = None;
                    Reading::Over(format!("{variable} cannot be read: {error}"))
                }
            }
        })
    }
}
