//! What is done before the swap and inside its window, and taken back when it does not come to the swap.

use std::sync::Arc;
use std::time::Duration;

use super::hold::{self, Children, Stuck};
use super::{Family, ForeignKey, ForeignKeys, TableTriggers, family, row_mirror, temporary_name};
use crate::error::{Failure, Result, Stop};
use crate::event::Events;
use crate::lock_window::repeated::run_all;
use crate::lock_window::{LockRequest, Purpose, Round};
use crate::mirror::triggers::{create_triggers, open_anew};
use crate::plan::names::NameError;
use crate::run::Run;
use crate::schema;
use crate::server::retry::{Tries, patiently};
use crate::server::{Flavor, Role, Server, ServerError, Session, errno, server_failure};
use crate::sql::{Ident, TableName, string_literal};

/// How long a round of requests for a lock lasts before a stop is looked at.
const ROUND: Duration = Duration::from_secs(1);

/// Reads what is around the table and decides what to do about it.
pub async fn plan(run: &mut Run, session: &mut Session) -> Result<()> {
    let failed = |error| server_failure("reading the foreign keys", &error);
    let family = Family::read(session, &run.change.original).await.map_err(failed)?;
    let dropped = run.checkpoint.key_changes.as_ref().map(|changes| changes.dropped.as_slice()).unwrap_or_default();
    let planned = ForeignKeys::plan(&family, &run.change, dropped, !run.options.drop_old);
    run.checkpoint.foreign_keys = planned.map_err(no_name)?;
    Ok(())
}

/// Creates the triggers that log cascades. The logs are there.
pub async fn watch_cascades(run: &Run) -> Result<()> {
    let keys = &run.checkpoint.foreign_keys;
    if keys.cascades.is_empty() {
        return Ok(());
    }
    let mut work = run.server.session_for(Role::Work, "connecting for the triggers").await?;
    for on in &keys.cascades {
        // Both on one table in one window.
        let reverse = keys.reverse_cascades.iter().filter(|reverse| reverse.table == on.table);
        let all: Vec<String> =
            on.create_sql().chain(reverse.flat_map(TableTriggers::create_sql)).map(Into::into).collect();
        let look = async |session: &mut Session| family::named_parents(session, &on.table).await;
        let parents = patiently("reading the foreign keys", &mut work, look).await?;
        let tables = std::iter::once(&on.table).chain(&parents).collect();
        in_window(run, Purpose::Triggers, &on.table, tables, Statements::Triggers(all), &[]).await?;
    }
    work.close().await;
    Ok(())
}

/// Drops the triggers that log cascades, those of the reverse log only when told to.
pub async fn forget_cascades(run: &Run, reverse: bool) -> Result<()> {
    let keys = &run.checkpoint.foreign_keys;
    let patience = run.options.lock_patience;
    let forgetting = Forgetting { server: &run.server, patience, events: &run.events, command: "resume" };
    let ours = [&run.change.shadow, &run.change.old];
    forgetting.triggers(&keys.cascades, &ours).await?;
    if reverse {
        forgetting.triggers(&keys.reverse_cascades, &ours).await?;
        forgetting.triggers(&keys.own_reverse_cascades, &ours).await?;
    }
    Ok(())
}

/// Drops those that log cascades into the reverse log of a table that is kept.
pub async fn forget_reverse_cascades(
    server: &Arc<Server>,
    keys: &ForeignKeys,
    patience: Duration,
    events: &Events,
) -> Result<()> {
    let forgetting = Forgetting { server, patience, events, command: "cleanup" };
    forgetting.triggers(&keys.reverse_cascades, &[]).await?;
    forgetting.triggers(&keys.own_reverse_cascades, &[]).await
}

/// How triggers that log cascades are dropped.
struct Forgetting<'a> {
    server: &'a Arc<Server>,
    patience: Duration,
    events: &'a Events,
    /// The one that tries again.
    command: &'static str,
}

impl Forgetting<'_> {
    /// `ours` are tables that no application writes.
    ///
    /// Those take no lock window: LOCK TABLES on one also takes, in MySQL, what the triggers that go write and read. It
    /// holds the change log while it waits for a table of the application, behind whose writers it stands back, and a
    /// prepared statement that has this one and waits for the log begins anew again and again (1615).
    async fn triggers(&self, tables: &[TableTriggers], ours: &[&TableName]) -> Result<()> {
        const DROPPING: &str = "dropping triggers of foreign keys";
        if tables.is_empty() {
            return Ok(());
        }
        let mut session = self.server.session_for(Role::Work, "connecting for the triggers").await?;
        for on in tables {
            // Those of the table itself may have moved with it.
            let found = patiently("looking for triggers of foreign keys", &mut session, async |session| {
                there(session, on).await
            });
            for (table, names) in found.await? {
                let drops: Vec<String> =
                    names.iter().map(|name| format!("DROP TRIGGER IF EXISTS {}.{name}", table.schema)).collect();
                if ours.contains(&&table) {
                    let all = async |session: &mut Session| run_all(session, &drops).await;
                    patiently(DROPPING, &mut session, all).await?;
                    continue;
                }
                let look = async |session: &mut Session| family::named_parents(session, &table).await;
                let parents = patiently("reading the foreign keys", &mut session, look).await?;
                let tables = std::iter::once(&table).chain(&parents).collect();
                let request = LockRequest::new(Purpose::Triggers, &table, tables, self.patience);
                request.asked_by(self.command).run_repeatable(self.server, DROPPING, &drops, self.events).await?;
            }
        }
        session.close().await;
        Ok(())
    }
}

/// The triggers of these names that are there, by the tables they are on.
async fn there(session: &mut Session, on: &TableTriggers) -> Result<Vec<(TableName, Vec<Ident>)>, ServerError> {
    let names: Vec<String> = on.triggers.iter().map(|(name, _)| string_literal(name.as_str())).collect();
    let schema = &on.table.schema;
    let sql = format!(
        "SELECT event_object_table, trigger_name FROM information_schema.triggers \
         WHERE trigger_schema = {} AND trigger_name IN ({}) ORDER BY event_object_table",
        string_literal(schema.as_str()),
        names.join(", ")
    );
    let mut tables: Vec<(TableName, Vec<Ident>)> = Vec::new();
    for (table, name) in session.rows::<(String, String)>(&sql).await? {
        let table = TableName { schema: schema.clone(), table: Ident::new(table) };
        match tables.last_mut() {
            Some((last, names)) if *last == table => names.push(Ident::new(name)),
            _ => tables.push((table, vec![Ident::new(name)])),
        }
    }
    Ok(tables)
}

/// The first table on which a trigger that logs cascades is missing.
pub async fn missing_cascade(run: &Run, session: &mut Session) -> Result<Option<TableName>, ServerError> {
    for on in &run.checkpoint.foreign_keys.cascades {
        let found: usize = there(session, on)
            .await?
            .iter()
            .filter(|(table, _)| *table == on.table)
            .map(|(_, names)| names.len())
            .sum();
        if found < on.triggers.len() {
            return Ok(Some(on.table.clone()));
        }
    }
    Ok(None)
}

/// Gives the shadow its foreign keys and the triggers that keep the old table current. Under the lock, when the log is
/// empty: from here on nothing but the swap may write the shadow.
pub async fn take_over(run: &Run, session: &mut Session) -> Result<(), ServerError> {
    let keys = &run.checkpoint.foreign_keys;
    if keys.is_empty() {
        return Ok(());
    }
    let on_shadow = keys.own_reverse_cascades.iter().flat_map(|on| {
        let (table, shadow) = (on.table.to_string(), run.change.shadow.to_string());
        on.create_sql().map(move |sql| sql.replacen(&format!(" ON {table} "), &format!(" ON {shadow} "), 1))
    });
    let triggers: Vec<String> =
        row_mirror::create_sql(&run.change, keys, &run.relocation()).into_iter().chain(on_shadow).collect();
    create_triggers(session, triggers.iter().map(String::as_str)).await?;
    session.restore_sql_mode().await?;
    let shadow = &run.change.shadow;
    let adds: Vec<String> = shadow_keys(run)?.iter().map(|key| format!("ADD {}", key.definition())).collect();
    if !adds.is_empty() {
        let sql = format!("ALTER TABLE {shadow} {}, ALGORITHM=INPLACE", adds.join(", "));
        session.execute(&sql).await?;
    }
    Ok(())
}

/// The shadow's foreign keys under their temporary names; those to the table itself reference the shadow itself.
fn shadow_keys(run: &Run) -> Result<Vec<ForeignKey>, ServerError> {
    let change = &run.change;
    let temporary = |key: &ForeignKey| {
        let name = temporary_name(key).map_err(|error| ServerError::Driver(error.to_string()))?;
        let key = key.named(name);
        Ok(if key.parent == change.original { key.referencing(&change.shadow) } else { key })
    };
    run.checkpoint.foreign_keys.own.iter().map(temporary).collect()
}

/// Takes that back, under the lock or when the shadow is nobody else's. No error when there is nothing to take back.
pub async fn withdraw(run: &Run, session: &mut Session) -> Result<(), ServerError> {
    let keys = &run.checkpoint.foreign_keys;
    if keys.is_empty() {
        return Ok(());
    }
    for sql in row_mirror::drop_sql(&run.change)
        .into_iter()
        .chain(keys.own_reverse_cascades.iter().flat_map(TableTriggers::drop_sql))
    {
        session.execute(&sql).await?;
    }
    let shadow = &run.change.shadow;
    let definition = schema::create_sql(session, shadow).await?.unwrap_or_default();
    let drops: Vec<String> =
        ForeignKey::read(shadow, &definition).iter().map(|key| format!("DROP FOREIGN KEY {}", key.name)).collect();
    if !drops.is_empty() {
        session.execute(&format!("ALTER TABLE {shadow} {}, ALGORITHM=INPLACE", drops.join(", "))).await?;
    }
    Ok(())
}

/// Takes back what a killed process has left on the shadow.
pub async fn withdraw_left(run: &Run) -> Result<()> {
    let keys = &run.checkpoint.foreign_keys;
    if keys.is_empty() {
        return Ok(());
    }
    let (shadow, original) = (&run.change.shadow, &run.change.original);
    let mut session = run.server.session_for(Role::Work, "connecting for the foreign keys").await?;
    let definition = schema::create_sql(&mut session, shadow).await.map_err(failed)?.unwrap_or_default();
    if ForeignKey::read(shadow, &definition).is_empty() {
        withdraw(run, &mut session).await.map_err(failed)?;
        session.close().await;
        return Ok(());
    }
    session.close().await;
    let tables: Vec<&TableName> =
        std::iter::once(shadow).chain(keys.locked_parents(original, run.server.facts.flavor)).collect();
    let statements = Statements::Withdraw;
    let contended = tables.get(1).copied().unwrap_or(shadow);
    in_window(run, Purpose::ForeignKeys, contended, tables.clone(), statements, &[]).await
}

/// What is done in a window.
pub(super) enum Statements {
    /// CREATE TRIGGER for each.
    Triggers(Vec<String>),
    /// As they are.
    Plain(Vec<String>),
    /// [`withdraw`].
    Withdraw,
}

/// Runs statements in a lock window of their own. `children` are those of the table that is altered, where that makes
/// InnoDB lock them.
pub(super) async fn in_window(
    run: &Run,
    purpose: Purpose,
    contended: &TableName,
    tables: Vec<&TableName>,
    statements: Statements,
    children: &[TableName],
) -> Result<()> {
    let mut locker = run.server.session_for(Role::Work, "connecting for the foreign keys").await?;
    let mut watch = run.server.session_for(Role::Watch, "connecting for the foreign keys").await?;
    let tables = run.checkpoint.foreign_keys.met_first(&run.change.original, tables, run.server.facts.flavor);
    let mut request = LockRequest::new(purpose, contended, tables, run.options.lock_patience);
    let children = if run.server.facts.flavor == Flavor::MariaDb { children } else { &[] };
    let mut holders = None;
    let mut tries = Tries::of("moving the foreign keys");
    // InnoDB's own locks: others are held for long only by transactions that wait for us.
    let least = match run.server.facts.flavor {
        Flavor::MariaDb => 0,
        Flavor::MySql => 1,
    };
    let quickly = format!("SET SESSION autocommit = 0, innodb_table_locks = 0, innodb_lock_wait_timeout = {least}");
    locker.execute(&quickly).await.map_err(failed)?;
    loop {
        run.check_stop()?;
        if holders.is_none() {
            holders = Some(hold::connect(run, children).await?);
        }
        let round = request.round(&mut locker, &mut watch, &run.events, ROUND).await?;
        let Round::Granted(window) = round else { continue };
        let held = Children::hold(children, holders.take().unwrap_or_default());
        let queued = match held.are_queued(&mut watch).await {
            Ok(true) => held.is_clear(run, &mut watch, Stuck::Waiting).await,
            other => other,
        };
        if !matches!(queued, Ok(true)) {
            let unlocked = window.unlock(&mut locker, &run.events).await;
            held.release(run).await?;
            unlocked.map_err(failed)?;
            queued.map_err(failed)?;
            continue;
        }
        let done = match &statements {
            Statements::Triggers(all) => {
                create_first(&mut locker, contended, all, &run.change.row_triggers.insert).await
            }
            Statements::Plain(all) => run_all(&mut locker, all).await,
            Statements::Withdraw => withdraw(run, &mut locker).await,
        };
        held.free();
        if locker.is_lost() {
            window.ended(&run.events);
        } else {
            window.unlock(&mut locker, &run.events).await.map_err(failed)?;
        }
        held.release(run).await?;
        match done {
            Ok(()) => break,
            Err(error) => tries.recover(&mut locker, error, &run.events).await?,
        }
        locker.execute(&quickly).await.map_err(failed)?;
    }
    locker.close().await;
    watch.close().await;
    Ok(())
}

/// Creates BEFORE triggers in front of all others of the table: of several for one event MariaDB asks only the first
/// whether it is newer than a prepared statement.
async fn create_first(
    session: &mut Session,
    table: &TableName,
    statements: &[String],
    spare: &Ident,
) -> Result<(), ServerError> {
    let sql = format!(
        "SELECT event_manipulation, trigger_name FROM information_schema.triggers WHERE event_object_schema = {} \
         AND event_object_table = {} AND action_timing = 'BEFORE' AND action_order = 1",
        string_literal(table.schema.as_str()),
        string_literal(table.table.as_str())
    );
    let heads: Vec<(String, String)> = session.rows(&sql).await?;
    let placed = statements.iter().map(|sql| {
        let head = heads.iter().find(|(event, _)| sql.contains(&format!(" BEFORE {event} ON ")));
        let place = head.map(|(_, head)| format!(" FOR EACH ROW PRECEDES {} ", Ident::new(head)));
        place.map_or_else(|| sql.clone(), |place| sql.replacen(" FOR EACH ROW ", &place, 1))
    });
    let placed: Vec<String> = placed.collect();
    let all = || placed.iter().map(String::as_str);
    match create_triggers(session, all()).await {
        // Of the first: from then on it is found.
        Err(error) if error.code() == Some(errno::NO_SUCH_NEIGHBOUR) => {
            open_anew(session, &format!("{}.{spare}", table.schema), table).await?;
            create_triggers(session, all()).await
        }
        created => created,
    }
}

pub(super) fn failed(error: ServerError) -> Failure {
    server_failure("moving the foreign keys", &error)
}

pub(super) fn no_name(error: NameError) -> Failure {
    Failure::new(Stop::Refused, "no names can be made for what the foreign keys need").cause(error)
}
