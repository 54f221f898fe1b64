//! The parts of `--help` that clap does not write by itself: examples and the table of exit codes.

use crate::error::Stop;
use crate::findings::RULES;
use crate::progress::wording::{fold, pack};

/// Columns of the text below the options; leaves clap nothing to fold on a terminal of 80.
const WIDTH: usize = 78;

/// What scripts may rely on.
const NOTHING_TO_DO: &str = "With nothing to do it says so and exits with 0.";

/// After the list of commands.
pub fn overview() -> String {
    format!(
        "Examples:\n  \
         replank alter shop.Order --alter \"ADD COLUMN sku TEXT\" --dry-run\n  \
         replank alter shop.Order --alter \"ADD COLUMN sku TEXT\" --name add_sku\n  \
         replank deploy\n  \
         replank status\n  \
         replank resume shop.Order\n\n{}",
        exit_codes()
    )
}

/// After the options of `alter`.
pub fn alter() -> String {
    format!(
        "Examples:\n  \
         See what would happen, and why:\n    \
         replank alter shop.Order --alter \"ADD INDEX (sku)\" --dry-run\n  \
         Go easy on a busy server with a replica:\n    \
         replank alter shop.Order --alter \"ADD INDEX (sku)\" --name index_sku \\\n      \
         --replica mysql://repl@db-2/ --max-lag 5s --max-load Threads_running=40\n  \
         A change that Prisma should not know of:\n    \
         replank alter shop.Order --alter \"ENGINE=InnoDB\" --no-record\n\n{}",
        exit_codes()
    )
}

/// After the options of `resume`.
pub fn resume() -> String {
    format!("Example:\n  replank resume shop.Order --max-rows-per-second 5000\n\n{}", exit_codes())
}

/// After the options of `abort`.
pub fn abort() -> String {
    format!("Example:\n  replank abort shop.Order\n\n{NOTHING_TO_DO}")
}

/// After the options of `rollback`.
pub fn rollback() -> String {
    format!(
        "Examples:\n  \
         The last change of a table:\n    \
         replank rollback shop.Order\n  \
         All that a migration has changed, losing the values of its new columns:\n    \
         replank rollback 20261123184500_add_order_sku --yes\n\n\
         It works as long as the old table is kept (`--keep-old`), and marks the\n\
         migration as rolled back: the next deploy would apply it again.\n\n{}",
        exit_codes()
    )
}

/// After the options of `cleanup`.
pub fn cleanup() -> String {
    format!(
        "Examples:\n  \
         Now, whether or not its time is over:\n    \
         replank cleanup shop.Order\n  \
         Every day, what is past its time; logs of what stays are pruned:\n    \
         replank cleanup\n\n{NOTHING_TO_DO}"
    )
}

/// After the options of `plan`.
pub fn plan() -> String {
    format!(
        "Examples:\n  \
         replank plan\n  \
         As a comment on a pull request:\n    \
         replank plan --output markdown\n  \
         With a way back for each migration:\n    \
         replank plan --rollback --write\n\n\
         Nothing is changed, and an account that may only read is enough. Levels of rules\n\
         (off, note, warn, deny) are set under [rules] in ./replank.toml:\n{}\n\n{}",
        rules(),
        exit_codes()
    )
}

fn rules() -> String {
    let names: Vec<String> = RULES.iter().map(|rule| rule.name.to_owned()).collect();
    pack(&names, WIDTH - 2).iter().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

/// After the options of `deploy`.
pub fn deploy() -> String {
    format!(
        "Examples:\n  \
         In the place of `prisma migrate deploy`:\n    \
         replank deploy\n  \
         Every change of a table through the planner, however small the table:\n    \
         replank deploy --online-above 0\n  \
         In a maintenance window:\n    \
         replank deploy --allow-blocking\n\n\
         PRISMA_SCHEMA_DISABLE_ADVISORY_LOCK=1 leaves Prisma's advisory lock alone.\n\n{}",
        exit_codes()
    )
}

/// After the options of `resolve`.
pub fn resolve() -> String {
    "Examples:\n  replank resolve --applied 20261123184500_add_order_sku\n  \
     replank resolve --rolled-back 20261123184500_add_order_sku"
        .to_owned()
}

/// After the options of `status`.
pub fn status() -> String {
    "Examples:\n  replank status\n  replank status shop.Order --output json\n\n\
     Exits with 1 where `prisma migrate status` does: migrations that are pending or failed."
        .to_owned()
}

fn exit_codes() -> String {
    let mut text = "Exit codes:\n  \
                    1x: the table is untouched and the command may be run again\n  \
                    2x: do not run it again before looking\n\n    \
                    0  done, or nothing to do"
        .to_owned();
    for stop in Stop::ALL {
        let mut lines = fold(stop.meaning(), WIDTH - 7).into_iter();
        let first = lines.next().unwrap_or_default();
        text.push_str(&format!("\n  {:>3}  {first}", stop.exit_code()));
        for line in lines {
            text.push_str(&format!("\n       {line}"));
        }
    }
    text
}
