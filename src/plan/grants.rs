//! What the account may do, read from SHOW GRANTS, and the GRANT that is missing. Pure.
//!
//! The rules are the servers' own and were tried on them: of several schema-level grants whose pattern matches, only
//! the most specific one counts, so a new grant can take privileges away; table-level grants name their table
//! literally; with MySQL's `partial_revokes` schema names are no patterns at all.
//! A role's privileges count only when the server lists them, which both servers do while the role is active.

mod reading;

use std::collections::BTreeSet;
use std::fmt;

use crate::sql::{Ident, TableName, string_literal};

/// A privilege on a table or schema that changing a table online can need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Privilege {
    /// Read rows.
    Select,
    /// Insert rows.
    Insert,
    /// Update rows.
    Update,
    /// Delete rows.
    Delete,
    /// Create tables, and the schema itself.
    Create,
    /// Drop tables.
    Drop,
    /// Name a table as the parent of a foreign key.
    References,
    /// Create and drop indexes.
    Index,
    /// Alter and rename tables.
    Alter,
    /// Create temporary tables; it cannot be granted on a single table.
    CreateTemporaryTables,
    /// LOCK TABLES; it cannot be granted on a single table.
    LockTables,
    /// Create and drop triggers.
    Trigger,
}

impl Privilege {
    /// Every one, in the order the servers print them.
    pub const ALL: [Privilege; 12] = [
        Privilege::Select,
        Privilege::Insert,
        Privilege::Update,
        Privilege::Delete,
        Privilege::Create,
        Privilege::Drop,
        Privilege::References,
        Privilege::Index,
        Privilege::Alter,
        Privilege::CreateTemporaryTables,
        Privilege::LockTables,
        Privilege::Trigger,
    ];

    /// The words of GRANT.
    pub fn name(self) -> &'static str {
        match self {
            Privilege::Select => "SELECT",
            Privilege::Insert => "INSERT",
            Privilege::Update => "UPDATE",
            Privilege::Delete => "DELETE",
            Privilege::Create => "CREATE",
            Privilege::Drop => "DROP",
            Privilege::References => "REFERENCES",
            Privilege::Index => "INDEX",
            Privilege::Alter => "ALTER",
            Privilege::CreateTemporaryTables => "CREATE TEMPORARY TABLES",
            Privilege::LockTables => "LOCK TABLES",
            Privilege::Trigger => "TRIGGER",
        }
    }
}

impl fmt::Display for Privilege {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An account, `'app'@'%'`; `Display` quotes it for SQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    user: String,
    /// A MariaDB role has none.
    host: Option<String>,
}

impl Account {
    /// From the value of CURRENT_USER(), `app@%`; a user name may contain `@`, a host cannot.
    pub fn parse(current_user: &str) -> Account {
        match current_user.rsplit_once('@') {
            Some((user, host)) => Account { user: user.to_owned(), host: Some(host.to_owned()) },
            None => Account { user: current_user.to_owned(), host: None },
        }
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&quote_name(&self.user))?;
        match &self.host {
            Some(host) => write!(f, "@{}", quote_name(host)),
            None => Ok(()),
        }
    }
}

/// The usual quotes for names of accounts, and backticks where what quotes do depends on the sql_mode.
fn quote_name(name: &str) -> String {
    if name.contains(['\\', '\'']) { Ident::new(name).to_string() } else { string_literal(name) }
}

/// What SHOW GRANTS lists for the account that is connected.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants {
    entries: Vec<Entry>,
    roles: Vec<String>,
    literal_schemas: bool,
}

/// One line of SHOW GRANTS about global, schema or table privileges.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    revoked: bool,
    scope: Scope,
    held: BTreeSet<String>,
    grantee: Account,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Scope {
    Global,
    /// A pattern, unless schema names are literal.
    Schema(String),
    Table {
        schema: String,
        table: String,
    },
}

impl Grants {
    /// Reads the lines of SHOW GRANTS; a line about anything else than privileges on data is passed over.
    pub fn parse<L: AsRef<str>>(lines: impl IntoIterator<Item = L>) -> Grants {
        let mut grants = Grants::default();
        for line in lines {
            match reading::line(line.as_ref()) {
                Some(reading::Line::Entry(entry)) => {
                    // Only partial revokes are ever listed as REVOKE.
                    grants.literal_schemas |= entry.revoked;
                    grants.entries.push(entry);
                }
                Some(reading::Line::Roles(roles)) => grants.roles.extend(roles),
                None => {}
            }
        }
        grants
    }

    /// Takes `_`, `%` and `\` in schema names literally, as MySQL does while `partial_revokes` is on.
    pub fn with_literal_schemas(mut self) -> Grants {
        self.literal_schemas = true;
        self
    }

    /// Which of `needed` the account lacks on a table, in that order.
    pub fn missing_on_table(&self, table: &TableName, needed: &[Privilege]) -> Vec<Privilege> {
        let missing = self.missing_on_schema(&table.schema, needed);
        missing.into_iter().filter(|privilege| !self.granted_on_table(table, *privilege)).collect()
    }

    /// Which of `needed` the account lacks on a whole schema, in that order.
    pub fn missing_on_schema(&self, schema: &Ident, needed: &[Privilege]) -> Vec<Privilege> {
        let (global, revoked) = (self.global(), self.revoked_on(schema));
        let holders = self.effective_entries(schema);
        let granted = |privilege: Privilege| {
            let globally = global.iter().any(|entry| entry.has(privilege.name()))
                && !revoked.iter().any(|entry| entry.has(privilege.name()));
            // Entries of one grantee that are equally specific are one of them to the server, nobody says which.
            let by_schema = holders.iter().any(|same_rank| same_rank.iter().all(|entry| entry.has(privilege.name())));
            globally || by_schema
        };
        needed.iter().copied().filter(|privilege| !granted(*privilege)).collect()
    }

    /// Whether the account has SUPER, which creating a trigger needs while binary logging is on and
    /// `log_bin_trust_function_creators` is off.
    pub fn has_super(&self) -> bool {
        self.has_global("SUPER")
    }

    /// Whether the account sees the connections of others.
    pub fn has_process(&self) -> bool {
        self.has_global("PROCESS")
    }

    /// Whether the account has a global privilege, by the name SHOW GRANTS gives it in upper case.
    pub fn has_global(&self, privilege: &str) -> bool {
        self.global().iter().any(|entry| entry.has(privilege))
    }

    /// Roles granted to the account: when something is missing, activating one of them can be the way.
    pub fn roles(&self) -> &[String] {
        &self.roles
    }

    /// The statement that gives `account` these privileges on a schema without taking others away.
    pub fn grant_statement(&self, account: &Account, schema: &Ident, privileges: &[Privilege]) -> String {
        let names: Vec<&str> = privileges.iter().map(|privilege| privilege.name()).collect();
        format!("GRANT {} ON {}.* TO {account}", names.join(", "), self.grant_target(account, schema))
    }

    /// The pattern that counts for the schema now, because a more specific one would hide it; else the schema itself.
    fn grant_target(&self, account: &Account, schema: &Ident) -> Ident {
        let own = self.effective_entries(schema).into_iter().flatten().find(|entry| entry.grantee == *account);
        match own.map(|entry| &entry.scope) {
            Some(Scope::Schema(pattern)) => Ident::new(pattern),
            _ if self.literal_schemas => schema.clone(),
            _ => Ident::new(schema.as_str().replace('\\', "\\\\").replace('_', "\\_").replace('%', "\\%")),
        }
    }

    fn global(&self) -> Vec<&Entry> {
        self.entries.iter().filter(|entry| !entry.revoked && entry.scope == Scope::Global).collect()
    }

    fn revoked_on(&self, schema: &Ident) -> Vec<&Entry> {
        let on_schema =
            |entry: &&Entry| entry.revoked && matches!(&entry.scope, Scope::Schema(name) if name == schema.as_str());
        self.entries.iter().filter(on_schema).collect()
    }

    /// Per grantee (the account, and on MariaDB its active roles) the most specific entries for the schema.
    fn effective_entries(&self, schema: &Ident) -> Vec<Vec<&Entry>> {
        let mut by_grantee: Vec<(usize, Vec<&Entry>)> = Vec::new();
        for entry in self.entries.iter().filter(|entry| !entry.revoked) {
            let Scope::Schema(pattern) = &entry.scope else { continue };
            let matched =
                if self.literal_schemas { pattern == schema.as_str() } else { matches(pattern, schema.as_str()) };
            if !matched {
                continue;
            }
            let rank = if self.literal_schemas { usize::MAX } else { specificity(pattern) };
            match by_grantee.iter_mut().find(|(_, entries)| entries[0].grantee == entry.grantee) {
                None => by_grantee.push((rank, vec![entry])),
                Some(best) if rank > best.0 => *best = (rank, vec![entry]),
                Some(best) if rank == best.0 => best.1.push(entry),
                Some(_) => {}
            }
        }
        by_grantee.into_iter().map(|(_, entries)| entries).collect()
    }

    fn granted_on_table(&self, name: &TableName, privilege: Privilege) -> bool {
        // ALL on a table stops short of what tables cannot be granted.
        let grantable = !matches!(privilege, Privilege::LockTables | Privilege::CreateTemporaryTables);
        grantable
            && self.entries.iter().any(|entry| match &entry.scope {
                Scope::Table { schema, table } => {
                    !entry.revoked
                        && schema == name.schema.as_str()
                        && table == name.table.as_str()
                        && entry.has(privilege.name())
                }
                Scope::Global | Scope::Schema(_) => false,
            })
    }
}

impl Entry {
    fn has(&self, privilege: &str) -> bool {
        self.held.contains(privilege) || self.held.contains("ALL PRIVILEGES")
    }
}

/// Whether a pattern of GRANT covers the whole name: `%` is any run, `_` any one character, `\` takes the next as it is.
fn matches(pattern: &str, name: &str) -> bool {
    let mut rest = pattern.chars();
    match rest.next() {
        None => name.is_empty(),
        Some('%') => {
            let ends = name.char_indices().map(|(at, _)| at).chain([name.len()]);
            ends.into_iter().any(|at| matches(rest.as_str(), &name[at..]))
        }
        Some(symbol) => {
            let mut letters = name.chars();
            let Some(letter) = letters.next() else { return false };
            let literal = match symbol {
                '_' => return matches(rest.as_str(), letters.as_str()),
                '\\' => rest.next().unwrap_or('\\'),
                other => other,
            };
            literal == letter && matches(rest.as_str(), letters.as_str())
        }
    }
}

/// The servers' order of patterns: no wildcard first, then the later the first wildcard the more specific.
fn specificity(pattern: &str) -> usize {
    let mut escaped = false;
    for (at, symbol) in pattern.char_indices() {
        match symbol {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '%' | '_' => return at,
            _ => {}
        }
    }
    usize::MAX
}

#[cfg(test)]
mod tests;
