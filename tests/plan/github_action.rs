//! The action for GitHub: its scripts as a runner calls them, with a stub in the place of GitHub and real servers behind
//! `replank`.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::project::Project;
use crate::support::{Server, on_every_server, program};

on_every_server!(the_comment_is_kept_up_to_date, how_a_plan_ends_is_how_the_job_ends, deploys);

const MARKER: &str = "<!-- replank: plan -->\n";
const BOT: &str = "github-actions[bot]";
const NAME: &str = "20260203040506_alter_t";

/// A runner with the project checked out.
struct Runner<'a> {
    project: &'a Project,
    folder: TempDir,
    variables: Vec<(&'static str, String)>,
}

impl Runner<'_> {
    fn new(project: &Project) -> Result<Runner<'_>> {
        let folder = tempfile::tempdir()?;
        fs::create_dir_all(folder.path().join("github/comments"))?;
        fs::create_dir(folder.path().join("bin"))?;
        symlink(root().join("tests/data/github/gh"), folder.path().join("bin/gh"))?;
        symlink(program::path(), folder.path().join("bin/replank"))?;
        let variables = vec![
            ("DATABASE_URL", project.scenario.url()),
            ("PRISMA_SCHEMA_DISABLE_ADVISORY_LOCK", "1".to_owned()),
            ("GITHUB_REPOSITORY", "shop/app".to_owned()),
            ("GH_TOKEN", "gh-s3cr3t".to_owned()),
            ("PULL_REQUEST", "7".to_owned()),
        ];
        Ok(Runner { project, folder, variables })
    }

    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.variables.push((name, value.to_owned()));
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The step of the action that runs replank.
    fn run(&self, command: &str) -> Result<Output> {
        let path = format!("{}:{}", self.path("bin").display(), std::env::var("PATH")?);
        let output = Command::new(action().join("run.sh"))
            .current_dir(self.project.scenario.project())
            .envs([("PATH", path), ("COMMAND", command.to_owned())])
            .envs([
                ("RUNNER_TEMP", self.path("")),
                ("GITHUB_STUB", self.path("github")),
                ("GITHUB_OUTPUT", self.path("output")),
                ("GITHUB_STEP_SUMMARY", self.path("summary")),
            ])
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .output()?;
        Ok(output)
    }

    fn plan(&self, code: i32) -> Result<String> {
        ended(&self.run("plan")?, code)
    }

    fn comment(&self, number: u32, author: &str, body: &str) -> Result<()> {
        let folder = self.path("github/comments").join(number.to_string());
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("author"), author)?;
        Ok(fs::write(folder.join("body"), body)?)
    }

    /// The body of every comment, in order.
    fn comments(&self) -> Result<Vec<String>> {
        let mut folders: Vec<PathBuf> =
            fs::read_dir(self.path("github/comments"))?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
        folders.sort();
        folders.iter().map(|folder| Ok(fs::read_to_string(folder.join("body"))?)).collect()
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn action() -> PathBuf {
    root().join(".github/actions/replank")
}

/// What it wrote, when it ended with that code.
fn ended(output: &Output, code: i32) -> Result<String> {
    let text = [&output.stdout[..], &output.stderr[..]].map(String::from_utf8_lossy).concat();
    ensure!(output.status.code() == Some(code), "{} instead of exit code {code}:\n{text}", output.status);
    Ok(text)
}

async fn the_comment_is_kept_up_to_date(server: Server) -> Result<()> {
    let project = Project::new(&server, "comment").await?;
    project.feed("CREATE TABLE t (id INT PRIMARY KEY, a INT)").await?;
    let runner = Runner::new(&project)?;
    // A discussion in which somebody imitates the marker.
    runner.comment(111, "mallory", MARKER)?;
    runner.comment(112, BOT, "<!-- replank: other -->\nanother database's")?;
    runner.plan(0)?;
    ensure!(runner.comments()?.len() == 2, "nothing is pending, and there is a comment: {:?}", runner.comments()?);

    project.add(NAME, "ALTER TABLE t ADD COLUMN b INT NULL;")?;
    runner.plan(0)?;
    let comments = runner.comments()?;
    let [imitation, other, comment] = comments.as_slice() else { anyhow::bail!("{comments:?}") };
    ensure!(imitation == MARKER && other.ends_with("another database's"), "somebody else's was changed: {comments:?}");
    ensure!(comment.starts_with(&format!("{MARKER}## Migration plan: safe\n")), "{comment}");
    ensure!(comment.contains(&format!("### `{NAME}`: safe")), "{comment}");
    ensure!(runner.read("summary").ends_with(comment.strip_prefix(MARKER).unwrap_or_default()), "not the summary");

    project.add(NAME, "ALTER TABLE t DROP COLUMN a;")?;
    runner.plan(0)?;
    let comments = runner.comments()?;
    ensure!(comments.len() == 3 && comments[2].contains("plan: needs attention"), "{comments:?}");
    ensure!(runner.read("output").ends_with("plan.md\n"), "{}", runner.read("output"));
    ensure!(runner.read("output").contains("verdict=attention\n"), "{}", runner.read("output"));

    // GitHub takes 65,536 characters: the statements go first, then what is at the end.
    let long = format!("UPDATE t SET a = 1 WHERE id IN ({}0);", "1, ".repeat(30_000));
    project.add(NAME, format!("{long}\nALTER TABLE t DROP COLUMN a;"))?;
    runner.plan(0)?;
    let body = runner.comments()?.remove(2);
    ensure!(body.len() < 65_536 && body.contains("`drop_column`") && !body.contains("1, 1"), "{body}");
    ensure!(body.contains("The statements are left out for their length"), "{body}");
    project.add(NAME, "UPDATE t SET a = 1;\n".repeat(2_000))?;
    runner.plan(0)?;
    let body = runner.comments()?.remove(2);
    ensure!(body.len() < 65_536 && body.ends_with("the summary of the job has it.\n"), "{} {body}", body.len());

    // The comment says so when the migration has gone.
    fs::remove_dir_all(project.scenario.migrations().join(NAME))?;
    runner.plan(0)?;
    ensure!(!runner.comments()?.remove(2).contains(NAME), "{:?}", runner.comments()?);
    let secrets = [project.scenario.url(), "gh-s3cr3t".to_owned()];
    let all = runner.comments()?.concat() + &runner.read("summary") + &runner.read("output");
    ensure!(!secrets.iter().any(|secret| all.contains(secret)), "a secret: {all}");
    Ok(())
}

async fn how_a_plan_ends_is_how_the_job_ends(server: Server) -> Result<()> {
    let project = Project::new(&server, "verdict").await?;
    project.feed("CREATE TABLE t (id INT PRIMARY KEY, a INT); INSERT INTO t VALUES (1, NULL); ANALYZE TABLE t").await?;
    project.add(NAME, "ALTER TABLE t DROP COLUMN a;")?;
    Runner::new(&project)?.plan(0)?;
    Runner::new(&project)?.with("FAIL_ON_ATTENTION", "true").plan(16)?;
    // Options are words: nothing in them is evaluated.
    let told = Runner::new(&project)?.with("ARGS", "--online-above\n 0 $(touch${IFS}x) *").plan(2)?;
    ensure!(told.contains("$(touch${IFS}x)"), "{told}");
    let outcome = Runner::new(&project)?.with("ARGS", " --online-above 0\n--check-time 9s ").plan(0)?;
    ensure!(outcome.is_empty(), "{outcome}");

    project.add(NAME, "ALTER TABLE t MODIFY a INT NOT NULL;")?;
    let runner = Runner::new(&project)?;
    runner.plan(10)?;
    ensure!(runner.comments()?.concat().contains("plan: refused"), "{:?}", runner.comments()?);
    ensure!(runner.read("output").contains("verdict=refused\n"), "{}", runner.read("output"));

    // No plan at all: the comment says that, and not why.
    let url = project.scenario.url().replace("root:replank", "root:s3cr3t");
    let runner = Runner::new(&project)?.with("DATABASE_URL", &url);
    let log = runner.plan(14)?;
    ensure!(log.contains("denied access") && !log.contains("s3cr3t"), "{log}");
    let failed = "## Migration plan: failed\n\n`replank plan` ended with exit code 14; the log of the job says why.\n";
    ensure!(runner.comments()? == [format!("{MARKER}{failed}")], "{:?}", runner.comments()?);
    ensure!(runner.read("output").contains("verdict=failed\n"), "{}", runner.read("output"));
    let told = Runner::new(&project)?.with("DATABASE_URL", "").plan(2)?;
    ensure!(told.contains("::error::database-url is empty"), "{told}");

    // What replank must never write is held back all the same.
    project.add(&format!("20260203040507_{}", "replank@"), "SELECT 'root:replank@';")?;
    let runner = Runner::new(&project)?;
    ensure!(runner.plan(1)?.contains("is not published"), "it was");
    ensure!(runner.comments()?.is_empty(), "{:?}", runner.comments()?);
    fs::remove_dir_all(project.scenario.migrations().join("20260203040507_replank@"))?;

    let runner = Runner::new(&project)?;
    fs::write(runner.path("github/denied"), "")?;
    let told = runner.plan(1)?;
    ensure!(told.contains("permissions: pull-requests: write"), "{told}");
    // Outside of a pull request there is nothing to comment on.
    let runner = Runner::new(&project)?.with("PULL_REQUEST", "");
    runner.plan(10)?;
    ensure!(runner.read("github/calls").is_empty(), "{}", runner.read("github/calls"));
    ensure!(runner.read("summary").contains("plan: refused"), "{}", runner.read("summary"));
    Ok(())
}

async fn deploys(server: Server) -> Result<()> {
    let project = Project::new(&server, "ci").await?;
    project.add(NAME, "CREATE TABLE t (id INT);")?;
    let runner = Runner::new(&project)?;
    let told = ended(&runner.run("deploy")?, 0)?;
    ensure!(told.contains("All migrations have been successfully applied."), "{told}");
    project.add("20260203040507_bad", "CREATE TABLE t (id INT);")?;
    let told = ended(&runner.run("deploy")?, 1)?;
    ensure!(told.contains("P3018"), "{told}");
    let told = ended(&runner.run("drop")?, 2)?;
    ensure!(told.contains("::error::command is plan or deploy"), "{told}");
    ensure!(runner.read("github/calls").is_empty(), "{}", runner.read("github/calls"));
    Ok(())
}

/// What a runner would only find out by running it.
#[test]
fn the_action_names_what_is_there() -> Result<()> {
    let text = fs::read_to_string(action().join("action.yml"))?;
    let names = |section: &str, end: &str| -> Result<BTreeSet<String>> {
        let (_, behind) = text.split_once(&format!("\n{section}:\n")).with_context(|| section.to_owned())?;
        let lines = behind.split_once(end).map_or(behind, |(lines, _)| lines).lines();
        let name = |line: &str| line.strip_prefix("  ").filter(|rest| !rest.starts_with(' ')).map(str::to_owned);
        Ok(lines.filter_map(name).map(|name| name.trim_end_matches(':').to_owned()).collect())
    };
    let used = |prefix: &str| -> BTreeSet<String> {
        let word = |rest: &str| {
            rest.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).collect::<String>()
        };
        text.split(prefix).skip(1).map(word).collect()
    };
    ensure!(names("inputs", "\noutputs:")? == used("inputs."), "{:?}", used("inputs."));
    let run = fs::read_to_string(action().join("run.sh"))? + &fs::read_to_string(action().join("plan.sh"))?;
    for output in used("steps.run.outputs.") {
        ensure!(run.contains(&format!("echo \"{output}=")), "no {output}");
    }
    let program = fs::read_to_string(action().join("program.sh"))?;
    for output in used("steps.program.outputs.") {
        ensure!(program.contains(&format!("echo \"{output}=")), "no {output}");
    }
    for line in text.lines() {
        ensure!(!line.contains('\t') && (line.len() - line.trim_start().len()).is_multiple_of(2), "{line}");
        let Some((_, script)) = line.split_once("run: ") else { continue };
        // Text of a pull request in a script would be run.
        ensure!(!script.contains("${{"), "{line}");
        let name = script.split_once("$GITHUB_ACTION_PATH/").map_or("", |(_, name)| name.trim_end_matches('"'));
        let mode = fs::metadata(action().join(name)).with_context(|| line.to_owned())?.permissions();
        ensure!(std::os::unix::fs::PermissionsExt::mode(&mode) & 0o111 != 0, "{name} cannot be run");
    }
    Ok(())
}

/// The example is the one that people read.
#[test]
fn the_readme_shows_the_example() -> Result<()> {
    let example = fs::read_to_string(root().join(".github/examples/migrations.yml"))?;
    let readme = fs::read_to_string(root().join("README.md"))?;
    ensure!(readme.contains(&format!("```yaml\n{example}```\n")), "README has not .github/examples/migrations.yml");
    let path = example.split("uses: OWNER/replank/").nth(1).and_then(|rest| rest.split('@').next()).context("a use")?;
    ensure!(root().join(path).join("action.yml").is_file(), "no action in {path}");
    let text = fs::read_to_string(action().join("action.yml"))?;
    for line in example.lines().filter(|line| line.starts_with("          ")) {
        let input = line.trim().split(':').next().unwrap_or_default();
        ensure!(text.contains(&format!("\n  {input}:\n")), "no input {input}");
    }
    Ok(())
}

/// A machine without replank builds it from the action's own sources, whose digest is the key of the cache.
#[test]
fn what_is_not_installed_is_built_once() -> Result<()> {
    let runner = tempfile::tempdir()?;
    let output = runner.path().join("output");
    let find = |path: &str| -> Result<String> {
        let _ = fs::remove_file(&output);
        let ran = Command::new(action().join("program.sh"))
            .env("PATH", path)
            .envs([("GITHUB_ACTION_PATH", action()), ("GITHUB_OUTPUT", output.clone())])
            .envs([("RUNNER_TEMP", "/runner"), ("RUNNER_OS", "Linux"), ("RUNNER_ARCH", "X64")])
            .output()?;
        ended(&ran, 0)?;
        Ok(fs::read_to_string(&output).unwrap_or_default())
    };
    let system = "/usr/bin:/bin";
    let found = find(system)?;
    ensure!(found.starts_with("root=/runner/replank\nkey=replank-Linux-X64-") && found == find(system)?, "{found}");
    symlink(program::path(), runner.path().join("replank"))?;
    ensure!(find(&format!("{}:{system}", runner.path().display()))?.is_empty(), "it is there");

    // From the cache: nothing is built.
    let (path, installed) = (runner.path().join("path"), runner.path().join("root"));
    fs::create_dir_all(installed.join("bin"))?;
    symlink(program::path(), installed.join("bin/replank"))?;
    let ran = Command::new(action().join("install.sh"))
        .env("PATH", system)
        .envs([("GITHUB_ACTION_PATH", action().as_path()), ("GITHUB_PATH", Path::new(&path))])
        .env("INSTALL_ROOT", &installed)
        .output()?;
    ended(&ran, 0)?;
    ensure!(fs::read_to_string(&path)?.trim_end() == installed.join("bin").display().to_string(), "not on the path");
    Ok(())
}
