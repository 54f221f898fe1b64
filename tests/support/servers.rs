//! Where the servers are.

use std::env;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, anyhow, bail};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, OptsBuilder};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// The servers every behaviour is tested on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    MariaDb1011,
    MariaDb118,
    MySql97,
}

impl Kind {
    pub const ALL: [Kind; 3] = [Kind::MariaDb1011, Kind::MariaDb118, Kind::MySql97];

    /// Its name in `scripts/servers` and in REPLANK_TEST_SERVERS.
    pub fn name(self) -> &'static str {
        match self {
            Kind::MariaDb1011 => "mariadb-10.11",
            Kind::MariaDb118 => "mariadb-11.8",
            Kind::MySql97 => "mysql-9.7",
        }
    }

    /// Its name for people.
    pub fn title(self) -> &'static str {
        match self {
            Kind::MariaDb1011 => "MariaDB 10.11",
            Kind::MariaDb118 => "MariaDB 11.8",
            Kind::MySql97 => "MySQL 9.7",
        }
    }

    pub fn named(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A running server.
#[derive(Debug, Clone)]
pub struct Server {
    pub kind: Kind,
    url: String,
}

impl Server {
    /// The running server of a kind: from REPLANK_TEST_SERVERS (`kind=url`, separated by spaces) when it is set, else
    /// from `scripts/servers`. A server that is not there is an error, never a skipped test.
    pub fn find(kind: Kind) -> Result<Server> {
        let url = match env::var("REPLANK_TEST_SERVERS") {
            Ok(list) => list
                .split_whitespace()
                .find_map(|pair| pair.strip_prefix(kind.name())?.strip_prefix('='))
                .map(str::to_owned)
                .with_context(|| format!("REPLANK_TEST_SERVERS names no {}: {list}", kind.name()))?,
            Err(_) => ask_script(kind)?,
        };
        Ok(Server { kind, url })
    }

    pub fn at(kind: Kind, url: &str) -> Server {
        Server { kind, url: url.trim_end_matches('/').to_owned() }
    }

    /// A url of a schema, as DATABASE_URL has it.
    pub fn url(&self, schema: &str) -> String {
        format!("{}/{}", self.url, utf8_percent_encode(schema, NON_ALPHANUMERIC))
    }

    pub fn opts(&self, schema: &str) -> Result<OptsBuilder> {
        let opts = Opts::from_url(&self.url(schema)).map_err(|error| anyhow!("{}: {error}", self.kind.name()))?;
        // Found rather than changed rows: a write that matched its row counts, even where it wrote what was there.
        Ok(OptsBuilder::from_opts(opts).client_found_rows(true))
    }

    /// A connection of its own, with a schema selected (`""` for none).
    pub async fn connect(&self, schema: &str) -> Result<Conn> {
        let mut conn = Conn::new(self.opts(schema)?)
            .await
            .with_context(|| format!("{} does not let us in at {}", self.kind.name(), self.url))?;
        // What a run left open must fail a test in seconds, not hang it for the server's default of a day.
        conn.query_drop("SET SESSION lock_wait_timeout = 60").await?;
        Ok(conn)
    }
}

fn ask_script(kind: Kind) -> Result<String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/servers");
    let output = Command::new(&script)
        .args(["url", kind.name()])
        .output()
        .with_context(|| format!("{} cannot be run", script.display()))?;
    if !output.status.success() {
        bail!(
            "{} is needed by this test and does not run; start it with `scripts/servers start {}`, or run the tests \
             with `scripts/test`\n{}",
            kind.title(),
            kind.name(),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
