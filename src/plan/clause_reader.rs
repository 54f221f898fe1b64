//! Reads the text of clauses: where each one ends, what it is, which names it has.
//!
//! Invariant: never a wrong reading.
//! A clause is only given a kind when all that decides the kind was understood; everything else is
//! [`ClauseKind::Other`], with its text.
//! What the reader does not look at (types, defaults, expressions) it passes over by counting parentheses.

use super::clauses::{Alter, Clause, ClauseError, ClauseKind, Constraint, ConstraintKind, TableRef};
use crate::sql::Ident;
use crate::sql::lexer::{self, Token, TokenKind};

/// Reads what stands behind `ALTER TABLE name`.
///
/// # Errors
/// No clause at all, a whole statement, a second statement, parentheses that do not match, executable comments.
pub fn read_clauses(text: &str) -> Result<Alter, ClauseError> {
    let tokens = significant_tokens(text)?;
    if let [first, second, ..] = tokens.as_slice()
        && first.is_word("ALTER")
        && ["TABLE", "IGNORE", "ONLINE", "OFFLINE"].iter().any(|word| second.is_word(word))
    {
        return Err(ClauseError::WholeStatement);
    }
    read_clause_tokens(text, &tokens)
}

/// The tokens of one statement without whitespace, comments and the semicolons at its end.
pub(super) fn significant_tokens(text: &str) -> Result<Vec<Token<'_>>, ClauseError> {
    let mut tokens: Vec<Token<'_>> = lexer::tokens(text)?.into_iter().filter(|token| !token.is_trivia()).collect();
    if let Some(semicolon) = tokens.iter().position(|token| token.kind == TokenKind::Semicolon) {
        if let Some(behind) = tokens[semicolon..].iter().find(|token| token.kind != TokenKind::Semicolon) {
            return Err(ClauseError::SecondStatement { text: beginning(&text[behind.start..]) });
        }
        tokens.truncate(semicolon);
    }
    refuse_unbalanced(text, &tokens)?;
    Ok(tokens)
}

/// Reads clauses from tokens whose parentheses match.
pub(super) fn read_clause_tokens(source: &str, tokens: &[Token<'_>]) -> Result<Alter, ClauseError> {
    if tokens.is_empty() {
        return Err(ClauseError::Empty);
    }
    let mut clauses = Vec::new();
    let mut rest = Some(tokens);
    while let Some(tokens) = rest {
        let comma = clause_end(tokens);
        let (piece, behind) = tokens.split_at(comma);
        if piece.is_empty() {
            return Err(ClauseError::EmptyClause { place: place(source, tokens) });
        }
        for (kind, part) in classify_piece(piece) {
            if let Some(text) = text_of(source, part) {
                clauses.push(Clause { kind, text: text.to_owned() });
            }
        }
        rest = behind.split_first().map(|(_comma, tokens)| tokens);
    }
    Ok(Alter { clauses })
}

/// The source from the first of the tokens to the last.
pub(super) fn text_of<'a>(source: &'a str, tokens: &[Token<'_>]) -> Option<&'a str> {
    Some(&source[tokens.first()?.start..tokens.last()?.end()])
}

/// Where a message says that something is missing.
pub(super) fn place(source: &str, tokens: &[Token<'_>]) -> String {
    match tokens.first() {
        Some(token) => format!("before `{}`", beginning(&source[token.start..])),
        None => "at the end".to_owned(),
    }
}

fn beginning(text: &str) -> String {
    const ENOUGH_TO_FIND_IT: usize = 40;
    let text = text.trim_end();
    match text.char_indices().nth(ENOUGH_TO_FIND_IT) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text.to_owned(),
    }
}

fn refuse_unbalanced(source: &str, tokens: &[Token<'_>]) -> Result<(), ClauseError> {
    let mut open = Vec::new();
    for token in tokens {
        match token.kind {
            TokenKind::LeftParen => open.push(token.start),
            TokenKind::RightParen if open.pop().is_none() => {
                return Err(ClauseError::Unbalanced { text: beginning(&source[token.start..]) });
            }
            _ => {}
        }
    }
    match open.first() {
        Some(&start) => Err(ClauseError::Unbalanced { text: beginning(&source[start..]) }),
        None => Ok(()),
    }
}

/// Index of the comma that ends the clause which the tokens begin with, or their number.
fn clause_end(tokens: &[Token<'_>]) -> usize {
    let commas = top_level_commas(tokens);
    let mut scan = Scan::new(tokens);
    // Partition commands stand alone, and some have a list of names.
    if is_partition_command(&mut scan) {
        return tokens.len();
    }
    let mut ends = commas.into_iter().chain([tokens.len()]);
    let mut end = ends.next().unwrap_or(tokens.len());
    if Scan::new(tokens).words(&["ORDER", "BY"]) {
        for next in ends {
            if !is_sort_item(&tokens[end + 1..next]) {
                break;
            }
            end = next;
        }
    }
    end
}

fn top_level_commas(tokens: &[Token<'_>]) -> Vec<usize> {
    let mut depth = 0_usize;
    let mut commas = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        match token.kind {
            TokenKind::LeftParen => depth += 1,
            TokenKind::RightParen => depth = depth.saturating_sub(1),
            TokenKind::Comma if depth == 0 => commas.push(index),
            _ => {}
        }
    }
    commas
}

fn is_partition_command(scan: &mut Scan<'_, '_>) -> bool {
    const VERBS: [&str; 13] = [
        "ADD",
        "DROP",
        "TRUNCATE",
        "REORGANIZE",
        "EXCHANGE",
        "COALESCE",
        "ANALYZE",
        "CHECK",
        "OPTIMIZE",
        "REBUILD",
        "REPAIR",
        "DISCARD",
        "IMPORT",
    ];
    VERBS.iter().any(|verb| scan.word(verb)) && scan.word("PARTITION")
}

fn is_sort_item(tokens: &[Token<'_>]) -> bool {
    let mut scan = Scan::new(tokens);
    if scan.word("FORCE") || scan.table_name().is_none() {
        return false;
    }
    let _direction = scan.word("ASC") || scan.word("DESC");
    scan.at_end()
}

/// The clauses of a piece between two commas: table options need no comma, and partitioning takes none.
fn classify_piece<'t, 'a>(piece: &'t [Token<'a>]) -> Vec<(ClauseKind, &'t [Token<'a>])> {
    if let Some(start) = partitioning_start(piece) {
        let (before, partitioning) = piece.split_at(start);
        return classify_piece(before).into_iter().chain([(classify(partitioning), partitioning)]).collect();
    }
    match classify(piece) {
        ClauseKind::Other => table_options(piece).unwrap_or_else(|| vec![(ClauseKind::Other, piece)]),
        kind => vec![(kind, piece)],
    }
}

/// Where `PARTITION BY` or `REMOVE PARTITIONING` stands behind something else, outside of parentheses.
fn partitioning_start(piece: &[Token<'_>]) -> Option<usize> {
    let mut depth = 0_usize;
    for (index, token) in piece.iter().enumerate() {
        match token.kind {
            TokenKind::LeftParen => depth += 1,
            TokenKind::RightParen => depth = depth.saturating_sub(1),
            TokenKind::Word if depth == 0 && index > 0 => {
                let mut scan = Scan::new(&piece[index..]);
                if scan.words(&["PARTITION", "BY"]) || scan.words(&["REMOVE", "PARTITIONING"]) {
                    return Some(index);
                }
            }
            _ => {}
        }
    }
    None
}

fn classify(tokens: &[Token<'_>]) -> ClauseKind {
    let Some((verb, rest)) = tokens.split_first() else { return ClauseKind::Other };
    let scan = Scan::new(rest);
    let kind = match verb.text.to_ascii_uppercase().as_str() {
        _ if verb.kind != TokenKind::Word => None,
        "ADD" => add(scan),
        "DROP" => drop(scan),
        "MODIFY" => modify(scan),
        "CHANGE" => change(scan),
        "ALTER" => alter(scan),
        "RENAME" => rename(scan),
        "CONVERT" => convert(scan),
        "PARTITION" => starts(scan, "BY", ClauseKind::PartitionBy),
        "REMOVE" => exactly(scan, &["PARTITIONING"], ClauseKind::RemovePartitioning),
        "FORCE" => exactly(scan, &[], ClauseKind::Force),
        "ORDER" => starts(scan, "BY", ClauseKind::OrderBy),
        "DISABLE" => exactly(scan, &["KEYS"], ClauseKind::DisableKeys),
        "ENABLE" => exactly(scan, &["KEYS"], ClauseKind::EnableKeys),
        "WITH" | "WITHOUT" => exactly(scan, &["VALIDATION"], ClauseKind::Validation),
        "ALGORITHM" => single_word(scan).map(ClauseKind::Algorithm),
        "LOCK" => single_word(scan).map(ClauseKind::Lock),
        "TRUNCATE" => starts(scan, "PARTITION", ClauseKind::TruncatePartition),
        "REORGANIZE" => starts(scan, "PARTITION", ClauseKind::ReorganizePartition),
        "EXCHANGE" => starts(scan, "PARTITION", ClauseKind::ExchangePartition),
        "COALESCE" => starts(scan, "PARTITION", ClauseKind::CoalescePartition),
        "ANALYZE" | "CHECK" | "OPTIMIZE" | "REBUILD" | "REPAIR" => {
            starts(scan, "PARTITION", ClauseKind::MaintainPartition)
        }
        "DISCARD" | "IMPORT" => match scan.tokens.first() {
            Some(next) if next.is_word("TABLESPACE") || next.is_word("PARTITION") => Some(ClauseKind::Tablespace),
            _ => None,
        },
        _ => None,
    };
    kind.unwrap_or(ClauseKind::Other)
}

fn starts(mut scan: Scan<'_, '_>, word: &str, kind: ClauseKind) -> Option<ClauseKind> {
    scan.word(word).then_some(kind)
}

fn exactly(mut scan: Scan<'_, '_>, words: &[&str], kind: ClauseKind) -> Option<ClauseKind> {
    (scan.words(words) && scan.at_end()).then_some(kind)
}

/// `[=] WORD` and nothing else, in upper case.
fn single_word(mut scan: Scan<'_, '_>) -> Option<String> {
    scan.kind(TokenKind::Equals);
    let value = scan.next().filter(|token| token.kind == TokenKind::Word)?;
    scan.at_end().then(|| value.text.to_ascii_uppercase())
}

fn add(mut scan: Scan<'_, '_>) -> Option<ClauseKind> {
    if scan.words(&["SYSTEM", "VERSIONING"]) {
        return scan.at_end().then_some(ClauseKind::AddSystemVersioning);
    }
    if scan.word("PARTITION") {
        return Some(ClauseKind::AddPartitions);
    }
    if scan.words(&["PERIOD", "FOR"]) || scan.words(&["PERIOD", "IF", "NOT", "EXISTS", "FOR"]) {
        return Some(ClauseKind::AddPeriod);
    }
    let keyword = scan.word("COLUMN");
    if scan.if_not_exists() || keyword {
        if scan.is_next(TokenKind::LeftParen) {
            return add_list(scan);
        }
        return Some(ClauseKind::AddColumn { columns: vec![scan.column_definition()?], constraints: Vec::new() });
    }
    if scan.is_next(TokenKind::LeftParen) {
        return add_list(scan);
    }
    match constraint(scan.tokens)? {
        Added::Constraint(constraint) => Some(ClauseKind::AddConstraint(constraint)),
        Added::Column(column) => Some(ClauseKind::AddColumn { columns: vec![column], constraints: Vec::new() }),
    }
}

/// `(a INT, b INT, KEY (a))` and nothing behind it.
fn add_list(mut scan: Scan<'_, '_>) -> Option<ClauseKind> {
    let inner = scan.parentheses()?;
    if !scan.at_end() {
        return None;
    }
    let (mut columns, mut constraints) = (Vec::new(), Vec::new());
    for item in list_items(inner) {
        match constraint(item)? {
            Added::Constraint(constraint) => constraints.push(constraint),
            Added::Column(column) => columns.push(column),
        }
    }
    Some(ClauseKind::AddColumn { columns, constraints })
}

enum Added {
    Column(Ident),
    Constraint(Constraint),
}

/// What stands behind ADD or as an item of a list of definitions.
fn constraint(tokens: &[Token<'_>]) -> Option<Added> {
    let mut scan = Scan::new(tokens);
    let symbol = scan.word("CONSTRAINT").then(|| {
        scan.if_not_exists();
        let kind = ["PRIMARY", "UNIQUE", "FOREIGN", "CHECK"];
        if kind.iter().any(|word| scan.is_next_word(word)) { None } else { scan.ident() }
    });
    let named = |kind, name: Option<Ident>, columns| {
        let name = name.or_else(|| symbol.clone().flatten());
        Some(Added::Constraint(Constraint { kind, name, columns }))
    };
    if scan.words(&["PRIMARY", "KEY"]) {
        return named(ConstraintKind::Primary, Some(Ident::new("PRIMARY")), scan.index_columns()?.1);
    }
    if scan.word("UNIQUE") {
        let _noise = scan.word("INDEX") || scan.word("KEY");
        let (name, columns) = scan.index_columns()?;
        return named(ConstraintKind::Unique, name, columns);
    }
    if scan.words(&["FOREIGN", "KEY"]) {
        let (index, columns) = scan.index_columns()?;
        let references = if scan.word("REFERENCES") { scan.table_name()? } else { return None };
        let name = symbol.clone().flatten().or(index);
        return named(ConstraintKind::ForeignKey { references }, name, columns);
    }
    if scan.word("CHECK") {
        scan.parentheses()?;
        return named(ConstraintKind::Check, None, Vec::new());
    }
    if symbol.is_some() {
        return None;
    }
    let index = if scan.word("INDEX") || scan.word("KEY") {
        Some(ConstraintKind::Index)
    } else if scan.words(&["VECTOR", "INDEX"]) || scan.words(&["VECTOR", "KEY"]) {
        Some(ConstraintKind::Vector)
    } else if scan.word("FULLTEXT") {
        let _noise = scan.word("INDEX") || scan.word("KEY");
        Some(ConstraintKind::Fulltext)
    } else if scan.word("SPATIAL") {
        let _noise = scan.word("INDEX") || scan.word("KEY");
        Some(ConstraintKind::Spatial)
    } else {
        None
    };
    match index {
        Some(kind) => {
            let (name, columns) = scan.index_columns()?;
            named(kind, name, columns)
        }
        None => Some(Added::Column(scan.column_definition()?)),
    }
}

fn drop(mut scan: Scan<'_, '_>) -> Option<ClauseKind> {
    if scan.word("PARTITION") {
        return Some(ClauseKind::DropPartitions);
    }
    if scan.words(&["PRIMARY", "KEY"]) {
        return scan.at_end().then_some(ClauseKind::DropPrimaryKey);
    }
    if scan.words(&["SYSTEM", "VERSIONING"]) {
        return scan.at_end().then_some(ClauseKind::DropSystemVersioning);
    }
    if scan.words(&["PERIOD", "FOR"]) || scan.words(&["PERIOD", "IF", "EXISTS", "FOR"]) {
        return Some(ClauseKind::DropPeriod);
    }
    let named: fn(Ident) -> ClauseKind = if scan.word("INDEX") || scan.word("KEY") {
        |name| ClauseKind::DropIndex { name }
    } else if scan.words(&["FOREIGN", "KEY"]) {
        |name| ClauseKind::DropForeignKey { name }
    } else if scan.word("CHECK") {
        |name| ClauseKind::DropCheck { name }
    } else if scan.word("CONSTRAINT") {
        |name| ClauseKind::DropConstraint { name }
    } else {
        scan.word("COLUMN");
        |column| ClauseKind::DropColumn { column }
    };
    scan.if_exists();
    let kind = named(scan.ident()?);
    if matches!(kind, ClauseKind::DropColumn { .. }) {
        // Both servers read these two and do nothing with them.
        let _noise = scan.word("RESTRICT") || scan.word("CASCADE");
    }
    scan.at_end().then_some(kind)
}

fn modify(mut scan: Scan<'_, '_>) -> Option<ClauseKind> {
    scan.word("COLUMN");
    scan.if_exists();
    Some(ClauseKind::ModifyColumn { column: scan.column_definition()? })
}

fn change(mut scan: Scan<'_, '_>) -> Option<ClauseKind> {
    scan.word("COLUMN");
    scan.if_exists();
    let from = scan.ident()?;
    Some(ClauseKind::ChangeColumn { from, to: scan.column_definition()? })
}

fn alter(mut scan: Scan<'_, '_>) -> Option<ClauseKind> {
    if scan.word("INDEX") || scan.word("KEY") {
        scan.if_exists();
        let name = scan.ident()?;
        let _negated = scan.word("NOT");
        let known = ["VISIBLE", "INVISIBLE", "IGNORED"].iter().any(|word| scan.word(word));
        return (known && scan.at_end()).then_some(ClauseKind::AlterIndex { name });
    }
    if scan.word("CHECK") || scan.word("CONSTRAINT") {
        let name = scan.ident()?;
        let _negated = scan.word("NOT");
        return (scan.word("ENFORCED") && scan.at_end()).then_some(ClauseKind::AlterConstraint { name });
    }
    scan.word("COLUMN");
    scan.if_exists();
    let column = scan.ident()?;
    let known = scan.words(&["SET", "DEFAULT"])
        || scan.words(&["DROP", "DEFAULT"])
        || scan.words(&["SET", "VISIBLE"])
        || scan.words(&["SET", "INVISIBLE"]);
    known.then_some(ClauseKind::AlterColumn { column })
}

fn rename(mut scan: Scan<'_, '_>) -> Option<ClauseKind> {
    let index = scan.word("INDEX") || scan.word("KEY");
    if index || scan.word("COLUMN") {
        scan.if_exists();
        let from = scan.ident()?;
        let to = if scan.word("TO") { scan.ident()? } else { return None };
        let kind = if index { ClauseKind::RenameIndex { from, to } } else { ClauseKind::RenameColumn { from, to } };
        return scan.at_end().then_some(kind);
    }
    let _noise = scan.word("TO") || scan.word("AS") || scan.kind(TokenKind::Equals);
    let to = scan.table_name()?;
    scan.at_end().then_some(ClauseKind::RenameTable { to })
}

fn convert(mut scan: Scan<'_, '_>) -> Option<ClauseKind> {
    if !scan.word("TO") || !(scan.word("CHARSET") || scan.words(&["CHARACTER", "SET"])) {
        return None;
    }
    let charset = scan.next()?.text.trim_matches(['`', '\'', '"']).to_ascii_lowercase();
    if scan.word("COLLATE") {
        scan.kind(TokenKind::Equals);
        scan.next()?;
    }
    scan.at_end().then_some(ClauseKind::ConvertCharset { charset })
}

/// Options that need no `=` between name and value; any other word is an option only with one (MariaDB's engines
/// define their own).
const TABLE_OPTIONS: [&str; 34] = [
    "AUTO_INCREMENT",
    "AUTOEXTEND_SIZE",
    "AVG_ROW_LENGTH",
    "CHECKSUM",
    "COLLATE",
    "COMMENT",
    "COMPRESSION",
    "CONNECTION",
    "DELAY_KEY_WRITE",
    "ENCRYPTED",
    "ENCRYPTION",
    "ENCRYPTION_KEY_ID",
    "ENGINE",
    "ENGINE_ATTRIBUTE",
    "IETF_QUOTES",
    "INSERT_METHOD",
    "KEY_BLOCK_SIZE",
    "MAX_ROWS",
    "MIN_ROWS",
    "PACK_KEYS",
    "PAGE_CHECKSUM",
    "PAGE_COMPRESSED",
    "PAGE_COMPRESSION_LEVEL",
    "PASSWORD",
    "ROW_FORMAT",
    "SECONDARY_ENGINE",
    "SECONDARY_ENGINE_ATTRIBUTE",
    "SEQUENCE",
    "STATS_AUTO_RECALC",
    "STATS_PERSISTENT",
    "STATS_SAMPLE_PAGES",
    "TABLE_CHECKSUM",
    "TRANSACTIONAL",
    "UNION",
];

/// All of the piece as table options one after the other, `None` when any of it is something else.
fn table_options<'t, 'a>(piece: &'t [Token<'a>]) -> Option<Vec<(ClauseKind, &'t [Token<'a>])>> {
    let mut options = Vec::new();
    let mut rest = piece;
    while !rest.is_empty() {
        let mut scan = Scan::new(rest);
        let kind = table_option(&mut scan)?;
        let (option, behind) = rest.split_at(rest.len() - scan.tokens.len());
        options.push((kind, option));
        rest = behind;
    }
    Some(options)
}

fn table_option(scan: &mut Scan<'_, '_>) -> Option<ClauseKind> {
    let default = scan.word("DEFAULT");
    if scan.word("CHARSET") || scan.words(&["CHARACTER", "SET"]) {
        let value = scan.option_value()?;
        // The collation says more about the character set: together they are one option.
        let mut collation = *scan;
        collation.word("DEFAULT");
        if collation.word("COLLATE") {
            collation.option_value()?;
            *scan = collation;
        }
        return Some(ClauseKind::TableOption { name: "CHARACTER SET".to_owned(), value });
    }
    for name in ["DATA DIRECTORY", "INDEX DIRECTORY"] {
        let words: Vec<&str> = name.split(' ').collect();
        if scan.words(&words) {
            return Some(ClauseKind::TableOption { name: name.to_owned(), value: scan.option_value()? });
        }
    }
    let name = scan.next()?;
    let known = TABLE_OPTIONS.iter().any(|option| name.is_word(option));
    let with_equals = scan.is_next(TokenKind::Equals) && name.ident().is_some();
    let how_not_what = name.is_word("ALGORITHM") || name.is_word("LOCK");
    if how_not_what || !(known || with_equals) || (default && !name.is_word("COLLATE")) {
        return None;
    }
    let value = scan.option_value()?;
    if name.is_word("AUTO_INCREMENT") {
        return Some(ClauseKind::AutoIncrement);
    }
    Some(ClauseKind::TableOption { name: name.text.to_ascii_uppercase(), value })
}

/// The items between the commas of a list, nested parentheses kept whole.
fn list_items<'t, 'a>(tokens: &'t [Token<'a>]) -> Vec<&'t [Token<'a>]> {
    let mut items = Vec::new();
    let mut start = 0;
    for comma in top_level_commas(tokens).into_iter().chain([tokens.len()]) {
        items.push(&tokens[start..comma]);
        start = comma + 1;
    }
    items
}

/// Reads tokens from the left; a method that does not find what it wants takes nothing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scan<'t, 'a> {
    pub(super) tokens: &'t [Token<'a>],
}

impl<'t, 'a> Scan<'t, 'a> {
    pub(super) fn new(tokens: &'t [Token<'a>]) -> Scan<'t, 'a> {
        Scan { tokens }
    }

    pub(super) fn at_end(&self) -> bool {
        self.tokens.is_empty()
    }

    pub(super) fn next(&mut self) -> Option<&'t Token<'a>> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(first)
    }

    pub(super) fn is_next(&self, kind: TokenKind) -> bool {
        self.tokens.first().is_some_and(|token| token.kind == kind)
    }

    pub(super) fn is_next_word(&self, keyword: &str) -> bool {
        self.tokens.first().is_some_and(|token| token.is_word(keyword))
    }

    pub(super) fn kind(&mut self, kind: TokenKind) -> bool {
        let found = self.is_next(kind);
        if found {
            self.next();
        }
        found
    }

    pub(super) fn word(&mut self, keyword: &str) -> bool {
        self.words(&[keyword])
    }

    pub(super) fn words(&mut self, keywords: &[&str]) -> bool {
        let found = self.tokens.len() >= keywords.len()
            && keywords.iter().zip(self.tokens).all(|(keyword, token)| token.is_word(keyword));
        if found {
            self.tokens = &self.tokens[keywords.len()..];
        }
        found
    }

    pub(super) fn if_exists(&mut self) -> bool {
        self.words(&["IF", "EXISTS"])
    }

    pub(super) fn if_not_exists(&mut self) -> bool {
        self.words(&["IF", "NOT", "EXISTS"])
    }

    pub(super) fn ident(&mut self) -> Option<Ident> {
        let ident = self.tokens.first()?.ident()?;
        self.next();
        Some(ident)
    }

    /// `t` or `s.t`.
    pub(super) fn table_name(&mut self) -> Option<TableRef> {
        let first = self.ident()?;
        if !self.kind(TokenKind::Period) {
            return Some(TableRef { schema: None, table: first });
        }
        Some(TableRef { schema: Some(first), table: self.ident()? })
    }

    /// What is between the parentheses that come next.
    pub(super) fn parentheses(&mut self) -> Option<&'t [Token<'a>]> {
        let mut depth = 0_usize;
        for (index, token) in self.tokens.iter().enumerate() {
            match token.kind {
                TokenKind::LeftParen => depth += 1,
                TokenKind::RightParen => depth = depth.checked_sub(1)?,
                _ => {}
            }
            if depth == 0 {
                let inner = self.tokens.get(1..index)?;
                self.tokens = &self.tokens[index + 1..];
                return Some(inner);
            }
        }
        None
    }

    /// A column's name with something behind it that can be a type; the definition itself is the server's to read.
    fn column_definition(&mut self) -> Option<Ident> {
        let name = self.ident()?;
        self.is_next(TokenKind::Word).then_some(name)
    }

    /// `[IF NOT EXISTS] [name] [USING type] (parts)`, and the columns among the parts.
    pub(super) fn index_columns(&mut self) -> Option<(Option<Ident>, Vec<Ident>)> {
        self.if_not_exists();
        let name = if self.is_next_word("USING") { None } else { self.ident() };
        if self.word("USING") {
            self.next()?;
        }
        let parts = self.parentheses()?;
        let columns = list_items(parts).into_iter().filter_map(|part| part.first()?.ident()).collect();
        Some((name, columns))
    }

    /// `[=] value`, a parenthesised value included.
    fn option_value(&mut self) -> Option<String> {
        self.kind(TokenKind::Equals);
        if self.is_next(TokenKind::LeftParen) {
            let inner = self.parentheses()?;
            return Some(inner.iter().map(|token| token.text).collect::<Vec<_>>().join(" "));
        }
        let value = self.next()?;
        matches!(value.kind, TokenKind::Word | TokenKind::QuotedIdent | TokenKind::Number | TokenKind::String)
            .then(|| value.text.to_owned())
    }
}
