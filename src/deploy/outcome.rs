//! Whether a statement that was begun has happened, when nobody saw its end.
//!
//! Nothing is guessed: what the server cannot tell is unknown, and a person has to look.

use serde::{Deserialize, Serialize};

use super::assignments::{Assignment, Scope, assignments, behind_settings};
use super::defines::{Kind, defines};
use super::session_state::SessionState;
use crate::cutover;
use crate::plan::TableRef;
use crate::runs::Identity;
use crate::schema;
use crate::server::{ServerError, Session, errno};
use crate::sql::executed::executed_tokens;
use crate::sql::lexer::{Token, TokenKind, leading_tokens};
use crate::sql::{Ident, TableName};

/// What tells whether a statement has happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// Doing it again makes no difference.
    Repeatable,
    /// It was to be committed together with the position after it, and this is the position before it.
    Transaction,
    /// The definitions before it.
    Definitions {
        /// Whether the objects are gone after it.
        drops: bool,
        /// The objects it is about.
        objects: Vec<Defined>,
    },
    /// A run of replank's own, which keeps its books by itself.
    Run {
        /// `schema` and `table`.
        table: (String, String),
    },
    /// Nothing does.
    Nothing,
}

/// An object and its definition before a statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Defined {
    kind: Kind,
    schema: String,
    name: String,
    /// `None` when there was no such object.
    definition: Option<String>,
    /// Whether it is a table whose contents can be exchanged without a trace in the definition.
    #[serde(default)]
    unnumbered: bool,
}

/// A definition, and whether the server keeps InnoDB's number of the table to itself.
type Description = (Option<String>, bool);

/// What became of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happened {
    /// It took effect.
    Yes,
    /// It did not, or doing it again makes no difference.
    No,
    /// It cannot be told.
    Unknown,
}

impl Proof {
    /// What will tell whether `text` has happened, in a session that uses `schema`.
    pub async fn of(
        text: &str,
        schema: &Ident,
        before: &SessionState<'_>,
        transactional: bool,
        work: &mut Session,
    ) -> Result<Proof, ServerError> {
        match kind_of(text) {
            StatementKind::Repeatable => Ok(Proof::Repeatable),
            StatementKind::Rows if transactional && !before.in_transaction() && before.tables_locked_by().is_none() => {
                Ok(Proof::Transaction)
            }
            StatementKind::Rows | StatementKind::Other => Ok(Proof::Nothing),
            StatementKind::Definition => {
                let Some(defines) = defines(text) else { return Ok(Proof::Nothing) };
                let mut objects = Vec::new();
                for (kind, TableRef { schema: named, table }) in defines.objects {
                    let name = TableName { schema: named.unwrap_or_else(|| schema.clone()), table };
                    let (definition, unnumbered) = definition(work, kind, &name, None).await?;
                    let unnumbered = unnumbered && moves_contents(text);
                    let (schema, name) = (name.schema.as_str().to_owned(), name.table.as_str().to_owned());
                    objects.push(Defined { kind, schema, name, definition, unnumbered });
                }
                Ok(Proof::Definitions { drops: defines.drops, objects })
            }
        }
    }

    /// Whether the statement has happened. For a run, its own books are asked instead.
    pub async fn happened(&self, work: &mut Session) -> Result<Happened, ServerError> {
        let Proof::Definitions { drops, objects } = self else {
            return Ok(match self {
                Proof::Repeatable | Proof::Transaction => Happened::No,
                _ => Happened::Unknown,
            });
        };
        let (mut changed, mut gone) = (0, 0);
        for before in objects {
            let name = TableName::new(before.schema.clone(), before.name.clone());
            let (now, _) = definition(work, before.kind, &name, before.definition.as_deref()).await?;
            changed += usize::from(now != before.definition);
            gone += usize::from(now.is_none());
        }
        Ok(match changed {
            0 if objects.iter().any(|before| before.unnumbered) => Happened::Unknown,
            0 => Happened::No,
            // A DROP of several tables is not atomic everywhere; all else is.
            _ if *drops && gone < objects.len() => Happened::Unknown,
            _ => Happened::Yes,
        })
    }
}

/// The definition of an object and, of a table, what changes when it is rebuilt; to be compared with `noted`.
async fn definition(
    work: &mut Session,
    kind: Kind,
    name: &TableName,
    noted: Option<&str>,
) -> Result<Description, ServerError> {
    let absent = [errno::NO_SUCH_TABLE, errno::NO_SUCH_TRIGGER, errno::NO_SUCH_ROUTINE, errno::NO_SUCH_EVENT];
    if kind == Kind::Table {
        let kinds: Vec<String> = work.rows(&schema::kind_sql(name)).await?;
        match kinds.first().map(String::as_str) {
            None => return Ok((None, false)),
            Some("BASE TABLE") => {
                // Versions that knew MySQL's tables by their own numbers noted `Some([57])`.
                let by_tables = Identity { table_ids: Some(Vec::new()), ..Identity::unnumbered(String::new()) };
                let like = noted.filter(|noted| noted.ends_with("])")).map(|_| &by_tables);
                let identity = cutover::identity_like(work, name, like).await?;
                let (definition, ids) = (identity.definition, identity.table_ids);
                return Ok(match identity.tablespaces.filter(|_| ids.is_none()) {
                    Some(files) => (Some(format!("{definition} files {files:?}")), false),
                    None => {
                        let unnumbered = ids.as_ref().is_none_or(Vec::is_empty);
                        (Some(format!("{definition} {ids:?}")), unnumbered)
                    }
                });
            }
            Some(_) => {}
        }
    }
    let sql = format!("SHOW CREATE {} {name}", kind.word());
    match work.first_row::<mysql_async::Row>(&sql).await {
        Ok(Some(row)) => {
            let values: Vec<String> = row.unwrap().iter().map(|value| value.as_sql(true)).collect();
            Ok((Some(values.join(" ")), false))
        }
        Ok(None) => Ok((None, false)),
        Err(error) if error.is_any(&absent) => Ok((None, false)),
        Err(error) => Err(error),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StatementKind {
    Repeatable,
    Rows,
    Definition,
    Other,
}

fn kind_of(text: &str) -> StatementKind {
    let tokens = executed_tokens(&leading_tokens(text).0);
    let is = |at: usize, word: &str| tokens.get(at).is_some_and(|token| token.is_word(word));
    let first = |words: &[&str]| words.iter().any(|word| is(0, word));
    let repeatable = match tokens.first().map(|token| token.text.to_ascii_uppercase()).as_deref() {
        None | Some("USE" | "SHOW" | "FLUSH" | "GRANT") => true,
        Some("SELECT") => !has_effect(&tokens),
        Some("SET") => sets_again(&tokens),
        // MariaDB runs what is behind ANALYZE.
        Some("ANALYZE" | "CHECK") => is(1, "TABLE") || is(2, "TABLE"),
        _ => false,
    };
    if repeatable {
        StatementKind::Repeatable
    } else if first(&["INSERT", "UPDATE", "DELETE", "REPLACE"]) {
        StatementKind::Rows
    } else if first(&["CREATE", "ALTER", "DROP", "RENAME"]) {
        StatementKind::Definition
    } else {
        StatementKind::Other
    }
}

/// Whether a SET comes to the same when it is run twice.
fn sets_again(tokens: &[Token<'_>]) -> bool {
    let for_server =
        |one: &Assignment<'_, '_>| one.scope == Scope::Global && (one.is_computed() || one.reads_variables());
    behind_settings(tokens).is_none() && !has_effect(tokens) && !assignments(&tokens[1..]).iter().any(for_server)
}

/// Whether a query may do more than read: it calls what is not known, takes a number from a sequence, writes a file.
fn has_effect(tokens: &[Token<'_>]) -> bool {
    let is_known = |token: &Token<'_>| HARMLESS.iter().any(|word| token.is_word(word));
    let calls = tokens.windows(2).any(|pair| {
        let named = matches!(pair[0].kind, TokenKind::Word | TokenKind::QuotedIdent);
        named && pair[1].kind == TokenKind::LeftParen && !is_known(&pair[0])
    });
    // `db.now()` is not the server's own.
    let of_schema = tokens.windows(3).any(|three| {
        three[0].kind == TokenKind::Period && three[1].kind == TokenKind::Word && three[2].kind == TokenKind::LeftParen
    });
    let takes = |token: &Token<'_>| ["OUTFILE", "DUMPFILE", "NEXTVAL"].iter().any(|word| token.is_word(word));
    let next_value = tokens.windows(2).any(|pair| pair[0].is_word("NEXT") && pair[1].is_word("VALUE"));
    calls || of_schema || next_value || tokens.iter().any(takes)
}

/// What may be in front of a parenthesis without any effect: words of the grammar, and functions of the servers.
#[rustfmt::skip]
const HARMLESS: [&str; 96] = [
    "SELECT", "FROM", "JOIN", "WHERE", "ON", "USING", "AND", "OR", "NOT", "XOR", "IN", "EXISTS", "ANY", "ALL", "SOME",
    "AS", "CASE", "WHEN", "THEN", "ELSE", "HAVING", "BY", "OVER", "UNION", "EXCEPT", "INTERSECT", "LIMIT", "INTERVAL",
    "IS", "LIKE", "BETWEEN", "DIV", "MOD", "DISTINCT", "INDEX", "KEY", "VALUES", "ROW", "LATERAL", "BINARY", "CHAR",
    "DECIMAL", "COUNT", "MAX", "MIN", "SUM", "AVG", "GROUP_CONCAT", "CONCAT", "CONCAT_WS", "COALESCE", "IFNULL",
    "NULLIF", "IF", "NOW", "CURRENT_TIMESTAMP", "CURRENT_DATE", "CURDATE", "UTC_TIMESTAMP", "DATABASE", "SCHEMA",
    "VERSION", "USER", "CURRENT_USER", "CONNECTION_ID", "LAST_INSERT_ID", "ROW_COUNT", "FOUND_ROWS", "LENGTH",
    "CHAR_LENGTH", "LOWER", "UPPER", "LEFT", "RIGHT", "SUBSTRING", "REPLACE", "TRIM", "CAST", "CONVERT", "ROUND",
    "FLOOR", "CEIL", "CEILING", "ABS", "GREATEST", "LEAST", "UUID", "MD5", "SHA2", "HEX", "UNHEX", "JSON_EXTRACT",
    "JSON_UNQUOTE", "ROW_NUMBER", "SLEEP", "REPEAT",
];

/// Whether a statement may leave each definition as it was and still exchange or take away what is in the tables.
fn moves_contents(text: &str) -> bool {
    let tokens = executed_tokens(&leading_tokens(text).0);
    let any = |words: &[&str]| tokens.iter().any(|token| words.iter().any(|word| token.is_word(word)));
    // Tables can change places when several are renamed.
    tokens.first().is_some_and(|token| token.is_word("RENAME"))
        && tokens.iter().any(|token| token.kind == TokenKind::Comma)
        || any(&["PARTITION"]) && any(&["EXCHANGE", "TRUNCATE"])
        || any(&["TABLESPACE"]) && any(&["DISCARD", "IMPORT"])
}

/// Whether a statement makes, alters or drops something, so that it matters which schema its names are in.
pub fn is_definition(text: &str) -> bool {
    kind_of(text) == StatementKind::Definition
}

/// Whether the session may use another schema after a statement: USE, DROP DATABASE, or either of them prepared.
pub fn may_change_schema(text: &str) -> bool {
    let all = executed_tokens(&leading_tokens(text).0);
    let word = |at: usize, word: &str| all.get(at).is_some_and(|token| token.is_word(word));
    ["USE", "EXECUTE", "CALL", "BEGIN"].iter().any(|first| word(0, first))
        || (word(0, "DROP") || word(0, "CREATE")) && (1..4).any(|at| word(at, "DATABASE") || word(at, "SCHEMA"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_statements() {
        assert_eq!(kind_of("-- c\n SET @a = 1"), StatementKind::Repeatable);
        assert_eq!(kind_of("/* x */"), StatementKind::Repeatable);
        assert_eq!(kind_of("update t set a = 1"), StatementKind::Rows);
        assert_eq!(kind_of("CREATE TABLE t (a INT)"), StatementKind::Definition);
        assert_eq!(kind_of("TRUNCATE t"), StatementKind::Other);
        assert_eq!(kind_of("CALL p()"), StatementKind::Other);
        assert_eq!(kind_of("SET STATEMENT sql_mode = '' FOR UPDATE t SET a = a + 1"), StatementKind::Other);
    }

    #[test]
    fn what_makes_no_difference_the_second_time() {
        for text in [
            "SELECT COUNT(*), MAX(`a`) FROM t WHERE id IN (1, 2) AND (a OR (b))",
            "SELECT * FROM (SELECT 1) AS x",
            "/*!40101 SET NAMES utf8 */",
            "SET @a = (SELECT MAX(a) FROM t), @b = @b + 1",
            "SET GLOBAL max_connections = 10",
            "ANALYZE TABLE t",
            "ANALYZE LOCAL TABLE t",
            "SHOW TABLES",
        ] {
            assert_eq!(kind_of(text), StatementKind::Repeatable, "{text}");
        }
        for text in [
            "SELECT charge(7)",
            "SELECT `shop`.`charge`(7)",
            "SELECT shop.now()",
            "SELECT NEXTVAL(s)",
            "SELECT NEXT VALUE FOR s",
            "SELECT a FROM t INTO OUTFILE 'f'",
            "SET @a = charge(7)",
            "SET GLOBAL max_connections = @@max_connections + 1",
            "SET @@global.max_connections = @@global.max_connections + 1",
            "ANALYZE UPDATE t SET a = a + 1",
            "ANALYZE FORMAT=JSON DELETE FROM t",
            "REVOKE SELECT ON t FROM a",
        ] {
            assert_eq!(kind_of(text), StatementKind::Other, "{text}");
        }
    }

    #[test]
    fn statements_that_leave_no_trace_in_definitions() {
        for text in [
            "RENAME TABLE a TO c, b TO a, c TO b",
            "ALTER TABLE t EXCHANGE PARTITION p WITH TABLE u",
            "ALTER TABLE t TRUNCATE PARTITION p",
            "ALTER TABLE t IMPORT TABLESPACE",
        ] {
            assert!(moves_contents(text), "{text}");
        }
        for text in ["RENAME TABLE a TO b", "ALTER TABLE t DROP PARTITION p", "ALTER TABLE t ADD a INT, ADD b INT"] {
            assert!(!moves_contents(text), "{text}");
        }
    }

    #[test]
    fn statements_after_which_names_mean_another_schema() {
        for text in ["-- c\nUSE other", "/*!40000 USE other */", "DROP DATABASE IF EXISTS a", "EXECUTE s"] {
            assert!(may_change_schema(text), "{text}");
        }
        for text in ["UPDATE t SET a = 1", "SET @n = ROW_COUNT()", "DROP TABLE t", "SELECT 'USE'", ""] {
            assert!(!may_change_schema(text), "{text}");
        }
    }
}
