//! Views, routines, events and triggers that name columns which a change takes away. Pure.
//!
//! They are read as tokens, not understood: one that names the table and, anywhere, a column of that name counts, and
//! so does a trigger on the table itself that names the column of NEW or OLD. What is said is a warning.

use crate::sql::executed::executed_tokens;
use crate::sql::lexer::{Token, TokenKind, leading_tokens};
use crate::sql::{Ident, TableName, string_literal};

/// A stored program or a view of the table's schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// `view`, `procedure`, `function`, `event` or `trigger`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// What it does.
    pub text: String,
    /// The table that a trigger is on.
    pub on: Option<String>,
}

/// A query for kind, name, text and table of all of them in the table's schema; the text is NULL where the account may
/// not read it.
pub fn sql(table: &TableName) -> String {
    let schema = string_literal(table.schema.as_str());
    let text = |column: &str| format!("CONVERT({column} USING utf8mb4)");
    format!(
        "SELECT 'view', {}, {}, NULL FROM information_schema.views WHERE table_schema = {schema} \
         UNION ALL SELECT LOWER({}), {}, {}, NULL FROM information_schema.routines WHERE routine_schema = {schema} \
         UNION ALL SELECT 'event', {}, {}, NULL FROM information_schema.events WHERE event_schema = {schema} \
         UNION ALL SELECT 'trigger', {}, {}, {} FROM information_schema.triggers \
         WHERE event_object_schema = {schema}",
        text("table_name"),
        text("view_definition"),
        text("routine_type"),
        text("routine_name"),
        text("routine_definition"),
        text("event_name"),
        text("event_definition"),
        text("trigger_name"),
        text("action_statement"),
        text("event_object_table"),
    )
}

/// What of `programs` names the table and one of the columns that it will not have any more, as a sentence.
pub fn naming(programs: &[Program], table: &Ident, lost: &[Ident]) -> Option<String> {
    let mut named = Vec::new();
    for Program { kind, name, text, on } in programs {
        let all = leading_tokens(text).0;
        let tokens = executed_tokens(&all);
        let is_own = on.as_ref().is_some_and(|on| Ident::new(on).same_name(table));
        let idents: Vec<Ident> = match is_own {
            true => tokens.windows(3).filter(|three| is_of_row(three)).filter_map(|three| name_of(&three[2])).collect(),
            false => tokens.iter().filter_map(name_of).collect(),
        };
        if !is_own && !idents.iter().any(|ident| ident.same_name(table)) {
            continue;
        }
        let columns: Vec<String> = lost
            .iter()
            .filter(|column| idents.iter().any(|ident| ident.same_name(column)))
            .map(|column| format!("`{}`", column.as_str()))
            .collect();
        if !columns.is_empty() {
            named.push(format!("the {kind} `{name}` names {}", columns.join(", ")));
        }
    }
    let table = table.as_str();
    (!named.is_empty()).then(|| format!("{}, which `{table}` has not after the change", named.join(", ")))
}

/// The name that a token spells; in a session with ANSI_QUOTES, a string in double quotes is one.
fn name_of(token: &Token<'_>) -> Option<Ident> {
    let quoted = || Some(Ident::new(token.text.strip_prefix('"')?.strip_suffix('"')?));
    token.ident().or_else(|| (token.kind == TokenKind::String).then(quoted).flatten())
}

/// Whether three tokens are a column of NEW or OLD.
pub(crate) fn is_of_row(three: &[Token<'_>]) -> bool {
    three[1].kind == TokenKind::Period && (three[0].is_word("NEW") || three[0].is_word("OLD"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Option<String> {
        let program = Program { kind: "view".to_owned(), name: "v".to_owned(), text: text.to_owned(), on: None };
        naming(&[program], &Ident::new("Order"), &[Ident::new("total"), Ident::new("note")])
    }

    #[test]
    fn table_and_column_must_both_be_named() {
        assert_eq!(
            said("select `shop`.`Order`.`id` AS `id`,`shop`.`Order`.`Total` AS `t` from `shop`.`Order`").unwrap(),
            "the view `v` names `total`, which `Order` has not after the change"
        );
        assert!(said("select `o`.`total` from `Order` `o` where note = 1").unwrap().contains("`total`, `note`"));
        assert!(said("SELECT \"total\" FROM \"Order\"").is_some());
        assert_eq!(said("select `total` from `Bill`"), None);
        assert_eq!(said("select `id` from `Order` -- total"), None);
        assert_eq!(said("select 'total' from `Order`"), None);
    }

    #[test]
    fn triggers_on_the_table_name_its_rows() {
        let said = |text: &str, on: &str| {
            let text_of = |text: &str| text.to_owned();
            let program =
                Program { kind: text_of("trigger"), name: text_of("t"), text: text_of(text), on: Some(text_of(on)) };
            naming(&[program], &Ident::new("Order"), &[Ident::new("total")])
        };
        assert!(said("SET NEW.total = ABS(NEW.total)", "Order").is_some());
        assert_eq!(said("SET NEW.id = total()", "Order"), None);
        assert_eq!(said("SET NEW.total = ABS(NEW.total)", "Bill"), None);
        assert!(said("UPDATE `Order` SET total = 0", "Bill").is_some());
    }
}
