//! `pinsmith lock`: scan, resolve, write.

mod closing;
mod made;
mod python;

use std::sync::Arc;

use pinsmith_resolver::{Asked, Request, Resolution};

use closing::{Closing, summarise};
use made::output_dir;

pub(super) use closing::shorten;
pub(super) use made::{Made, digest_of_inputs, older_spec};
pub(super) use python::of_source as pythons_of;

use super::accelerators::{fit, refuse, replaced, table};
use super::args::{GlobalArgs, LockArgs, ResolveArgs, instants};
use super::artifacts::{Asked as AskedOfHosts, Asking};
use super::auto::{keep_to_bound, settle};
use super::configured::{configured, groups};
use super::json::{ResolutionJson, to_text};
use super::lookup::look_up;
use super::source::{Purpose, Source, open_tree};
use super::strict::Unknown;
use super::targets::{Before, admitted, targets};
use super::terminal::Terminal;
use super::unsatisfiable::all_or_failure;
use super::world::{Directs, OpenIndex, Resolved, World, detect_host, location, read_direct};
use super::{Done, Failure};
use crate::config::Config;
use crate::diagnostic::Diagnostic;
use crate::environment::EnvironmentSpec;
use crate::index::Location;
use crate::lock::{DirectSources, LockOptions};
use crate::requirements::Manifest;
use crate::scan::Tree;

pub(super) fn run(
    args: &LockArgs,
    global: &GlobalArgs,
    terminal: Terminal,
) -> Result<Done, Failure> {
    let tree = open_tree(&args.source.path)?;
    let config = Config::of_tree(&tree);
    let mut resolve = configured(&args.resolve, &config);
    let manifests = || {
        Ok(vec![
            Source::read(&args.source, Purpose::default(), terminal)?.manifest,
        ])
    };
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
    let mut source = Source::read_again(&args.source, Purpose::of(&targets), global, terminal)?;
    let pythons = pythons_of(&source, (!args.source.rescan).then_some(global));
    let inferred = pythons.supported(&[]).map(|found| found.specifiers);
    let declared = source.manifest.requires_python.as_ref();
    let declared = declared.map(|(python, _)| python);
    let targets = admitted(targets, wanted, declared.or(inferred.as_ref()))?;
    let mut unfit = python::unfit(&pythons, &source.manifest, &targets);
    // the scan says so of modules that left the library
    unfit.retain(|one| source.diagnostics().all(|other| other.site != one.site));
    let location = location(&resolve.index, global, &host, source.tree.root())?;
    let older = older_spec(&output_dir(args, &source))?;
    let artifacts = ask_hosts(args, resolve, &source, older.as_ref(), &location);
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
    let (pins, silent) = artifacts.finish();
    let specs = (older.as_ref(), &pins);
    let (made, notes) = Made::new(args, (&source, &pythons), &resolutions, &options, specs)?;
    let not_kept = before.not_kept(&resolutions);
    let all: Vec<&Diagnostic> = source
        .diagnostics()
        .chain(&unfit)
        .chain(&host.diagnostics)
        .chain(&fitted)
        .chain(&diagnostics)
        .chain(&direct.diagnostics)
        .chain(&notes)
        .chain(&silent)
        .chain(&not_kept)
        .collect();
    let written = made.write_or_show(args, &source, terminal)?;
    terminal.most_diagnostics(all.iter().copied());
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
        as_of_packages: instants(&resolve.as_of_package),
        direct,
        indexes: index.index.index_names().into_iter().collect(),
    }
}

/// Asks what models, datasets and files are, while the packages are resolved.
fn ask_hosts(
    args: &LockArgs,
    resolve: &ResolveArgs,
    source: &Source,
    older: Option<&EnvironmentSpec>,
    location: &Location,
) -> Asking {
    let about = AskedOfHosts {
        scan: &source.scan,
        older,
        location,
        as_of: resolve.as_of.as_ref().map(|as_of| as_of.instant),
        offline: resolve.index.offline,
        upgrade: resolve.upgrade.upgrade,
    };
    Asking::start(&args.artifacts, &about)
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
