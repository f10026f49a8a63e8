//! The person at the terminal: results on standard output, everything else on standard error.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};

use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::args::{ColorWhen, Format, GlobalArgs};
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::escape::visible;

/// Where output goes and how much of it.
#[derive(Debug, Clone, Copy)]
pub struct Terminal {
    format: Format,
    verbosity: Verbosity,
    progress: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Verbosity {
    Quiet,
    Normal,
    Verbose,
}

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GREEN: Style = AnsiColor::Green.on_default().bold();
const RED: Style = AnsiColor::Red.on_default().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default().bold();
const CYAN: Style = AnsiColor::Cyan.on_default().bold();

impl Terminal {
    /// Reads the global options and sets the colour choice of this process.
    pub fn new(args: &GlobalArgs) -> Self {
        let choice = match args.color {
            ColorWhen::Auto => anstream::ColorChoice::Auto,
            ColorWhen::Always => anstream::ColorChoice::Always,
            ColorWhen::Never => anstream::ColorChoice::Never,
        };
        choice.write_global();
        let verbosity = match (args.quiet, args.verbose) {
            (true, _) => Verbosity::Quiet,
            (false, false) => Verbosity::Normal,
            (false, true) => Verbosity::Verbose,
        };
        Self {
            format: args.format,
            verbosity,
            progress: !args.no_progress
                && verbosity > Verbosity::Quiet
                && io::stderr().is_terminal(),
        }
    }

    /// A terminal that is told nothing but errors.
    pub(super) fn quiet() -> Self {
        Self {
            format: Format::Text,
            verbosity: Verbosity::Quiet,
            progress: false,
        }
    }

    /// Whether results are for programs.
    pub fn json(&self) -> bool {
        self.format == Format::Json
    }

    /// Whether notes that need no action are shown.
    pub fn verbose(&self) -> bool {
        self.verbosity == Verbosity::Verbose
    }

    /// Prints a result. A reader that has gone away is no error.
    pub fn result(&self, text: &str) -> io::Result<()> {
        let mut stdout = anstream::stdout().lock();
        match stdout
            .write_all(text.as_bytes())
            .and_then(|()| stdout.flush())
        {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }

    /// Prints a line for people, unless they want quiet.
    pub fn note(&self, line: &str) {
        if self.verbosity > Verbosity::Quiet {
            print_error_line(line);
        }
    }

    /// Prints a labelled line of the closing summary.
    pub fn summary(&self, label: &str, text: &str) {
        let text = visible(text);
        self.note(&format!("{GREEN}{label:>10}{GREEN:#}  {text}"));
    }

    /// Prints the next command to type.
    pub fn next(&self, command: &str) {
        let command = visible(command);
        self.note(&format!(
            "{CYAN}{:>10}{CYAN:#}  {BOLD}{command}{BOLD:#}",
            "next"
        ));
    }

    /// Prints findings: errors always, warnings unless quiet, notes only when verbose.
    pub fn diagnostics<'d>(&self, diagnostics: impl IntoIterator<Item = &'d Diagnostic>) {
        for diagnostic in diagnostics {
            if self.shows(diagnostic) {
                print_error_line(&diagnostic_text(diagnostic));
            }
        }
    }

    /// Prints findings that are themselves the result: all of them, on standard output; notes only
    /// when verbose.
    pub fn findings(&self, findings: &[Diagnostic]) -> io::Result<()> {
        let shown = |finding: &&Diagnostic| {
            finding.severity != Severity::Info || self.verbosity >= Verbosity::Verbose
        };
        let mut text = String::new();
        for finding in findings.iter().filter(shown) {
            text.push_str(&diagnostic_text(finding));
            text.push('\n');
        }
        self.result(&text)
    }

    /// Prints findings like [`Self::diagnostics`], but of one kind of warning no more than a person
    /// reads, unless verbose.
    pub fn most_diagnostics<'d>(&self, diagnostics: impl IntoIterator<Item = &'d Diagnostic>) {
        /// Most warnings of one code.
        const MOST: usize = 5;
        let mut of_code: BTreeMap<&str, usize> = BTreeMap::new();
        for diagnostic in diagnostics.into_iter().filter(|found| self.shows(found)) {
            let mut shown = self.verbose() || diagnostic.severity == Severity::Error;
            if diagnostic.severity != Severity::Error {
                let count = of_code.entry(diagnostic.code.0).or_default();
                *count += 1;
                shown |= *count <= MOST;
            }
            if shown {
                print_error_line(&diagnostic_text(diagnostic));
            }
        }
        for (code, count) in of_code {
            if let Some(more @ 1..) = count.checked_sub(MOST).filter(|_| !self.verbose()) {
                print_error_line(&format!(
                    "{YELLOW}warning[{code}]{YELLOW:#}: {more} more of this kind, see `--verbose`"
                ));
            }
        }
    }

    fn shows(self, diagnostic: &Diagnostic) -> bool {
        match diagnostic.severity {
            Severity::Error => true,
            Severity::Warning => self.verbosity >= Verbosity::Normal,
            Severity::Info => self.verbosity >= Verbosity::Verbose,
        }
    }

    /// Prints why a command failed and what to do about it.
    pub fn failure(&self, code: Option<Code>, message: &str, help: &[String]) {
        let code = code.map_or_else(String::new, |code| format!("[{}]", code.0));
        let message: Vec<_> = message.lines().map(visible).collect();
        print_error_line(&format!(
            "{RED}error{code}{RED:#}: {}",
            message.join("\n  ")
        ));
        for line in help {
            print_error_line(&format!("  {CYAN}help{CYAN:#}: {}", visible(line)));
        }
    }

    /// A progress line that vanishes when done, and is nothing at all in a pipe.
    pub fn progress(&self, label: &'static str) -> Progress {
        let target = if self.progress {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix} {msg}") {
            bar.set_style(style);
        }
        bar.set_prefix(label);
        if self.progress {
            bar.enable_steady_tick(std::time::Duration::from_millis(100));
        }
        Progress { bar }
    }
}

/// A progress line; it vanishes when dropped.
#[derive(Debug, Clone)]
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// Says how far the work is.
    pub fn say(&self, message: String) {
        self.bar.set_message(message);
    }

    /// Takes the line away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.finish();
    }
}

fn diagnostic_text(diagnostic: &Diagnostic) -> String {
    let (word, style) = match diagnostic.severity {
        Severity::Error => ("error", RED),
        Severity::Warning => ("warning", YELLOW),
        Severity::Info => ("note", CYAN),
    };
    let code = diagnostic.code.0;
    let mut text = format!(
        "{style}{word}[{code}]{style:#}: {}",
        visible(&diagnostic.message)
    );
    if let Some(site) = &diagnostic.site {
        let _ = write!(text, "\n  {DIM}at{DIM:#} {}", visible(&site.to_string()));
    }
    if let Some(help) = &diagnostic.help {
        let _ = write!(text, "\n  {CYAN}help{CYAN:#}: {}", visible(help));
    }
    text
}

/// Prints what to do about a command line that could not be read.
pub(super) fn help(text: &str) {
    print_error_line(&format!("\n  {CYAN}help{CYAN:#}: {}", visible(text)));
}

/// Standard error is the last resort: if it is gone there is nobody left to tell.
fn print_error_line(line: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{line}");
}
