//! After the swap: the children reference the new table, the old one references nothing, and every foreign key has its
//! own name. Each step looks at what is there, so that it may be begun anew at any point.
//!
//! `foreign_key_checks` is off in these sessions: nothing is checked row by row, because the row mirror has kept both
//! tables alike in what is referenced. A key is added before the one that it replaces goes, in one statement, so that no
//! moment is without.

use super::window::{Statements, in_window, no_name};
use super::{Child, ForeignKey, family, hold, row_mirror, temporary_name};
use crate::error::Result;
use crate::lock_window::Purpose;
use crate::run::Run;
use crate::schema;
use crate::server::retry::patiently;
use crate::server::{Flavor, Role, ServerError, Session};
use crate::sql::TableName;

/// Does what is left of all that.
pub async fn settle(run: &Run) -> Result<()> {
    let keys = &run.checkpoint.foreign_keys;
    if keys.is_empty() {
        return Ok(());
    }
    let mut session = run.server.session_for(Role::Work, "connecting for the foreign keys").await?;
    for child in &keys.children {
        re_point(run, &mut session, child).await?;
    }
    release_old(run, &mut session).await?;
    name_own(run, &mut session).await?;
    session.close().await;
    Ok(())
}

/// Makes a child reference the new table: first under temporary names, then under its own.
async fn re_point(run: &Run, session: &mut Session, child: &Child) -> Result<()> {
    let (original, old) = (&run.change.original, &run.change.old);
    for _ in 0..2 {
        let there = own(session, &child.table).await?;
        let mut clauses = Vec::new();
        for key in &child.keys {
            let temporary = temporary_name(key).map_err(no_name)?;
            let found = |name| there.iter().find(|found: &&ForeignKey| found.name == name);
            match (found(key.name.clone()), found(temporary.clone())) {
                (Some(own), None) if own.parent == *old => {
                    clauses.push(format!("ADD {}", key.named(temporary).referencing(original).definition()));
                    clauses.push(format!("DROP FOREIGN KEY {}", key.name));
                }
                (None, Some(_)) => {
                    clauses.push(format!("ADD {}", key.referencing(original).definition()));
                    clauses.push(format!("DROP FOREIGN KEY {temporary}"));
                }
                // Done; or somebody has dropped it since.
                _ => {}
            }
        }
        if clauses.is_empty() {
            return Ok(());
        }
        let sql = alter(&child.table, &clauses);
        let tables = match run.server.facts.flavor {
            Flavor::MySql => vec![&child.table, original, old],
            Flavor::MariaDb => vec![&child.table],
        };
        let children = async |session: &mut Session| family::children(session, &child.table).await;
        let below = patiently(LOOKING, session, children).await?;
        in_window(run, Purpose::ForeignKeys, &child.table, tables, Statements::Plain(vec![sql]), &below).await?;
    }
    Ok(())
}

/// Takes the foreign keys off the old table: its rows must not keep anybody from deleting their parents.
async fn release_old(run: &Run, session: &mut Session) -> Result<()> {
    let old = &run.change.old;
    let there = own(session, old).await?;
    if there.is_empty() {
        return Ok(());
    }
    let drops: Vec<String> = there.iter().map(|key| format!("DROP FOREIGN KEY {}", key.name)).collect();
    let keys = &run.checkpoint.foreign_keys;
    let tables =
        std::iter::once(old).chain(keys.locked_parents(&run.change.original, run.server.facts.flavor)).collect();
    let statements = Statements::Plain(vec![alter(old, &drops)]);
    in_window(run, Purpose::ForeignKeys, old, tables, statements, &[]).await
}

/// Takes the foreign keys to itself off the old table, inside the window of the swap: MySQL 9 does not let a trigger
/// delete a row that rows of its own table reference (6575), which the row mirror does. Those to parents stay: over them
/// cascades reach the children that are not re-pointed yet.
pub async fn release_old_from_itself(run: &Run, session: &mut Session) -> std::result::Result<(), ServerError> {
    let change = &run.change;
    let to_itself = run.checkpoint.foreign_keys.original.iter().filter(|key| key.parent == change.original);
    let drops: Vec<String> = to_itself.map(|key| format!("DROP FOREIGN KEY {}", key.name)).collect();
    if drops.is_empty() {
        return Ok(());
    }
    session.execute(&alter(&change.old, &drops)).await.map(drop)
}

/// Gives the new table's foreign keys their names, and takes the row mirror off.
async fn name_own(run: &Run, session: &mut Session) -> Result<()> {
    let (original, old) = (&run.change.original, &run.change.old);
    let keys = &run.checkpoint.foreign_keys;
    let there = own(session, original).await?;
    let mut clauses = Vec::new();
    for key in &keys.own {
        let temporary = temporary_name(key).map_err(no_name)?;
        if there.iter().any(|found| found.name == temporary) {
            clauses.push(format!("ADD {}", key.definition()));
            clauses.push(format!("DROP FOREIGN KEY {temporary}"));
        }
    }
    let mut statements: Vec<String> = Vec::new();
    if !clauses.is_empty() {
        statements.push(alter(original, &clauses));
    }
    statements.extend(row_mirror::drop_sql(&run.change));
    let flavor = run.server.facts.flavor;
    let mut tables: Vec<&TableName> =
        [original, old].into_iter().chain(keys.locked_parents(original, flavor)).collect();
    let mut children = Vec::new();
    for child in hold::of_run(run) {
        // One that somebody has dropped cannot be locked.
        if patiently(LOOKING, session, async |session| schema::exists(session, &child).await).await? {
            children.push(child);
        }
    }
    if flavor == Flavor::MySql {
        let others: Vec<&TableName> = children.iter().filter(|child| !tables.contains(child)).collect();
        tables.extend(others);
    }
    in_window(run, Purpose::ForeignKeys, original, tables, Statements::Plain(statements), &children).await
}

const LOOKING: &str = "reading the foreign keys";

async fn own(session: &mut Session, table: &TableName) -> Result<Vec<ForeignKey>> {
    patiently(LOOKING, session, async |session| family::own(session, table).await).await
}

fn alter(table: &TableName, clauses: &[String]) -> String {
    format!("ALTER TABLE {table} {}, ALGORITHM=INPLACE, LOCK=NONE", clauses.join(", "))
}
