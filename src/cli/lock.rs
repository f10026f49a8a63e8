//! `pinsmith lock`: scan, resolve, write.

mod closing;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pinsmith_resolver::{Accelerator, Asked, Request, Resolution};

use closing::{Closing, summarise};

pub(super) use closing::shorten;

use super::accelerators::{fit, refuse, replaced, table};
use super::args::{GlobalArgs, LockArgs, ResolveArgs};
use super::auto::{keep_to_bound, settle};
use super::configured::{configured, groups};
use super::json::{ResolutionJson, to_text};
use super::lookup::look_up;
use super::source::{Source, open_tree};
use super::strict::Unknown;
use super::targets::{Before, admitted, targets};
use super::terminal::Terminal;
use super::unsatisfiable::all_or_failure;
use super::world::{
    Directs, OpenIndex, Resolved, World, detect_host, location, read_direct, resolve_flags, typed,
};
use super::{Done, Failure};
use crate::config::Config;
use crate::diagnostic::Diagnostic;
use crate::environment::{
    EnvironmentSpec, Gap, LockFile, OUTSIDE_THE_LOCK, SpecInputs, UNREADABLE_SPEC,
    UNRESOLVED_IMPORT, inputs_digest,
};
use crate::lock::{DirectSources, Lock, LockOptions, environment_marker};
use crate::render::{environment, pylock, pylock_file_name, requirements_txt};
use crate::requirements::{GENERATED_HEADER_PREFIX, Manifest};
use crate::scan::Tree;
use crate::write::{Guard, Output, Written, beginning, existing, requirements_name, write_all};

pub(super) fn run(
    args: &LockArgs,
    global: &GlobalArgs,
    terminal: Terminal,
) -> Result<Done, Failure> {
    let tree = open_tree(&args.source.path)?;
    let config = Config::of_tree(&tree);
    let mut resolve = configured(&args.resolve, &config);
    let manifests = || Ok(vec![Source::read(&args.source, None, terminal)?.manifest]);
    let auto = &mut resolve.targets;
    if let Some(done) = settle(auto, manifests, tree.root(), global, terminal)? {
        return Ok(done);
    }
    // what is written says what was chosen
    let mut args = args.clone();
    if !args.resolve.targets.accelerator.is_empty() {
        let chosen = &resolve.targets.accelerator;
        args.resolve.targets.accelerator.clone_from(chosen);
    }
    lock(&args, &resolve, &config, &tree, global, terminal)
}

fn lock(
    args: &LockArgs,
    resolve: &ResolveArgs,
    config: &Config,
    tree: &Tree,
    global: &GlobalArgs,
    terminal: Terminal,
) -> Result<Done, Failure> {
    let wanted = &resolve.targets;
    let host = detect_host(wanted.python.first().copied(), tree.root(), global);
    let folder = args.output_dir.as_deref().unwrap_or_else(|| tree.root());
    let before = Before::of_folders(&[folder, tree.root()]);
    let accelerators = table(wanted.accelerator_table.as_deref())?;
    let targets = targets(wanted, &host, &before.targets, &accelerators)?;
    let oldest = targets.iter().map(|target| target.python).min();
    let mut source = Source::read_again(&args.source, oldest, global, terminal)?;
    let declared = source.manifest.requires_python.as_ref();
    let targets = admitted(targets, wanted, declared.map(|(python, _)| python))?;
    let location = location(&resolve.index, global, &host, source.tree.root())?;
    let world = World {
        location,
        host: &host,
        tree: source.tree.root(),
        accelerators: Arc::clone(&accelerators),
    };
    let index = OpenIndex::for_resolution(resolve, global, world, &targets, terminal)?;
    if !args.no_lookup {
        let until = resolve.as_of.as_ref().map(|as_of| as_of.instant);
        look_up(&mut source, &args.source, &index.index, until);
    }
    let groups = groups(&args.groups, config);
    let groups = chosen_groups(groups, args.all_groups, &source.manifest)?;
    let older = older_spec(&output_dir(args, &source))?;
    let request = request(&source.manifest, &groups);
    let mut asked = before.asked(&request, &targets, &resolve.upgrade);
    keep_to_bound(&mut asked, wanted);
    let fitted = fit(&mut asked, &accelerators);
    if let Some(done) = refuse(&fitted, terminal)? {
        return Ok(done);
    }
    let direct = directs(args, &source, &index, &mut asked);
    let kept = before.archives(&resolve.upgrade);
    if let Some(done) = refuse(&replaced(kept, &direct.sources, &accelerators), terminal)? {
        return Ok(done);
    }
    let resolved = index.resolve(&asked, resolve, true);
    let Resolved {
        answers,
        advice,
        stats,
        diagnostics,
    } = resolved;
    if answers.iter().any(Result::is_err) {
        let read = source.diagnostics();
        terminal.diagnostics(read.chain(&diagnostics).chain(&direct.diagnostics));
    }
    let read = [&source.manifest];
    let resolutions = match all_or_failure(answers, &advice, &targets, &read, terminal)? {
        Ok(resolutions) => resolutions,
        Err(done) => return Ok(done),
    };
    let unknown = Unknown::of(&resolutions, resolve);
    if let Some(done) = unknown.refuse(resolve, terminal)? {
        return Ok(done);
    }
    confirm(&mut source, &resolutions);
    let options = lock_options(resolve, &groups, direct.sources, &index);
    let (made, notes) = Made::new(args, &source, &resolutions, &options, older.as_ref())?;
    let not_kept = before.not_kept(&resolutions);
    let all: Vec<&Diagnostic> = source
        .diagnostics()
        .chain(&host.diagnostics)
        .chain(&fitted)
        .chain(&diagnostics)
        .chain(&direct.diagnostics)
        .chain(&notes)
        .chain(&not_kept)
        .collect();
    let written = if args.dry_run {
        if !terminal.json() {
            terminal.result(&made.shown())?;
        }
        Vec::new()
    } else {
        made.write(args, &source)?
    };
    terminal.diagnostics(all.iter().copied());
    summarise(&Closing {
        args,
        resolve,
        source: &source,
        resolutions: &resolutions,
        before: &before,
        groups: &groups,
        written: &written,
        diagnostics: &all,
        stats,
        terminal,
    });
    if terminal.json() {
        let stats = resolve.stats.then_some(stats);
        terminal.result(&to_text(&ResolutionJson::new(&resolutions, stats))?)?;
    }
    Ok(Done::Yes)
}

/// Says which of the mapped distributions were locked.
fn confirm(source: &mut Source, resolutions: &[Resolution]) {
    let locked = resolutions.iter().flat_map(|answer| &answer.packages);
    let locked = locked.map(|package| package.name.clone()).collect();
    source.manifest.confirm(&locked);
}

fn lock_options(
    resolve: &ResolveArgs,
    groups: &[String],
    direct: DirectSources,
    index: &OpenIndex,
) -> LockOptions {
    LockOptions {
        groups: groups.to_vec(),
        as_of: resolve.as_of.as_ref().map(|as_of| as_of.instant),
        direct,
        indexes: index.index.index_names().into_iter().collect(),
    }
}

/// What the direct references point at.
fn directs(args: &LockArgs, source: &Source, index: &OpenIndex, asked: &mut [Asked]) -> Directs {
    read_direct(
        asked,
        &[&source.manifest],
        // folders are named relative to the lock
        args.output_dir.is_none().then_some(&source.tree),
        source.tree.root(),
        &index.index,
        args.resolve.index.offline,
    )
}

/// The groups that were asked for; an unknown one is an error that names the known ones.
pub(super) fn chosen_groups(
    wanted: &[String],
    all: bool,
    manifest: &Manifest,
) -> Result<Vec<String>, Failure> {
    let mut known: Vec<&String> = manifest
        .requirements
        .iter()
        .filter_map(|requirement| requirement.group.as_ref())
        .collect();
    known.sort();
    known.dedup();
    if all {
        return Ok(known.into_iter().cloned().collect());
    }
    for group in wanted {
        if !known.contains(&group) {
            let names: Vec<&str> = known.iter().map(|name| name.as_str()).collect();
            let help = match names.as_slice() {
                [] => "this repository has no groups".to_owned(),
                names => format!("its groups are: {}", names.join(", ")),
            };
            return Err(Failure::new(format!("there is no group `{group}`"), help));
        }
    }
    let mut groups = wanted.to_vec();
    groups.sort();
    groups.dedup();
    Ok(groups)
}

pub(super) fn request(manifest: &Manifest, groups: &[String]) -> Request {
    let wanted = manifest.requirements.iter().filter(|requirement| {
        let group = requirement.group.as_ref();
        group.is_none_or(|group| groups.contains(group))
    });
    Request {
        roots: wanted.map(|wanted| wanted.requirement.clone()).collect(),
        constraints: manifest.constraints.clone(),
        ..Request::default()
    }
}

/// Everything that is to be written, rendered.
pub(super) struct Made {
    requirements: Vec<Output>,
    others: Vec<Output>,
}

/// One lock with its renderings.
struct Rendered {
    lock: Lock,
    name: String,
    text: String,
    requirements: Output,
}

impl Made {
    pub(super) fn new(
        args: &LockArgs,
        source: &Source,
        resolutions: &[Resolution],
        options: &LockOptions,
        older: Option<&EnvironmentSpec>,
    ) -> Result<(Self, Vec<Diagnostic>), Failure> {
        let folder = output_dir(args, source);
        let command = command_line(args, &options.groups);
        let mut diagnostics = Vec::new();
        let mut all = Vec::new();
        for (slug, resolutions) in files_of(resolutions) {
            let locked = Lock::from_resolutions(&resolutions, &source.manifest, options)?;
            for finding in locked.diagnostics {
                if !diagnostics.contains(&finding) {
                    diagnostics.push(finding);
                }
            }
            all.push(Rendered {
                requirements: Output {
                    name: requirements_of(slug.as_deref(), &folder),
                    text: requirements_txt(&locked.lock, &command),
                    guard: Guard::Requirements,
                },
                name: pylock_file_name(slug.as_deref()),
                text: pylock(&locked.lock),
                lock: locked.lock,
            });
        }
        let files = all.iter().map(|one| LockFile {
            name: &one.name,
            text: &one.text,
            lock: &one.lock,
            requirements_name: &one.requirements.name,
            requirements: &one.requirements.text,
        });
        let spec = EnvironmentSpec::new(&SpecInputs {
            locks: &files.collect::<Vec<_>>(),
            scan: &source.scan,
            manifest: &source.manifest,
            inputs_digest: digest_of_inputs(source),
            python_evidence: &python_evidence(args, source),
        });
        let spec = match older {
            Some(older) => spec.keeping(older),
            None => spec,
        };
        let mut made = Self {
            requirements: Vec::new(),
            others: Vec::new(),
        };
        for one in all {
            made.requirements.push(one.requirements);
            made.others.push(Output {
                name: one.name,
                text: one.text,
                guard: Guard::Pylock,
            });
        }
        made.others.push(Output {
            name: EnvironmentSpec::FILE_NAME.to_owned(),
            text: environment(&spec),
            guard: Guard::Spec,
        });
        let gaps = spec.gaps.iter().map(Gap::to_diagnostic);
        // what else says these better has been said
        let gaps = gaps.filter(|gap| ![UNRESOLVED_IMPORT, OUTSIDE_THE_LOCK].contains(&gap.code));
        diagnostics.extend(gaps);
        Ok((made, diagnostics))
    }

    /// The requirements files as one text, for people.
    fn shown(&self) -> String {
        if let [only] = self.requirements.as_slice() {
            return only.text.clone();
        }
        let files = self.requirements.iter();
        let texts = files.map(|file| format!("# {}\n{}", file.name, file.text));
        texts.collect::<Vec<_>>().join("\n")
    }

    pub(super) fn write(self, args: &LockArgs, source: &Source) -> Result<Vec<Written>, Failure> {
        let folder = output_dir(args, source);
        let help = "name a folder that you may write to with -o DIR";
        if folder.exists() && !folder.is_dir() {
            let message = format!("`{}` is a file, not a folder", folder.display());
            return Err(Failure::new(message, help));
        }
        std::fs::create_dir_all(&folder).map_err(|error| {
            let message = format!("cannot make the folder `{}`: {error}", folder.display());
            Failure::new(message, help)
        })?;
        let mut outputs = self.requirements;
        outputs.extend(self.others);
        Ok(write_all(&folder, &outputs)?)
    }
}

/// The name of the requirements file of a lock.
fn requirements_of(slug: Option<&str>, folder: &Path) -> String {
    if let Some(slug) = slug {
        return format!("requirements.{slug}.txt");
    }
    let before = beginning(folder, "requirements.txt");
    requirements_name(before.as_deref()).to_owned()
}

/// The answers of each file with its name: all in one where markers tell the targets apart, else one
/// file an accelerator, since no marker can express that.
fn files_of(resolutions: &[Resolution]) -> Vec<(Option<String>, Vec<Resolution>)> {
    let markers = resolutions
        .iter()
        .map(|one| environment_marker(&one.target).to_string());
    let distinct: BTreeSet<String> = markers.collect();
    let mut accelerators: Vec<Accelerator> = Vec::new();
    for resolution in resolutions {
        if !accelerators.contains(&resolution.target.accelerator) {
            accelerators.push(resolution.target.accelerator);
        }
    }
    if distinct.len() == resolutions.len() || accelerators.len() < 2 {
        return vec![(None, resolutions.to_vec())];
    }
    let of = |accelerator| {
        let all = resolutions.iter();
        let own = all.filter(|one| one.target.accelerator == accelerator);
        let slug = accelerator.to_string().replace('.', "-");
        (Some(slug), own.cloned().collect())
    };
    accelerators.into_iter().map(of).collect()
}

/// The spec that is about to be written again, for what a person wrote into it.
pub(super) fn older_spec(folder: &Path) -> Result<Option<EnvironmentSpec>, Failure> {
    let Some(bytes) = existing(folder, EnvironmentSpec::FILE_NAME) else {
        return Ok(None);
    };
    let text = String::from_utf8_lossy(&bytes);
    // what pinsmith did not write is refused when it comes to writing
    if !text.contains("generated-by = \"pinsmith\"") {
        return Ok(None);
    }
    match EnvironmentSpec::read(&text) {
        Ok(spec) => Ok(Some(spec)),
        Err(error) => Err(Failure::new(
            error.to_string(),
            "mend it, so that what you filled in is kept, or move it away",
        )
        .coded(UNREADABLE_SPEC)),
    }
}

fn output_dir(args: &LockArgs, source: &Source) -> PathBuf {
    let own = || source.tree.root().to_owned();
    args.output_dir.clone().unwrap_or_else(own)
}

/// Why this Python was chosen.
fn python_evidence(args: &LockArgs, source: &Source) -> Vec<String> {
    let wanted = &args.resolve.targets;
    let named = wanted.python.iter();
    let mut evidence: Vec<String> = named.map(|python| format!("--python {python}")).collect();
    if evidence.is_empty()
        && let Some(site) = &source.config.python_site
    {
        let wished = source.config.python.iter();
        evidence.extend(wished.map(|python| format!("python {python} at {site}")));
    }
    if evidence.is_empty() {
        evidence.push(if wanted.universal {
            "every supported Python that the project admits".to_owned()
        } else {
            "the Python of the machine that locked".to_owned()
        });
    }
    if let Some((specifiers, site)) = &source.manifest.requires_python {
        evidence.push(format!("requires-python {specifiers} at {site}"));
    }
    evidence
}

/// The flags that decide the result, as one would type them again; no paths of this machine.
fn command_line(args: &LockArgs, groups: &[String]) -> String {
    let mut command = vec!["pinsmith lock".to_owned()];
    command.extend(resolve_flags(&args.resolve));
    let mut flags = |name: &str, values: Vec<String>| {
        let shown = values
            .iter()
            .map(|value| format!("--{name} {}", typed(value)));
        command.extend(shown);
    };
    let source = &args.source;
    flags("exclude", source.exclude.clone());
    let map = source.map.iter();
    flags(
        "map",
        map.map(|(module, name)| format!("{module}={name}"))
            .collect(),
    );
    flags(
        "accept",
        source.accept.iter().map(ToString::to_string).collect(),
    );
    let asked = args.all_groups || !args.groups.is_empty();
    flags("group", if asked { groups.to_vec() } else { Vec::new() });
    if args.no_lookup {
        command.push("--no-lookup".to_owned());
    }
    command.join(" ")
}

/// One digest over every file that was read.
pub(super) fn digest_of_inputs(source: &Source) -> pinsmith_resolver::Sha256 {
    let config = source.config.file.into_iter();
    let paths: BTreeSet<&str> = source.scan.input_files().chain(config).collect();
    let contents: Vec<(&str, Vec<u8>)> = paths
        .into_iter()
        .filter_map(|path| Some((path, source.tree.read(path).ok()?)))
        // what an earlier run wrote is no input
        .filter(|(_, content)| !content.starts_with(GENERATED_HEADER_PREFIX.as_bytes()))
        .collect();
    inputs_digest(
        contents
            .iter()
            .map(|(path, content)| (*path, content.as_slice())),
    )
}
