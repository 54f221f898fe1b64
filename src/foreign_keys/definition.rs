//! A foreign key as SHOW CREATE TABLE prints it.
//!
//! What is made again is made from that text, with other names in it: so actions come out as they went in. MariaDB's
//! in-place path stores an explicit RESTRICT as NO ACTION; its SHOW CREATE TABLE leaves RESTRICT out.

use serde::{Deserialize, Serialize};

use crate::shadow::{constraint, definition_lines};
use crate::sql::{Ident, TableName};

/// A foreign key of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForeignKey {
    /// Its name, unique in the schema of its table.
    pub name: Ident,
    /// The columns that reference.
    pub columns: Vec<Ident>,
    /// The table they reference.
    pub parent: TableName,
    /// The columns they reference.
    pub referenced: Vec<Ident>,
    /// ` ON DELETE … ON UPDATE …` as printed, often empty.
    pub actions: String,
}

/// What a foreign key does to the rows that reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// RESTRICT or NO ACTION, which InnoDB treats alike: the write to the parent is refused.
    Refuse,
    /// CASCADE.
    Cascade,
    /// SET NULL.
    SetNull,
}

impl ForeignKey {
    /// The foreign keys in the text of SHOW CREATE TABLE.
    pub fn read(table: &TableName, create_sql: &str) -> Vec<ForeignKey> {
        definition_lines(create_sql).into_iter().filter_map(|line| ForeignKey::read_line(table, line)).collect()
    }

    fn read_line(table: &TableName, line: &str) -> Option<ForeignKey> {
        let (name, rest) = constraint(line.trim_end().trim_end_matches(','))?;
        let mut text = Text(rest.strip_prefix(" FOREIGN KEY ")?);
        let columns = text.list()?;
        text.skip(" REFERENCES ")?;
        let first = text.ident()?;
        let parent = match text.skip(".") {
            Some(()) => TableName { schema: first, table: text.ident()? },
            None => TableName { schema: table.schema.clone(), table: first },
        };
        text.skip(" ")?;
        let referenced = text.list()?;
        Some(ForeignKey { name, columns, parent, referenced, actions: text.0.to_owned() })
    }

    /// What it does when a parent's row goes.
    pub fn on_delete(&self) -> Action {
        self.action(" ON DELETE ")
    }

    /// What it does when what is referenced changes.
    pub fn on_update(&self) -> Action {
        self.action(" ON UPDATE ")
    }

    fn action(&self, event: &str) -> Action {
        match self.actions.split_once(event).map(|(_, action)| action) {
            Some(action) if action.starts_with("CASCADE") => Action::Cascade,
            Some(action) if action.starts_with("SET NULL") => Action::SetNull,
            _ => Action::Refuse,
        }
    }

    /// The definition behind ADD.
    pub fn definition(&self) -> String {
        let ForeignKey { name, columns, parent, referenced, actions } = self;
        let (columns, referenced) = (list(columns), list(referenced));
        format!("CONSTRAINT {name} FOREIGN KEY ({columns}) REFERENCES {parent} ({referenced}){actions}")
    }

    /// The same key under another name.
    pub fn named(&self, name: Ident) -> ForeignKey {
        ForeignKey { name, ..self.clone() }
    }

    /// The same key to another table.
    pub fn referencing(&self, parent: &TableName) -> ForeignKey {
        ForeignKey { parent: parent.clone(), ..self.clone() }
    }
}

fn list(names: &[Ident]) -> String {
    names.iter().map(Ident::to_string).collect::<Vec<_>>().join(", ")
}

/// What is left to read of a line.
struct Text<'a>(&'a str);

impl Text<'_> {
    fn skip(&mut self, word: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(word)?;
        Some(())
    }

    /// A name in backticks, a doubled one standing for one.
    fn ident(&mut self) -> Option<Ident> {
        self.skip("`")?;
        let mut name = String::new();
        loop {
            let (piece, rest) = self.0.split_once('`')?;
            name.push_str(piece);
            match rest.strip_prefix('`') {
                Some(rest) => {
                    name.push('`');
                    self.0 = rest;
                }
                None => {
                    self.0 = rest;
                    return Some(Ident::new(name));
                }
            }
        }
    }

    /// Names in parentheses; the servers differ in the space behind the comma.
    fn list(&mut self) -> Option<Vec<Ident>> {
        self.skip("(")?;
        let mut names = vec![self.ident()?];
        while self.skip(",").is_some() {
            let _ = self.skip(" ");
            names.push(self.ident()?);
        }
        self.skip(")")?;
        Some(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<ForeignKey> {
        ForeignKey::read(&TableName::new("shop", "Line"), &format!("CREATE TABLE `Line` (\n  {line},\n) ENGINE")).pop()
    }

    #[test]
    fn what_is_read_is_made_again() {
        let texts = [
            "CONSTRAINT `f` FOREIGN KEY (`a`) REFERENCES `shop`.`Order` (`id`)",
            "CONSTRAINT `f``g` FOREIGN KEY (`a``b`, `c`) REFERENCES `other`.`O``r` (`x`, `y,`) ON DELETE SET NULL ON UPDATE CASCADE",
        ];
        for text in texts {
            assert_eq!(read(text).unwrap().definition(), text);
        }
    }

    #[test]
    fn a_parent_without_schema_is_in_the_childs() {
        let key = read("CONSTRAINT `f` FOREIGN KEY (`a`,`b`) REFERENCES `Order` (`x`,`y`) ON UPDATE CASCADE").unwrap();
        assert_eq!((key.parent, key.columns.len()), (TableName::new("shop", "Order"), 2));
    }

    #[test]
    fn actions_are_told_apart() {
        let actions = |text: &str| {
            let key = read(&format!("CONSTRAINT `f` FOREIGN KEY (`a`) REFERENCES `p` (`b`){text}")).unwrap();
            (key.on_delete(), key.on_update())
        };
        assert_eq!(actions(""), (Action::Refuse, Action::Refuse));
        assert_eq!(actions(" ON DELETE RESTRICT ON UPDATE CASCADE"), (Action::Refuse, Action::Cascade));
        assert_eq!(actions(" ON DELETE SET NULL ON UPDATE NO ACTION"), (Action::SetNull, Action::Refuse));
        assert_eq!(actions(" ON DELETE CASCADE"), (Action::Cascade, Action::Refuse));
    }

    #[test]
    fn other_lines_are_none() {
        assert!(read("CONSTRAINT `x FOREIGN KEY (y)` CHECK (`a` > 0)").is_none());
        assert!(read("KEY `f` (`a`)").is_none());
    }
}
