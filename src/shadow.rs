//! The shadow table: made like the original, altered by the user's own clauses, without the indexes that are cheaper
//! to build after the copy.

use crate::change::Change;
use crate::error::{Failure, Rejected, Result, Stop};
use crate::plan::clauses::Alter;
use crate::plan::key::ChunkKey;
use crate::run::Run;
use crate::schema::{self, Index, Table};
use crate::server::{ServerError, Session, server_failure};
use crate::sql::{Ident, TableName};

/// Name of the unique index that the shadow gets when its own indexes do not keep the walked key unique. Dropped in
/// the cutover.
pub const TEMPORARY_KEY: &str = "rpk_walked_key";

/// An empty table of the new definition.
#[derive(Debug, Clone)]
pub struct Shadow {
    /// As the server made it, all indexes included.
    pub table: Table,
}

/// Which indexes of the shadow stay during the copy and which are built after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexSplit {
    /// The index that keeps the walked key unique in the shadow.
    pub key_index: Ident,
    /// Whether that index is temporary and must be added.
    pub temporary_key: bool,
    /// Indexes to drop before the copy.
    pub dropped: Vec<Ident>,
    /// Their definitions, as SHOW CREATE TABLE prints them.
    pub deferred: Vec<String>,
}

impl Shadow {
    /// Creates it like the original and applies the clauses. Needs a session with the server's own sql_mode for the
    /// clauses and one with ours for reading.
    pub async fn create(run: &Run, ddl: &mut Session, work: &mut Session, alter: &Alter) -> Result<Shadow> {
        let Change { original, shadow: name, .. } = &*run.change;
        let make = format!("CREATE TABLE {name} LIKE {original}");
        run.define(ddl, &make, |error| server_failure(&format!("`{make}`"), error)).await?;
        run.define(ddl, &alter_sql(name, alter), |error| clause_failure(original, error)).await?;
        Shadow::adopt(work, name).await
    }

    /// Reads a shadow that is there.
    pub async fn adopt(work: &mut Session, name: &TableName) -> Result<Shadow> {
        let table =
            schema::inspect(work, name).await.map_err(|error| server_failure("reading the shadow table", &error))?;
        let gone = || Failure::new(Stop::Occupied, format!("the shadow table {name} is gone"));
        Ok(Shadow { table: table.ok_or_else(gone)? })
    }

    /// Drops the indexes that are built later and makes sure that the walked key is unique.
    pub async fn strip(&self, run: &Run, ddl: &mut Session, split: &IndexSplit) -> Result<()> {
        let Some(sql) = strip_sql(&self.table.name, &run.change.key, split) else { return Ok(()) };
        run.define(ddl, &sql, |error| server_failure("taking the indexes off the shadow table", error)).await
    }
}

/// The clause that adds the temporary index.
pub fn add_temporary_key(key: &ChunkKey) -> String {
    let columns: Vec<String> = key.columns.iter().map(|column| column.target.to_string()).collect();
    format!("ADD UNIQUE KEY {} ({})", Ident::new(TEMPORARY_KEY), columns.join(", "))
}

/// Whether the shadow has the temporary index.
pub async fn has_temporary_key(session: &mut Session, shadow: &TableName) -> Result<bool, ServerError> {
    let definition = schema::create_sql(session, shadow).await?.unwrap_or_default();
    Ok(index_lines(&definition).any(|(name, _)| name.as_str() == TEMPORARY_KEY))
}

/// The ALTER that does so; `None` when there is nothing to do.
pub fn strip_sql(shadow: &TableName, key: &ChunkKey, split: &IndexSplit) -> Option<String> {
    let mut clauses: Vec<String> = split.dropped.iter().map(|index| format!("DROP INDEX {index}")).collect();
    if split.temporary_key {
        clauses.push(add_temporary_key(key));
    }
    (!clauses.is_empty()).then(|| format!("ALTER TABLE {shadow} {}", clauses.join(", ")))
}

/// The user's clauses on another table, without an algorithm or lock of their own.
pub fn alter_sql(name: &TableName, alter: &Alter) -> String {
    format!("ALTER TABLE {name} {}", alter.without_algorithm_and_lock())
}

/// The server does not take the clauses.
pub fn clause_failure(original: &TableName, error: &ServerError) -> Failure {
    let rejected = match error {
        ServerError::Server { code, message, .. } => Some(Rejected { code: *code, message: message.clone() }),
        ServerError::Lost(_) | ServerError::Driver(_) => None,
    };
    let failure = Failure::refused(format!("the server does not take these clauses for {original}"))
        .table("untouched")
        .next("mend `--alter`; `--dry-run` tries it without changing anything")
        .cause(error);
    Failure { rejected: rejected.map(Box::new), ..failure }
}

/// Decides which indexes of the target definition stay during the copy.
pub fn split_indexes(target: &Table, key: &ChunkKey) -> IndexSplit {
    let walked: Vec<&Ident> = key.columns.iter().map(|column| &column.target).collect();
    let keeps_key = |index: &&Index| {
        index.unique
            && index.usable
            && index.whole_columns().is_some_and(|columns| {
                // In another order, it could not be walked along.
                columns.len() == walked.len()
                    && columns.iter().zip(&walked).all(|(column, walked)| walked.same_name(column))
            })
    };
    let key_index = target.indexes.iter().find(keeps_key).map(|index| index.name.clone());
    let temporary_key = key_index.is_none();
    let key_index = key_index.unwrap_or_else(|| Ident::new(TEMPORARY_KEY));
    let counted = counter_index(target);
    // Unique keys that are asked before one that stays would be behind it when they are made later, and an INSERT … ON
    // DUPLICATE KEY UPDATE that meets two rows changes that of the first.
    let stays = |index: &Index| index.unique && (index.name == key_index || Some(&index.name) == counted.as_ref());
    let last = target.indexes.iter().rposition(stays).unwrap_or(0);
    let asked_first: Vec<&Ident> =
        target.indexes[..last].iter().filter(|index| index.unique).map(|index| &index.name).collect();
    // MariaDB keeps a unique key over a BLOB in a hidden virtual column, beside which it adds no index in place (1846).
    let is_hashed = target.indexes.iter().any(|index| index.unique && index.kind.eq_ignore_ascii_case("HASH"));
    let deferrable = |index: &&Index| {
        // A plain index that was asked to be a hash is a B-tree all the same, and MariaDB 11 calls it a hash.
        let is_tree = index.kind.eq_ignore_ascii_case("BTREE") || (!index.unique && index.kind == "HASH");
        let is_needed = index.is_primary()
            || index.name == key_index
            || Some(&index.name) == counted.as_ref()
            || asked_first.contains(&&index.name);
        is_tree && !is_needed && !is_hashed
    };
    let (mut dropped, mut deferred) = (Vec::new(), Vec::new());
    for (name, definition) in index_lines(&target.create_sql) {
        if target.indexes.iter().filter(deferrable).any(|index| index.name == name) {
            dropped.push(name);
            deferred.push(definition);
        }
    }
    IndexSplit { key_index, temporary_key, dropped, deferred }
}

/// An AUTO_INCREMENT column must be the first of some index at all times.
fn counter_index(target: &Table) -> Option<Ident> {
    let counter = target.columns.iter().find(|column| column.is_auto_increment())?;
    let begins_with = |index: &&Index| {
        index.parts.first().and_then(|part| part.column.as_ref()).is_some_and(|first| first.same_name(&counter.name))
    };
    let by_primary_first = target.indexes.iter().filter(begins_with);
    by_primary_first.min_by_key(|index| !index.is_primary()).map(|index| index.name.clone())
}

/// The lines of SHOW CREATE TABLE that define plain and unique indexes, with their names.
pub(crate) fn index_lines(create_sql: &str) -> impl Iterator<Item = (Ident, String)> {
    definition_lines(create_sql).into_iter().filter_map(|line| {
        let line = line.trim().trim_end_matches(',');
        let rest = line.strip_prefix("UNIQUE KEY `").or_else(|| line.strip_prefix("KEY `"))?;
        Some((quoted_name(rest)?, line.to_owned()))
    })
}

/// The lines of SHOW CREATE TABLE: names may have line ends in them.
pub(crate) fn definition_lines(create_sql: &str) -> Vec<&str> {
    let (mut lines, mut start, mut quote) = (Vec::new(), 0, None);
    let mut characters = create_sql.char_indices();
    while let Some((at, character)) = characters.next() {
        match (character, quote) {
            ('\n', None) => {
                lines.push(&create_sql[start..at]);
                start = at + 1;
            }
            // A doubled quote ends one text and begins another.
            ('`' | '\'', None) => quote = Some(character),
            ('\\', Some('\'')) => drop(characters.next()),
            (_, Some(open)) if open == character => quote = None,
            _ => {}
        }
    }
    lines.push(&create_sql[start..]);
    lines
}

/// The identifier before the closing backtick; a doubled backtick stands for one.
fn quoted_name(rest: &str) -> Option<Ident> {
    let mut name = String::new();
    let mut characters = rest.chars().peekable();
    while let Some(character) = characters.next() {
        if character != '`' {
            name.push(character);
        } else if characters.next_if_eq(&'`').is_some() {
            name.push('`');
        } else {
            return Some(Ident::new(name));
        }
    }
    None
}

/// A definition without the counter and without the temporary index: what must be equal in the end. Columns keep their
/// order, which an ALTER may change; of indexes and constraints the order says nothing.
///
/// CREATE TABLE … LIKE leaves out foreign keys, which no change that gets here touches, and directories.
pub fn comparable_definition(create_sql: &str) -> Vec<String> {
    let temporary = format!("UNIQUE KEY {}", Ident::new(TEMPORARY_KEY));
    let definition = without_counter(create_sql);
    // The first line names the table.
    let lines =
        definition_lines(&definition).into_iter().skip(1).map(|line| line.trim().trim_end_matches(',').to_owned());
    let counts = |line: &String| !line.starts_with(&temporary) && !is_foreign_key(line);
    let (columns, mut others): (Vec<String>, Vec<String>) =
        lines.filter(counts).map(without_directories).partition(|line| line.starts_with('`'));
    others.sort();
    columns.into_iter().chain(others).collect()
}

/// The name of a line that is a constraint, and what comes after it.
pub(crate) fn constraint(line: &str) -> Option<(Ident, &str)> {
    let rest = line.trim_start().strip_prefix("CONSTRAINT `")?;
    let name = quoted_name(rest)?;
    // Without its first backtick, which is cut off here.
    let length = name.to_string().len() - 1;
    Some((name, &rest[length..]))
}

fn is_foreign_key(line: &str) -> bool {
    constraint(line).is_some_and(|(_, rest)| rest.starts_with(" FOREIGN KEY "))
}

/// `) ENGINE=InnoDB DATA DIRECTORY='/fast/'` without what comes after the engine's options.
fn without_directories(line: String) -> String {
    let start = [" DATA DIRECTORY='", " INDEX DIRECTORY='"].iter().filter_map(|word| line.find(word)).min();
    match start {
        Some(start) if line.starts_with(") ENGINE=") => line[..start].to_owned(),
        _ => line,
    }
}

/// What clauses make of `original`, from `altered`, which they made of an empty table `LIKE` it.
///
/// MySQL names checks per schema and names those of such a table anew, as `<table>_chk_<number>` in the order of the
/// original's; a check that a clause adds without a name gets the next number of its table.
pub fn under_original_names(original: &Table, altered: &Table) -> String {
    let checks: Vec<Ident> = definition_lines(&original.create_sql)
        .into_iter()
        .filter_map(constraint)
        .filter(|(_, rest)| rest.starts_with(" CHECK "))
        .map(|(name, _)| name)
        .collect();
    let numbered = |name: &Ident, table: &TableName| -> Option<usize> {
        name.as_str().strip_prefix(table.table.as_str())?.strip_prefix("_chk_")?.parse().ok()
    };
    let last = checks.iter().filter_map(|name| numbered(name, &original.name)).max().unwrap_or(0);
    let renamed = |line: &str| -> Option<String> {
        let (name, rest) = constraint(line).filter(|(_, rest)| rest.starts_with(" CHECK "))?;
        let number = numbered(&name, &altered.name)?;
        let name = match number.checked_sub(checks.len() + 1) {
            None => checks.get(number.checked_sub(1)?)?.clone(),
            Some(added) => Ident::new(format!("{}_chk_{}", original.name.table.as_str(), last + 1 + added)),
        };
        Some(format!("  CONSTRAINT {name}{rest}"))
    };
    let lines = definition_lines(&altered.create_sql).into_iter();
    let lines: Vec<String> = lines.map(|line| renamed(line).unwrap_or_else(|| line.to_owned())).collect();
    lines.join("\n")
}

/// SHOW CREATE TABLE without `AUTO_INCREMENT=n`.
pub fn without_counter(create_sql: &str) -> String {
    match counter_span(create_sql) {
        Some((start, end, _)) => format!("{}{}", &create_sql[..start], &create_sql[end..]),
        None => create_sql.to_owned(),
    }
}

/// The next value of the counter, as SHOW CREATE TABLE prints it; `None` when it is 1 or there is no counter.
pub fn counter(create_sql: &str) -> Option<u64> {
    counter_span(create_sql).map(|(_, _, value)| value)
}

fn counter_span(create_sql: &str) -> Option<(usize, usize, u64)> {
    // Table options begin after the closing parenthesis on a line of its own; a comment with this text comes later
    // than the counter.
    let lines = definition_lines(create_sql);
    let at = lines.iter().position(|line| line.starts_with(") ENGINE="))?;
    let options: usize = lines[..at].iter().map(|line| line.len() + 1).sum();
    let word = " AUTO_INCREMENT=";
    let before_comment = lines[at].split(" COMMENT=").next()?;
    let start = options + before_comment.find(word)?;
    let digits = create_sql[start + word.len()..].bytes().take_while(u8::is_ascii_digit).count();
    let end = start + word.len() + digits;
    Some((start, end, create_sql[start + word.len()..end].parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREATE: &str = "CREATE TABLE `Order` (\n  `id` int(11) NOT NULL AUTO_INCREMENT,\n  `a``b` int(11),\n  \
        PRIMARY KEY (`id`),\n  UNIQUE KEY `u` (`a``b`),\n  KEY `i``x` (`a``b`,`id` DESC) COMMENT 'x, y',\n  \
        FULLTEXT KEY `f` (`t`)\n) ENGINE=InnoDB AUTO_INCREMENT=42 DEFAULT CHARSET=utf8mb4 COMMENT='AUTO_INCREMENT=7'";

    #[test]
    fn index_lines_are_found_with_their_names() {
        let found: Vec<_> = index_lines(CREATE).collect();
        assert_eq!(
            found,
            [
                (Ident::new("u"), "UNIQUE KEY `u` (`a``b`)".to_owned()),
                (Ident::new("i`x"), "KEY `i``x` (`a``b`,`id` DESC) COMMENT 'x, y'".to_owned()),
            ]
        );
    }

    #[test]
    fn names_may_have_line_ends() {
        let create = "CREATE TABLE `a\n  UNIQUE KEY `` (` (\n  `x\n) ENGINE=``` int COMMENT 'it''s \\' a \n` b',\n  KEY `k\n` \
            (`x\n) ENGINE=```)\n) ENGINE=InnoDB AUTO_INCREMENT=3 COMMENT='\n) ENGINE= AUTO_INCREMENT=4'";
        assert_eq!(definition_lines(create).len(), 4);
        assert_eq!(definition_lines(create).join("\n"), create);
        let found: Vec<_> = index_lines(create).collect();
        assert_eq!(found, [(Ident::new("k\n"), "KEY `k\n` (`x\n) ENGINE=```)".to_owned())]);
        assert_eq!(counter(create), Some(3));
        let renamed = create.replacen("a\n  UNIQUE", "b", 1);
        assert_eq!(comparable_definition(create), comparable_definition(&renamed));
    }

    #[test]
    fn the_counter_is_read_from_the_options_only() {
        assert_eq!(counter(CREATE), Some(42));
        assert!(!without_counter(CREATE).contains("AUTO_INCREMENT=42"));
        assert!(without_counter(CREATE).contains("COMMENT='AUTO_INCREMENT=7'"));
        let without = "CREATE TABLE `t` (\n  `a` int\n) ENGINE=InnoDB COMMENT='see AUTO_INCREMENT=7'";
        assert_eq!(counter(without), None);
        assert_eq!(without_counter(without), without);
    }

    #[test]
    fn definitions_compare_without_name_counter_and_order() {
        let other = "CREATE TABLE `Order__rpk_new` (\n  `a` int,\n  KEY `y` (`a`),\n  KEY `x` (`a`),\n  \
            UNIQUE KEY `rpk_walked_key` (`a`)\n) ENGINE=InnoDB AUTO_INCREMENT=9";
        let this = "CREATE TABLE `t` (\n  `a` int,\n  KEY `x` (`a`),\n  KEY `y` (`a`)\n) ENGINE=InnoDB";
        assert_eq!(comparable_definition(other), comparable_definition(this));
    }

    #[test]
    fn columns_compare_in_their_order() {
        let definition =
            |columns: &str| comparable_definition(&format!("CREATE TABLE `t` (\n{columns}\n) ENGINE=InnoDB"));
        assert_ne!(definition("  `a` int,\n  `b` int"), definition("  `b` int,\n  `a` int"));
    }

    #[test]
    fn what_like_leaves_out_does_not_count() {
        let like = "CREATE TABLE `t` (\n  `a` int,\n  CONSTRAINT `x FOREIGN KEY (y)` CHECK (`a` > 0)\n) ENGINE=InnoDB";
        let original = "CREATE TABLE `Order` (\n  `a` int,\n  CONSTRAINT `x FOREIGN KEY (y)` CHECK (`a` > 0),\n  \
            CONSTRAINT `f` FOREIGN KEY (`a`) REFERENCES `p` (`id`)\n) ENGINE=InnoDB DATA DIRECTORY='/fast/'";
        assert_eq!(comparable_definition(original), comparable_definition(like));
        assert_eq!(comparable_definition(like).len(), 3);
    }

    #[test]
    fn checks_get_the_names_they_have_on_the_original() {
        let table = |name: &str, checks: &[&str]| Table {
            name: TableName::new("shop", name),
            columns: Vec::new(),
            indexes: Vec::new(),
            engine: "InnoDB".to_owned(),
            rows_estimate: 0,
            data_bytes: 0,
            index_bytes: 0,
            create_sql: format!("CREATE TABLE `{name}` (\n  `a` int,\n  {}\n) ENGINE=InnoDB", checks.join(",\n  ")),
        };
        let of_original = ["CONSTRAINT `Order_chk_4` CHECK ((`a` < 9))", "CONSTRAINT `po``s` CHECK ((`a` > 0))"];
        let original = table("Order", &of_original);
        let altered = table(
            "rpk_trial_7",
            &[
                "CONSTRAINT `named` CHECK ((`a` <> 5))",
                "CONSTRAINT `rpk_trial_7_chk_1` CHECK ((`a` < 9))",
                "CONSTRAINT `rpk_trial_7_chk_2` CHECK ((`a` > 0))",
                "CONSTRAINT `rpk_trial_7_chk_3` CHECK ((`b` > 0)) /*!80016 NOT ENFORCED */",
            ],
        );
        let expected = table(
            "rpk_trial_7",
            &[
                "CONSTRAINT `named` CHECK ((`a` <> 5))",
                of_original[0],
                of_original[1],
                "CONSTRAINT `Order_chk_5` CHECK ((`b` > 0)) /*!80016 NOT ENFORCED */",
            ],
        );
        assert_eq!(under_original_names(&original, &altered), expected.create_sql);
    }
}
