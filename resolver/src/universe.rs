//! What a resolution saw of an index, as text: for measurements that must not depend on the
//! network, and for exact solvers to be compared with.
//!
//! ```text
//! target 3.11 linux-x86_64
//! require torch>=2
//! project torch
//! release 2.12.0 2026-06-02T17:00:00Z wheel unread
//! release 2.13.0 2026-07-08T17:00:00Z wheel
//! requires filelock
//! requires triton==3.8.0
//! needs numpy<2
//! pin torch 2.13.0 141
//! ```
//!
//! Releases are those that the target can take at all, each as its best file: `wheel` or `sdist`, perhaps
//! `yanked`. `unread` is one whose metadata was never asked for, `unusable` one that has none. Markers are already
//! evaluated; what only an extra asks for ends in `; extra == "NAME"`. `needs` is what a rule of pinsmith's own adds
//! (`resolver/src/abi.rs`): it is there for other solvers, pinsmith adds it itself. `pin` lines are an answer with its lags in
//! days, which whoever writes the text may add.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

use pep440_rs::Version;
use pep508_rs::{ExtraName, MarkerEnvironment, MarkerTree, PackageName};

use crate::abi;
use crate::eligible::Eligibility;
use crate::memory::Readable;
use crate::{
    CoreMetadata, FileKind, MemorySource, MetadataAnswer, Options, PackageSource, Platform,
    ReleaseFile, ReleasesAnswer, Request, Resolution, SourceError, Target, Timestamp,
    parse_requirement,
};

/// A source that passes every question on and remembers the answers.
pub struct Recorder<'a> {
    source: &'a dyn PackageSource,
    projects: Mutex<BTreeMap<PackageName, ReleasesAnswer>>,
    /// By file name.
    metadata: Mutex<BTreeMap<String, MetadataAnswer>>,
}

impl<'a> Recorder<'a> {
    /// A recorder that has seen nothing yet.
    pub fn new(source: &'a dyn PackageSource) -> Self {
        Self {
            source,
            projects: Mutex::default(),
            metadata: Mutex::default(),
        }
    }

    /// Reads a release as well, and the projects that it requires.
    ///
    /// # Errors
    /// [`SourceError`] when the source behind fails.
    pub fn read(
        &self,
        name: &PackageName,
        version: &Version,
        target: &Target,
        options: &Options,
    ) -> Result<(), SourceError> {
        let ReleasesAnswer::Found(project) = self.releases(name)? else {
            return Ok(());
        };
        let candidates = Eligibility::new(target, options).candidates(project, false);
        let candidate = candidates.get(version);
        let Some(file) = candidate.and_then(|candidate| candidates.best_file(candidate)) else {
            return Ok(());
        };
        if let MetadataAnswer::Found(metadata) = self.metadata(name, &file)? {
            let environment = target.marker_environment();
            for line in &metadata.requires_dist {
                if line.evaluate_markers(&environment, &metadata.provides_extra) {
                    self.releases(&line.name)?;
                }
            }
        }
        Ok(())
    }

    /// Of how many releases the metadata was asked for.
    pub fn releases_read(&self) -> usize {
        lock(&self.metadata).len()
    }

    /// Everything that was seen, for this target; without `pin` lines.
    pub fn text(&self, request: &Request, target: &Target, options: &Options) -> String {
        let environment = target.marker_environment();
        let eligibility = Eligibility::new(target, options);
        let metadata = lock(&self.metadata);
        let extras = wanted_extras(request, metadata.values());
        let mut text = format!("target {} {}\n", target.python, target.platform);
        for root in &request.roots {
            if root.evaluate_markers(&environment, &[]) {
                let mut root = root.clone();
                root.marker = MarkerTree::TRUE;
                line(&mut text, "require", &root.to_string());
            }
        }
        for (name, answer) in lock(&self.projects).iter() {
            line(&mut text, "project", name.as_ref());
            let ReleasesAnswer::Found(project) = answer else {
                continue;
            };
            let candidates = eligibility.candidates(project.clone(), false);
            for candidate in &candidates.eligible {
                let Some(file) = candidates.best_file(candidate) else {
                    continue;
                };
                let answer = metadata.get(&file.filename);
                let uploaded = candidates.release(candidate).uploaded;
                let mut words = vec![
                    candidate.version.to_string(),
                    uploaded.map_or("?".to_owned(), |uploaded| uploaded.to_string()),
                    if candidate.has_wheel {
                        "wheel"
                    } else {
                        "sdist"
                    }
                    .to_owned(),
                ];
                words.extend(candidate.yanked.then(|| "yanked".to_owned()));
                let found = match answer {
                    None => Err("unread"),
                    Some(MetadataAnswer::Found(found)) => match &found.requires_python {
                        Some(python) if !eligibility.admits_python(python) => Err("unusable"),
                        _ => Ok(found),
                    },
                    Some(_) => Err("unusable"),
                };
                words.extend(found.err().map(str::to_owned));
                line(&mut text, "release", &words.join(" "));
                for required in found
                    .iter()
                    .flat_map(|f| requires(f, &environment, &extras))
                {
                    line(&mut text, "requires", &required);
                }
                if let Ok(found) = found
                    && candidate.has_wheel
                {
                    for need in needs_of(name, uploaded, target, found) {
                        line(&mut text, "needs", &need);
                    }
                }
            }
        }
        text
    }
}

/// An answer as the `pin` lines of a universe.
pub fn pin_lines(answer: &Resolution) -> String {
    let mut text = String::new();
    for package in &answer.packages {
        let lag = package.lag_days;
        let lag = lag.map_or("?".to_owned(), |lag| lag.to_string());
        let words = format!("{} {} {lag}", package.name, package.version);
        line(&mut text, "pin", &words);
    }
    text
}

impl PackageSource for Recorder<'_> {
    fn releases(&self, name: &PackageName) -> Result<ReleasesAnswer, SourceError> {
        if let Some(known) = lock(&self.projects).get(name) {
            return Ok(known.clone());
        }
        let answer = self.source.releases(name)?;
        lock(&self.projects).insert(name.clone(), answer.clone());
        Ok(answer)
    }

    fn metadata(
        &self,
        name: &PackageName,
        file: &ReleaseFile,
    ) -> Result<MetadataAnswer, SourceError> {
        let answer = self.source.metadata(name, file)?;
        lock(&self.metadata).insert(file.filename.clone(), answer.clone());
        Ok(answer)
    }

    fn look_ahead(
        &self,
        requirements: Vec<crate::Requirement>,
        guess: &std::sync::Arc<dyn crate::Lookahead>,
    ) {
        self.source.look_ahead(requirements, guess);
    }
}

impl std::fmt::Debug for Recorder<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder")
            .field("releases_read", &self.releases_read())
            .finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn line(text: &mut String, kind: &str, words: &str) {
    // writing to a String cannot fail
    let _ = writeln!(text, "{kind} {words}");
}

type Extras = BTreeMap<PackageName, BTreeSet<ExtraName>>;

/// The extras that anything asks for, by project.
fn wanted_extras<'m>(
    request: &Request,
    metadata: impl Iterator<Item = &'m MetadataAnswer>,
) -> Extras {
    let mut wanted = Extras::new();
    let of_releases = metadata.flat_map(|answer| match answer {
        MetadataAnswer::Found(metadata) => &metadata.requires_dist[..],
        _ => &[],
    });
    for line in request.roots.iter().chain(of_releases) {
        if !line.extras.is_empty() {
            let extras = wanted.entry(line.name.clone()).or_default();
            extras.extend(line.extras.iter().cloned());
        }
    }
    wanted
}

/// What a release requires, as lines.
fn requires(
    metadata: &CoreMetadata,
    environment: &MarkerEnvironment,
    extras: &Extras,
) -> Vec<String> {
    let mut lines = Vec::new();
    for required in &metadata.requires_dist {
        let mut plain = required.clone();
        plain.marker = MarkerTree::TRUE;
        if required.evaluate_markers(environment, &[]) {
            lines.push(plain.to_string());
            continue;
        }
        for extra in extras.get(&metadata.name).into_iter().flatten() {
            if required.evaluate_markers(environment, std::slice::from_ref(extra)) {
                lines.push(format!("{plain} ; extra == \"{extra}\""));
            }
        }
    }
    lines
}

/// What rules of pinsmith's own add to what a wheel requires.
fn needs_of(
    name: &PackageName,
    uploaded: Option<Timestamp>,
    target: &Target,
    metadata: &CoreMetadata,
) -> Vec<String> {
    let on_linux = target.platform == Platform::LinuxX86_64;
    let environment = target.marker_environment();
    let completed = abi::completed(name, uploaded, on_linux, metadata, &|_| false);
    let (completed, _) = completed.unzip();
    let lines = completed.iter().flat_map(|c| &c.requires_dist);
    let added = lines.skip(metadata.requires_dist.len());
    let holding = added.filter(|line| line.evaluate_markers(&environment, &[]));
    let plain = holding.map(|line| {
        let mut plain = line.clone();
        plain.marker = MarkerTree::TRUE;
        plain.to_string()
    });
    plain.collect()
}

/// A recorded universe, to be resolved again.
#[derive(Debug, Clone)]
pub struct Universe {
    /// What was asked for.
    pub request: Request,
    /// What it was asked for.
    pub target: Target,
    /// What was seen; what was not read cannot be used.
    pub source: MemorySource,
}

/// A text that is no universe.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the universe cannot be read: {reason}")]
pub struct UniverseError {
    /// Its number, from 1.
    pub line: usize,
    /// What is wrong, in lower case.
    pub reason: String,
}

impl Universe {
    /// What rules of pinsmith's own add to what a release requires, one requirement a line.
    pub fn needs(&self, name: &PackageName, version: &Version) -> Vec<String> {
        let Ok(ReleasesAnswer::Found(project)) = self.source.releases(name) else {
            return Vec::new();
        };
        let eligibility = Eligibility::new(&self.target, &Options::default());
        let candidates = eligibility.candidates(project, false);
        let candidate = candidates.get(version).filter(|c| c.has_wheel);
        let Some((candidate, file)) = candidate.and_then(|c| Some((c, candidates.best_file(c)?)))
        else {
            return Vec::new();
        };
        match self.source.metadata(name, &file) {
            Ok(MetadataAnswer::Found(metadata)) => {
                let uploaded = candidates.release(candidate).uploaded;
                needs_of(name, uploaded, &self.target, &metadata)
            }
            _ => Vec::new(),
        }
    }

    /// Reads what a [`Recorder`] wrote.
    ///
    /// ```
    /// use pinsmith_resolver::{Options, Universe, resolve};
    ///
    /// let text = "target 3.12 linux-x86_64\nrequire a\nproject a\nrelease 1.0 2026-01-31T00:00:00Z wheel\n";
    /// let Universe { request, target, source } = Universe::parse(text)?;
    /// let answer = resolve(&request, &target, &source, &Options::default())?;
    /// assert_eq!(answer.packages[0].to_string(), "a==1.0");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`UniverseError`] at the first line that cannot be read.
    pub fn parse(text: &str) -> Result<Self, UniverseError> {
        let mut reader = Reader::default();
        for (number, text) in text.lines().enumerate() {
            let refuse = |reason: String| UniverseError {
                line: number + 1,
                reason,
            };
            let (kind, words) = text.split_once(' ').unwrap_or((text, ""));
            reader.line(kind, words).map_err(refuse)?;
        }
        reader.finish_release();
        Ok(Self {
            request: reader.request,
            source: reader.source,
            target: reader.target.ok_or_else(|| UniverseError {
                line: 1,
                reason: "it names no target".to_owned(),
            })?,
        })
    }
}

#[derive(Default)]
struct Reader {
    target: Option<Target>,
    request: Request,
    source: MemorySource,
    project: Option<PackageName>,
    release: Option<(Readable, Option<String>)>,
}

impl Reader {
    fn line(&mut self, kind: &str, words: &str) -> Result<(), String> {
        let requirement = || {
            let parsed = parse_requirement(words).map_err(|error| error.to_string())?;
            Ok::<_, String>(parsed.requirement)
        };
        match kind {
            "target" => self.target = Some(target(words)?),
            "require" => self.request.roots.push(requirement()?),
            "project" => {
                self.finish_release();
                let name = PackageName::new(words.to_owned());
                self.project = Some(name.map_err(|error| error.to_string())?);
            }
            "release" => {
                self.finish_release();
                self.release = Some(self.release(words)?);
            }
            "requires" => {
                let (release, _) = self.release.as_mut().ok_or("it belongs to no release")?;
                release.requires.push(requirement()?);
            }
            "needs" | "pin" | "" | "#" => {}
            _ => return Err(format!("`{kind}` is not a kind of line")),
        }
        Ok(())
    }

    fn release(&self, words: &str) -> Result<(Readable, Option<String>), String> {
        let mut words = words.split(' ');
        let mut next = |what: &str| words.next().ok_or(format!("the {what} is missing"));
        let version: Version = next("version")?
            .parse()
            .map_err(|error| format!("{error}"))?;
        let uploaded = match next("time")? {
            "?" => None,
            time => Some(
                time.parse::<Timestamp>()
                    .map_err(|error| error.to_string())?,
            ),
        };
        let wheel = next("kind of file")? == "wheel";
        let rest: Vec<&str> = words.collect();
        let name = self.project.clone().ok_or("it belongs to no project")?;
        let stem = format!("{}-{version}", name.as_dist_info_name());
        let filename = if wheel {
            format!("{stem}-py3-none-any.whl")
        } else {
            format!("{stem}.tar.gz")
        };
        let kind = if wheel {
            FileKind::Wheel(filename.parse().map_err(|error| format!("{error}"))?)
        } else {
            FileKind::Sdist
        };
        let mut states = rest
            .iter()
            .filter(|state| ["unread", "unusable"].contains(state));
        let hidden = states.next().map(|state| (*state).to_owned());
        let release = Readable {
            name,
            version,
            files: vec![(filename, kind)],
            requires: Vec::new(),
            requires_python: None,
            extras: Vec::new(),
            uploaded,
            yanked: rest.contains(&"yanked"),
        };
        Ok((release, hidden))
    }

    fn finish_release(&mut self) {
        let Some((release, hidden)) = self.release.take() else {
            return;
        };
        for (filename, _) in &release.files {
            if let Some(state) = &hidden {
                let reason = match state.as_str() {
                    "unread" => "it was not read when the universe was recorded",
                    _ => "it could not be read when the universe was recorded",
                };
                self.source.hide_metadata(filename, reason);
            }
        }
        self.source.insert(release);
    }
}

fn target(words: &str) -> Result<Target, String> {
    let (python, platform) = words.split_once(' ').ok_or("the platform is missing")?;
    let python = python.parse().map_err(|error| format!("{error}"))?;
    let platform = platform.parse().map_err(|error| format!("{error}"))?;
    Ok(Target::new(python, platform))
}
