//! What is going on, on standard error: a moving line on a terminal, a line a step otherwise.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::Terminal;
use super::error::tell;
use super::terminal::Tone;

/// One line of progress that changes its text.
#[derive(Debug)]
pub(crate) struct Progress {
    /// The moving line, between the first step and [`done`](Self::done).
    bar: Option<ProgressBar>,
    terminal: Terminal,
    started: Instant,
    step: String,
    step_started: Instant,
}

impl Progress {
    /// Progress for whoever reads standard error.
    pub(crate) fn new(terminal: Terminal) -> Self {
        let now = Instant::now();
        Self {
            bar: None,
            terminal,
            started: now,
            step: String::new(),
            step_started: now,
        }
    }

    /// Says what happens now; what happened before is ticked off.
    pub(crate) fn step(&mut self, what: &str) {
        self.tick();
        what.clone_into(&mut self.step);
        self.step_started = Instant::now();
        self.text(what);
    }

    /// Changes the moving line; nothing where nothing moves.
    pub(crate) fn text(&mut self, text: &str) {
        if self.terminal.progress {
            let bar = self.bar.get_or_insert_with(spinner);
            bar.set_message(text.to_owned());
        }
    }

    /// The step has gone well, and nothing moves any more.
    pub(crate) fn done(&mut self) {
        self.tick();
        self.clear();
    }

    /// The step has gone wrong; the error itself is printed by whoever ends the program.
    pub(crate) fn failed(&mut self) {
        if !self.step.is_empty() {
            let step = std::mem::take(&mut self.step);
            self.line(&format!(
                "{} {step}",
                Tone::Bad.on("failed", self.terminal.paint_err)
            ));
        }
        self.clear();
    }

    fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    /// A line of its own, above whatever moves.
    pub(crate) fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None => tell(text),
        }
    }

    fn tick(&mut self) {
        if self.step.is_empty() {
            return;
        }
        let step = std::mem::take(&mut self.step);
        let took = format!(
            "{:.1}s, {:.1}s in all",
            self.step_started.elapsed().as_secs_f64(),
            self.started.elapsed().as_secs_f64()
        );
        let took = Tone::Faint.on(&format!("({took})"), self.terminal.paint_err);
        self.line(&format!(
            "{} {step} {took}",
            Tone::Good.on("ok", self.terminal.paint_err)
        ));
    }
}

fn spinner() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed:.dim}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}
