//! A trigger of the application as the server tells of it, and the statements that make it again. Pure.

use serde::{Deserialize, Serialize};

use crate::plan::dependents::is_of_row;
use crate::sql::executed::executed_tokens;
use crate::sql::lexer::{Token, leading_tokens, significant};
use crate::sql::{Ident, string_literal};

/// A trigger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserTrigger {
    /// What information_schema says of it.
    pub facts: Facts,
    /// The text of SHOW CREATE TRIGGER.
    pub create_sql: String,
}

/// What information_schema says of a trigger, the time of its creation left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    /// Its name, without quotes.
    pub name: String,
    /// BEFORE or AFTER.
    pub timing: String,
    /// INSERT, UPDATE or DELETE.
    pub event: String,
    /// `user@host`.
    pub definer: String,
    /// The body, in UTF-8.
    pub statement: String,
    /// The sql_mode that it runs with.
    pub sql_mode: String,
    /// Of the session that made it.
    pub character_set_client: String,
    /// Of the session that made it.
    pub collation_connection: String,
    /// Of the schema when it was made.
    pub database_collation: String,
    /// Of the schema now.
    pub schema_collation: String,
}

/// The parts of a CREATE TRIGGER that are the same wherever it is made.
struct Parts<'a> {
    /// `DEFINER=…`.
    definer: &'a str,
    /// Everything up to FOR EACH ROW.
    head: &'a str,
    /// What is behind FOR EACH ROW and behind the place in the order.
    body: &'a str,
}

impl UserTrigger {
    /// Its name.
    pub fn name(&self) -> Ident {
        Ident::new(&self.facts.name)
    }

    /// The settings of the session that made it, which are frozen into it.
    pub fn settings_sql(&self) -> String {
        let Facts { sql_mode, character_set_client, collation_connection, .. } = &self.facts;
        format!(
            "SET SESSION sql_mode = {}, character_set_client = {}, collation_connection = {}",
            string_literal(sql_mode),
            string_literal(character_set_client),
            string_literal(collation_connection),
        )
    }

    /// CREATE TRIGGER of the same under another name on another table of the session's schema, in front of another trigger
    /// or behind all, where it does nothing while the user variable `guard` is set. A block, whatever its body is. `None`
    /// when its text cannot be read.
    pub fn guarded_sql(&self, name: &Ident, table: &Ident, guard: &str, next: Option<&Ident>) -> Option<String> {
        let Parts { definer, body, .. } = self.parts()?;
        let Facts { timing, event, .. } = &self.facts;
        let place = next.map(|next| format!(" PRECEDES {next}")).unwrap_or_default();
        // A comment may be the last thing in the body.
        Some(format!(
            "CREATE {definer} TRIGGER {name} {timing} {event} ON {table} FOR EACH ROW{place} \
             BEGIN IF {guard} IS NULL THEN {body}\n; END IF; END"
        ))
    }

    /// Whether facts are those of this trigger behind such a guard, its name left out.
    pub fn is_guarded_in(&self, facts: &Facts, guard: &str) -> bool {
        let beginning = format!("BEGIN IF {guard} IS NULL THEN");
        let body = facts.statement.strip_prefix(&beginning).and_then(|rest| rest.strip_suffix("\n; END IF; END"));
        let own = Facts { name: facts.name.clone(), statement: facts.statement.clone(), ..self.facts.clone() };
        // MySQL keeps the semicolon behind a body of one statement that others followed in its packet.
        let bare = |text: &'_ str| text.trim().trim_end_matches(|ch: char| ch == ';' || ch.is_whitespace()).to_owned();
        own == *facts && body.is_some_and(|body| bare(body) == bare(&self.facts.statement))
    }

    /// CREATE TRIGGER in its own words, in front of another trigger or behind all. `None` when its text cannot be read.
    pub fn create_sql_before(&self, next: Option<&Ident>) -> Option<String> {
        let Parts { head, body, .. } = self.parts()?;
        Some(match next {
            Some(next) => format!("{head} PRECEDES {next}{body}"),
            None => format!("{head}{body}"),
        })
    }

    /// CREATE TRIGGER in its own words on another table of the session's schema. `None` when its text cannot be read.
    pub fn own_sql_on(&self, table: &Ident, next: Option<&Ident>) -> Option<String> {
        let Parts { definer, body, .. } = self.parts()?;
        let (Facts { timing, event, .. }, name) = (&self.facts, self.name());
        let place = next.map(|next| format!(" PRECEDES {next}")).unwrap_or_default();
        Some(format!("CREATE {definer} TRIGGER {name} {timing} {event} ON {table} FOR EACH ROW{place}{body}"))
    }

    /// Whether its body is a block.
    pub fn is_block(&self) -> bool {
        let parts = self.parts();
        parts.is_some_and(|parts| significant(parts.body).first().is_some_and(|first| first.is_word("BEGIN")))
    }

    /// Whether its text can be sent as it was: with other letters than ASCII that takes an encoding that is known here.
    pub fn is_readable(&self) -> bool {
        let encoded = self.create_sql.is_ascii() || self.facts.character_set_client.starts_with("utf8");
        encoded && self.parts().is_some()
    }

    /// The columns that it reads or sets as NEW and OLD; `None` when its text is read otherwise than here.
    pub fn columns(&self) -> Option<Vec<Ident>> {
        if self.facts.sql_mode.contains("ANSI_QUOTES") || self.facts.sql_mode.contains("NO_BACKSLASH_ESCAPES") {
            return None;
        }
        let (all, error) = leading_tokens(self.parts()?.body);
        if error.is_some() {
            return None;
        }
        let mut columns: Vec<Ident> = Vec::new();
        for three in executed_tokens(&all).windows(3) {
            let column = three[2].ident().filter(|_| is_of_row(three));
            columns.extend(column.filter(|column| !columns.iter().any(|known| known.same_name(column))));
        }
        Some(columns)
    }

    fn parts(&self) -> Option<Parts<'_>> {
        let source = &self.create_sql;
        let tokens: Vec<Token<'_>> = leading_tokens(source).0.into_iter().filter(|token| !token.is_trivia()).collect();
        let create = tokens.first().filter(|token| token.is_word("CREATE"))?;
        let trigger = tokens.iter().find(|token| token.is_word("TRIGGER"))?;
        let is_each_row =
            |three: &[Token<'_>]| three[0].is_word("FOR") && three[1].is_word("EACH") && three[2].is_word("ROW");
        let row = tokens.windows(3).position(is_each_row)? + 2;
        let is_ordered = tokens.get(row + 1).is_some_and(|next| next.is_word("FOLLOWS") || next.is_word("PRECEDES"));
        let last = tokens.get(if is_ordered { row + 2 } else { row })?;
        Some(Parts {
            definer: source[create.end()..trigger.start].trim(),
            head: &source[..tokens[row].end()],
            body: source[last.end()..].trim_end_matches(|ch: char| ch == ';' || ch.is_whitespace()),
        })
    }
}

/// The first thing that is different about the triggers of a table; `None` when nothing is.
pub fn difference(expected: &[UserTrigger], found: &[Facts]) -> Option<String> {
    let is_expected = |found: &&Facts| expected.iter().any(|trigger| trigger.facts.name == found.name);
    if let Some(new) = found.iter().find(|found| !is_expected(found)) {
        return Some(format!("somebody created the trigger {} on it, which the new table would not have", new.name));
    }
    for UserTrigger { facts, .. } in expected {
        match found.iter().find(|found| found.name == facts.name) {
            None => {
                return Some(format!("somebody dropped its trigger {}, which the new table would have", facts.name));
            }
            Some(found) if found != facts => {
                return Some(format!(
                    "somebody changed its trigger {}, which the new table would have as it was",
                    facts.name
                ));
            }
            Some(_) => {}
        }
    }
    let is_in_order = expected.iter().zip(found).all(|(expected, found)| expected.facts.name == found.name);
    (!is_in_order).then(|| "somebody changed the order of its triggers".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trigger(create_sql: &str) -> UserTrigger {
        let text = |text: &str| text.to_owned();
        let facts = Facts {
            name: text("audit"),
            timing: text("AFTER"),
            event: text("INSERT"),
            definer: text("app@%"),
            statement: text("SET @a = 1"),
            sql_mode: text("STRICT_TRANS_TABLES"),
            character_set_client: text("utf8mb4"),
            collation_connection: text("utf8mb4_unicode_ci"),
            database_collation: text("utf8mb4_unicode_ci"),
            schema_collation: text("utf8mb4_unicode_ci"),
        };
        UserTrigger { facts, create_sql: create_sql.to_owned() }
    }

    const AUDIT: &str = "CREATE DEFINER=`app`@`%` trigger `for each row` after insert on shop.`Order` for each row\n\
        begin -- NEW.comment\n insert into Audit values (new.id, 'NEW.text', OLD . `status`, New.`ID`); end -- done;";

    #[test]
    fn its_double_is_guarded_and_elsewhere() {
        let (name, table) = (Ident::new("s1"), Ident::new("Order__rpk_new"));
        let made = trigger(AUDIT).guarded_sql(&name, &table, "@still", None).unwrap();
        assert_eq!(
            made,
            "CREATE DEFINER=`app`@`%` TRIGGER `s1` AFTER INSERT ON `Order__rpk_new` FOR EACH ROW \
             BEGIN IF @still IS NULL THEN \nbegin -- NEW.comment\n \
             insert into Audit values (new.id, 'NEW.text', OLD . `status`, New.`ID`); end -- done\n; END IF; END"
        );
        let placed = trigger(AUDIT).guarded_sql(&name, &table, "@still", Some(&Ident::new("n"))).unwrap();
        assert!(placed.contains("FOR EACH ROW PRECEDES `n` BEGIN IF"), "{placed}");
    }

    #[test]
    fn its_double_is_known_again() {
        let own = trigger("CREATE TRIGGER audit AFTER INSERT ON t FOR EACH ROW SET @a = 1");
        let double =
            |statement: &str| Facts { name: "double".to_owned(), statement: statement.to_owned(), ..own.facts.clone() };
        let same = double("BEGIN IF @x IS NULL THEN  SET @a = 1\n; END IF; END");
        assert!(own.is_guarded_in(&same, "@x"));
        assert!(!own.is_guarded_in(&same, "@y"));
        let mut kept = own.clone();
        kept.facts.statement.push(';');
        assert!(kept.is_guarded_in(&same, "@x"), "MySQL keeps the semicolon of a packet");
        assert!(!own.is_guarded_in(&double("BEGIN IF @x IS NULL THEN  SET @a = 2\n; END IF; END"), "@x"));
        let elsewhere = Facts { event: "DELETE".to_owned(), ..same };
        assert!(!own.is_guarded_in(&elsewhere, "@x"));
    }

    #[test]
    fn its_own_words_stay_but_for_the_place_in_the_order() {
        let sql = "CREATE DEFINER=`app`@`%` TRIGGER a BEFORE UPDATE ON t FOR EACH ROW FOLLOWS b SET NEW.x = 1";
        let (ordered, next) = (trigger(sql), Ident::new("s1"));
        let unordered = "CREATE DEFINER=`app`@`%` TRIGGER a BEFORE UPDATE ON t FOR EACH ROW SET NEW.x = 1";
        assert_eq!(ordered.create_sql_before(None).unwrap(), unordered);
        assert_eq!(trigger(unordered).create_sql_before(None).unwrap(), unordered);
        let placed = "CREATE DEFINER=`app`@`%` TRIGGER a BEFORE UPDATE ON t FOR EACH ROW PRECEDES `s1` SET NEW.x = 1";
        assert_eq!(ordered.create_sql_before(Some(&next)).unwrap(), placed);
        assert!(
            trigger(AUDIT).create_sql_before(Some(&next)).unwrap().contains("for each row PRECEDES `s1`\nbegin --")
        );
    }

    #[test]
    fn a_block_is_told_from_one_statement() {
        assert!(trigger(AUDIT).is_block());
        assert!(!trigger("CREATE TRIGGER a BEFORE UPDATE ON t FOR EACH ROW SET NEW.x = 1").is_block());
    }

    #[test]
    fn columns_are_those_of_both_rows() {
        let names = |sql: &str| {
            let columns = trigger(sql).columns()?;
            Some(columns.iter().map(|column| column.as_str().to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(names(AUDIT).unwrap(), ["id", "status"]);
        assert_eq!(
            names("CREATE TRIGGER a BEFORE INSERT ON t FOR EACH ROW SET NEW.a = /*! NEW.b */ 1").unwrap(),
            ["a", "b"]
        );
        assert_eq!(names("CREATE TRIGGER a BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 'open"), None);
    }

    #[test]
    fn text_of_an_unknown_encoding_is_not_sent() {
        let mut latin = trigger("CREATE TRIGGER a BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 'é'");
        assert!(latin.is_readable());
        latin.facts.character_set_client = "latin1".to_owned();
        assert!(!latin.is_readable());
        latin.create_sql = latin.create_sql.replace('é', "e");
        assert!(latin.is_readable());
    }

    #[test]
    fn differences_are_named() {
        let one = trigger(AUDIT);
        let mut two = one.clone();
        two.facts.name = "second".to_owned();
        let expected = [one.clone(), two.clone()];
        let said = |found: &[Facts]| difference(&expected, found).unwrap_or_default();
        assert_eq!(said(&[one.facts.clone(), two.facts.clone()]), "");
        assert!(said(&[two.facts.clone(), one.facts.clone()]).contains("order"));
        assert!(said(std::slice::from_ref(&one.facts)).contains("dropped its trigger second"));
        let other = Facts { statement: "SET @a = 2".to_owned(), ..two.facts.clone() };
        assert!(said(&[one.facts.clone(), other]).contains("changed its trigger second"));
        let third = Facts { name: "third".to_owned(), ..one.facts.clone() };
        assert!(said(&[one.facts, two.facts, third]).contains("created the trigger third"));
    }
}
