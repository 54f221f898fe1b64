//! A table as it is typed on a command line: `table`, `db.table`, with backticks where names need them.

use std::str::FromStr;

use crate::sql::{Ident, TableName};

/// A table whose schema may still have to come from the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableArg {
    /// The schema, when it was typed.
    pub schema: Option<String>,
    /// The table.
    pub table: String,
}

impl TableArg {
    /// The full name, `None` when neither the argument nor the connection names a schema.
    pub fn within(&self, default_schema: Option<&str>) -> Option<TableName> {
        let schema = self.schema.as_deref().or(default_schema)?;
        Some(TableName::new(schema, &self.table))
    }
}

impl FromStr for TableArg {
    type Err = String;

    fn from_str(text: &str) -> Result<TableArg, String> {
        let mut parts = Vec::new();
        let mut rest = text.trim();
        loop {
            let (name, after) = name(rest)?;
            parts.push(name);
            match after.strip_prefix('.') {
                Some(more) => rest = more,
                None if after.is_empty() => break,
                None => return Err("unexpected text after a closing backtick".to_owned()),
            }
        }
        let mut parts = parts.into_iter();
        match (parts.next(), parts.next(), parts.next()) {
            (Some(table), None, _) => Ok(TableArg { schema: None, table }),
            (Some(schema), Some(table), None) => Ok(TableArg { schema: Some(schema), table }),
            _ => Err("too many parts; write db.table, with backticks around a name that has a dot".to_owned()),
        }
    }
}

/// Reads one name and returns it with what follows.
fn name(text: &str) -> Result<(String, &str), String> {
    let (name, rest) = match text.strip_prefix('`') {
        Some(quoted) => quoted_name(quoted)?,
        None => {
            let end = text.find('.').unwrap_or(text.len());
            (text[..end].to_owned(), &text[end..])
        }
    };
    if name.is_empty() {
        return Err("a name is missing; write db.table".to_owned());
    }
    if name.chars().count() > Ident::MAX_CHARS {
        return Err(format!("a name is longer than {} characters", Ident::MAX_CHARS));
    }
    if name.contains('\0') || name.ends_with(' ') {
        return Err("no server takes a name that ends with a space or has a NUL in it".to_owned());
    }
    Ok((name, rest))
}

/// The rest of a backticked name; a doubled backtick stands for one.
fn quoted_name(text: &str) -> Result<(String, &str), String> {
    let mut name = String::new();
    let mut rest = text;
    loop {
        let end = rest.find('`').ok_or("a backtick is not closed")?;
        name.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('`') {
            Some(more) => {
                name.push('`');
                rest = more;
            }
            None => return Ok((name, rest)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, schema: Option<&str>, table: &str) {
        let expected = TableArg { schema: schema.map(str::to_owned), table: table.to_owned() };
        assert_eq!(text.parse(), Ok(expected), "{text}");
    }

    #[test]
    fn names_with_and_without_backticks() {
        check("Order", None, "Order");
        check("shop.Order", Some("shop"), "Order");
        check("`shop`.`Order`", Some("shop"), "Order");
        check("shop.`a.b`", Some("shop"), "a.b");
        check("`we``ird`", None, "we`ird");
        check("shop.día", Some("shop"), "día");
    }

    #[test]
    fn malformed_names_are_refused() {
        for bad in ["", ".", "shop.", ".Order", "a.b.c", "`open", "`a`b", "``", &"x".repeat(65)] {
            assert!(bad.parse::<TableArg>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_sql_would_print_reads_back(schema in "[^\0 ]{1,20}", table in "[^\0 ]{1,20}") {
            let name = TableName::new(schema.clone(), table.clone());
            let read: TableArg = name.to_string().parse().unwrap();
            prop_assert_eq!(read.within(None), Some(name));
        }
    }
}
