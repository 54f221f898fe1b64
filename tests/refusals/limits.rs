//! Limits that cannot be measured or are passed already.

use anyhow::Result;

use crate::support::{Server, on_every_server};
use crate::{rebuild, refused, shop};

on_every_server!(status_variable, replica_that_is_none, unreachable_replica, disk);

async fn status_variable(server: Server) -> Result<()> {
    let scenario = shop(&server).await?;
    let program = rebuild(&scenario, "Order").args(["--max-load", "Treads_running=40"]);
    assert_text!(refused(&scenario, program).await?, @r"
    exit code 10
    error: `--max-load Treads_running`: no such numeric status variable
      table: untouched
      next:  `SHOW GLOBAL STATUS` lists those of the server
    ");
    Ok(())
}

async fn replica_that_is_none(server: Server) -> Result<()> {
    let scenario = shop(&server).await?;
    let program = rebuild(&scenario, "Order").args(["--replica", &server.url("")]);
    assert_text!(refused(&scenario, program).await?, @r"
    exit code 10
    error: root@127.0.0.1:3306, given with `--replica`, is not a replica
      table: untouched
      next:  give the URL of a replica, or leave `--replica` out
    ");
    Ok(())
}

async fn unreachable_replica(server: Server) -> Result<()> {
    let scenario = shop(&server).await?;
    let program = rebuild(&scenario, "Order").args(["--replica", "mysql://root:replank@127.0.0.1:1"]);
    assert_text!(refused(&scenario, program).await?, @r"
    exit code 14
    error: cannot connect to root@127.0.0.1:1
      table: untouched
      next:  check the URL of `--replica`, and that the replica is running
      cause: Connection refused (os error 111)
    ");
    Ok(())
}

async fn disk(server: Server) -> Result<()> {
    let scenario = shop(&server).await?;
    let text = refused(&scenario, rebuild(&scenario, "Order").args(["--disk-reserve", "1PiB"])).await?;
    // How much is needed and free, and where, differs.
    let (needs, rest) = text.split_once("the copy needs ").unwrap_or((&text, ""));
    assert_text!(needs, @r"
    exit code 14
    error: not enough disk:
    ");
    assert!(rest.contains(", 1.0 PiB must stay free, and ") && rest.contains(" are free\n"), "{text}");
    assert!(
        rest.contains("  table: untouched\n  next:  make room in /") && rest.contains(", or lower `--disk-reserve`\n"),
        "{text}"
    );
    Ok(())
}
