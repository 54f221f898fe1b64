//! A way to the server on which a test does something at the moment a certain statement passes.

#![allow(dead_code, reason = "each test binary uses a part of this module")]

use std::sync::{Arc, Mutex};

use anyhow::{Context, Result, ensure};
use mysql_async::Opts;
use mysql_async::prelude::Queryable;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::support::{Scenario, Server};

/// What happens when the statement passes, the first time.
#[derive(Debug, Clone)]
pub enum Then {
    /// The connection is gone before the statement gets through.
    Cut,
    /// The statement is done, and the connection is gone before its answer gets through.
    CutAnswer,
    /// Somebody else does this first.
    First(String),
    /// Somebody else does these, each before the statement of its number; nothing where it is empty.
    Firsts(Vec<String>),
    /// The statement never gets through; the connection stays.
    Hold,
    /// The statement never gets through, and is answered by a lock wait timeout (1205).
    TimeOut,
}

/// A port that leads to a server.
#[derive(Debug)]
pub struct Intercept {
    port: u16,
    met: watch::Receiver<bool>,
    statements: Arc<Mutex<Vec<String>>>,
}

/// What all connections share.
#[derive(Debug, Clone)]
struct Rule {
    server: Server,
    /// Beginnings of statements, which pass in this order on one connection; the last is the one that counts.
    beginnings: Vec<String>,
    then: Then,
    met: Arc<watch::Sender<bool>>,
    statements: Arc<Mutex<Vec<String>>>,
}

impl Intercept {
    pub async fn start(server: &Server, beginnings: &[&str], then: Then) -> Result<Intercept> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let (met, seen) = watch::channel(false);
        let statements = Arc::new(Mutex::new(Vec::new()));
        let beginnings = beginnings.iter().map(|&beginning| beginning.to_owned()).collect();
        let met = Arc::new(met);
        let rule = Rule { server: server.clone(), beginnings, then, met, statements: Arc::clone(&statements) };
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                // A connection that breaks is what these tests are about.
                tokio::spawn(pass(client, rule.clone()));
            }
        });
        Ok(Intercept { port, met: seen, statements })
    }

    /// The scenario's url on this way.
    pub fn url(&self, scenario: &Scenario) -> Result<String> {
        let mut url = url::Url::parse(&scenario.url())?;
        ensure!(url.set_port(Some(self.port)).is_ok(), "{url} takes no port");
        Ok(url.into())
    }

    /// Waits until the statement has passed.
    pub async fn met(&mut self) -> Result<()> {
        self.met.wait_for(|&met| met).await.context("the way to the server is gone")?;
        Ok(())
    }

    pub fn has_met(&self) -> bool {
        *self.met.borrow()
    }

    /// Every statement that has passed, in the order they were sent.
    pub fn statements(&self) -> Vec<String> {
        self.statements.lock().expect("nobody panics with it").clone()
    }
}

async fn pass(mut client: TcpStream, rule: Rule) -> Result<()> {
    let opts = Opts::from_url(&rule.server.url(""))?;
    let mut server = TcpStream::connect((opts.ip_or_hostname(), opts.tcp_port())).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let mut expected = rule.beginnings.iter();
    let mut next = expected.next();
    let (mut asked, mut answered) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        tokio::select! {
            length = client.read(&mut asked) => {
                let length = length?;
                if length == 0 { return Ok(()) }
                let statement = statement(&asked[..length]);
                rule.statements.lock().expect("nobody panics with it").extend(statement.clone());
                if let (Some(statement), Some(beginning)) = (&statement, next)
                    && statement.starts_with(beginning.as_str())
                {
                    next = expected.next();
                    if let Then::Firsts(all) = &rule.then
                        && let Some(sql) = all.get(all.len() - 1 - expected.len() - usize::from(next.is_some()))
                        && !sql.is_empty()
                    {
                        rule.server.connect("").await?.query_drop(sql).await?;
                    }
                    if next.is_none() && !rule.met.send_replace(true) {
                        match &rule.then {
                            Then::Cut => return Ok(()),
                            Then::CutAnswer => {
                                server.write_all(&asked[..length]).await?;
                                let _ = server.read(&mut answered).await?;
                                return Ok(());
                            }
                            Then::First(sql) => {
                                let mut conn = rule.server.connect("").await?;
                                conn.query_drop(sql).await?;
                                conn.disconnect().await?;
                            }
                            Then::Firsts(_) => {}
                            Then::Hold => continue,
                            Then::TimeOut => {
                                client.write_all(&lock_wait_timeout()).await?;
                                continue;
                            }
                        }
                    }
                }
                server.write_all(&asked[..length]).await?;
            }
            length = server.read(&mut answered) => {
                let length = length?;
                if length == 0 { return Ok(()) }
                client.write_all(&answered[..length]).await?;
            }
        }
    }
}

/// The text of a query: a packet's header of four bytes, the command's number, then the text. Longer ones than a read
/// takes are known by their beginning.
fn statement(packet: &[u8]) -> Option<String> {
    const QUERY: u8 = 3;
    let [_, _, _, 0, QUERY, text @ ..] = packet else { return None };
    Some(String::from_utf8_lossy(text).into_owned())
}

/// The error as a packet, which is the first after that of a statement.
fn lock_wait_timeout() -> Vec<u8> {
    const MESSAGE: &[u8] = b"\xff\xb5\x04#HY000Lock wait timeout exceeded; try restarting transaction";
    let mut packet = vec![u8::try_from(MESSAGE.len()).expect("a short text"), 0, 0, 1];
    packet.extend(MESSAGE);
    packet
}
