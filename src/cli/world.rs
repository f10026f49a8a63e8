//! The world outside the tree, as the flags, the environment and this machine make it: the target,
//! the index and the instant.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use pinsmith_resolver::{
    Asked, Options, PackageName, PackageSource, PrereleasePolicy, PythonVersion, Requirement,
    Resolution, ResolutionMode, ResolveError, SourceError, Target, Unsatisfiable, resolve_all,
    url_of,
};

use super::Failure;
use super::accelerators::findings;
use super::args::instants;
use super::args::{GlobalArgs, IndexArgs, PrereleaseArg, ResolutionArg, ResolveArgs};
use super::builder::builder;
use super::json::Stats;
use super::one_cuda;
use super::source::count;
use super::strict::unknown_extras;
use super::terminal::{Progress, Terminal};
use super::unsatisfiable::Advice;
use crate::accelerator::{PAGE_UNKNOWN, Table};
use crate::diagnostic::Diagnostic;
use crate::direct::{Sources, read};
use crate::git::Git;
use crate::host::{Host, HostOptions, keyring_password};
use crate::index::cache::Cache;
use crate::index::location::discover_here;
use crate::index::{
    Index, IndexSettings, Location, LocationFlags, MetadataBuilder, Progress as Fetching, Refresh,
    Stats as Traffic, UploadTimes, pip_default_index,
};
use crate::lock::DirectSources;
use crate::requirements::Manifest;
use crate::scan::Tree;

/// A variable of this process's environment.
pub(super) fn env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Where the cache is.
pub(super) fn cache_dir(global: &GlobalArgs) -> Option<PathBuf> {
    Cache::default_dir(global.cache_dir.as_deref(), &env)
}

/// Looks at this machine; the tree is out of bounds.
pub(super) fn detect_host(python: Option<PythonVersion>, tree: &Path, global: &GlobalArgs) -> Host {
    let options = HostOptions {
        memory: Some(Arc::new(Cache::new(cache_dir(global)))),
        ..HostOptions::from_env(&env, python)
    };
    Host::detect(&options, tree)
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
        index_for: args.index_for.clone(),
        find_links: args.find_links.clone(),
        ..LocationFlags::default()
    };
    let cache = Cache::new(cache_dir(global));
    let path = env("PATH").unwrap_or_default();
    let keyring = |service: &str, user: &str| {
        let asked = !args.offline;
        asked.then(|| keyring_password(&path, tree, std::env::vars_os(), service, user))?
    };
    discover_here(&flags, tree, &|| pip_default_index(host, &cache), &keyring)
        .map_err(|error| error.diagnostic().into())
}

/// Resolutions with what they cost.
pub(super) struct Resolved {
    /// One answer a target, in their order.
    pub(super) answers: Vec<Result<Resolution, ResolveError>>,
    /// What to do about the first target without an answer.
    pub(super) advice: Advice,
    pub(super) stats: Stats,
    pub(super) diagnostics: Vec<Diagnostic>,
}

/// The index, open for one run, with its line of progress.
pub(super) struct OpenIndex {
    pub(super) index: Index,
    /// What opening it found.
    notes: Vec<Diagnostic>,
    /// The same index without a network.
    cached: IndexSettings,
    progress: Progress,
    started: Instant,
}

impl OpenIndex {
    /// Opens the index; `upload_times` says whether the age of releases matters.
    pub(super) fn new(
        args: &IndexArgs,
        builder: Option<Arc<dyn MetadataBuilder>>,
        upload_times: UploadTimes,
        global: &GlobalArgs,
        (location, accelerators): (Location, Arc<Table>),
        terminal: Terminal,
    ) -> Result<Self, Failure> {
        let started = Instant::now();
        let progress = terminal.progress("asking the index");
        let mut settings = IndexSettings::new(location, cache_dir(global));
        settings.builder = builder;
        settings.offline = args.offline;
        settings.refresh = refresh(args)?;
        settings.upload_times = upload_times;
        settings.accelerators = accelerators;
        settings.progress = Some(Arc::new(Shown(progress.clone())));
        let cached = IndexSettings {
            offline: true,
            refresh: Refresh::default(),
            progress: None,
            ..settings.clone()
        };
        let index = Index::open(settings).map_err(|error| error.diagnostic())?;
        Ok(Self {
            index,
            notes: Vec::new(),
            cached,
            progress,
            started,
        })
    }

    /// The same for a resolution.
    pub(super) fn for_resolution(
        args: &ResolveArgs,
        global: &GlobalArgs,
        world: World<'_>,
        targets: &[Target],
        terminal: Terminal,
    ) -> Result<Self, Failure> {
        let upload_times = match args.resolution {
            _ if args.as_of.is_some() => UploadTimes::Decisive,
            _ if !args.as_of_package.is_empty() => UploadTimes::Decisive,
            ResolutionArg::Coherent => UploadTimes::Useful,
            _ => UploadTimes::Unused,
        };
        let mut notes = Vec::new();
        let builder = builder(&args.index, global, &world, targets, &mut notes);
        let opened = Self::new(
            &args.index,
            builder,
            upload_times,
            global,
            (world.location, world.accelerators),
            terminal,
        )?;
        Ok(Self { notes, ..opened })
    }

    /// What was asked since it was opened.
    pub(super) fn cost(&self, solves: u32) -> Stats {
        let traffic = self.index.stats();
        Stats {
            requests: traffic.requests,
            bytes: traffic.bytes,
            solves,
            elapsed_ms: u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
        }
    }

    /// Ends the line of progress.
    pub(super) fn finish(&self) {
        self.progress.finish();
    }

    /// What an earlier run found, where the index still says what it said then.
    fn recall(&self, question: &str) -> Option<Vec<Resolution>> {
        serde_json::from_slice(&self.index.recall(question)?).ok()
    }

    /// Resolves; with `hashes`, pins of indexes that give no digest get one.
    fn work_out(
        &self,
        asked: &[Asked],
        options: &Options,
        question: Option<&str>,
        hashes: bool,
    ) -> (Vec<Result<Resolution, ResolveError>>, Option<String>) {
        for Asked { request, .. } in asked {
            // what is usual today was not on an earlier day
            let usual = options.as_of.is_none().then_some(&request.roots[..]);
            let before = request.preferences.keys();
            self.index.expect(usual.unwrap_or_default(), before);
        }
        let asked: Vec<Asked> = asked
            .iter()
            .map(|one| self.index.with_candidates(one))
            .collect();
        let answers = resolve_all(&asked, &self.index, options);
        let table = &self.cached.accelerators;
        let (mut answers, two) = one_cuda::prefer(answers, &asked, &self.index, options, table);
        for answer in answers.iter_mut().flatten() {
            self.index.restore_versions(answer);
        }
        for answer in answers.iter_mut().filter(|_| hashes) {
            let completed = answer.as_mut().map(|one| self.index.complete_digests(one));
            if let Ok(Err(error)) = completed {
                *answer = Err(error.into());
            }
        }
        for answer in &mut answers {
            if let Err(ResolveError::Unsatisfiable(proof)) = answer
                && let Some(unknown) = self.unknown(proof)
            {
                *answer = Err(unknown.into());
            }
        }
        // a failure needs its proof, which is worked out each time
        let all: Result<Vec<&Resolution>, _> = answers.iter().map(Result::as_ref).collect();
        if let (Some(question), Ok(all), None) = (question, all, &two)
            && let Ok(text) = serde_json::to_vec(&all)
        {
            self.index.remember(question, &text);
        }
        (answers, two)
    }

    /// Why a failure says nothing: what it rests on could not be asked.
    fn unknown(&self, proof: &Unsatisfiable) -> Option<SourceError> {
        let requirements = proof.requirements().into_iter();
        let mut found =
            requirements.filter_map(|one| Some((&one.name, self.index.unknown(&one.name)?)));
        let (name, why) = found.next()?;
        Some(SourceError {
            code: Some(PAGE_UNKNOWN.0),
            message: format!("whether there is an answer with `{name}` cannot be told: {why}"),
            help: Some("run again when it can be reached, or leave it out".to_owned()),
        })
    }

    /// Resolves over the index; with `hashes`, pins of indexes that give no digest get one.
    pub(super) fn resolve(&self, asked: &[Asked], args: &ResolveArgs, hashes: bool) -> Resolved {
        let options = options(args);
        let built_in = *self.cached.accelerators == *Table::built_in();
        let question = question(asked, &options).filter(|_| built_in);
        let (answers, two) = match question.as_deref().and_then(|asked| self.recall(asked)) {
            Some(known) => (known.into_iter().map(Ok).collect(), None),
            None => self.work_out(asked, &options, question.as_deref(), hashes),
        };
        let failed = asked.iter().zip(&answers);
        let mut failed = failed.filter_map(|(asked, answer)| Some((asked, answer.as_ref().err()?)));
        let advice = match failed.next() {
            None => Advice::default(),
            Some((asked, error)) => {
                let cached = Index::open(self.cached.clone()).ok();
                let cached = cached.as_ref().map(|one| one as &dyn PackageSource);
                let table = &self.cached.accelerators;
                Advice::find(error, asked, &self.index, cached, &options, table)
            }
        };
        self.finish();
        let stats = self.cost(answers.iter().flatten().map(|answer| answer.solves).sum());
        let mut diagnostics = self.notes.clone();
        diagnostics.extend(self.index.diagnostics());
        let packages = answers.iter().flatten().flat_map(|answer| &answer.packages);
        let names: BTreeSet<&PackageName> = packages.map(|package| &package.name).collect();
        diagnostics.extend(self.index.status_diagnostics(names));
        diagnostics.extend(unknown_extras(&answers));
        let mut found = findings(&answers, &self.cached.accelerators);
        one_cuda::explain(&mut found, two.as_deref());
        diagnostics.extend(found);
        Resolved {
            answers,
            advice,
            stats,
            diagnostics,
        }
    }
}

/// What is around the tree, and the tree as what is not trusted.
pub(super) struct World<'a> {
    pub(super) location: Location,
    pub(super) host: &'a Host,
    pub(super) tree: &'a Path,
    pub(super) accelerators: Arc<Table>,
}

/// Everything that an answer depends on besides the index; `None` where that is more than values.
fn question(asked: &[Asked], options: &Options) -> Option<String> {
    // another build may answer differently
    let program = std::env::current_exe().ok()?.metadata().ok()?;
    let built = program.modified().ok()?;
    let only_of_indexes = asked.iter().all(|one| one.request.direct.is_empty());
    let size = program.len();
    only_of_indexes.then(|| format!("{built:?} {size} {options:?} {asked:?}"))
}

fn refresh(args: &IndexArgs) -> Result<Refresh, Failure> {
    if args.refresh.is_empty() {
        return Ok(Refresh::Nothing);
    }
    if args.refresh.iter().any(String::is_empty) {
        return Ok(Refresh::Everything);
    }
    let names = args.refresh.iter().map(|name| {
        let parsed = name.parse::<PackageName>();
        parsed.map_err(|_| {
            Failure::new(
                format!("`{name}` is no name of a package"),
                "write --refresh=PACKAGE, or --refresh for everything",
            )
        })
    });
    Ok(Refresh::Only(names.collect::<Result<_, _>>()?))
}

/// What the direct references of all targets point at.
#[derive(Default)]
pub(super) struct Directs {
    /// Where the pins of each target come from that come from no index.
    pub(super) sources: DirectSources,
    /// Each finding once, whatever the number of targets.
    pub(super) diagnostics: Vec<Diagnostic>,
}

/// Reads what the requests' direct references point at, and puts it into the requests.
///
/// `tree` is where folders are read; `out_of_bounds` is where no program is taken from.
pub(super) fn read_direct(
    asked: &mut [Asked],
    manifests: &[&Manifest],
    tree: Option<&Tree>,
    out_of_bounds: &Path,
    index: &Index,
    offline: bool,
) -> Directs {
    let mut all = Directs::default();
    let git = Git::find(&std::env::vars_os().collect(), out_of_bounds);
    for Asked { target, request } in asked {
        let addressed = request.roots.iter().chain(&request.overrides);
        let addressed: Vec<_> = addressed.filter(|one| url_of(one).is_some()).collect();
        if addressed.is_empty() {
            continue;
        }
        let site = |requirement: &Requirement| {
            let all = manifests.iter().flat_map(|manifest| &manifest.requirements);
            let mut stands = all.filter(|one| one.requirement == *requirement);
            Some(stands.next()?.origins.first()?.site.clone())
        };
        let addressed: Vec<_> = addressed.into_iter().map(|one| (one, site(one))).collect();
        let found = read(
            &addressed,
            &Sources {
                index,
                git: git.as_ref(),
                tree,
                environment: &target.marker_environment(),
                offline,
            },
        );
        request.direct = found.releases;
        request.elsewhere = found.elsewhere;
        all.sources.insert(target.clone(), found.sources);
        for diagnostic in found.diagnostics {
            if !all.diagnostics.contains(&diagnostic) {
                all.diagnostics.push(diagnostic);
            }
        }
    }
    all
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

/// How to choose, as the flags say.
pub(super) fn options(args: &ResolveArgs) -> Options {
    Options {
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
        as_of: args.as_of.as_ref().map(|as_of| as_of.instant),
        as_of_projects: instants(&args.as_of_package),
    }
}
