//! What a rollback does about foreign keys: the old table gets those that it had, and the children reference it again.
//!
//! The kept table has none. Cascades into the new table have been logged for it since the swap, by triggers that the
//! change made; they stay until the rollback cleans up.

use std::slice;

use super::{
    Family, ForeignKey, ForeignKeys, KeyChanges, REVERSE, TableTriggers, cascade_triggers, children_of, constrained,
};
use crate::change::Change;
use crate::plan::names::NameError;
use crate::sql::{Ident, TableName};

/// The keys on both sides of a way back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeysBack {
    /// What is done in the window of the swap and after it, as on the way there.
    pub keys: ForeignKeys,
    /// Keys that the change dropped. Nobody has checked them since, so they are added and proved like new ones.
    pub added: Vec<ForeignKey>,
}

/// Why there is no way back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoKeysBack {
    /// A foreign key of the table that came or went since the change.
    Altered(String),
    /// A table whose cascades were not logged as they are by now.
    NotFollowed(TableName),
    /// There is no name for a trigger.
    Unnamed(NameError),
}

impl KeysBack {
    /// Decides it. `family` is what is around the new table, `forward` and `changes` are what the change did about
    /// foreign keys; `change` is the way back.
    ///
    /// # Errors
    /// Foreign keys of the table, or of those from which cascades reach it, are not those of the change.
    pub fn plan(
        family: &Family,
        change: &Change,
        forward: &ForeignKeys,
        changes: Option<&KeyChanges>,
    ) -> Result<KeysBack, NoKeysBack> {
        let (added, dropped) =
            changes.map(|changes| (changes.added.as_slice(), changes.dropped.as_slice())).unwrap_or_default();
        let named = |keys: &[ForeignKey], name| keys.iter().any(|key: &ForeignKey| key.name == name);
        let mut own = Vec::new();
        for old in forward.original.iter().filter(|key| !named(dropped, key.name.clone())) {
            let now = family.own.iter().find(|key| key.name == old.name);
            let made = forward.own.iter().find(|key| key.name == old.name);
            let same = |now: &&ForeignKey| made.is_some_and(|made| is_same(now, made, change));
            let now = now.filter(same).ok_or_else(|| NoKeysBack::Altered(old.name.as_str().to_owned()))?;
            // A parent may have got another name since; the table itself has its own again.
            let referenced = if now.parent == change.original { &old.referenced } else { &now.referenced };
            own.push(ForeignKey { columns: old.columns.clone(), referenced: referenced.clone(), ..now.clone() });
        }
        let foreign = family.own.iter().find(|key| !named(&own, key.name.clone()) && !named(added, key.name.clone()));
        if let Some(key) = foreign {
            return Err(NoKeysBack::Altered(key.name.as_str().to_owned()));
        }
        let recorded: Vec<&TableTriggers> =
            forward.reverse_cascades.iter().chain(&forward.own_reverse_cascades).collect();
        let types = change.reverse_log.key_types();
        for path in &family.paths {
            let expected = cascade_triggers(slice::from_ref(path), change, &change.log.table, &types, REVERSE);
            for on in &expected.map_err(NoKeysBack::Unnamed)? {
                if !recorded.iter().any(|recorded| recorded.table == on.table && logs(recorded, on)) {
                    return Err(NoKeysBack::NotFollowed(on.table.clone()));
                }
            }
        }
        let keys = ForeignKeys {
            original: family.own.clone(),
            own,
            children: children_of(family, change),
            constrained: constrained(family, change),
            cascades: recorded.into_iter().cloned().collect(),
            reverse_cascades: Vec::new(),
            own_reverse_cascades: Vec::new(),
        };
        Ok(KeysBack { keys, added: dropped.to_vec() })
    }
}

/// Whether a key is the one that the change made. Its parent may have got another name since.
fn is_same(now: &ForeignKey, made: &ForeignKey, change: &Change) -> bool {
    now.columns == made.columns
        && now.referenced == made.referenced
        && now.actions == made.actions
        && (now.parent == change.original) == (made.parent == change.original)
}

/// Whether triggers log what those of one path do, whichever indexes they read, and whatever else they log.
fn logs(recorded: &TableTriggers, path: &TableTriggers) -> bool {
    let recorded: Vec<(String, String)> = recorded.triggers.iter().filter_map(event_and_body).collect();
    path.triggers.iter().all(|trigger| {
        event_and_body(trigger)
            .is_some_and(|(event, body)| recorded.iter().any(|(of, all)| *of == event && all.contains(&body)))
    })
}

/// `DELETE` or `UPDATE`, and what is done then, without the indexes.
fn event_and_body((name, sql): &(Ident, String)) -> Option<(String, String)> {
    let (_, rest) = sql.split_once(&format!("{name} BEFORE "))?;
    let (event, rest) = rest.split_once(" ON ")?;
    let (_, body) = rest.split_once(" FOR EACH ROW BEGIN ")?;
    let mut pieces = body.strip_suffix(" END")?.split(" FORCE INDEX (");
    let first = pieces.next()?.to_owned();
    let body = pieces.fold(first, |text, piece| text + piece.split_once(')').map_or("", |(_, rest)| rest));
    Some((event.to_owned(), body))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on_parent(body: &str) -> TableTriggers {
        let table = TableName::new("s", "parent");
        let name = Ident::new("t");
        let sql = format!("CREATE TRIGGER `s`.{name} BEFORE DELETE ON {table} FOR EACH ROW BEGIN {body} END");
        TableTriggers { table, triggers: vec![(name, sql)] }
    }

    #[test]
    fn what_is_logged_counts_and_not_how_it_is_found() {
        let by = |index: &str| format!("SELECT id FROM c FORCE INDEX (`{index}`) WHERE a = 1;");
        assert!(logs(&on_parent(&by("i")), &on_parent(&by("j"))));
        let two = format!("{} SELECT id FROM d FORCE INDEX (`i`) WHERE b = 1;", by("i"));
        assert!(logs(&on_parent(&two), &on_parent(&by("j"))), "one path of two");
        assert!(!logs(&on_parent(&by("i")), &on_parent(&two)), "the second path is not logged");
        assert!(!logs(&on_parent(&by("i")), &on_parent("SELECT id FROM c WHERE b = 1;")));
    }

    #[test]
    fn another_event_is_another_trigger() {
        let delete = on_parent("SELECT 1;");
        let mut update = delete.clone();
        update.triggers[0].1 = update.triggers[0].1.replace(" DELETE ", " UPDATE ");
        assert!(!logs(&delete, &update) && logs(&update, &update));
    }

    #[test]
    fn a_text_that_is_no_trigger_of_ours_logs_nothing() {
        let mut odd = on_parent("SELECT 1;");
        odd.triggers[0].1 = "CREATE TRIGGER x".to_owned();
        assert!(!logs(&odd, &on_parent("SELECT 1;")) && !logs(&on_parent("SELECT 1;"), &odd));
    }
}
