//! How far a run is: a line that is drawn anew on a terminal, a line now and then elsewhere.

use crate::console::Console;
use crate::number::count;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// How often a terminal is drawn.
pub const DRAW: Duration = Duration::from_millis(200);
/// How often a log gets a line.
const TELL: Duration = Duration::from_secs(30);
/// Width of the bar, columns.
const BAR: usize = 24;

/// How far a run is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Done {
    pub feeders: usize,
    pub failed: usize,
    /// Steps of all feeders.
    pub steps: u64,
    /// Workers of a cluster that are alive; 0 when this program does the feeders itself.
    pub workers: usize,
}

/// Tells how far a run is.
pub struct Progress {
    feeders: usize,
    steps: u64,
    start: Instant,
    told: Instant,
    on_terminal: bool,
    /// Columns of the line on the terminal.
    drawn: usize,
}

impl Progress {
    /// For a run of so many feeders, of so many steps in all.
    pub fn new(feeders: usize, steps: u64) -> Self {
        let now = Instant::now();
        Self { feeders, steps, start: now, told: now, on_terminal: std::io::stderr().is_terminal(), drawn: 0 }
    }

    pub fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// Tells it if it is time to.
    pub fn tell(&mut self, done: Done, console: &mut Console<'_>) {
        if self.on_terminal {
            let text = line(done, self.feeders, self.steps, self.start.elapsed(), true);
            let columns = text.chars().count();
            let rest = " ".repeat(self.drawn.saturating_sub(columns));
            let _ = write!(console.errors, "\r{text}{rest}").and_then(|()| console.errors.flush());
            self.drawn = columns;
        } else if self.told.elapsed() >= TELL {
            self.told = Instant::now();
            let _ = writeln!(console.errors, "{}", line(done, self.feeders, self.steps, self.start.elapsed(), false));
        }
    }

    /// Takes the line from the terminal, before something else is printed.
    pub fn clear(&mut self, console: &mut Console<'_>) {
        if self.drawn > 0 {
            let _ = write!(console.errors, "\r{}\r", " ".repeat(self.drawn)).and_then(|()| console.errors.flush());
            self.drawn = 0;
        }
    }
}

fn line(done: Done, feeders: usize, steps: u64, elapsed: Duration, bar: bool) -> String {
    let share = if steps > 0 { done.steps as f64 / steps as f64 } else { 1.0 };
    let rate = done.steps as f64 / elapsed.as_secs_f64().max(1e-9);
    let mut text = String::new();
    if bar {
        let full = ((share * BAR as f64) as usize).min(BAR);
        text += &format!("[{}{}] ", "=".repeat(full), " ".repeat(BAR - full));
    }
    text += &format!("{:3.0} %  {} of {}", share * 100.0, done.feeders, count(feeders, "feeder"));
    if done.failed > 0 {
        text += &format!(", {} failed", done.failed);
    }
    if done.workers > 0 {
        text += &format!("  on {}", count(done.workers, "worker"));
    }
    text += &format!("  {} steps/s", short(rate));
    if done.steps > 0 && done.steps < steps {
        text += &format!("  {} left", duration(Duration::from_secs_f64((steps - done.steps) as f64 / rate)));
    }
    text
}

/// Three digits and a letter for thousands or millions.
pub fn short(x: f64) -> String {
    match x {
        x if x >= 1e6 => format!("{:.1} M", x / 1e6),
        x if x >= 1e4 => format!("{:.0} k", x / 1e3),
        x if x >= 100.0 => format!("{x:.0}"),
        x => format!("{x:.1}"),
    }
}

/// A length of time in its two largest units.
pub fn duration(d: Duration) -> String {
    let s = d.as_secs();
    match s {
        0..10 => format!("{:.1} s", d.as_secs_f64()),
        10..60 => format!("{s} s"),
        60..3600 => format!("{} min {:02} s", s / 60, s % 60),
        _ => format!("{} h {:02} min", s / 3600, s / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_far_how_fast_and_how_long() {
        let done = Done { feeders: 5, failed: 1, steps: 25_000, workers: 0 };
        let text = line(done, 10, 100_000, Duration::from_secs(10), true);
        assert_eq!(text, "[======                  ]  25 %  5 of 10 feeders, 1 failed  2500 steps/s  30 s left");
        let text = line(Done { feeders: 1, steps: 24, ..Done::default() }, 1, 24, Duration::from_secs(1), false);
        assert_eq!(text, "100 %  1 of 1 feeder  24.0 steps/s");
    }

    #[test]
    fn times_and_rates_are_short() {
        assert_eq!(duration(Duration::from_millis(2500)), "2.5 s");
        assert_eq!(duration(Duration::from_secs(75)), "1 min 15 s");
        assert_eq!(duration(Duration::from_secs(7500)), "2 h 05 min");
        assert_eq!(
            (short(12.34), short(999.6), short(54_321.0), short(2.34e6)),
            ("12.3".into(), "1000".into(), "54 k".into(), "2.3 M".into())
        );
    }
}
