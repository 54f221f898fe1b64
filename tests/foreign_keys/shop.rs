//! Tables with every kind of foreign key, and an application of eight connections that writes all of them.
//!
//! Each connection owns its users and whatever hangs on them, and keeps a model of what the server acknowledged. So no
//! connection can break another's foreign key, every error is somebody else's doing, and the tables must hold exactly
//! the models in the end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use tokio::task::JoinHandle;

use crate::support::load::writer::is_self_inflicted;
use crate::support::load::{Failed, Record};
use crate::support::{Kind, Scenario, Server};

pub const USER: &str = "CREATE TABLE `User` (`id` INTEGER NOT NULL, `name` VARCHAR(40) NOT NULL, PRIMARY KEY (`id`))";
pub const ORDER: &str = "CREATE TABLE `Order` (`id` INTEGER NOT NULL, `userId` INTEGER NOT NULL, `note` VARCHAR(40) NOT NULL, \
    `previousId` INTEGER NULL, INDEX `Order_userId_idx`(`userId`), INDEX `Order_previousId_idx`(`previousId`), \
    PRIMARY KEY (`id`), \
    CONSTRAINT `Order_userId_fkey` FOREIGN KEY (`userId`) REFERENCES `User`(`id`) ON DELETE CASCADE ON UPDATE CASCADE, \
    CONSTRAINT `Order_previousId_fkey` FOREIGN KEY (`previousId`) REFERENCES `Order`(`id`) ON DELETE SET NULL)";
pub const LINE: &str = "CREATE TABLE `Line` (`id` INTEGER NOT NULL, `orderId` INTEGER NOT NULL, `note` VARCHAR(40) NOT NULL, \
    PRIMARY KEY (`id`), INDEX `Line_orderId_idx`(`orderId`), \
    CONSTRAINT `Line_orderId_fkey` FOREIGN KEY (`orderId`) REFERENCES `Order`(`id`) ON DELETE CASCADE ON UPDATE CASCADE)";
pub const TAG: &str = "CREATE TABLE `Tag` (`id` INTEGER NOT NULL, `orderId` INTEGER NULL, `note` VARCHAR(40) NOT NULL, \
    PRIMARY KEY (`id`), \
    CONSTRAINT `Tag_orderId_fkey` FOREIGN KEY (`orderId`) REFERENCES `Order`(`id`) ON DELETE SET NULL ON UPDATE CASCADE)";
pub const PAYMENT: &str = "CREATE TABLE `Payment` (`id` INTEGER NOT NULL, `orderId` INTEGER NOT NULL, `note` VARCHAR(40) NOT NULL, \
    PRIMARY KEY (`id`), INDEX `Payment_orderId_idx`(`orderId`), \
    CONSTRAINT `Payment_orderId_fkey` FOREIGN KEY (`orderId`) REFERENCES `Order`(`id`) ON DELETE RESTRICT ON UPDATE CASCADE)";

pub const TABLES: [&str; 5] = ["User", "Order", "Line", "Tag", "Payment"];
pub const DDL: [&str; 5] = [USER, ORDER, LINE, TAG, PAYMENT];

const CONNECTIONS: i64 = 8;
/// A pending lock makes the same transaction a deadlock's victim again and again.
const TRIES: u64 = 60;
/// Users of each connection in the beginning, and orders of each user.
const USERS: i64 = 20;
const ORDERS: i64 = 10;

/// A schema with these tables and some thousand rows.
pub async fn scenario(server: &Server, topic: &str) -> Result<(Scenario, Vec<Model>)> {
    let scenario = Scenario::new(server, topic, &DDL).await?;
    let mut models: Vec<Model> = (0..CONNECTIONS).map(|lane| Model::of(lane, server)).collect();
    let mut conn = scenario.connect().await?;
    for model in &mut models {
        let mut rows: [Vec<String>; 5] = Default::default();
        for _ in 0..USERS {
            let user = model.new_id();
            model.users.insert(user, "seeded".into());
            rows[0].push(format!("({user}, 'seeded')"));
            for _ in 0..ORDERS {
                let [order, line, tag, payment] = [(); 4].map(|()| model.new_id());
                model.orders.insert(order, (user, "seeded".into(), None));
                rows[1].push(format!("({order}, {user}, 'seeded', NULL)"));
                for (table, id) in [(2, line), (3, tag), (4, payment)] {
                    model.children[table - 2].insert(id, (Some(order), "seeded".into()));
                    rows[table].push(format!("({id}, {order}, 'seeded')"));
                }
            }
        }
        for (table, rows) in TABLES.iter().zip(rows) {
            conn.query_drop(format!("INSERT INTO `{table}` VALUES {}", rows.join(", "))).await?;
        }
    }
    scenario.analyze().await?;
    Ok((scenario, models))
}

type Note = String;

/// What a connection was told is there.
#[derive(Debug, Clone)]
pub struct Model {
    lane: i64,
    next: i64,
    is_mysql: bool,
    users: BTreeMap<i64, Note>,
    orders: BTreeMap<i64, (i64, Note, Option<i64>)>,
    /// Lines, tags, payments.
    children: [BTreeMap<i64, (Option<i64>, Note)>; 3],
}

impl Model {
    fn of(lane: i64, server: &Server) -> Model {
        let is_mysql = server.kind == Kind::MySql97;
        Model { lane, next: 0, is_mysql, users: BTreeMap::new(), orders: BTreeMap::new(), children: Default::default() }
    }

    fn new_id(&mut self) -> i64 {
        // Neighbours in an index belong to one connection, or they would lock each other's gaps.
        self.next += 1;
        self.lane * 10_000_000 + self.next
    }

    fn remove_order(&mut self, order: i64) {
        self.orders.remove(&order);
        for (_, _, previous) in self.orders.values_mut() {
            *previous = previous.filter(|previous| *previous != order);
        }
        self.children[0].retain(|_, (of, _)| *of != Some(order));
        for (of, _) in self.children[1].values_mut() {
            *of = of.filter(|of| *of != order);
        }
        self.children[2].retain(|_, (of, _)| *of != Some(order));
    }
}

fn any<V>(random: &mut SmallRng, map: &BTreeMap<i64, V>) -> Option<i64> {
    (!map.is_empty()).then(|| *map.keys().nth(random.random_range(0..map.len())).expect("it is not empty"))
}

/// The application while it runs.
pub struct Application {
    stop: Arc<AtomicBool>,
    writers: Vec<JoinHandle<Result<(Model, Record)>>>,
}

impl Application {
    pub async fn start(scenario: &Scenario, models: Vec<Model>, pause: Duration) -> Result<Application> {
        let stop = Arc::new(AtomicBool::new(false));
        let mut writers = Vec::new();
        for model in models {
            let conn = scenario.connect().await?;
            let random = SmallRng::seed_from_u64(model.lane as u64);
            let prepared = model.lane % 2 == 0;
            let writer = Writer { conn, prepared, random, model, record: Record::default() };
            writers.push(tokio::spawn(writer.run(Arc::clone(&stop), pause)));
        }
        Ok(Application { stop, writers })
    }

    /// Lets every connection finish what it is doing.
    pub async fn stop(mut self) -> Result<(Vec<Model>, Record)> {
        self.stop.store(true, Ordering::Relaxed);
        let (mut models, mut record) = (Vec::new(), Record::default());
        for writer in self.writers.drain(..) {
            let (model, own) = writer.await??;
            models.push(model);
            record.merge(own);
        }
        Ok((models, record))
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        self.writers.iter().for_each(JoinHandle::abort);
    }
}

struct Writer {
    conn: Conn,
    prepared: bool,
    random: SmallRng,
    model: Model,
    record: Record,
}

/// Statements of one transaction, and what they make of the model.
struct Operation {
    what: &'static str,
    statements: Vec<(String, Vec<i64>)>,
    after: Model,
}

impl Writer {
    async fn run(mut self, stop: Arc<AtomicBool>, pause: Duration) -> Result<(Model, Record)> {
        while !stop.load(Ordering::Relaxed) {
            if let Some(operation) = self.choose() {
                self.perform(operation).await?;
            }
            tokio::time::sleep(pause).await;
        }
        Ok((self.model, self.record))
    }

    async fn perform(&mut self, operation: Operation) -> Result<()> {
        let from = Instant::now();
        for attempt in 0..TRIES {
            match self.attempt(&operation).await {
                Ok(()) => {
                    self.model = operation.after;
                    self.record.write(from);
                    return Ok(());
                }
                Err(Error::Server(error)) => {
                    let code = error.code;
                    let error = Error::Server(error);
                    let self_inflicted = is_self_inflicted(&mut self.conn, &error).await;
                    self.record.errors.push(Failed {
                        at: Instant::now(),
                        code,
                        message: format!("{error} at {:?}", operation.statements),
                        what: operation.what,
                        retried: matches!(code, 1205 | 1213),
                        self_inflicted,
                    });
                    self.conn.query_drop("ROLLBACK").await?;
                    if !matches!(code, 1205 | 1213) {
                        return Ok(());
                    }
                    tokio::time::sleep(Duration::from_millis(self.random.random_range(1..10) * attempt.min(10))).await;
                }
                Err(error) => return Err(error).context(operation.what),
            }
        }
        anyhow::bail!("{} was not done in {TRIES} tries: {:?}", operation.what, self.record.errors.last())
    }

    async fn attempt(&mut self, operation: &Operation) -> Result<(), Error> {
        let in_transaction = operation.statements.len() > 1;
        if in_transaction {
            self.conn.query_drop("START TRANSACTION").await?;
        }
        for (sql, values) in &operation.statements {
            if self.prepared {
                self.conn.exec_drop(sql.as_str(), values.clone()).await?;
            } else {
                let mut text = sql.clone();
                for value in values {
                    text = text.replacen('?', &value.to_string(), 1);
                }
                self.conn.query_drop(text).await?;
            }
        }
        if in_transaction {
            self.conn.query_drop("COMMIT").await?;
        }
        Ok(())
    }

    fn choose(&mut self) -> Option<Operation> {
        let mut after = self.model.clone();
        let random = &mut self.random;
        let note = format!("note {}", random.random_range(0..1_000_000));
        let kind = random.random_range(0..100);
        let user = any(random, &after.users);
        let order = any(random, &after.orders);
        let (what, statements): (&'static str, Vec<(String, Vec<i64>)>) = match kind {
            0..5 => {
                let id = after.new_id();
                after.users.insert(id, note.clone());
                ("new user", vec![(format!("INSERT INTO `User` (`id`, `name`) VALUES (?, '{note}')"), vec![id])])
            }
            5..25 => {
                let (id, user) = (after.new_id(), user?);
                let previous = order.filter(|_| kind < 12);
                after.orders.insert(id, (user, note.clone(), previous));
                let columns = "(`id`, `userId`, `note`, `previousId`)";
                let statement = match previous {
                    None => (format!("INSERT INTO `Order` {columns} VALUES (?, ?, '{note}', NULL)"), vec![id, user]),
                    Some(previous) => {
                        (format!("INSERT INTO `Order` {columns} VALUES (?, ?, '{note}', ?)"), vec![id, user, previous])
                    }
                };
                ("new order", vec![statement])
            }
            25..45 => {
                let (id, order, table) = (after.new_id(), order?, random.random_range(0..3));
                after.children[table].insert(id, (Some(order), note.clone()));
                let name = TABLES[table + 2];
                (
                    "new child",
                    vec![(
                        format!("INSERT INTO `{name}` (`id`, `orderId`, `note`) VALUES (?, ?, '{note}')"),
                        vec![id, order],
                    )],
                )
            }
            45..55 => {
                let order = order?;
                after.orders.get_mut(&order)?.1 = note.clone();
                ("order's note", vec![(format!("UPDATE `Order` SET `note` = '{note}' WHERE `id` = ?"), vec![order])])
            }
            55..60 => {
                let (order, user) = (order?, user?);
                after.orders.get_mut(&order)?.0 = user;
                (
                    "order to another user",
                    vec![("UPDATE `Order` SET `userId` = ? WHERE `id` = ?".into(), vec![user, order])],
                )
            }
            60..67 => {
                let (order, id) = (order?, after.new_id());
                // The engine does not cascade updates within a table.
                if after.orders.values().any(|(_, _, previous)| *previous == Some(order)) {
                    return None;
                }
                let row = after.orders.remove(&order)?;
                after.orders.insert(id, row);
                for (of, _) in after.children.iter_mut().flat_map(BTreeMap::values_mut) {
                    if *of == Some(order) {
                        *of = Some(id);
                    }
                }
                ("order's key", vec![("UPDATE `Order` SET `id` = ? WHERE `id` = ?".into(), vec![id, order])])
            }
            67..72 => {
                let (user, id) = (user?, after.new_id());
                let name = after.users.remove(&user)?;
                after.users.insert(id, name);
                for (of, _, _) in after.orders.values_mut() {
                    if *of == user {
                        *of = id;
                    }
                }
                ("user's key", vec![("UPDATE `User` SET `id` = ? WHERE `id` = ?".into(), vec![id, user])])
            }
            72..80 => {
                let table = random.random_range(0..3);
                let id = any(random, &after.children[table])?;
                after.children[table].remove(&id);
                ("child gone", vec![(format!("DELETE FROM `{}` WHERE `id` = ?", TABLES[table + 2]), vec![id])])
            }
            80..96 => {
                let order = order?;
                after.remove_order(order);
                let payments = ("DELETE FROM `Payment` WHERE `orderId` = ?".to_owned(), vec![order]);
                ("order gone", vec![payments, ("DELETE FROM `Order` WHERE `id` = ?".into(), vec![order])])
            }
            _ => {
                let user = user?;
                let orders: Vec<i64> =
                    after.orders.iter().filter(|(_, (of, _, _))| *of == user).map(|(id, _)| *id).collect();
                // MySQL 9 does not let a cascade reach rows that rows of their own table reference (6575).
                let is_referenced =
                    |order: &i64| after.orders.values().any(|(_, _, previous)| *previous == Some(*order));
                if after.is_mysql && orders.iter().any(is_referenced) {
                    return None;
                }
                orders.iter().for_each(|order| after.remove_order(*order));
                after.users.remove(&user);
                let payments =
                    orders.iter().map(|order| ("DELETE FROM `Payment` WHERE `orderId` = ?".into(), vec![*order]));
                let gone = ("DELETE FROM `User` WHERE `id` = ?".into(), vec![user]);
                ("user gone", payments.chain([gone]).collect())
            }
        };
        Some(Operation { what, statements, after })
    }
}

/// Fails unless the tables hold exactly what the connections were told.
pub async fn expect_contents(conn: &mut Conn, models: &[Model]) -> Result<()> {
    let mut expected: [Vec<String>; 5] = Default::default();
    for model in models {
        expected[0].extend(model.users.iter().map(|(id, name)| format!("{id} {name}")));
        expected[1].extend(
            model
                .orders
                .iter()
                .map(|(id, (user, note, previous))| format!("{id} {user} {note} {}", previous.unwrap_or_default())),
        );
        for (table, rows) in model.children.iter().enumerate() {
            let row =
                |(id, (of, note)): (&i64, &(Option<i64>, Note))| format!("{id} {} {note}", of.unwrap_or_default());
            expected[table + 2].extend(rows.iter().map(row));
        }
    }
    let columns = ["`id`, `name`", "`id`, `userId`, `note`, COALESCE(`previousId`, 0)"];
    for (number, (table, mut expected)) in TABLES.iter().zip(expected).enumerate() {
        let columns = columns.get(number).unwrap_or(&"`id`, COALESCE(`orderId`, 0), `note`");
        let mut found: Vec<String> = conn.query(format!("SELECT CONCAT_WS(' ', {columns}) FROM `{table}`")).await?;
        expected.sort();
        found.sort();
        let missing: Vec<&String> = expected.iter().filter(|row| found.binary_search(row).is_err()).take(5).collect();
        let more: Vec<&String> = found.iter().filter(|row| expected.binary_search(row).is_err()).take(5).collect();
        ensure!(missing.is_empty() && more.is_empty(), "{table} lacks {missing:?} and has {more:?} instead");
        ensure!(found.len() == expected.len() && !found.is_empty(), "{table} has {} rows", found.len());
    }
    Ok(())
}

/// Looks for rows that reference nothing, in one statement and so in one snapshot, again and again.
pub async fn watch_orphans(mut conn: Conn, stop: Arc<AtomicBool>) -> Result<u64> {
    let pairs = [
        ("Order", "userId", "User"),
        ("Order", "previousId", "Order"),
        ("Line", "orderId", "Order"),
        ("Tag", "orderId", "Order"),
        ("Payment", "orderId", "Order"),
    ];
    let count = |(child, column, parent): &(&str, &str, &str)| {
        format!(
            "(SELECT COUNT(*) FROM `{child}` c LEFT JOIN `{parent}` p ON p.`id` = c.`{column}` \
             WHERE c.`{column}` IS NOT NULL AND p.`id` IS NULL)"
        )
    };
    let counts: Vec<String> = pairs.iter().map(|pair| format!("'{} ', {}", pair.0, count(pair))).collect();
    let sql = format!("SELECT CONCAT_WS(' ', {})", counts.join(", "));
    let none = pairs.map(|(child, _, _)| format!("{child}  0")).join(" ");
    let mut looks = 0;
    while !stop.load(Ordering::Relaxed) {
        match conn.query_first::<String, _>(&sql).await {
            Ok(orphans) => {
                ensure!(orphans.as_ref() == Some(&none), "rows reference nothing: {orphans:?}");
                looks += 1;
            }
            // The definition is newer than the snapshot.
            Err(Error::Server(error)) if matches!(error.code, 1412 | 1213 | 1205) => {}
            Err(error) => return Err(error.into()),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(looks)
}
