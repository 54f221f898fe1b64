//! What a server is and how it is set.

use super::{ServerError, Session};

/// Which of the two families.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavor {
    /// MySQL and what follows it.
    MySql,
    /// MariaDB.
    MariaDb,
}

/// Version and the settings that matter to a change.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Family.
    pub flavor: Flavor,
    /// `10.11.19` as numbers.
    pub version: (u16, u16, u16),
    /// The version as the server says it.
    pub version_text: String,
    /// Whether Vitess answers for the server.
    pub vitess: bool,
    /// Whether the binary log is on.
    pub log_bin: bool,
    /// `ROW`, `MIXED`, `STATEMENT`; empty when the server has no such variable any more (it is ROW then).
    pub binlog_format: String,
    /// Whether triggers may be created without SUPER while the binary log is on.
    pub trust_function_creators: bool,
    /// Whether the server is a Galera node.
    pub galera: bool,
    /// MariaDB: triggers run again on a replica of row events.
    pub replica_runs_triggers: bool,
    /// How AUTO_INCREMENT values are given: with 0, each INSERT holds the table's counter until its end.
    pub autoinc_lock_mode: u8,
    /// MariaDB: how many exclusive locks in a row may go ahead of others that wait.
    pub max_write_lock_count: u64,
    /// Whether the server refuses writes.
    pub read_only: bool,
    /// `@@lower_case_table_names`: 1 stores names in lower case.
    pub lower_case_table_names: u8,
    /// `@@datadir`.
    pub datadir: String,
    /// `CURRENT_USER()`.
    pub current_user: String,
}

impl Facts {
    /// Reads them.
    pub async fn read(session: &mut Session) -> Result<Facts, ServerError> {
        let variables: Vec<(String, String)> = session.rows(VARIABLES).await?;
        let value = |name: &str| {
            let found = variables.iter().find(|(variable, _)| variable.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.clone()).unwrap_or_default()
        };
        let on = |name: &str| matches!(value(name).to_ascii_uppercase().as_str(), "ON" | "1" | "YES");
        let row: Option<(String, String)> = session.first_row("SELECT CURRENT_USER(), @@version").await?;
        let (current_user, session_version) = row.unwrap_or_default();
        let version_text = value("version");
        let flavor = if version_text.contains("MariaDB") { Flavor::MariaDb } else { Flavor::MySql };
        let replica_triggers = value("slave_run_triggers_for_rbr").to_ascii_uppercase();
        Ok(Facts {
            flavor,
            // The global variable is that of the server behind it.
            vitess: session_version.to_ascii_lowercase().contains("vitess"),
            version: parse_version(&version_text),
            log_bin: on("log_bin"),
            binlog_format: value("binlog_format").to_ascii_uppercase(),
            trust_function_creators: on("log_bin_trust_function_creators"),
            galera: on("wsrep_on"),
            replica_runs_triggers: !matches!(replica_triggers.as_str(), "" | "NO" | "OFF"),
            autoinc_lock_mode: value("innodb_autoinc_lock_mode").parse().unwrap_or(2),
            max_write_lock_count: value("max_write_lock_count").parse().unwrap_or(u64::MAX),
            read_only: on("read_only") || on("super_read_only"),
            lower_case_table_names: value("lower_case_table_names").parse().unwrap_or(0),
            datadir: value("datadir"),
            current_user,
            version_text,
        })
    }

    /// `MariaDB 10.11.19`, for people.
    pub fn label(&self) -> String {
        let family = match self.flavor {
            Flavor::MySql => "MySQL",
            Flavor::MariaDb => "MariaDB",
        };
        let (major, minor, patch) = self.version;
        format!("{family} {major}.{minor}.{patch}")
    }
}

const VARIABLES: &str = "SHOW GLOBAL VARIABLES WHERE variable_name IN ('version', 'log_bin', 'binlog_format', \
    'log_bin_trust_function_creators', 'wsrep_on', 'slave_run_triggers_for_rbr', 'read_only', 'super_read_only', \
    'lower_case_table_names', 'datadir', 'innodb_autoinc_lock_mode', 'max_write_lock_count')";

fn parse_version(text: &str) -> (u16, u16, u16) {
    // An old replication prefix, 5.5.5-10.11.19-MariaDB, is not a version.
    let text = text.strip_prefix("5.5.5-").unwrap_or(text);
    let mut numbers = text.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse().unwrap_or(0));
    let mut next = || numbers.next().unwrap_or(0);
    (next(), next(), next())
}

#[cfg(test)]
mod tests {
    use super::parse_version;

    #[test]
    fn versions_of_both_families() {
        assert_eq!(parse_version("10.11.19-MariaDB-0+deb12u1-log"), (10, 11, 19));
        assert_eq!(parse_version("5.5.5-10.6.5-MariaDB"), (10, 6, 5));
        assert_eq!(parse_version("9.7.4"), (9, 7, 4));
        assert_eq!(parse_version("8.4.0-7-log"), (8, 4, 0));
    }
}
