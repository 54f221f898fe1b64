//! What must hold of the generator itself.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::plan::{Plan, quoted};
use super::{case, generate, shrink};
use crate::support::Kind;

fn kind() -> impl Strategy<Value = Kind> {
    prop::sample::select(Kind::ALL.to_vec())
}

/// Every column that something names is there.
fn is_whole(plan: &Plan) -> Result<(), TestCaseError> {
    let there: BTreeSet<&str> = plan.columns.iter().map(|column| column.name.as_str()).collect();
    let named = plan.clauses.iter().flat_map(|clause| &clause.uses);
    let named = named.chain(plan.indexes.iter().flat_map(|index| &index.uses));
    let generated = plan.columns.iter().filter_map(|column| column.generated.as_ref()).map(|by| &by.uses);
    for name in named.chain(generated) {
        prop_assert!(there.contains(name.as_str()), "{} is not there in {:?}", name, plan);
    }
    prop_assert!(!plan.clauses.is_empty());
    for write in &plan.writes {
        prop_assert!(!write.statements.is_empty());
        for sql in write.script() {
            for name in ["c1", "select", "Größe", "a b", "c5", "it's", "`"].map(quoted) {
                let in_sql = sql.contains(&name) && name != quoted("`");
                prop_assert!(!in_sql || plan.columns.iter().any(|column| quoted(&column.name) == name), "{}", sql);
            }
        }
    }
    Ok(())
}

/// Something to see that a plan gets smaller by.
fn size(plan: &Plan) -> usize {
    let statements: usize = plan.writes.iter().map(|write| 2 * write.statements.len()).sum();
    let ends = plan.writes.iter().filter(|write| write.end != super::plan::End::Commit).count();
    let others = plan.columns.len() + plan.indexes.len() + plan.clauses.len() + plan.options.len();
    plan.rows as usize + statements + ends + 10 * others
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_seed_is_a_plan(seed in any::<u64>(), kind in kind()) {
        let plan = generate::plan(seed, kind);
        prop_assert_eq!(&plan, &generate::plan(seed, kind));
        is_whole(&plan)?;
        let names: BTreeSet<String> = plan.columns.iter().map(|column| column.name.to_lowercase()).collect();
        prop_assert_eq!(names.len(), plan.columns.len());
    }

    #[test]
    fn smaller_plans_are_smaller_and_whole(seed in any::<u64>(), kind in kind()) {
        let plan = generate::plan(seed, kind);
        for less in shrink::smaller(&plan) {
            prop_assert!(size(&less) < size(&plan), "{:?}\n{:?}", less, plan);
            is_whole(&less)?;
        }
    }

    #[test]
    fn a_case_has_every_clause_and_every_write(seed in any::<u64>(), kind in kind()) {
        let plan = generate::plan(seed, kind);
        let [(_, create), (_, alter), (_, writes), (_, expect)] = case::files(&plan);
        prop_assert!(create.starts_with(&plan.create_sql()));
        prop_assert!(plan.clauses.iter().all(|clause| alter.contains(&clause.sql)));
        prop_assert!(!writes.contains("@n"));
        let statements: usize = plan.writes.iter().map(|write| write.statements.len()).sum();
        prop_assert!(writes.matches(";\n").count() >= statements);
        prop_assert!(expect.contains(plan.kind.name()));
    }
}

/// A generator that has lost a kind of clause or write would find nothing any more, and pass.
#[test]
fn three_thousand_seeds_have_everything() {
    let plans: Vec<Plan> = (0..3_000).map(|seed| generate::plan(seed, Kind::ALL[seed as usize % 3])).collect();
    let alters: Vec<String> = plans.iter().map(Plan::alter_sql).collect();
    let words = [
        "ADD COLUMN",
        "DROP COLUMN",
        "MODIFY",
        "CHANGE",
        "RENAME COLUMN",
        "ADD KEY",
        "ADD UNIQUE KEY",
        "DROP INDEX",
        "RENAME INDEX",
        "DROP PRIMARY KEY",
        "CONVERT TO",
        "SET DEFAULT",
        "DROP DEFAULT",
        "FORCE",
        "AUTO_INCREMENT",
        "PARTITION BY",
        "REMOVE PARTITIONING",
        "STORED",
        "VIRTUAL",
        "FIRST",
        "AFTER",
    ];
    for word in words {
        assert!(alters.iter().any(|alter| alter.contains(word)), "{word}");
    }
    let scripts: Vec<String> = plans.iter().flat_map(|plan| &plan.writes).flat_map(|write| write.script()).collect();
    let shapes = [
        "INSERT INTO",
        "INSERT IGNORE",
        "REPLACE INTO",
        "ON DUPLICATE KEY",
        ") SELECT ",
        "UPDATE `Thing` SET",
        " JOIN ",
        "DELETE FROM",
        "LIMIT",
        "SAVEPOINT",
        "ROLLBACK TO",
    ];
    for shape in shapes {
        assert!(scripts.iter().any(|sql| sql.contains(shape)), "{shape}");
    }
    let types = super::types::TYPES.iter();
    for one in types {
        assert!(plans.iter().any(|plan| plan.create_sql().contains(one.sql)), "{}", one.sql);
    }
    for key in super::types::KEYS {
        assert!(plans.iter().any(|plan| plan.key == key), "{key:?}");
    }
}
