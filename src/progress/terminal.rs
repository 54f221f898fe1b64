//! A run on a terminal: facts scroll by, the status stays below them.

use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use owo_colors::OwoColorize;

use super::view::{Line, Tone, View, percent, result_lines};
use super::wording::{cut, fold};
use super::{Lines, Screen};
use crate::event::Event;

/// Columns taken for granted when the terminal does not tell.
const USUAL_WIDTH: usize = 80;
/// Most lines below the bar; what does not fit the screen cannot be erased from it.
const MOST_DETAILS: usize = 6;
/// Most redraws a second; more only flicker.
const REDRAWS: u8 = 10;

/// The status lines and what scrolls above them.
pub struct Terminal {
    screen: MultiProgress,
    head: ProgressBar,
    details: ProgressBar,
    coloured: bool,
}

impl Terminal {
    /// Draws on standard error.
    pub fn new() -> Terminal {
        let screen = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(REDRAWS));
        let head = screen.add(ProgressBar::new(100));
        head.set_style(style("{spinner} {msg}"));
        let details = screen.add(ProgressBar::new_spinner());
        details.set_style(style("{msg}"));
        let coloured = anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never;
        Terminal { screen, head, details, coloured }
    }
}

impl Screen for Terminal {
    fn fact(&mut self, now: Duration, event: &Event, view: &View, line: Option<Line>) {
        if let Some(text) = result_lines(event) {
            // Standard output may be another place than the screen; where it is not, the status makes room.
            self.screen.suspend(|| Lines::new(std::io::stdout()).write(&text));
        }
        if let Some(line) = line.filter(|line| !line.in_status) {
            for folded in hanging(&line.text, width()) {
                // A terminal that went away takes the process with it (SIGHUP); there is no one to tell.
                let _ = self.screen.println(if self.coloured { painted(&folded, line.tone) } else { folded });
            }
        }
        self.status(now, view);
    }

    fn status(&mut self, now: Duration, view: &View) {
        let width = width();
        let status = view.status(now, width.saturating_sub(2));
        let head = match status.share {
            Some(share) => format!("{} {:>3}% {}", status.label, percent(share), bar(share, width, status.label.len())),
            None => status.label.to_owned(),
        };
        self.head.set_message(head);
        self.head.tick();
        let room = width.saturating_sub(3);
        let folded = status.details.iter().flat_map(|line| fold(line, room));
        let details: Vec<String> = folded.take(MOST_DETAILS).map(|line| format!("  {}", cut(&line, room))).collect();
        self.details.set_message(details.join("\n"));
    }

    fn end(&mut self, _now: Duration, _view: &View) {
        self.details.finish_and_clear();
        self.head.finish_and_clear();
        let _ = self.screen.clear();
    }
}

/// A bar that fills the rest of a line behind the spinner, the label and the percentage.
fn bar(share: f64, width: usize, label: usize) -> String {
    let room = width.saturating_sub(label + 2 + 6 + 1).min(60);
    let full = ((room as f64 * share) as usize).min(room);
    format!("{}{}", "━".repeat(full), "·".repeat(room - full))
}

/// A fact that is longer than a line goes on indented.
fn hanging(text: &str, width: usize) -> Vec<String> {
    let folded = fold(text, width.saturating_sub(3).max(20));
    folded.into_iter().enumerate().map(|(at, line)| if at == 0 { line } else { format!("  {line}") }).collect()
}

fn painted(text: &str, tone: Tone) -> String {
    match tone {
        Tone::Plain => text.to_owned(),
        Tone::Done => text.green().to_string(),
        Tone::Warning => text.yellow().to_string(),
    }
}

fn width() -> usize {
    terminal_size::terminal_size_of(std::io::stderr()).map_or(USUAL_WIDTH, |(width, _)| width.0.into())
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_fits_its_line() {
        for width in [20, 40, 80, 200] {
            for share in [0.0, 0.5, 0.99] {
                let head = format!("  copy {:>3}% {}", percent(share), bar(share, width, 4));
                assert!(head.chars().count() < width, "{width}: {head}");
            }
        }
    }
}
