//! Running the program as a user does, and watching what it tells.

use std::env;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// How long a run of a test's small table may take before something hangs for certain.
const PATIENCE: Duration = Duration::from_secs(180);

/// How often a running process is looked at.
const LOOK: Duration = Duration::from_millis(5);

/// A command line of replank.
#[derive(Debug, Clone)]
pub struct Program {
    folder: PathBuf,
    args: Vec<String>,
    variables: Vec<(String, String)>,
}

impl Program {
    pub fn new(folder: &Path) -> Program {
        Program { folder: folder.to_owned(), args: Vec::new(), variables: Vec::new() }
    }

    pub fn args<S: AsRef<str>>(mut self, args: impl IntoIterator<Item = S>) -> Program {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Program {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The command, with nothing of the caller's own configuration in its environment.
    pub fn command(&self) -> Command {
        let mut command = Command::new(path());
        command.args(&self.args).current_dir(&self.folder).env_remove("DATABASE_URL").stdin(Stdio::null());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    pub fn start(&self) -> Result<Run> {
        let mut child = self
            .command()
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("{} cannot be run", path().display()))?;
        let stdout = child.stdout.take().expect("piped");
        let mut stderr = child.stderr.take().expect("piped");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (told, news) = watch::channel(News::default());
        let events = thread::spawn({
            let seen = Arc::clone(&seen);
            move || read_events(stdout, &seen, &told)
        });
        let errors = thread::spawn(move || {
            let mut text = Vec::new();
            let _ = stderr.read_to_end(&mut text);
            String::from_utf8_lossy(&text).into_owned()
        });
        let command = format!("replank {}", self.args.join(" "));
        Ok(Run { command, child, seen, news, events, errors, started: Instant::now(), peak_kib: 0 })
    }

    /// Runs it to its end.
    pub async fn run(&self) -> Result<Outcome> {
        self.start()?.finish().await
    }

    /// Runs it to its end, which must be a good one.
    pub async fn succeed(&self) -> Result<Outcome> {
        self.run().await?.expect_code(0)
    }
}

/// The program: REPLANK_BIN, or what cargo built for this test or beside this example.
pub fn path() -> PathBuf {
    if let Some(path) = env::var_os("REPLANK_BIN") {
        // It is run in another folder.
        return std::path::absolute(&path).unwrap_or(path.into());
    }
    match option_env!("CARGO_BIN_EXE_replank") {
        Some(path) => path.into(),
        // target/release/examples/shop -> target/release/replank
        None => {
            let example = env::current_exe().unwrap_or_default();
            example.ancestors().nth(2).unwrap_or(Path::new(".")).join("replank")
        }
    }
}

/// One line of `--output json`, and when it was read.
#[derive(Debug, Clone)]
pub struct Seen {
    pub at: Instant,
    pub event: Value,
}

impl Seen {
    pub fn is(&self, name: &str) -> bool {
        self.event["event"] == name
    }

    pub fn is_phase(&self, name: &str, phase: &str) -> bool {
        self.is(name) && self.event["phase"] == phase
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct News {
    events: usize,
    ended: bool,
}

fn read_events(stdout: impl Read, seen: &Mutex<Vec<Seen>>, told: &watch::Sender<News>) -> String {
    let mut other = String::new();
    for line in BufReader::new(stdout).lines().map_while(Result::ok) {
        match serde_json::from_str(&line) {
            Ok(event) => {
                seen.lock().expect("no reader panics").push(Seen { at: Instant::now(), event });
                told.send_modify(|news| news.events += 1);
            }
            Err(_) => other.push_str(&(line + "\n")),
        }
    }
    told.send_modify(|news| news.ended = true);
    other
}

/// The program while it runs. Dropping this ends it.
#[derive(Debug)]
pub struct Run {
    command: String,
    child: Child,
    seen: Arc<Mutex<Vec<Seen>>>,
    news: watch::Receiver<News>,
    events: thread::JoinHandle<String>,
    errors: thread::JoinHandle<String>,
    started: Instant,
    peak_kib: u64,
}

impl Run {
    /// Waits for an event; false when the program ended without it.
    pub async fn reaches(&mut self, wanted: impl Fn(&Seen) -> bool) -> Result<bool> {
        let mut looked_at = 0;
        let search = async {
            loop {
                let news = *self.news.borrow_and_update();
                {
                    let seen = self.seen.lock().expect("the reader does not panic");
                    if seen[looked_at..].iter().any(&wanted) {
                        return true;
                    }
                    looked_at = seen.len();
                }
                if news.ended || self.news.changed().await.is_err() {
                    return false;
                }
            }
        };
        match timeout(PATIENCE, search).await {
            Ok(found) => Ok(found),
            Err(_) => bail!("`{}` did not come to the expected event in {PATIENCE:?}", self.command),
        }
    }

    /// Waits until a phase begins; false when the program ended before.
    pub async fn reaches_phase(&mut self, phase: &str) -> Result<bool> {
        self.reaches(|seen| seen.is_phase("phase_started", phase)).await
    }

    /// The last of some events so far.
    pub fn last_of(&self, names: &[&str]) -> Option<serde_json::Value> {
        let seen = self.seen.lock().expect("the reader does not panic");
        seen.iter().rev().find(|seen| names.iter().any(|name| seen.is(name))).map(|seen| seen.event.clone())
    }

    /// kill -9.
    pub fn kill(&mut self) {
        // It may have ended by itself; `finish` tells the two apart.
        let _ = self.child.kill();
    }

    /// Ctrl-C.
    pub fn interrupt(&mut self) -> Result<()> {
        Ok(kill_process(Pid::from_child(&self.child), Signal::INT)?)
    }

    pub fn is_running(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    pub async fn finish(mut self) -> Result<Outcome> {
        let status = loop {
            self.peak_kib = self.peak_kib.max(peak_kib(self.child.id()));
            if let Some(status) = self.child.try_wait()? {
                break status;
            }
            if self.started.elapsed() > PATIENCE {
                self.kill();
                bail!("`{}` did not end in {PATIENCE:?}:\n{}", self.command, self.told());
            }
            sleep(LOOK).await;
        };
        let took = self.started.elapsed();
        // Both pipes are closed now, so these threads end at once.
        let stdout = take(&mut self.events);
        let stderr = take(&mut self.errors);
        let events = std::mem::take(&mut *self.seen.lock().expect("the reader does not panic"));
        let command = std::mem::take(&mut self.command);
        Ok(Outcome { command, status, events, stdout, stderr, took, peak_kib: self.peak_kib })
    }

    fn told(&self) -> String {
        render(&self.seen.lock().expect("the reader does not panic"))
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn take(thread: &mut thread::JoinHandle<String>) -> String {
    std::mem::replace(thread, thread::spawn(String::new)).join().unwrap_or_default()
}

/// The most memory a process has held so far; 0 when it cannot be told, as after its end.
fn peak_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.and_then(|value| value.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

fn render(events: &[Seen]) -> String {
    let mut text = String::new();
    // Chunks and batches are many and say little when a run has to be understood.
    for seen in events.iter().filter(|seen| !seen.is("chunk_copied") && !seen.is("batch_applied")) {
        text.push_str(&format!("  {}\n", seen.event));
    }
    text
}

/// A run that has ended.
#[derive(Debug)]
pub struct Outcome {
    command: String,
    pub status: ExitStatus,
    pub events: Vec<Seen>,
    /// Lines of stdout that are not JSON.
    pub stdout: String,
    pub stderr: String,
    pub took: Duration,
    pub peak_kib: u64,
}

impl Outcome {
    /// The exit code, or none when a signal ended it.
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// Fails with everything the run told, unless it ended with this code.
    pub fn expect_code(self, code: i32) -> Result<Outcome> {
        ensure!(
            self.code() == Some(code),
            "`{}` ended with {} instead of code {code}\nstderr:\n{}\nevents:\n{}{}",
            self.command,
            self.status,
            self.stderr,
            render(&self.events),
            self.stdout
        );
        Ok(self)
    }

    /// Whether this is the document of a `status` without a run.
    pub fn lists_no_run(&self) -> bool {
        let document: Value = serde_json::from_str(&self.stdout).unwrap_or_default();
        document["runs"].as_array().is_some_and(Vec::is_empty)
    }

    pub fn events<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Seen> {
        self.events.iter().filter(move |seen| seen.is(name))
    }

    /// When the lock windows of a purpose (`triggers`, `cutover`) were, attempts that got no lock included: in all of
    /// them the application may have been made to wait.
    pub fn lock_windows(&self, purpose: &str) -> Vec<LockWindow> {
        let of_purpose = |seen: &&Seen| seen.event["purpose"] == purpose;
        let attempts = self.events("lock_attempt").filter(of_purpose).map(|seen| window(seen, false));
        let windows = self.events("lock_window").filter(of_purpose).map(|seen| window(seen, true));
        attempts.chain(windows).collect()
    }

    pub fn swapped(&self) -> bool {
        self.events("swapped").next().is_some()
    }
}

/// A time in which writers may have waited for a lock of ours.
#[derive(Debug, Clone, Copy)]
pub struct LockWindow {
    pub from: Instant,
    pub to: Instant,
    pub length: Duration,
    /// Whether the lock was held, not only asked for.
    pub granted: bool,
}

fn window(seen: &Seen, granted: bool) -> LockWindow {
    let seconds = seen.event["seconds"].as_f64().unwrap_or(0.0);
    let length = Duration::from_secs_f64(seconds);
    LockWindow { from: seen.at.checked_sub(length).unwrap_or(seen.at), to: seen.at, length, granted }
}
