//! Stand-in for the server module until the real one is merged: just what the ledger needs.

use mysql_async::prelude::{FromRow, Queryable};
use mysql_async::{Conn, Opts};
use thiserror::Error;

/// An error of the server or of the connection to it.
#[derive(Debug, Error)]
pub enum ServerError {
    /// Anything the driver reports.
    #[error(transparent)]
    Driver(#[from] mysql_async::Error),
}

impl ServerError {
    /// The server's error number, when the server answered.
    pub fn code(&self) -> Option<u16> {
        match self {
            ServerError::Driver(mysql_async::Error::Server(error)) => Some(error.code),
            ServerError::Driver(_) => None,
        }
    }
}

/// One connection.
#[derive(Debug)]
pub struct Session(Conn);

impl Session {
    /// Connects.
    pub async fn connect(opts: Opts) -> Result<Session, ServerError> {
        Ok(Session(Conn::new(opts).await?))
    }

    /// Runs a statement and returns the number of affected rows.
    pub async fn execute(&mut self, sql: &str) -> Result<u64, ServerError> {
        self.0.query_drop(sql).await?;
        Ok(self.0.affected_rows())
    }

    /// Runs a query and returns its rows.
    pub async fn rows<R: FromRow + Send + 'static>(&mut self, sql: &str) -> Result<Vec<R>, ServerError> {
        Ok(self.0.query(sql).await?)
    }
}
