//! Servers that belong to one test, for what may not be done to the servers that all tests share: global settings,
//! replication. Each takes seconds to start, so few tests have one.

#![allow(dead_code, reason = "each test binary uses a part of this module")]

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use mysql_async::prelude::Queryable;

use crate::support::{Kind, Server};

/// A fresh server, which is gone with its data when this is dropped.
#[derive(Debug)]
pub struct PrivateServer {
    pub server: Server,
    name: String,
}

impl PrivateServer {
    pub fn start(kind: Kind) -> Result<PrivateServer> {
        let unique = uuid::Uuid::new_v4().simple().to_string();
        let name = format!("{}@test-{}", kind.name(), &unique[..8]);
        // It is destroyed even when its start fails half-way.
        let mut private = PrivateServer { server: Server::at(kind, ""), name };
        let url = script(&["start", &private.name])?;
        private.server = Server::at(kind, url.trim());
        Ok(private)
    }

    /// Makes it a replica of another one from the beginning of that one's binary log.
    pub async fn replicate(&self, primary: &PrivateServer) -> Result<()> {
        let primary = url::Url::parse(&primary.server.url(""))?;
        let (host, port) = (primary.host_str().context("a host")?, primary.port().context("a port")?);
        let password = primary.password().unwrap_or_default();
        let sql = match self.server.kind {
            Kind::MariaDb1011 | Kind::MariaDb118 => format!(
                "CHANGE MASTER TO MASTER_HOST='{host}', MASTER_PORT={port}, MASTER_USER='root', \
                 MASTER_PASSWORD='{password}', MASTER_USE_GTID=slave_pos, MASTER_CONNECT_RETRY=1"
            ),
            Kind::MySql97 => format!(
                "CHANGE REPLICATION SOURCE TO SOURCE_HOST='{host}', SOURCE_PORT={port}, SOURCE_USER='root', \
                 SOURCE_PASSWORD='{password}', SOURCE_AUTO_POSITION=1, GET_SOURCE_PUBLIC_KEY=1, \
                 SOURCE_CONNECT_RETRY=1"
            ),
        };
        let mut conn = self.server.connect("").await?;
        conn.query_drop(sql).await?;
        conn.query_drop("START REPLICA").await?;
        Ok(conn.disconnect().await?)
    }
}

impl Drop for PrivateServer {
    fn drop(&mut self) {
        if let Err(error) = script(&["destroy", &self.name]) {
            eprintln!("{error:#}");
        }
    }
}

fn script(args: &[&str]) -> Result<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/servers");
    let mut command = Command::new(&path);
    // A test's tables are small, and several of these servers may run beside the shared ones.
    command.args(args).env("REPLANK_BUFFER_POOL", "64M");
    let output = command.output().with_context(|| format!("{} cannot be run", path.display()))?;
    if !output.status.success() {
        bail!("`scripts/servers {}` failed:\n{}", args.join(" "), String::from_utf8_lossy(&output.stderr));
    }
    let text = String::from_utf8(output.stdout)?;
    ensure!(args[0] != "start" || text.starts_with("mysql://"), "`scripts/servers {}` gave no url", args.join(" "));
    Ok(text)
}
