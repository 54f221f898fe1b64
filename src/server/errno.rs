//! The only file that knows error numbers.

use std::fmt;

use super::Flavor;
use crate::sql::{Ident, TableName};

/// Access denied for user, with a password.
pub const ACCESS_DENIED: u16 = 1045;
/// Access denied before a password was asked for (ER_ACCESS_DENIED_NO_PASSWORD_ERROR and the plugin variant).
pub const ACCESS_DENIED_NO_PASSWORD: u16 = 1698;
/// The account may not use the database.
pub const DENIED_DATABASE: u16 = 1044;
/// Unknown database.
pub const UNKNOWN_DATABASE: u16 = 1049;
/// KILL of a connection that is gone.
pub const NO_SUCH_THREAD: u16 = 1094;
/// What has no number of its own (ER_UNKNOWN_ERROR).
pub const UNKNOWN_ERROR: u16 = 1105;
/// The statement was ended by KILL QUERY.
pub const QUERY_INTERRUPTED: u16 = 1317;
/// MariaDB's code for a statement ended by its own time limit.
pub const STATEMENT_TIMEOUT: u16 = 1969;
/// MySQL's code for a query ended by its own time limit.
pub const QUERY_TIMEOUT: u16 = 3024;
/// A lock was not granted in time.
pub const LOCK_WAIT_TIMEOUT: u16 = 1205;
/// Victim of a deadlock.
pub const DEADLOCK: u16 = 1213;
/// The counter of an AUTO_INCREMENT column could not be read. Where innodb_autoinc_lock_mode is 1, MariaDB's default, this
/// is what the victim of a deadlock around the counter is told, and who waited too long for it: InnoDB's own error is lost
/// (`ha_innobase::get_auto_increment`). It is also the error of a counter at its end: of BIGINT UNSIGNED for an INSERT, of
/// any type for an ALTER.
pub const COUNTER_NOT_READ: u16 = 1467;
/// MariaDB with innodb_snapshot_isolation: the row changed since the transaction's snapshot.
pub const RECORD_CHANGED: u16 = 1020;
/// MySQL: NOWAIT found a lock.
pub const LOCK_NOWAIT: u16 = 3572;
/// Duplicate key.
pub const DUPLICATE_KEY: u16 = 1062;
/// Values that a column, a CHECK, a partition or a row does not take, of those whose SQLSTATE does not say so: none where
/// there is no default, not in the character set, cut, no date, no number, too long, no partition, of
/// another reference system.
const DOES_NOT_FIT: [u16; 13] = [1118, 1265, 1300, 1364, 1366, 1411, 1526, 1713, 1977, 3643, 3819, 3854, 4025];
/// The table does not exist.
pub const NO_SUCH_TABLE: u16 = 1146;
/// The trigger does not exist.
pub const NO_SUCH_TRIGGER: u16 = 1360;
/// MySQL: the trigger that another one is to precede does not exist.
pub const NO_SUCH_NEIGHBOUR: u16 = 3011;
/// The procedure or function does not exist.
pub const NO_SUCH_ROUTINE: u16 = 1305;
/// The event does not exist.
pub const NO_SUCH_EVENT: u16 = 1539;
/// A constraint that the statement names does not exist.
pub const NO_SUCH_CONSTRAINT: [u16; 3] = [1091, 3821, 3940];
/// An algorithm or lock level that the statement does not support.
pub const ALGORITHM_NOT_SUPPORTED: [u16; 2] = [1845, 1846];
/// Unknown ALGORITHM or LOCK word.
pub const UNKNOWN_ALGORITHM: [u16; 2] = [1800, 1801];
/// A SELECT, CREATE and so on that the account may not do.
pub const DENIED: [u16; 5] = [DENIED_DATABASE, DENIED_TABLE, DENIED_COLUMN, DENIED_GLOBAL, DENIED_ROUTINE];
/// The account may not do this with the table.
const DENIED_TABLE: u16 = 1142;
/// The account may not do this with the column.
const DENIED_COLUMN: u16 = 1143;
/// The statement takes a global privilege that the account lacks.
const DENIED_GLOBAL: u16 = 1227;
/// The account may not do this with the routine.
const DENIED_ROUTINE: u16 = 1370;
/// The server is shutting down.
const SERVER_SHUTDOWN: u16 = 1053;
/// MariaDB: the connection was ended by KILL.
const CONNECTION_KILLED: u16 = 1927;
/// MySQL: the session was ended by KILL.
const SESSION_KILLED: u16 = 3169;
/// MySQL: the connection was idle for longer than it may be.
const IDLE_TIMEOUT: u16 = 4031;

/// What went wrong with a statement.
#[derive(Debug, Clone)]
pub enum ServerError {
    /// The server answered with an error.
    Server {
        /// Its number.
        code: u16,
        /// SQLSTATE.
        state: String,
        /// Its text.
        message: String,
    },
    /// The connection is gone; whether the statement took effect is not known.
    Lost(String),
    /// The driver could not make sense of a row or an option.
    Driver(String),
}

/// What to do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// The transaction was rolled back or the statement had no effect: do it again.
    Retry,
    /// Connect again, then decide from what the server says.
    Reconnect,
    /// Trying again gives the same error.
    Fatal,
}

impl ServerError {
    /// The server's error number.
    pub fn code(&self) -> Option<u16> {
        match self {
            ServerError::Server { code, .. } => Some(*code),
            ServerError::Lost(_) | ServerError::Driver(_) => None,
        }
    }

    /// What the server says of a foreign key whose name is taken.
    pub fn duplicate_foreign_key(flavor: Flavor, table: &TableName, name: &Ident) -> ServerError {
        let (code, message) = match flavor {
            Flavor::MySql => (1826, format!("Duplicate foreign key constraint name '{}'", name.as_str())),
            Flavor::MariaDb => {
                let message = format!("Can't create table {table} (errno: 121 \"Duplicate key on write or update\")");
                (1005, message)
            }
        };
        ServerError::Server { code, state: "HY000".to_owned(), message }
    }

    /// What to do about it.
    pub fn disposition(&self) -> Disposition {
        match self {
            ServerError::Server { code, .. } => match *code {
                LOCK_WAIT_TIMEOUT | DEADLOCK | RECORD_CHANGED | LOCK_NOWAIT => Disposition::Retry,
                SERVER_SHUTDOWN | CONNECTION_KILLED | SESSION_KILLED | IDLE_TIMEOUT => Disposition::Reconnect,
                _ => Disposition::Fatal,
            },
            ServerError::Lost(_) => Disposition::Reconnect,
            ServerError::Driver(_) => Disposition::Fatal,
        }
    }

    /// What to do about it when it came from a statement of ours on rows of InnoDB, whose transaction is rolled back with
    /// it. InnoDB may have done that already, unseen by the server.
    pub fn disposition_in_own_work(&self) -> Disposition {
        match self.code() {
            Some(COUNTER_NOT_READ) => Disposition::Retry,
            _ => self.disposition(),
        }
    }

    /// Whether the statement was ended from outside.
    pub fn is_interrupted(&self) -> bool {
        matches!(self.code(), Some(QUERY_INTERRUPTED | STATEMENT_TIMEOUT | QUERY_TIMEOUT))
    }

    /// Whether a value is at fault, and not the table or the server. Duplicate keys are not among these.
    pub fn is_of_a_value(&self) -> bool {
        match self {
            ServerError::Server { code: DUPLICATE_KEY, .. } => false,
            // Data exceptions and integrity constraints.
            ServerError::Server { code, state, .. } => {
                state.starts_with("22") || state.starts_with("23") || DOES_NOT_FIT.contains(code)
            }
            ServerError::Lost(_) | ServerError::Driver(_) => false,
        }
    }

    /// Whether the error is one of these numbers.
    pub fn is_any(&self, codes: &[u16]) -> bool {
        self.code().is_some_and(|code| codes.contains(&code))
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ServerError::Server { code, state, message } => write!(f, "ERROR {code} ({state}): {message}"),
            ServerError::Lost(why) => write!(f, "connection lost: {why}"),
            ServerError::Driver(why) => write!(f, "driver: {why}"),
        }
    }
}

impl std::error::Error for ServerError {}

impl From<mysql_async::Error> for ServerError {
    fn from(error: mysql_async::Error) -> ServerError {
        match error {
            mysql_async::Error::Server(error) => {
                ServerError::Server { code: error.code, state: error.state, message: error.message }
            }
            mysql_async::Error::Io(mysql_async::IoError::Io(error)) => ServerError::Lost(error.to_string()),
            mysql_async::Error::Io(error) => ServerError::Lost(error.to_string()),
            mysql_async::Error::Driver(error) => match error {
                mysql_async::DriverError::ConnectionClosed | mysql_async::DriverError::PoolDisconnected => {
                    ServerError::Lost(error.to_string())
                }
                error => ServerError::Driver(error.to_string()),
            },
            other => ServerError::Driver(other.to_string()),
        }
    }
}
