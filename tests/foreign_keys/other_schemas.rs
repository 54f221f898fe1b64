//! Parents and children in schemas of their own, and accounts that may do with them only what is asked for.

use anyhow::{Context, Result, ensure};
use mysql_async::prelude::Queryable;

use crate::support::account::Account;
use crate::support::{Kind, Outcome, Program, Scenario, Server, on_every_server, residue};

on_every_server!(
    with_the_privileges_that_are_asked_for,
    adding_a_key_takes_privileges_on_the_parent,
    child_out_of_sight
);

const CLAUSES: &str = "MODIFY `title` VARCHAR(40) NOT NULL";

/// `Owner` ← `Item` ← `Part`, each in its own schema.
struct Family {
    owners: Scenario,
    items: Scenario,
    parts: Scenario,
    account: Account,
}

impl Family {
    async fn new(server: &Server) -> Result<Family> {
        let owner = "CREATE TABLE `Owner` (`id` INTEGER NOT NULL, PRIMARY KEY (`id`))";
        let owners = Scenario::new(server, "owners", &[owner]).await?;
        owners.execute("INSERT INTO `Owner` VALUES (1), (2), (3)").await?;
        let item = format!(
            "CREATE TABLE `Item` (`id` INTEGER NOT NULL, `ownerId` INTEGER NOT NULL, `title` VARCHAR(20) NOT NULL, \
             PRIMARY KEY (`id`), INDEX `Item_ownerId_idx`(`ownerId`), CONSTRAINT `Item_ownerId_fkey` \
             FOREIGN KEY (`ownerId`) REFERENCES `{}`.`Owner`(`id`) ON DELETE CASCADE ON UPDATE CASCADE)",
            owners.schema
        );
        let items = Scenario::new(server, "items", &[&item]).await?;
        items.execute("INSERT INTO `Item` VALUES (1, 1, 'a'), (2, 2, 'b'), (3, 3, 'c')").await?;
        let part = format!(
            "CREATE TABLE `Part` (`id` INTEGER NOT NULL, `itemId` INTEGER NOT NULL, PRIMARY KEY (`id`), \
             INDEX `Part_itemId_idx`(`itemId`), CONSTRAINT `Part_itemId_fkey` FOREIGN KEY (`itemId`) \
             REFERENCES `{}`.`Item`(`id`) ON DELETE CASCADE ON UPDATE CASCADE)",
            items.schema
        );
        let parts = Scenario::new(server, "parts", &[&part]).await?;
        parts.execute("INSERT INTO `Part` VALUES (1, 1), (2, 2), (3, 3)").await?;
        let account = Account::create(server).await?;
        // What README asks for.
        let on_both = "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, ALTER, INDEX, LOCK TABLES";
        let pattern = items.schema.replace('_', "\\_");
        for sql in [
            format!("GRANT {on_both}, TRIGGER ON `{pattern}`.* TO {}", account.sql),
            format!("GRANT {on_both}, CREATE TEMPORARY TABLES ON `{pattern}\\_\\_replank`.* TO {}", account.sql),
            // For triggers under a binary log.
            format!("GRANT SUPER ON *.* TO {}", account.sql),
        ] {
            account.as_root(&sql).await?;
        }
        Ok(Family { owners, items, parts, account })
    }

    fn program<const N: usize>(&self, args: [&str; N]) -> Result<Program> {
        let program = Program::new(self.items.project()).args([args[0], &format!("{}.Item", self.items.schema)]);
        Ok(program.args(&args[1..]).args(["--output", "json", "--url", &self.account.url(&self.items)?]))
    }

    fn alter(&self, clauses: &str) -> Result<Program> {
        self.program(["alter", "--alter", clauses, "--name", "wider", "--force-copy"])
    }

    /// Refused before anything is touched, with statements that make the same command possible.
    async fn grant_what_is_asked_for(&self, refused: Outcome) -> Result<Vec<String>> {
        let refused = refused.expect_code(14)?;
        let failed = refused.events("failed").next().context("no failure is told")?.event.clone();
        ensure!(failed["table"] == "untouched", "the table is not untouched: {failed}");
        let next = failed["next"].as_array().context("nothing is asked for")?;
        let statements: Vec<String> =
            next.iter().filter_map(|next| next.as_str()).map(|next| next.trim_matches('`').to_owned()).collect();
        for sql in &statements {
            self.account.as_root(sql).await.with_context(|| sql.clone())?;
        }
        residue::expect_nothing_left(&self.items, &["Item"]).await?;
        Ok(statements)
    }

    /// Cascades go all the way, by keys that are what they were.
    async fn expect_tied(&self, items: &str) -> Result<()> {
        let mut conn = self.items.connect().await?;
        let definition = residue::definition(&mut conn, "`Item`").await?;
        let named =
            format!("CONSTRAINT `Item_ownerId_fkey` FOREIGN KEY (`ownerId`) REFERENCES `{}`", self.owners.schema);
        ensure!(definition.contains(&named), "it is {definition}");
        let definition = residue::definition(&mut self.parts.connect().await?, "`Part`").await?;
        let named = format!("FOREIGN KEY (`itemId`) REFERENCES `{}`.`Item` (`id`)", self.items.schema);
        ensure!(definition.contains(&named), "its child is {definition}");
        let found: Option<String> = conn.query_first("SELECT GROUP_CONCAT(`id` ORDER BY `id`) FROM `Item`").await?;
        ensure!(found.as_deref() == Some(items), "its rows are {found:?}");
        let sql = "SELECT GROUP_CONCAT(`itemId` ORDER BY `id`) FROM `Part`";
        let found: Option<String> = self.parts.connect().await?.query_first(sql).await?;
        ensure!(found.as_deref() == Some(items), "the child's rows are {found:?}");
        Ok(())
    }
}

async fn with_the_privileges_that_are_asked_for(server: Server) -> Result<()> {
    let family = Family::new(&server).await?;
    // A table on which the account has no privilege at all is not in the server's list of children.
    family
        .account
        .as_root(&format!("GRANT SELECT ON `{}`.`Part` TO {}", family.parts.schema, family.account.sql))
        .await?;
    family
        .account
        .as_root(&format!("GRANT SELECT ON `{}`.`Owner` TO {}", family.owners.schema, family.account.sql))
        .await?;
    let statements = family.grant_what_is_asked_for(family.alter(CLAUSES)?.run().await?).await?;
    let schemas = [&family.owners.schema, &family.parts.schema].map(|schema| schema.replace('_', "\\_"));
    for schema in schemas {
        ensure!(statements.iter().any(|sql| sql.contains(&schema)), "nothing is asked for on {schema}: {statements:?}");
    }
    family.alter(CLAUSES)?.succeed().await?;
    family.expect_tied("1,2,3").await?;
    family.owners.execute("DELETE FROM `Owner` WHERE `id` = 1").await?;
    family.expect_tied("2,3").await?;
    family.program(["rollback", "--yes"])?.succeed().await?;
    family.expect_tied("2,3").await?;
    family.owners.execute("DELETE FROM `Owner` WHERE `id` = 2").await?;
    family.expect_tied("3").await?;
    family.program(["cleanup"])?.succeed().await?;
    family.account.remove().await
}

async fn adding_a_key_takes_privileges_on_the_parent(server: Server) -> Result<()> {
    let family = Family::new(&server).await?;
    family.parts.execute("DROP TABLE `Part`").await?;
    family.items.execute("ALTER TABLE `Item` DROP FOREIGN KEY `Item_ownerId_fkey`").await?;
    family
        .account
        .as_root(&format!("GRANT SELECT ON `{}`.`Owner` TO {}", family.owners.schema, family.account.sql))
        .await?;
    let clauses = format!(
        "ADD CONSTRAINT `Item_ownerId_fkey` FOREIGN KEY (`ownerId`) REFERENCES `{}`.`Owner`(`id`)",
        family.owners.schema
    );
    let alter = || family.program(["alter", "--alter", &clauses, "--name", "key"]);
    family.grant_what_is_asked_for(alter()?.run().await?).await?;
    alter()?.succeed().await?;
    let definition = residue::definition(&mut family.items.connect().await?, "`Item`").await?;
    ensure!(definition.contains("CONSTRAINT `Item_ownerId_fkey`"), "it is {definition}");
    family.account.remove().await
}

/// Its foreign key would go away with the old table. InnoDB's list has it, for whom has PROCESS.
async fn child_out_of_sight(server: Server) -> Result<()> {
    let family = Family::new(&server).await?;
    for sql in [
        format!("GRANT ALL ON `{}`.* TO {}", family.owners.schema, family.account.sql),
        format!("GRANT PROCESS ON *.* TO {}", family.account.sql),
    ] {
        family.account.as_root(&sql).await?;
    }
    if server.kind == Kind::MySql97 {
        let sql = format!("GRANT REFERENCES ON `{}`.* TO {}", family.items.schema, family.account.sql);
        family.account.as_root(&sql).await?;
    }
    let refused = family.alter(CLAUSES)?.run().await?.expect_code(10)?;
    let told = refused.events("failed").map(|seen| seen.event.to_string()).collect::<String>();
    ensure!(told.contains("may not see") && told.contains(&family.parts.schema), "it does not say why: {told}");
    family.expect_tied("1,2,3").await?;
    residue::expect_nothing_left(&family.items, &["Item"]).await?;
    family.account.remove().await
}
