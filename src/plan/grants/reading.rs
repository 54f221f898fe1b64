//! Reads one line of SHOW GRANTS.

use std::collections::BTreeSet;
use std::iter::Peekable;
use std::str::Chars;
use std::vec::IntoIter;

use super::{Account, Entry, Scope};

/// What a line says.
pub(super) enum Line {
    /// Privileges on data.
    Entry(Entry),
    /// Names of roles the account may take.
    Roles(Vec<String>),
}

/// A lexical element. Quotes are gone; a quoted name is never a keyword.
#[derive(Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Quoted(String),
    Symbol(char),
}

type Tokens = Peekable<IntoIter<Token>>;

/// `None` for a line that is neither about privileges on data nor about roles: proxies, routines, default roles.
pub(super) fn line(text: &str) -> Option<Line> {
    let mut tokens = tokens(text).into_iter().peekable();
    let revoked = match tokens.next()? {
        Token::Word(verb) if verb.eq_ignore_ascii_case("GRANT") => false,
        Token::Word(verb) if verb.eq_ignore_ascii_case("REVOKE") => true,
        _ => return None,
    };
    let items = items(&mut tokens);
    match tokens.next()? {
        // A grant without an object is one of roles.
        Token::Word(word) if word.eq_ignore_ascii_case("TO") => {
            Some(Line::Roles(items.into_iter().map(|item| item.name).collect()))
        }
        Token::Word(word) if word.eq_ignore_ascii_case("ON") => {
            let scope = object(&mut tokens)?;
            tokens.next_if(|token| matches!(token, Token::Word(_)))?;
            let grantee = grantee(&mut tokens)?;
            // A privilege on some columns is none on the table.
            let held: BTreeSet<String> =
                items.into_iter().filter(|item| !item.has_columns).map(|item| item.name.to_uppercase()).collect();
            Some(Line::Entry(Entry { revoked, scope, held, grantee }))
        }
        _ => None,
    }
}

/// A privilege or a role between GRANT and ON or TO.
struct Item {
    name: String,
    has_columns: bool,
}

fn items(tokens: &mut Tokens) -> Vec<Item> {
    let mut items = vec![Item { name: String::new(), has_columns: false }];
    let mut depth = 0_usize;
    while let Some(token) = tokens.next_if(|token| depth > 0 || !is_word(token, &["ON", "TO"])) {
        let Some(item) = items.last_mut() else { break };
        match token {
            Token::Symbol('(') => {
                depth += 1;
                item.has_columns = true;
            }
            Token::Symbol(')') => depth = depth.saturating_sub(1),
            _ if depth > 0 => {}
            Token::Symbol(',') => items.push(Item { name: String::new(), has_columns: false }),
            Token::Symbol('@') => item.name.push('@'),
            Token::Symbol(_) => {}
            Token::Word(part) | Token::Quoted(part) => {
                // `LOCK TABLES` is two words, role@host is joined by its `@`.
                if !item.name.is_empty() && !item.name.ends_with('@') {
                    item.name.push(' ');
                }
                item.name.push_str(&part);
            }
        }
    }
    items
}

fn object(tokens: &mut Tokens) -> Option<Scope> {
    let mut first = tokens.next()?;
    // `ON TABLE a.b` is a table, `ON PROCEDURE a.b` and the like are not about data.
    if is_word(&first, &["TABLE"]) && tokens.peek() != Some(&Token::Symbol('.')) {
        first = tokens.next()?;
    }
    tokens.next_if_eq(&Token::Symbol('.'))?;
    match (name(first)?, name(tokens.next()?)?) {
        (None, None) => Some(Scope::Global),
        (Some(schema), None) => Some(Scope::Schema(schema)),
        (Some(schema), Some(table)) => Some(Scope::Table { schema, table }),
        (None, Some(_)) => None,
    }
}

/// One part of an object's name; `Some(None)` is the star.
fn name(token: Token) -> Option<Option<String>> {
    match token {
        Token::Symbol('*') => Some(None),
        Token::Quoted(name) | Token::Word(name) => Some(Some(name)),
        Token::Symbol(_) => None,
    }
}

fn grantee(tokens: &mut Tokens) -> Option<Account> {
    let user = name(tokens.next()?)??;
    let host = match tokens.next_if_eq(&Token::Symbol('@')) {
        Some(_) => Some(name(tokens.next()?)??),
        None => None,
    };
    Some(Account { user, host })
}

fn is_word(token: &Token, words: &[&str]) -> bool {
    matches!(token, Token::Word(text) if words.iter().any(|word| text.eq_ignore_ascii_case(word)))
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            _ if letter.is_whitespace() => {}
            // Double quotes under ANSI_QUOTES; single ones as MySQL 5.7 and MariaDB's proxies have them.
            '`' | '\'' | '"' => tokens.push(Token::Quoted(quoted(&mut letters, letter))),
            ',' | '.' | '(' | ')' | '@' | '*' | ';' => tokens.push(Token::Symbol(letter)),
            _ => {
                let mut word = String::from(letter);
                while let Some(next) = letters.next_if(|next| !next.is_whitespace() && !",.()@*;`'\"".contains(*next)) {
                    word.push(next);
                }
                tokens.push(Token::Word(word));
            }
        }
    }
    tokens
}

/// The rest of a quoted name; a doubled quote stands for one, and a backslash for itself, as it escapes wildcards.
fn quoted(letters: &mut Peekable<Chars<'_>>, quote: char) -> String {
    let mut name = String::new();
    while let Some(letter) = letters.next() {
        if letter == quote && letters.next_if_eq(&quote).is_none() {
            break;
        }
        name.push(letter);
    }
    name
}
