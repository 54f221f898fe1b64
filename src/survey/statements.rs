//! The statements that a change is going to send, for a plan. Sends none.

use super::Survey;
use crate::change::Change;
use crate::cutover::{close_gate_sql, open_gate_sql};
use crate::event::Phase;
use crate::foreign_keys;
use crate::plan::explain::PlannedStatement;
use crate::plan::names::staged_trigger;
use crate::prepare::drop_table_sql;
use crate::record::Recording;
use crate::server::{Flavor, WRITER};
use crate::shadow::{TEMPORARY_KEY, alter_sql, split_indexes, strip_sql};
use crate::sql::Ident;

impl Survey {
    pub(super) fn statements(&self, drop_old: bool, recording: Option<&Recording>) -> Vec<PlannedStatement> {
        let mut planned = Planned::default();
        let (started, finished) = recording.map(Recording::statements).unzip();
        let finished = finished.into_iter().flatten();
        started.into_iter().for_each(|sql| planned.add(Phase::Record, sql));
        let (dropped, added) = self.key_changes.as_ref().map(|changes| (&changes.dropped, &changes.added)).unzip();
        let added = added.filter(|added| !added.is_empty());
        let constrain = added.map(|added| foreign_keys::constrain::sql(&self.table.name, added));
        if let Some(algorithm) = self.strategy.algorithm() {
            if let Some(dropped) = dropped.filter(|dropped| !dropped.is_empty()) {
                planned.add(Phase::Native, foreign_keys::drop::sql(&self.table.name, dropped));
            }
            if self.made.changes().next().is_some() {
                planned.add(Phase::Native, crate::native::sql(&self.table.name, &self.made, algorithm));
            }
            constrain.into_iter().for_each(|sql| planned.add(Phase::Constrain, sql));
            finished.for_each(|sql| planned.add(Phase::Record, sql));
            return planned.statements;
        }
        let key = self.key.clone().expect("a copy has a key to walk");
        let mut change =
            Change::new(self.table.name.clone(), &self.bookkeeping, &self.names, key, self.mapping.clone(), 0);
        if !drop_old {
            change = change.followed(self.server.facts.flavor);
        }
        let split = split_indexes(&self.target, &change.key);
        let shadow = &change.shadow;
        planned.add(Phase::Prepare, format!("CREATE TABLE {shadow} LIKE {}", change.original));
        planned.add(Phase::Prepare, alter_sql(shadow, &self.made));
        strip_sql(shadow, &change.key, &split).into_iter().for_each(|sql| planned.add(Phase::Prepare, sql));
        planned.add(Phase::Prepare, change.log.create_sql());
        if !drop_old {
            planned.add(Phase::Prepare, change.reverse_log.create_sql());
        }
        change.mirror.create_sql().into_iter().for_each(|sql| planned.add(Phase::Prepare, sql));
        if !split.deferred.is_empty() {
            let adds: Vec<String> = split.deferred.iter().map(|definition| format!("ADD {definition}")).collect();
            planned.add(Phase::Index, format!("ALTER TABLE {shadow} {}, ALGORITHM=INPLACE", adds.join(", ")));
        }
        planned.add(Phase::Index, format!("ANALYZE TABLE {shadow}"));
        for (index, trigger) in self.triggers.iter().enumerate() {
            let staged = staged_trigger(&change.original, index);
            let double = trigger.guarded_sql(&staged, &change.shadow.table, WRITER, None);
            planned.add(Phase::Cutover, double.unwrap_or_default());
        }
        if !drop_old {
            change.reverse.create_sql().into_iter().for_each(|sql| planned.add(Phase::Cutover, sql));
        }
        let gated = self.server.facts.flavor == Flavor::MariaDb;
        if gated {
            let note = "an empty table that keeps the RENAME from going through too early";
            planned.add_noted(Phase::Cutover, close_gate_sql(&change), note);
        }
        if split.temporary_key {
            let index = Ident::new(TEMPORARY_KEY);
            planned.add(Phase::Cutover, format!("ALTER TABLE {shadow} DROP INDEX {index}, ALGORITHM=INPLACE"));
        }
        if gated {
            let waits = "sent while the table is locked: it waits until the lock is given up";
            planned.add_noted(Phase::Cutover, change.rename_sql(), waits);
            let note = "the empty table, once the change log is applied; the lock is given up next";
            planned.add_noted(Phase::Cutover, open_gate_sql(&change), note);
        } else {
            planned.add(Phase::Cutover, change.rename_sql());
        }
        for trigger in &self.triggers {
            planned.add(Phase::Cutover, format!("DROP TRIGGER {}.{}", change.original.schema, trigger.name()));
        }
        for (index, trigger) in self.triggers.iter().enumerate() {
            let staged = staged_trigger(&change.original, index);
            planned.add(Phase::Cutover, trigger.create_sql_before(None).unwrap_or_default());
            planned.add(Phase::Cutover, format!("DROP TRIGGER {staged}"));
        }
        constrain.into_iter().for_each(|sql| planned.add(Phase::Constrain, sql));
        finished.for_each(|sql| planned.add(Phase::Record, sql));
        change.mirror.drop_sql().into_iter().for_each(|sql| planned.add(Phase::Cleanup, sql));
        let old = match drop_old {
            true => drop_table_sql(&change.old),
            false => format!("RENAME TABLE {} TO {}", change.old, change.kept),
        };
        planned.add(Phase::Cleanup, old);
        planned.add(Phase::Cleanup, drop_table_sql(&change.log.table));
        planned.statements
    }
}

/// The statements of a plan, while they are put together.
#[derive(Default)]
struct Planned {
    statements: Vec<PlannedStatement>,
}

impl Planned {
    fn add(&mut self, step: Phase, sql: String) {
        self.statements.push(PlannedStatement { step: step.label().to_owned(), sql, note: None });
    }

    fn add_noted(&mut self, step: Phase, sql: String, note: &'static str) {
        self.statements.push(PlannedStatement { step: step.label().to_owned(), sql, note: Some(note) });
    }
}
