//! The command line as a user meets it: help, mistakes, exit codes, and how plans, failures and runs read.

use std::time::Duration;

use anstream::adapter::strip_str;
use assert_cmd::Command;
use insta::assert_snapshot;
use replank::cli::render;
use replank::error::{Failure, Stop};
use replank::event::Event;
use replank::plan::explain::{Finding, Plan, PlannedStatement, Severity};
use replank::progress::summary::Summary;
use replank::run_status::{KeptTable, RunStatus};

fn replank(words: &[&str]) -> Command {
    let mut command = Command::cargo_bin("replank").unwrap();
    // A directory without a .env, and nothing of the caller's environment that changes the output.
    command.current_dir(std::env::temp_dir()).env_remove("DATABASE_URL").env("COLUMNS", "80").args(words);
    command
}

/// Exit code, standard output and standard error as one text.
fn outcome(words: &[&str]) -> String {
    let output = replank(words).output().unwrap();
    let code = output.status.code().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    format!("exit code {code}\n--- stdout\n{}--- stderr\n{}", text(output.stdout), text(output.stderr))
}

#[test]
fn help_of_every_command() {
    for command in ["", "alter", "plan", "deploy", "resolve", "resume", "abort", "rollback", "cleanup", "status"] {
        let words: Vec<_> = [command, "--help"].into_iter().filter(|word| !word.is_empty()).collect();
        let output = replank(&words).output().unwrap();
        assert!(output.status.success());
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
        assert_snapshot!(format!("help_{}", if command.is_empty() { "replank" } else { command }), text);
    }
}

#[test]
fn the_settings_file_is_read_with_the_flags_above_it() {
    let folder = tempfile::tempdir().unwrap();
    let ended = |toml: &str, words: &[&str]| {
        std::fs::write(folder.path().join("replank.toml"), toml).unwrap();
        let output = replank(words).current_dir(folder.path()).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout) + &text(output.stderr))
    };
    let plan = ["plan", "--url=mysql://root@127.0.0.1:1/shop"];
    let (code, text) = ended("[rules]\ndrop_colum = 'deny'\n", &plan);
    assert_eq!(code, Some(2));
    assert_snapshot!("settings_unknown_rule", text);
    let (code, text) = ended("check_time = 'soon'\n", &plan);
    assert_eq!(code, Some(2));
    assert_snapshot!("settings_bad_value", text);
    // The directory is the first thing that is looked at.
    let (code, text) = ended("migrations = 'from_file'\n", &plan);
    assert!(code == Some(10) && text.contains("`from_file` does not exist"), "{text}");
    let (code, text) = ended("migrations = 'from_file'\n", &[plan[0], plan[1], "--migrations", "typed"]);
    assert!(code == Some(10) && text.contains("`typed` does not exist"), "{text}");
    let (_, text) = ended("online_above = 7\n", &["plan", "--help"]);
    assert!(text.contains("[default: 7]"), "{text}");
}

#[test]
fn every_exit_code_is_in_the_help() {
    let text = String::from_utf8(replank(&["--help"]).output().unwrap().stdout).unwrap();
    for stop in Stop::ALL {
        assert!(text.contains(&format!("\n  {:>3}  ", stop.exit_code())), "{stop:?}");
    }
}

#[test]
fn mistakes_on_the_command_line() {
    let url = "--url=mysql://root@127.0.0.1:1/shop";
    let cases: &[(&str, &[&str])] = &[
        ("no_alter", &["alter", "shop.Order", "--name", "x"]),
        ("no_name", &["alter", "shop.Order", "--alter", "FORCE"]),
        ("table", &["alter", "a.b.c", "--alter", "FORCE", "--name", "x"]),
        ("backtick", &["resume", "`open"]),
        ("name", &["alter", "Order", "--alter", "FORCE", "--name", "Add sku"]),
        ("whole_statement", &["alter", "Order", "--alter", "ALTER TABLE Order FORCE", "--name", "x"]),
        ("chunk_time", &["resume", "Order", "--chunk-time", "fast"]),
        ("disk_reserve", &["resume", "Order", "--disk-reserve", "lots"]),
        ("max_load", &["resume", "Order", "--max-load", "Threads_running"]),
        ("workers", &["resume", "Order", "--workers", "0"]),
        ("output", &["status", "--output", "yaml"]),
        ("markdown", &["status", "--output", "markdown"]),
        ("plan_write", &["plan", "--write"]),
        ("plan_no_database", &["plan", "--url", "mysql://root@127.0.0.1:1"]),
        ("unknown", &["alterr"]),
        ("no_url", &["status"]),
        ("no_url_json", &["status", "--output", "json"]),
        ("no_database", &["resume", "Order", "--url", "mysql://root@127.0.0.1:1"]),
        ("parameter", &["status", "--url", "mysql://root@127.0.0.1/shop?conection_limit=5"]),
        ("scheme", &["status", "--url", "postgresql://root:secret@127.0.0.1/shop"]),
        ("password", &["status", "--url", "mysql://root:sec/ret@127.0.0.1/shop"]),
        ("replica", &["resume", "Order", url, "--replica", "db-2"]),
    ];
    for (name, words) in cases {
        let outcome = outcome(words);
        assert!(outcome.starts_with("exit code 2\n"), "{name}: {outcome}");
        let outcome = redacted(&outcome);
        assert_snapshot!(format!("mistake_{name}"), outcome);
    }
}

/// Time stamps differ from run to run.
fn redacted(text: &str) -> String {
    let mut redacted = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\"time\":\"") {
        redacted.push_str(before);
        redacted.push_str("\"time\":\"TIME");
        rest = &after[after.find('"').unwrap()..];
    }
    redacted.push_str(rest);
    redacted
}

#[test]
fn no_password_is_ever_shown() {
    for url in ["mysql://root:s3cr3t@h/shop?x=1", "mysql://root:s3cr3t@h:port/shop", "mysql://root:s3cr3t/@h", "s3cr3t"]
    {
        let outcome = outcome(&["-vv", "status", "--url", url]);
        assert!(outcome.starts_with("exit code 2\n") && !outcome.contains("s3cr3t"), "{outcome}");
    }
}

#[test]
fn the_env_file_counts() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join(".env"), "DATABASE_URL=\"mysql://root@h/shop?nonsense=1\"").unwrap();
    let output = replank(&["status"]).current_dir(directory.path()).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("DATABASE_URL in .env is not a usable database URL: unknown parameter `nonsense`"), "{text}");
}

fn at_both_widths(name: &str, text: impl Fn(usize) -> String) {
    for width in [80, 40] {
        assert_snapshot!(format!("{name}_{width}"), strip_str(&text(width)).to_string());
    }
}

#[test]
fn a_failure_answers_three_questions() {
    let failure = Failure::new(
        Stop::LockNotGranted,
        "the cutover of `shop`.`Order` did not get its lock in 214 attempts within 60s",
    )
    .table("untouched: `Order` is the original; `Order__rpk_new` is in step with it")
    .next("`replank resume shop.Order --lock-patience 10m` when the transaction below is over")
    .next("or `replank abort shop.Order` to remove what the run made")
    .cause("ERROR 1205 (HY000): Lock wait timeout exceeded; held by connection 4711 (app@10.0.0.7, idle in transaction for 12m 40s)");
    at_both_widths("failure", |width| render::failure::text(&failure, width));
    at_both_widths("failure_short", |width| {
        render::failure::text(&Failure::new(Stop::Usage, "no database URL"), width)
    });
    assert_snapshot!("failure_json", redacted(&render::json::line(&render::json::Failed { failure: &failure })));
}

fn plan() -> Plan {
    let statement = |step: &str, sql: &str| PlannedStatement { step: step.into(), sql: sql.into(), note: None };
    let finding = |severity, text: &str| Finding { severity, text: text.into() };
    Plan {
        table: "shop.Order".into(),
        migration: "20261123101500_widen_total".into(),
        strategy: "online copy".into(),
        reason:
            "MODIFY `total` changes the type of a column, which the server only does by copying with writes blocked"
                .into(),
        server: "MariaDB 10.11.19".into(),
        rows_estimate: 3_012_345,
        bytes: 1_500_000_000,
        key: Some("PRIMARY (`id`)".into()),
        disk_needed: Some(2_200_000_000),
        findings: vec![
            finding(Severity::Note, "2 tables reference `Order`; their constraints are moved to the new table"),
            finding(Severity::Warning, "the binary log will grow by about 1.4 GiB, and replicas write as much again"),
            finding(
                Severity::Warning,
                "triggers need SUPER or log_bin_trust_function_creators=1: `SET GLOBAL log_bin_trust_function_creators = 1`",
            ),
        ],
        statements: vec![
            statement("prepare", "CREATE TABLE `shop`.`Order__rpk_new` LIKE `shop`.`Order`"),
            statement("prepare", "ALTER TABLE `shop`.`Order__rpk_new` MODIFY `total` DECIMAL(20,4) NOT NULL"),
            statement(
                "cutover",
                "RENAME TABLE `shop`.`Order` TO `shop__replank`.`Order_17`,\n  `shop`.`Order__rpk_new` TO `shop`.`Order`",
            ),
        ],
    }
}

#[test]
fn a_plan_explains_itself() {
    at_both_widths("plan", |width| render::plan::text(&plan(), width));
    assert_snapshot!("plan_json", serde_json::to_string_pretty(&plan()).unwrap());
}

#[test]
fn a_status_shows_what_is_left_and_what_to_do() {
    let stopped = RunStatus {
        table: "shop.Order".into(),
        migration: "20261123101500_widen_total".into(),
        state: "stopped".into(),
        phase: "copy".into(),
        rows_done: 1_260_000,
        rows_total: 3_012_345,
        started_at: "2026-11-23T10:15:00Z".into(),
        updated_at: "2026-11-23T10:17:12Z".into(),
        owner_alive: false,
        kept: None,
        leftovers: vec!["table shop.Order__rpk_new".into(), "table shop__replank.log_17".into(), "3 triggers".into()],
        next: vec!["`replank resume shop.Order`".into(), "or `replank abort shop.Order`".into()],
    };
    let running = RunStatus {
        table: "shop.Item".into(),
        state: "running".into(),
        phase: "index".into(),
        rows_total: 0,
        owner_alive: true,
        kept: None,
        leftovers: Vec::new(),
        next: Vec::new(),
        ..stopped.clone()
    };
    let finished = RunStatus {
        table: "shop.Line".into(),
        state: "finished".into(),
        phase: "cleanup".into(),
        kept: Some(KeptTable {
            table: "shop__replank.Line__rpk_old".into(),
            until: "2026-11-30T10:17:12Z".into(),
            logged: Some(12),
            log_bytes: 16_384,
        }),
        leftovers: vec!["shop__replank.Line__rpk_old".into(), "shop__replank.Line__rpk_rlog".into()],
        next: vec!["`replank cleanup shop.Line`".into()],
        ..stopped.clone()
    };
    let runs = [stopped, running, finished];
    at_both_widths("status", |width| render::status::text(&runs, width));
    assert_snapshot!("status_json", serde_json::to_string_pretty(&runs).unwrap());
    assert_eq!(render::status::text(&[], 80), "no unfinished change\n");
}

#[test]
fn a_summary_says_what_was_done() {
    let mut summary = Summary::default();
    for event in [
        Event::RunStarted {
            table: "shop.Order".into(),
            migration: "20261123101500_widen_total".into(),
            strategy: "online copy, because MODIFY `total` changes the type of a column".into(),
            rows_estimate: 3_012_345,
            resumed: false,
        },
        Event::LockWindow { purpose: "triggers".into(), length: Duration::from_micros(11_800) },
        Event::Retry { what: "applying a batch".into(), attempt: 1, error: "ERROR 1020".into() },
        Event::RowsRepaired { rows: 1, keys: vec!["17".into()] },
        Event::LockWindow { purpose: "cutover".into(), length: Duration::from_millis(31) },
        Event::LockWindow { purpose: "foreign keys".into(), length: Duration::from_millis(4) },
        Event::LockWindow { purpose: "foreign keys".into(), length: Duration::from_millis(15) },
        Event::Swapped { old_table: "shop__replank.Order_17".into() },
        Event::Recorded {
            file: "prisma/migrations/20261123101500_widen_total/migration.sql".into(),
            checksum: "9f86d081".into(),
        },
        Event::Finished {
            took: Duration::from_secs(252),
            rows_copied: 3_000_123,
            keys_applied: 41_022,
            old_table: Some("shop__replank.Order_17".into()),
        },
    ] {
        summary.add(&event);
    }
    at_both_widths("summary", |width| render::summary::text(&summary, width));
    assert_snapshot!("summary_json", redacted(&render::json::line(&render::json::Finished { summary: &summary })));
}
