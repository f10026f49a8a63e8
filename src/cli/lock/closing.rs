//! The closing words of `pinsmith lock`.

use std::path::Path;

use pinsmith_resolver::Resolution;

use super::super::args::{LockArgs, ResolveArgs};
use super::super::json::Stats;
use super::super::source::{Source, count};
use super::super::strict::Unknown;
use super::super::summary::{differences, freshness, kept, locked};
use super::super::targets::Before;
use super::super::terminal::Terminal;
use super::super::typed::typed;
use super::super::world::megabytes;
use crate::diagnostic::{Diagnostic, Severity};
use crate::write::Written;

/// What the closing summary speaks of.
pub(super) struct Closing<'a> {
    pub(super) args: &'a LockArgs,
    pub(super) resolve: &'a ResolveArgs,
    pub(super) source: &'a Source,
    pub(super) resolutions: &'a [Resolution],
    pub(super) before: &'a Before,
    pub(super) groups: &'a [String],
    pub(super) written: &'a [Written],
    pub(super) diagnostics: &'a [&'a Diagnostic],
    pub(super) stats: Stats,
    pub(super) terminal: Terminal,
}

/// Says what was locked and written, and what to do next.
pub(super) fn summarise(closing: &Closing<'_>) {
    let Closing {
        terminal, stats, ..
    } = closing;
    let files = closing.source.scan.files;
    let mut scanned = vec![count(files.python, "Python file")];
    if files.notebook > 0 {
        scanned.push(count(files.notebook, "notebook"));
    }
    if files.unreadable > 0 {
        scanned.push(format!("{} unreadable", files.unreadable));
    }
    terminal.summary("scanned", &scanned.join(", "));
    terminal.summary("locked", &locked(closing.resolutions));
    let upgrade = &closing.resolve.upgrade;
    if let Some(kept) = kept(closing.resolutions, closing.before, upgrade) {
        terminal.summary("kept", &kept);
    }
    let dated_back = closing.resolve.as_of.is_some();
    for (label, lines) in [
        ("freshness", freshness(closing.resolutions, dated_back)),
        ("differs", differences(closing.resolutions)),
    ] {
        for (number, line) in lines.iter().enumerate() {
            terminal.summary(if number == 0 { label } else { "" }, line);
        }
    }
    for line in Unknown::of(closing.resolutions, closing.resolve).lines() {
        terminal.summary("unknown", &line);
    }
    if closing.args.dry_run {
        terminal.summary("wrote", "nothing, as asked with --dry-run");
    }
    for written in closing.written {
        let unchanged = if written.changed { "" } else { " (unchanged)" };
        let path = shorten(&written.path);
        terminal.summary("wrote", &format!("{}{unchanged}", path.display()));
    }
    if closing.resolve.stats {
        terminal.summary(
            "cost",
            &format!(
                "{} requests, {:.1} MB, {} solver runs, {:.2} s",
                stats.requests,
                megabytes(stats.bytes),
                stats.solves,
                f64::from(u32::try_from(stats.elapsed_ms).unwrap_or(u32::MAX)) / 1000.0
            ),
        );
    }
    left_out(closing);
    let attention = closing.diagnostics.iter();
    let attention = attention.filter(|d| d.severity != Severity::Info).count();
    if attention > 0 {
        terminal.summary(
            "attention",
            &format!("{} above", count(attention, "finding")),
        );
    }
    if closing.args.dry_run {
        return;
    }
    terminal.next(&next_command(closing.args, closing.written));
}

/// Groups that were not asked for, so that nobody looks for them in vain.
fn left_out(closing: &Closing<'_>) {
    let mut counts = std::collections::BTreeMap::<&str, usize>::new();
    for requirement in &closing.source.manifest.requirements {
        if let Some(group) = &requirement.group
            && !closing.groups.contains(group)
        {
            *counts.entry(group).or_default() += 1;
        }
    }
    if !counts.is_empty() {
        let shown: Vec<String> = counts
            .iter()
            .map(|(group, number)| format!("{group} ({number})"))
            .collect();
        let text = format!("{}; add with --group NAME", shown.join(", "));
        closing.terminal.summary("left out", &text);
    }
}

/// A path as one would type it from here.
pub(in crate::cli) fn shorten(path: &Path) -> &Path {
    match std::env::current_dir().and_then(|here| here.canonicalize()) {
        Ok(here) => path.strip_prefix(here).unwrap_or(path),
        Err(_) => path,
    }
}

fn next_command(args: &LockArgs, written: &[Written]) -> String {
    let word = |path: &Path| typed(&path.to_string_lossy());
    let is_lock = |path: &Path| {
        let name = path.file_name().map(|name| name.to_string_lossy());
        name.is_some_and(|name| name.starts_with("pylock."))
    };
    let mut locks = written.iter().filter(|one| is_lock(&one.path));
    // of several, `sync` takes the one for its machine
    let first = locks.next().map(|one| one.path.clone()).unwrap_or_default();
    match &args.output_dir {
        Some(folder) => {
            let name = first.file_name().unwrap_or_default();
            format!("pinsmith sync --lock {}", word(&folder.join(name)))
        }
        // an older lock for one target would come first
        None if locks.next().is_some() && first.with_file_name("pylock.toml").exists() => {
            format!("pinsmith sync --lock {}", word(shorten(&first)))
        }
        None if args.source.path == Path::new(".") => "pinsmith sync".to_owned(),
        None => format!("pinsmith sync {}", word(&args.source.path)),
    }
}
