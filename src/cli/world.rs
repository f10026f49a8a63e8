//! The world outside the tree, as the flags, the environment and this machine make it: the target,
//! the index and the instant.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use jiff::{SignedDuration, Timestamp, ToSpan, tz::TimeZone};
use pinsmith_resolver::{
    Options, PrereleasePolicy, PythonVersion, Request, Resolution, ResolutionMode, ResolveError,
    Target, resolve,
};

use super::Failure;
use super::args::{GlobalArgs, IndexArgs, PrereleaseArg, ResolutionArg, ResolveArgs};
use super::json::Stats;
use super::source::count;
use super::terminal::{Progress, Terminal};
use crate::diagnostic::Diagnostic;
use crate::host::{Host, HostOptions};
use crate::index::cache::Cache;
use crate::index::location::discover_here;
use crate::index::{
    Index, IndexSettings, Location, LocationFlags, Progress as Fetching, Stats as Traffic,
    pip_default_index,
};

/// A variable of this process's environment.
pub(super) fn env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Where the cache is.
pub(super) fn cache_dir(global: &GlobalArgs) -> Option<PathBuf> {
    Cache::default_dir(global.cache_dir.as_deref(), &env)
}

/// Looks at this machine; the tree is out of bounds.
pub(super) fn detect_host(python: Option<PythonVersion>, tree: &Path) -> Host {
    Host::detect(&HostOptions::from_env(&env, python), tree)
}

/// What is resolved for: this machine, with whatever the flags say instead.
pub(super) fn target(args: &ResolveArgs, host: &Host) -> Result<Target, Failure> {
    let mut target = match (args.platform, args.python) {
        (Some(platform), Some(python)) if Some(platform) != host.platform => {
            Target::new(python, platform)
        }
        (Some(platform), None) if Some(platform) != host.platform => {
            let own = host.python.as_ref().map(|found| found.version);
            let python = own.ok_or_else(|| {
                Failure::new(
                    "no Python was found on this machine, and none is named",
                    "name one, such as --python 3.11",
                )
            })?;
            Target::new(python.without_patch(), platform)
        }
        _ => host.target(args.python).map_err(from_diagnostic)?,
    };
    if args.python.is_some_and(|python| python.patch.is_none()) {
        // `--python 3.11` means 3.11.0, whatever patch release this machine has
        target.python = target.python.without_patch();
    }
    if let Some(floor) = args.glibc {
        target.floor = floor;
    }
    Ok(target)
}

fn from_diagnostic(diagnostic: Diagnostic) -> Failure {
    Failure {
        message: diagnostic.message,
        help: diagnostic.help.into_iter().collect(),
    }
}

/// Finds out which index is asked.
pub(super) fn location(
    args: &IndexArgs,
    global: &GlobalArgs,
    host: &Host,
    tree: &Path,
) -> Result<Location, Failure> {
    let flags = LocationFlags {
        index_url: args.index_url.clone(),
        extra_index_urls: args.extra_index_url.clone(),
        ..LocationFlags::default()
    };
    let cache = Cache::new(cache_dir(global));
    discover_here(&flags, tree, &|| pip_default_index(host, &cache))
        .map_err(|error| Failure::new(error.to_string(), error.help()))
}

/// A resolution with what it cost.
pub(super) struct Resolved {
    pub(super) answer: Result<Resolution, ResolveError>,
    pub(super) stats: Stats,
    pub(super) diagnostics: Vec<Diagnostic>,
}

/// Resolves over the index, with progress.
pub(super) fn resolve_over_index(
    request: &Request,
    target: &Target,
    args: &ResolveArgs,
    global: &GlobalArgs,
    location: Location,
    terminal: Terminal,
) -> Result<Resolved, Failure> {
    let started = Instant::now();
    let progress = terminal.progress("resolving");
    let mut settings = IndexSettings::new(location, cache_dir(global));
    settings.offline = args.index.offline;
    settings.refresh = args.index.refresh;
    settings.progress = Some(Arc::new(Shown(progress.clone())));
    let index = Index::open(settings).map_err(|error| {
        Failure::new(
            error.to_string(),
            "check pip's certificate and proxy settings",
        )
    })?;
    let answer = resolve(request, target, &index, &options(args)?);
    progress.finish();
    let traffic = index.stats();
    let stats = Stats {
        requests: traffic.requests,
        bytes: traffic.bytes,
        solves: answer.as_ref().map_or(0, |resolution| resolution.solves),
        elapsed_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
    };
    Ok(Resolved {
        answer,
        stats,
        diagnostics: index.diagnostics(),
    })
}

/// The fetching side of the progress line.
struct Shown(Progress);

impl Fetching for Shown {
    fn update(&self, stats: &Traffic) {
        let projects = usize::try_from(stats.projects_done).unwrap_or(usize::MAX);
        self.0.say(format!(
            "{}, {} requests, {:.1} MB",
            count(projects, "project"),
            stats.requests,
            megabytes(stats.bytes)
        ));
    }
}

#[expect(clippy::cast_precision_loss, reason = "one decimal for people")]
pub(super) fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn options(args: &ResolveArgs) -> Result<Options, Failure> {
    Ok(Options {
        mode: match args.resolution {
            ResolutionArg::Coherent => ResolutionMode::Coherent,
            ResolutionArg::Newest => ResolutionMode::Newest,
            ResolutionArg::Lowest => ResolutionMode::Lowest,
            ResolutionArg::LowestDirect => ResolutionMode::LowestDirect,
        },
        prereleases: match args.prerelease {
            PrereleaseArg::IfNecessary => PrereleasePolicy::IfNecessary,
            PrereleaseArg::Allow => PrereleasePolicy::Allow,
            PrereleaseArg::Disallow => PrereleasePolicy::Disallow,
        },
        as_of: as_of(args)?,
    })
}

/// The instant that `--as-of` means: a day is its last second in UTC, a duration counts from now.
pub(super) fn as_of(args: &ResolveArgs) -> Result<Option<Timestamp>, Failure> {
    let Some(text) = &args.as_of else {
        return Ok(None);
    };
    parse_as_of(text, Timestamp::now()).map(Some).ok_or_else(|| {
        Failure::new(
            format!("`--as-of {text}` is no date and no duration"),
            "write a day (2024-03-01), an instant (2024-03-01T12:00:00Z) or a duration (30d, 12h, 3w)",
        )
    })
}

fn parse_as_of(text: &str, now: Timestamp) -> Option<Timestamp> {
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Some(instant);
    }
    if let Ok(day) = text.parse::<jiff::civil::Date>() {
        let next = day.checked_add(1.day()).ok()?;
        let midnight = next.to_zoned(TimeZone::UTC).ok()?.timestamp();
        return midnight.checked_sub(SignedDuration::from_secs(1)).ok();
    }
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let hours = match unit {
        "h" => 1,
        "d" => 24,
        "w" => 7 * 24,
        _ => return None,
    };
    let hours = number.parse::<i64>().ok()?.checked_mul(hours)?;
    now.checked_sub(SignedDuration::from_hours(hours)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_of_takes_days_instants_and_durations() {
        let now: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
        for (text, expected) in [
            ("2024-03-01", Some("2024-03-01T23:59:59Z")),
            ("2024-03-01T06:00:00Z", Some("2024-03-01T06:00:00Z")),
            ("30d", Some("2026-10-21T12:00:00Z")),
            ("2w", Some("2026-11-06T12:00:00Z")),
            ("12h", Some("2026-11-20T00:00:00Z")),
            ("yesterday", None),
            ("30ä", None),
            ("", None),
        ] {
            let found = parse_as_of(text, now).map(|instant| instant.to_string());
            assert_eq!(found.as_deref(), expected, "{text}");
        }
    }
}
