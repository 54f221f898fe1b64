//! The text of migration.sql, and its checksum.

use sha2::{Digest, Sha256};

use crate::plan::Alter;
use crate::sql::Ident;

/// The script of one ALTER TABLE as Prisma lays it out, from the source text of its clauses.
///
/// The table is not qualified, as Prisma has it: the script must run on any schema.
pub fn alter_script(table: &Ident, alter: &Alter) -> String {
    format!("-- AlterTable\n{}\n", alter.prisma_sql(table))
}

/// What Prisma stores for a script: SHA-256 of its bytes as they are, in lower-case hexadecimal.
pub fn checksum(script: &str) -> String {
    Sha256::digest(script).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether a stored checksum is that of a script, as Prisma compares: whatever its line ends became in between. Very old
/// versions of Prisma stored the bytes without leading zeros.
pub fn matches_checksum(script: &str, stored: &str) -> bool {
    let unix = script.replace("\r\n", "\n");
    let windows = script.replace('\n', "\r\n");
    [script, &unix, &windows].into_iter().any(|text| {
        if stored.is_empty() || stored.len() == 64 {
            return checksum(text) == stored;
        }
        let unpadded: String = Sha256::digest(text).iter().map(|byte| format!("{byte:x}")).collect();
        unpadded == stored
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::read_clauses;

    #[test]
    fn one_clause() {
        let alter = read_clauses("ADD COLUMN `sku` VARCHAR(64) NULL").unwrap();
        let script = alter_script(&Ident::new("Order"), &alter);
        insta::assert_snapshot!(script, @"
        -- AlterTable
        ALTER TABLE `Order` ADD COLUMN `sku` VARCHAR(64) NULL;
        ");
        assert!(script.ends_with(";\n") && !script.ends_with("\n\n"));
    }

    #[test]
    fn several_clauses_keep_their_source_text() {
        let alter = read_clauses("ADD COLUMN sku varchar(64) DEFAULT 'it''s; \\' x',  add index (sku)\n").unwrap();
        insta::assert_snapshot!(alter_script(&Ident::new("a`b"), &alter), @r"
        -- AlterTable
        ALTER TABLE `a``b` ADD COLUMN sku varchar(64) DEFAULT 'it''s; \' x',
            add index (sku);
        ");
    }

    #[test]
    fn line_ends_do_not_matter_when_comparing() {
        let script = "a\nb\n";
        assert!(matches_checksum(script, &checksum(script)));
        assert!(matches_checksum(script, &checksum("a\r\nb\r\n")));
        assert!(matches_checksum("a\r\nb\r\n", &checksum(script)));
        assert!(!matches_checksum(script, &checksum("a\nb")));
        assert!(!matches_checksum(script, &checksum(script).to_uppercase()));
        assert!(!matches_checksum(script, ""));
        let unpadded: String = Sha256::digest(script).iter().map(|byte| format!("{byte:x}")).collect();
        assert!(matches_checksum(script, &unpadded));
    }

    #[test]
    fn the_checksum_is_of_the_bytes_as_they_are() {
        assert_eq!(checksum(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_ne!(checksum("a\n"), checksum("a\r\n"));
        assert_eq!(checksum("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
