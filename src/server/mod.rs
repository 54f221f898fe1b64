//! Connections: the only code that holds them, bounds them in time and knows error numbers.
//!
//! Invariant: no statement that changes the server is cancelled by dropping its future, because the server would go on
//! with it. A statement that must end early is ended by KILL QUERY, and its outcome is awaited.

pub mod errno;
pub mod facts;
pub mod named_lock;
pub mod owner;
pub mod retry;
pub mod session;

use std::sync::Arc;
use std::time::Duration;

use mysql_async::{Opts, OptsBuilder};
use tokio::sync::Mutex;

pub use errno::{Disposition, ServerError};
pub use facts::{Facts, Flavor};
pub use session::{ConnectionId, Process, Role, Session, WRITER};

use self::retry::Tries;
use crate::error::{Failure, Result, Stop};

/// A connection that is being made must not hang on a filtered port.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A server: how to connect to it and what it is.
#[derive(Debug)]
pub struct Server {
    opts: Opts,
    /// What it is and how it is set.
    pub facts: Facts,
    /// Used for KILL and for questions that must not queue behind work.
    control: Mutex<Option<Session>>,
}

impl Server {
    /// Connects once, reads what the server is, and keeps the address.
    pub async fn open(opts: Opts) -> Result<Arc<Server>> {
        match Server::open_anyway(opts).await? {
            (server, None) => Ok(server),
            (_, Some(failure)) => Err(failure),
        }
    }

    /// The same where the account is let in, but not into the database of the URL: then that failure comes along, for
    /// callers that can find out more about it.
    pub async fn open_anyway(opts: Opts) -> Result<(Arc<Server>, Option<Failure>)> {
        let address = opts.clone();
        let opened = Server::connect(opts).await.map_err(|error| connect_failure(&address, &error))?;
        Ok((opened.0, opened.1.map(|error| connect_failure(&address, &error))))
    }

    /// The same with the errors as the server gave them, for callers that have words of their own for them.
    pub async fn connect(opts: Opts) -> Result<(Arc<Server>, Option<ServerError>), ServerError> {
        let (opts, first, denied) = match Session::first(&opts).await {
            Err(error) if error.is_any(&[errno::DENIED_DATABASE, errno::UNKNOWN_DATABASE]) => {
                let opts: Opts = OptsBuilder::from_opts(opts).db_name(None::<String>).into();
                let first = Session::first(&opts).await;
                (opts, first, Some(error))
            }
            first => (opts, first, None),
        };
        let mut session = first?;
        let facts = Facts::read(&mut session).await?;
        session.close().await;
        Ok((Arc::new(Server { opts, facts, control: Mutex::new(None) }), denied))
    }

    /// A new session for a role.
    pub async fn session(self: &Arc<Server>, role: Role) -> Result<Session, ServerError> {
        Session::connect(self, role).await
    }

    /// A new session, with a failure that users can read. A server that was there before is waited for as a lost
    /// connection is.
    pub async fn session_for(self: &Arc<Server>, role: Role, what: &str) -> Result<Session> {
        let mut tries = Tries::of(what);
        loop {
            match self.session(role).await {
                Ok(session) => return Ok(session),
                Err(error) => tries.wait_to_connect(error).await?,
            }
        }
    }

    /// Where the server is, without secrets.
    pub fn address(&self) -> String {
        address(&self.opts)
    }

    /// Whether the server is on this machine, so that its disk can be looked at.
    pub fn is_local(&self) -> bool {
        self.opts.socket().is_some() || matches!(self.opts.ip_or_hostname(), "localhost" | "127.0.0.1" | "::1")
    }

    pub(crate) fn opts(&self) -> &Opts {
        &self.opts
    }

    /// Ends the running statement of a connection; no error when there is none.
    pub async fn kill_query(self: &Arc<Server>, connection: u32) -> Result<(), ServerError> {
        self.control(&format!("KILL QUERY {connection}")).await
    }

    /// Ends a connection of ours that was lost and waits until the server has forgotten it, so that nothing it was
    /// doing can still take effect.
    pub async fn bury(self: &Arc<Server>, connection: ConnectionId) -> Result<(), ServerError> {
        let uptime: Option<(String, u64)> = self.ask("SHOW GLOBAL STATUS LIKE 'Uptime'").await?;
        if uptime.is_some_and(|(_, seconds)| seconds < connection.seen.elapsed().as_secs()) {
            // The server has started since, and may have given the number to the application.
            return Ok(());
        }
        let number = connection.number;
        self.control(&format!("KILL {number}")).await?;
        while self.processes().await?.iter().any(|process| process.id == number) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// The process list, on the control connection.
    pub async fn processes(self: &Arc<Server>) -> Result<Vec<Process>, ServerError> {
        let server = Arc::clone(self);
        to_its_end(async move {
            let mut guard = server.control.lock().await;
            server.control_session(&mut guard).await?.processes().await
        })
        .await
    }

    /// A question with one answer, on the control connection.
    pub async fn ask<T: mysql_async::prelude::FromRow + Send + 'static>(
        self: &Arc<Server>,
        sql: &str,
    ) -> Result<Option<T>, ServerError> {
        let (server, sql) = (Arc::clone(self), sql.to_owned());
        to_its_end(async move {
            let mut guard = server.control.lock().await;
            server.control_session(&mut guard).await?.first_row(&sql).await
        })
        .await
    }

    async fn control(self: &Arc<Server>, sql: &str) -> Result<(), ServerError> {
        let (server, sql) = (Arc::clone(self), sql.to_owned());
        let outcome = to_its_end(async move {
            let mut guard = server.control.lock().await;
            let mut outcome = server.control_session(&mut guard).await?.execute(&sql).await;
            if let Err(ServerError::Lost(_)) = outcome {
                // It may have been idle for too long.
                outcome = server.control_session(&mut guard).await?.execute(&sql).await;
            }
            outcome
        });
        match outcome.await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some(errno::NO_SUCH_THREAD) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn control_session<'a>(
        self: &Arc<Server>,
        slot: &'a mut Option<Session>,
    ) -> Result<&'a mut Session, ServerError> {
        if slot.as_ref().is_none_or(Session::is_lost) {
            *slot = Some(Session::connect(self, Role::Watch).await?);
        }
        Ok(slot.as_mut().expect("just filled"))
    }
}

/// Lets work on the control connection end also when whoever asked for it does not wait any longer, as when what was
/// looked for has happened meanwhile: a connection that is given up in the middle of a statement is lost.
async fn to_its_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, ServerError>> + Send + 'static,
) -> Result<T, ServerError> {
    let ended = tokio::spawn(work).await;
    ended.unwrap_or_else(|error| Err(ServerError::Driver(error.to_string())))
}

/// `user@host:port` or `user@socket`, never the password.
pub fn address(opts: &Opts) -> String {
    let user = opts.user().unwrap_or("");
    match opts.socket() {
        Some(socket) => format!("{user}@{socket}"),
        None => format!("{user}@{}:{}", opts.ip_or_hostname(), opts.tcp_port()),
    }
}

/// A server error that retries did not cure, as a failure.
pub fn server_failure(what: &str, error: &ServerError) -> Failure {
    Failure::new(Stop::Server, format!("{what} failed")).cause(error)
}

fn connect_failure(opts: &Opts, error: &ServerError) -> Failure {
    let address = address(opts);
    let failure = match error.code() {
        Some(errno::ACCESS_DENIED | errno::ACCESS_DENIED_NO_PASSWORD) => {
            Failure::new(Stop::Server, format!("the server denied access to {address}")).next(
                "check user and password in `--url`, DATABASE_URL or `.env`; special characters are %-encoded there",
            )
        }
        Some(errno::DENIED_DATABASE) => {
            Failure::new(Stop::Server, format!("the account may not use the database named in the URL at {address}"))
                .next("`replank alter … --dry-run` prints the GRANT that a change of a table needs")
        }
        Some(errno::UNKNOWN_DATABASE) => {
            Failure::new(Stop::Server, format!("the database named in the URL does not exist at {address}"))
                .next("check the path of `--url`, DATABASE_URL or `.env`")
        }
        _ => Failure::new(Stop::Server, format!("cannot connect to {address}"))
            .next("check host and port in `--url`, DATABASE_URL or `.env`, and that the server is running"),
    };
    failure.table("untouched").cause(match error {
        // There was no connection yet that could have been lost.
        ServerError::Lost(why) => why.clone(),
        error => error.to_string(),
    })
}
