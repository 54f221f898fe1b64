//! Asks somebody at a terminal whether to go on.

use std::io::{self, BufRead, IsTerminal, Write};

use crate::cli::args::Output;

/// Whether somebody is there to be asked.
pub fn can_ask(output: Output) -> bool {
    output != Output::Json && io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Shows what gets lost and waits for a yes; anything else, the end of the input too, is a no.
pub fn agreed(losses: &[String]) -> bool {
    let mut terminal = io::stderr().lock();
    for loss in losses {
        let _ = writeln!(terminal, "  {loss}");
    }
    let _ = write!(terminal, "Roll back all the same? [y/N] ");
    let _ = terminal.flush();
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    read.is_ok() && matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}
