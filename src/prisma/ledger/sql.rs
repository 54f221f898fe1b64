//! The statements of the ledger, one function a shape.
//!
//! They are Prisma's, with the table qualified and the values as literals. Times are UTC with microseconds, which the
//! server brings down to the column's three digits just as it does for Prisma.

use jiff::Timestamp;

use crate::sql::{Ident, TableName, string_literal};

/// The table as Prisma creates it, character for character but for its qualified name.
pub(super) fn create_table(table: &TableName) -> String {
    format!(
        "CREATE TABLE {table} (
    id                      VARCHAR(36) PRIMARY KEY NOT NULL,
    checksum                VARCHAR(64) NOT NULL,
    finished_at             DATETIME(3),
    migration_name          VARCHAR(255) NOT NULL,
    logs                    TEXT,
    rolled_back_at          DATETIME(3),
    started_at              DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    applied_steps_count     INTEGER UNSIGNED NOT NULL DEFAULT 0
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci"
    )
}

/// A row when there is such a base table; a view does not count, as for Prisma.
pub(super) fn find_table(table: &TableName) -> String {
    format!(
        "SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = {} AND TABLE_NAME = {} \
         AND TABLE_TYPE = 'BASE TABLE'",
        string_literal(table.schema.as_str()),
        string_literal(table.table.as_str()),
    )
}

/// A row when the schema has any base table.
pub(super) fn find_any_table(schema: &Ident) -> String {
    format!(
        "SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = {} AND TABLE_TYPE = 'BASE TABLE' LIMIT 1",
        string_literal(schema.as_str()),
    )
}

/// Started and finished at the same moment, with logs that are empty and not NULL, as Prisma writes it.
pub(super) fn insert_declared(
    table: &TableName,
    id: &str,
    migration_name: &str,
    checksum: &str,
    at: Timestamp,
) -> String {
    let at = datetime_literal(at);
    format!(
        "INSERT INTO {table} (`id`,`checksum`,`logs`,`started_at`,`finished_at`,`migration_name`) \
         VALUES ({},{},'',{at},{at},{})",
        string_literal(id),
        string_literal(checksum),
        string_literal(migration_name),
    )
}

pub(super) fn insert_started(
    table: &TableName,
    id: &str,
    migration_name: &str,
    checksum: &str,
    started_at: Timestamp,
) -> String {
    format!(
        "INSERT INTO {table} (`id`,`checksum`,`started_at`,`migration_name`) VALUES ({},{},{},{})",
        string_literal(id),
        string_literal(checksum),
        datetime_literal(started_at),
        string_literal(migration_name),
    )
}

/// Guarded so that a repeated run does not count its one step twice.
pub(super) fn count_step(table: &TableName, id: &str) -> String {
    format!(
        "UPDATE {table} SET `applied_steps_count` = (`applied_steps_count` + 1) \
         WHERE `id` = {} AND `applied_steps_count` = 0",
        string_literal(id),
    )
}

/// Guarded so that a repeated run keeps the time of the first.
pub(super) fn set_finished(table: &TableName, id: &str, finished_at: Timestamp) -> String {
    format!(
        "UPDATE {table} SET `finished_at` = {} WHERE `id` = {} AND `finished_at` IS NULL",
        datetime_literal(finished_at),
        string_literal(id),
    )
}

pub(super) fn set_logs(table: &TableName, id: &str, logs: &str) -> String {
    format!("UPDATE {table} SET `logs` = {} WHERE `id` = {}", string_literal(logs), string_literal(id))
}

pub(super) fn clear_logs(table: &TableName, id: &str) -> String {
    format!("UPDATE {table} SET `logs` = NULL WHERE `id` = {}", string_literal(id))
}

pub(super) fn set_rolled_back(table: &TableName, id: &str, at: Timestamp) -> String {
    format!("UPDATE {table} SET `rolled_back_at` = {} WHERE `id` = {}", datetime_literal(at), string_literal(id))
}

pub(super) fn delete_unfinished(table: &TableName, id: &str) -> String {
    format!(
        "DELETE FROM {table} WHERE `id` = {} AND `finished_at` IS NULL AND `rolled_back_at` IS NULL",
        string_literal(id),
    )
}

pub(super) fn select_unfinished(table: &TableName) -> String {
    format!(
        "SELECT `id`, `migration_name`, CAST(`started_at` AS CHAR) FROM {table} \
         WHERE `finished_at` IS NULL AND `rolled_back_at` IS NULL ORDER BY `started_at` ASC",
    )
}

pub(super) fn select_row(table: &TableName, id: &str) -> String {
    format!("SELECT {COLUMNS} FROM {table} WHERE `id` = {}", string_literal(id))
}

pub(super) fn select_rows(table: &TableName) -> String {
    format!("SELECT {COLUMNS} FROM {table} ORDER BY `started_at` ASC")
}

const COLUMNS: &str = "`id`, `checksum`, CAST(`finished_at` AS CHAR), `migration_name`, `logs`, \
    CAST(`rolled_back_at` AS CHAR), CAST(`started_at` AS CHAR), `applied_steps_count`";

fn datetime_literal(time: Timestamp) -> String {
    string_literal(&time.strftime("%Y-%m-%d %H:%M:%S.%6f").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "3f1c1b1e-6f1a-4c55-9d0a-0a1b2c3d4e5f";

    fn table() -> TableName {
        TableName::new("shop", "_prisma_migrations")
    }

    fn time() -> Timestamp {
        "2026-11-23T18:45:00.206151999Z".parse().unwrap()
    }

    #[test]
    fn the_table_is_prismas() {
        insta::assert_snapshot!(create_table(&table()), @"
        CREATE TABLE `shop`.`_prisma_migrations` (
            id                      VARCHAR(36) PRIMARY KEY NOT NULL,
            checksum                VARCHAR(64) NOT NULL,
            finished_at             DATETIME(3),
            migration_name          VARCHAR(255) NOT NULL,
            logs                    TEXT,
            rolled_back_at          DATETIME(3),
            started_at              DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
            applied_steps_count     INTEGER UNSIGNED NOT NULL DEFAULT 0
        ) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci
        ");
    }

    #[test]
    fn a_table_is_looked_up_by_name_and_kind() {
        insta::assert_snapshot!(find_table(&table()), @"SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'shop' AND TABLE_NAME = '_prisma_migrations' AND TABLE_TYPE = 'BASE TABLE'");
    }

    #[test]
    fn a_start_is_inserted_with_microseconds() {
        insta::assert_snapshot!(insert_started(&table(), ID, "20261123184500_add_order_sku", "e3b0", time()), @"INSERT INTO `shop`.`_prisma_migrations` (`id`,`checksum`,`started_at`,`migration_name`) VALUES ('3f1c1b1e-6f1a-4c55-9d0a-0a1b2c3d4e5f','e3b0','2026-11-23 18:45:00.206151','20261123184500_add_order_sku')");
    }

    #[test]
    fn a_time_without_a_fraction_keeps_its_digits() {
        assert_eq!(datetime_literal(Timestamp::UNIX_EPOCH), "'1970-01-01 00:00:00.000000'");
    }

    #[test]
    fn a_step_is_counted_once() {
        insta::assert_snapshot!(count_step(&table(), ID), @"UPDATE `shop`.`_prisma_migrations` SET `applied_steps_count` = (`applied_steps_count` + 1) WHERE `id` = '3f1c1b1e-6f1a-4c55-9d0a-0a1b2c3d4e5f' AND `applied_steps_count` = 0");
    }

    #[test]
    fn a_finish_is_set_once() {
        insta::assert_snapshot!(set_finished(&table(), ID, time()), @"UPDATE `shop`.`_prisma_migrations` SET `finished_at` = '2026-11-23 18:45:00.206151' WHERE `id` = '3f1c1b1e-6f1a-4c55-9d0a-0a1b2c3d4e5f' AND `finished_at` IS NULL");
    }

    #[test]
    fn logs_are_quoted() {
        insta::assert_snapshot!(set_logs(&table(), ID, "Duplicate entry 'a'\n"), @"
        UPDATE `shop`.`_prisma_migrations` SET `logs` = 'Duplicate entry ''a''
        ' WHERE `id` = '3f1c1b1e-6f1a-4c55-9d0a-0a1b2c3d4e5f'
        ");
    }

    #[test]
    fn a_declared_row_starts_and_finishes_at_once() {
        insta::assert_snapshot!(insert_declared(&table(), ID, "20261123184500_add_order_sku", "e3b0", time()), @"INSERT INTO `shop`.`_prisma_migrations` (`id`,`checksum`,`logs`,`started_at`,`finished_at`,`migration_name`) VALUES ('3f1c1b1e-6f1a-4c55-9d0a-0a1b2c3d4e5f','e3b0','','2026-11-23 18:45:00.206151','2026-11-23 18:45:00.206151','20261123184500_add_order_sku')");
    }

    #[test]
    fn only_an_unfinished_row_is_deleted() {
        insta::assert_snapshot!(delete_unfinished(&table(), ID), @"DELETE FROM `shop`.`_prisma_migrations` WHERE `id` = '3f1c1b1e-6f1a-4c55-9d0a-0a1b2c3d4e5f' AND `finished_at` IS NULL AND `rolled_back_at` IS NULL");
    }

    #[test]
    fn unfinished_rows_are_read_oldest_first() {
        insta::assert_snapshot!(select_unfinished(&table()), @"SELECT `id`, `migration_name`, CAST(`started_at` AS CHAR) FROM `shop`.`_prisma_migrations` WHERE `finished_at` IS NULL AND `rolled_back_at` IS NULL ORDER BY `started_at` ASC");
    }

    #[test]
    fn a_row_is_read_whole() {
        insta::assert_snapshot!(select_row(&table(), ID), @"SELECT `id`, `checksum`, CAST(`finished_at` AS CHAR), `migration_name`, `logs`, CAST(`rolled_back_at` AS CHAR), CAST(`started_at` AS CHAR), `applied_steps_count` FROM `shop`.`_prisma_migrations` WHERE `id` = '3f1c1b1e-6f1a-4c55-9d0a-0a1b2c3d4e5f'");
    }
}
