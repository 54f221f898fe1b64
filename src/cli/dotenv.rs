//! The `.env` file as Prisma reads it: its values, quotes and `${VAR}`, without touching the environment.
//!
//! Only `${VAR}` is replaced, never `$VAR`: a password with a dollar sign in it must arrive as it was written.

/// Deepest chain of variables that name each other; a longer one can only be a circle.
const DEEPEST: usize = 16;

/// The value of `key` in the text of a `.env` file; `environment` wins over the file inside `${VAR}`.
pub fn lookup(text: &str, key: &str, environment: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let file = parse(text);
    let value = raw(&file, key)?;
    Some(expand(value, &file, environment, DEEPEST))
}

/// The last line for a key counts.
fn raw<'a>(file: &'a [(String, String)], key: &str) -> Option<&'a str> {
    file.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
}

fn expand(
    value: &str,
    file: &[(String, String)],
    environment: &dyn Fn(&str) -> Option<String>,
    depth: usize,
) -> String {
    let mut expanded = String::new();
    let mut rest = value;
    while let Some(at) = rest.find("${") {
        let (before, from) = rest.split_at(at);
        let end = from[2..].find(|c: char| !c.is_ascii_alphanumeric() && c != '_').map(|end| end + 2);
        let Some(end) = end.filter(|end| from[*end..].starts_with('}')) else {
            expanded.push_str(before);
            expanded.push_str("${");
            rest = &from[2..];
            continue;
        };
        let name = &from[2..end];
        if let Some(escaped) = before.strip_suffix('\\') {
            expanded.push_str(escaped);
            expanded.push_str(&from[..=end]);
        } else {
            expanded.push_str(before);
            let found = environment(name).or_else(|| raw(file, name).map(str::to_owned));
            if let (Some(found), true) = (found, depth > 0) {
                expanded.push_str(&expand(&found, file, environment, depth - 1));
            }
        }
        rest = &from[end + 1..];
    }
    expanded.push_str(rest);
    expanded
}

/// Every `KEY=value` of the text, in order; lines that are none are passed over.
fn parse(text: &str) -> Vec<(String, String)> {
    let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
    let mut entries = Vec::new();
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let line_end = rest.find('\n').unwrap_or(rest.len());
        let mut next = line_end;
        if let Some((key, value_at)) = key(&rest[..line_end]) {
            let (value, length) = value(&rest[value_at..]);
            entries.push((key.to_owned(), value));
            next = value_at + length;
        }
        rest = rest[next..].split_once('\n').map_or("", |(_, after)| after);
    }
    entries
}

/// The key of a line and where its value begins.
fn key(line: &str) -> Option<(&str, usize)> {
    let mut rest = line.trim_start();
    if let Some(exported) = rest.strip_prefix("export")
        && exported.starts_with(char::is_whitespace)
    {
        rest = exported.trim_start();
    }
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '.' | '-'))?;
    let key = &rest[..end];
    let after = rest[end..].trim_start();
    let value = after.strip_prefix('=').or_else(|| rest[end..].strip_prefix(": "))?;
    let value = value.trim_start();
    (!key.is_empty()).then_some((key, line.len() - value.len()))
}

/// The value that begins here and how many bytes it takes. A quoted one may span lines.
fn value(text: &str) -> (String, usize) {
    if let Some(quote) = text.chars().next().filter(|c| matches!(c, '"' | '\'' | '`'))
        && let Some(end) = closing(&text[1..], quote)
    {
        let inner = &text[1..=end];
        let inner = if quote == '"' { inner.replace("\\n", "\n").replace("\\r", "\r") } else { inner.to_owned() };
        return (inner, end + 2);
    }
    let end = text.find(['#', '\n']).unwrap_or(text.len());
    (text[..end].trim().to_owned(), end)
}

/// Where the closing quote is; one behind a backslash does not close.
fn closing(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, character) in text.char_indices() {
        match character {
            '\\' if !escaped => escaped = true,
            _ if character == quote && !escaped => return Some(at),
            _ => escaped = false,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        let environment = |name: &str| (name == "HOME").then(|| "/home/me".to_owned());
        assert_eq!(lookup(text, "X", &environment).as_deref(), expected, "{text:?}");
    }

    #[test]
    fn plain_quoted_and_commented_values() {
        check("X=1", Some("1"));
        check("  export X = 1  # one", Some("1"));
        check("X: 1", Some("1"));
        check("X=", Some(""));
        check("#X=1", None);
        check("XX=1\nnonsense\nX=2\nX=3", Some("3"));
        check("X=\"a # b\" # c", Some("a # b"));
        check("X='it''s'", Some("it"));
        check("X=`a\"b`", Some("a\"b"));
        check("X=\"a\\nb\"", Some("a\nb"));
        check("X='a\\nb'", Some("a\\nb"));
        check("X='two\nlines'\nY=1", Some("two\nlines"));
        check("X=\"open\nY=1", Some("\"open"));
        check("\u{feff}X=1\r\nY=2\r\n", Some("1"));
    }

    #[test]
    fn only_braces_are_expanded() {
        check("X=${HOME}/x", Some("/home/me/x"));
        check("Y=${Z}\nZ=z\nX=<${Y}>", Some("<z>"));
        check("X=a${NONE}b", Some("ab"));
        check("X=pa$HOME$$", Some("pa$HOME$$"));
        check("X=\\${HOME}", Some("${HOME}"));
        check("X=${not closed", Some("${not closed"));
        check("X=${X}x", Some(&"x".repeat(DEEPEST + 1)));
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in "[X=#'\"`${}\\\\ \n\rab:é]{0,40}") {
            lookup(&text, "X", &|_| None);
        }
    }
}
