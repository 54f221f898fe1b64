//! What the integration tests stand on: real servers, a schema per test, the program under test, an application that
//! writes meanwhile, and an oracle that shares no code with the program.
//!
//! Nothing here uses the `replank` crate: the program is run as users run it.

// Every test binary, and the programs in scripts/, compile this module for themselves and use a part of it.
#![allow(dead_code, unused_imports, unused_macros, reason = "each test binary uses a part of this module")]

pub mod account;
pub mod change;
pub mod load;
pub mod oracle;
pub mod prisma;
pub mod program;
pub mod residue;
pub mod scenario;
pub mod servers;
pub mod shop;
pub mod snapshot;
pub mod tables;

pub use program::{Outcome, Program, Run};
pub use scenario::{Scenario, quoted};
pub use servers::{Kind, Server};

/// Runs a test body on a runtime of its own, so that tests do not share one that has ended.
pub fn block_on<T>(body: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime can be built")
        .block_on(body)
}

/// Makes each named `async fn(Server) -> anyhow::Result<()>` a test on every server: `name::mysql_9_7` and so on.
macro_rules! on_every_server {
    ($($(#[$attribute:meta])* $name:ident),+ $(,)?) => {$(
        mod $name {
            use crate::support::{Kind, Server, block_on};

            $(#[$attribute])*
            #[test]
            fn mariadb_10_11() -> anyhow::Result<()> {
                block_on(super::$name(Server::find(Kind::MariaDb1011)?))
            }

            $(#[$attribute])*
            #[test]
            fn mariadb_11_8() -> anyhow::Result<()> {
                block_on(super::$name(Server::find(Kind::MariaDb118)?))
            }

            $(#[$attribute])*
            #[test]
            fn mysql_9_7() -> anyhow::Result<()> {
                block_on(super::$name(Server::find(Kind::MySql97)?))
            }
        }
    )+};
}
pub(crate) use on_every_server;
