//! Targets whose own indexes do not keep the walked key unique, so that the shadow needs a temporary index for that, and
//! that cannot have one.

use crate::error::Failure;
use crate::plan::ChunkKey;
use crate::schema::Table;
use crate::sql::Ident;
use crate::sql::executed::executed_tokens;
use crate::sql::lexer::{Token, TokenKind, leading_tokens};

pub(super) fn check(target: &Table, key: &ChunkKey) -> Option<Failure> {
    if target.primary_key().is_none() {
        // It would then be what orders the rows, and taking it away inside the lock window would rebuild the table there.
        return Some(
            Failure::refused(format!("the change leaves {} without a primary key", target.name))
                .table("untouched")
                .next("add another primary key in the same change, or make the change in a maintenance window"),
        );
    }
    let is_walked = |column: &Ident| key.columns.iter().any(|walked| walked.target.same_name(column));
    let unwalked = partitioned_by(target).into_iter().find(|column| !is_walked(column))?;
    let columns: Vec<String> = key.columns.iter().map(|column| column.target.to_string()).collect();
    let (table, walked) = (&target.name, columns.join(", "));
    Some(
        Failure::refused(format!("{table} would be partitioned by {unwalked}, which is not in the key ({walked})"))
            .table("untouched")
            .next("change the primary key and the partitions in two steps, the key first")
            .cause(
                "rows are copied along that key, and a partitioned table keeps a key unique only when all columns of \
                 the partitioning are in it",
            ),
    )
}

/// The columns by which a table is partitioned; none where it is not.
fn partitioned_by(table: &Table) -> Vec<Ident> {
    let all = leading_tokens(&table.create_sql).0;
    let tokens = executed_tokens(&all);
    let is_partitioning =
        |pair: &[Token<'_>]| (pair[0].is_word("PARTITION") || pair[0].is_word("SUBPARTITION")) && pair[1].is_word("BY");
    let starts = tokens.windows(2).enumerate().filter(|(_, pair)| is_partitioning(pair)).map(|(at, _)| at);
    starts.flat_map(|start| columns_of(table, &tokens[start..])).collect()
}

/// Those in the first parentheses; of `KEY ()` those of the primary key.
fn columns_of(table: &Table, tokens: &[Token<'_>]) -> Vec<Ident> {
    let Some(open) = tokens.iter().position(|token| token.kind == TokenKind::LeftParen) else { return Vec::new() };
    let mut depth = 0;
    let mut columns: Vec<Ident> = Vec::new();
    for pair in tokens[open..].windows(2) {
        match pair[0].kind {
            TokenKind::LeftParen => depth += 1,
            TokenKind::RightParen => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            break;
        }
        let is_function = pair[0].kind == TokenKind::Word && pair[1].kind == TokenKind::LeftParen;
        let name = pair[0].ident().filter(|_| !is_function);
        let column = name.and_then(|name| table.columns.iter().find(|column| column.name.same_name(&name)));
        columns.extend(column.map(|column| column.name.clone()));
    }
    if columns.is_empty() {
        let key = table.primary_key().and_then(|key| key.whole_columns()).unwrap_or_default();
        columns.extend(key.into_iter().cloned());
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{Column, Index, IndexPart};
    use crate::sql::TableName;

    fn table(partitioning: &str) -> Table {
        let column = |name: &str| Column {
            name: Ident::new(name),
            data_type: "int".into(),
            column_type: "int".into(),
            nullable: false,
            has_default: false,
            defaults_to_now: false,
            extra: String::new(),
            charset: None,
            collation: None,
            generated: false,
        };
        let part = |name: &str| IndexPart { column: Some(Ident::new(name)), prefix: None };
        let primary = Index {
            name: Ident::new("PRIMARY"),
            unique: true,
            kind: "BTREE".into(),
            usable: true,
            parts: vec![part("region"), part("k")],
        };
        Table {
            name: TableName::new("s", "t"),
            columns: ["k", "region", "at"].map(column).into(),
            indexes: vec![primary],
            engine: "InnoDB".into(),
            rows_estimate: 0,
            data_bytes: 0,
            index_bytes: 0,
            create_sql: format!(
                "CREATE TABLE `t` (\n  `k` int COMMENT 'PARTITION BY KEY (at)'\n) ENGINE=InnoDB{partitioning}"
            ),
        }
    }

    #[test]
    fn columns_of_the_partitioning_are_found() {
        let found = |partitioning: &str| {
            let columns = partitioned_by(&table(partitioning));
            columns.iter().map(|column| column.as_str().to_owned()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(found(""), "");
        assert_eq!(found("\n/*!50100 PARTITION BY KEY () PARTITIONS 3 */"), "region k");
        assert_eq!(found("\n PARTITION BY KEY (`region`) PARTITIONS 3"), "region");
        assert_eq!(found("\n/*!50100 PARTITION BY RANGE (year(`at`))\n(PARTITION k VALUES LESS THAN (1)) */"), "at");
        assert_eq!(found("\n/*!50500 PARTITION BY LIST  COLUMNS(region,at) */"), "region at");
        assert_eq!(found("\nPARTITION BY RANGE (at(`k`))\nSUBPARTITION BY HASH (region)\n(PARTITION p)"), "k region");
    }
}
