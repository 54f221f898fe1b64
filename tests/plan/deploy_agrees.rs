//! Where a deploy would go on or refuse, the plan says so.

use anyhow::{Result, ensure};

use crate::project::Project;
use crate::support::{Server, on_every_server};

on_every_server!(an_interrupted_deploy_is_planned_on, settings_of_the_script_are_noticed);

const NAME: &str = "20260203040506_change_big";
const SCRIPT: &str = "CREATE TABLE `Extra` (`id` INTEGER NOT NULL, PRIMARY KEY (`id`));\n\
                      ALTER TABLE `Big` MODIFY `n` BIGINT NOT NULL, ADD INDEX `Big_n_idx`(`n`);\n\
                      UPDATE `Big` SET `n` = `n` + 1000 WHERE `id` > 0;\n";

async fn project(server: &Server, rows: u64) -> Result<Project> {
    let project = Project::new(server, "agrees").await?;
    project
        .feed("CREATE TABLE `Big` (`id` INTEGER NOT NULL AUTO_INCREMENT, `n` INTEGER NOT NULL, PRIMARY KEY (`id`))")
        .await?;
    project.scenario.seed("Big", "n", "n", rows).await?;
    Ok(project)
}

async fn an_interrupted_deploy_is_planned_on(server: Server) -> Result<()> {
    let project = project(&server, 3_000).await?;
    project.add(NAME, SCRIPT)?;
    let slow = project.deploy_all_online().args(["--max-rows-per-second", "1500", "--chunk-time", "20ms"]);
    let mut run = slow.start()?;
    ensure!(run.reaches_phase("copy").await?, "it never began to copy");
    run.interrupt()?;
    run.finish().await?.expect_code(130)?;
    let plan = ["plan", "--online-above", "0"];
    let outcome = project.command(&plan).run().await?.expect_code(16)?;
    ensure!(!outcome.stdout.contains("P3009"), "{}", outcome.stdout);
    ensure!(outcome.stdout.contains("1 statement done; the next deploy goes on behind"), "{}", outcome.stdout);
    ensure!(!outcome.stdout.contains("CREATE TABLE"), "a statement that is done is planned: {}", outcome.stdout);
    // Another script is not the one that was begun: deploy refuses it.
    project.add(NAME, format!("{SCRIPT}-- edited"))?;
    let outcome = project.command(&plan).run().await?.expect_code(10)?;
    ensure!(outcome.stdout.contains("P3009"), "{}", outcome.stdout);
    project.add(NAME, SCRIPT)?;
    project.deploy_all_online().run().await?.expect_code(0)?;
    Ok(())
}

async fn settings_of_the_script_are_noticed(server: Server) -> Result<()> {
    let change = "ALTER TABLE `Big` MODIFY `n` BIGINT NOT NULL;";
    for (settings, code) in [
        ("SET sql_mode = '';", 10),
        ("SET NAMES latin1;", 10),
        ("SET @old = @@sql_mode; SET sql_mode = ''; SET sql_mode = @old;", 0),
        ("SET foreign_key_checks = 0;", 0),
    ] {
        let project = project(&server, 10).await?;
        project.add(NAME, format!("{settings}\n{change}"))?;
        let outcome = project.command(&["plan", "--online-above", "0"]).run().await?.expect_code(code)?;
        let told = outcome.stdout.contains("has changed settings of the session");
        ensure!(told == (code == 10), "{settings}: {}", outcome.stdout);
        project.deploy_all_online().run().await?.expect_code(code)?;
    }
    Ok(())
}
