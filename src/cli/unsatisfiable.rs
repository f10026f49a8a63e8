//! The answer "no": the proof with the places of its requirements, and what would make it work.

use pinsmith_resolver::{
    Asked, Exclusion, Fact, Options, PackageName, PackageSource, Platform, ReleasesAnswer, Remedy,
    Requirement, Resolution, ResolveError, Target, Timestamp, Unsatisfiable, remedies, usual_form,
    worked_as_of,
};

use super::json::to_text;
use super::no_json::UnsatisfiableJson;
use super::terminal::Terminal;
use super::{Done, Failure};
use crate::accelerator::{Route, Table};
use crate::diagnostic::Code;
use crate::index::codes::NOT_IN_CACHE;
use crate::index::sdist::ONLY_BUILDING;
use crate::requirements::{Manifest, OriginKind, distribution_like};

/// What would give an answer; every piece of it was tried.
#[derive(Debug, Default)]
pub(super) struct Advice {
    /// Changes that are each enough.
    pub(super) remedies: Vec<Remedy>,
    /// When the requirements still had an answer.
    pub(super) worked_as_of: Option<Timestamp>,
    /// Builds that are there instead.
    pub(super) nearest: Vec<String>,
    /// What to do about projects that no index has.
    pub(super) unknown: Vec<String>,
}

impl Advice {
    /// Looks for remedies; `cached` is a source that sends nothing over the network.
    pub(super) fn find(
        error: &ResolveError,
        asked: &Asked,
        source: &dyn PackageSource,
        cached: Option<&dyn PackageSource>,
        options: &Options,
        table: &Table,
    ) -> Self {
        let request = &asked.request;
        let ResolveError::Unsatisfiable(proof) = error else {
            return Self::default();
        };
        let remedies = remedies(proof, request, source, options);
        let moves_day = |remedy: &Remedy| matches!(remedy, Remedy::AsOf { .. } | Remedy::NoAsOf);
        let cached = cached.filter(|_| !remedies.iter().any(moves_day));
        Self {
            worked_as_of: cached.and_then(|one| worked_as_of(proof, request, one, options)),
            remedies,
            nearest: nearest(proof, source, table),
            unknown: proof
                .unknown_projects()
                .map(|name| unknown(name, &proof.target, table))
                .collect(),
        }
    }
}

/// What there is instead of the builds that the proof says are missing.
fn nearest(proof: &Unsatisfiable, source: &dyn PackageSource, table: &Table) -> Vec<String> {
    if proof.offline() {
        return Vec::new();
    }
    let seen = source.for_target(&proof.target);
    let seen = seen.as_deref().unwrap_or(source);
    let requirements = proof.requirements().into_iter();
    // a release that could be taken, had it other requirements
    let usable = |name: &PackageName| {
        let mut facts = proof.facts.iter();
        facts.any(|fact| matches!(fact, Fact::Requires { by, .. } if by.name == *name))
    };
    let found = requirements.filter_map(|requirement| {
        if usable(&requirement.name) {
            return table.known_trap(requirement);
        }
        let project = match seen.releases(&requirement.name) {
            Ok(ReleasesAnswer::Found(project)) => Some(project),
            _ => None,
        };
        table.nearest(requirement, &proof.target, project.as_deref())
    });
    found.collect()
}

/// All answers of the targets, or what became of the first that has none.
pub(super) fn all_or_failure(
    answers: Vec<Result<Resolution, ResolveError>>,
    advice: &Advice,
    targets: &[Target],
    manifests: &[&Manifest],
    terminal: Terminal,
) -> Result<Result<Vec<Resolution>, Done>, Failure> {
    let number = answers.len();
    let have = answers.iter().filter(|answer| answer.is_ok()).count();
    let mut all = Vec::with_capacity(number);
    for (answer, target) in answers.into_iter().zip(targets) {
        match answer {
            Ok(resolution) => all.push(resolution),
            Err(error) => {
                let place = (number > 1).then(|| Place::new(target, have, number));
                return tell(error, advice, place.as_ref(), manifests, terminal).map(Err);
            }
        }
    }
    Ok(Ok(all))
}

/// A target without an answer among others.
struct Place {
    /// Before the story.
    before: String,
    /// What to know beside the remedies.
    help: String,
}

impl Place {
    fn new(target: &Target, have: usize, number: usize) -> Self {
        let others = match have {
            0 => "none of the other targets has one either".to_owned(),
            1 => "one other target has an answer".to_owned(),
            have => format!("{have} of the {number} targets have an answer"),
        };
        Self {
            before: format!("for {target}:"),
            help: format!(
                "{others}; a lock holds all its targets or none, so name only those with --python and --platform"
            ),
        }
    }
}

/// Splits a resolver's error into the answer "no" and a failure of the world.
fn tell(
    error: ResolveError,
    advice: &Advice,
    place: Option<&Place>,
    manifests: &[&Manifest],
    terminal: Terminal,
) -> Result<Done, Failure> {
    let proof = match error {
        ResolveError::Unsatisfiable(proof) => proof,
        ResolveError::Source(error) => {
            return Err(Failure {
                code: error.code.map(Code),
                message: error.message,
                help: error.help.into_iter().collect(),
            });
        }
    };
    let places = |requirement: &Requirement| places(requirement, manifests);
    let mut story = proof.story(&places);
    let mut help = help(&proof, advice, &places);
    let requirements = proof.requirements().into_iter();
    help.extend(requirements.filter_map(|requirement| apart(requirement, manifests)));
    if let Some(place) = place {
        story.insert(0, place.before.clone());
        help.push(place.help.clone());
    }
    if proof.offline() {
        let message = format!(
            "the cache does not hold what is needed\n{}",
            story.join("\n")
        );
        return Err(Failure {
            code: Some(NOT_IN_CACHE),
            message,
            help,
        });
    }
    if terminal.json() {
        let value = UnsatisfiableJson::new(&proof, &story, &help, advice);
        terminal.result(&to_text(&value)?)?;
    } else {
        let message = format!("no set of releases fits\n{}", story.join("\n"));
        terminal.failure(None, &message, &help);
    }
    Ok(Done::No)
}

/// Where a requirement or constraint of the user stands, the first three places.
pub(super) fn places(requirement: &Requirement, manifests: &[&Manifest]) -> Option<String> {
    let all = manifests.iter().flat_map(|manifest| &manifest.requirements);
    let stands = all.filter(|one| one.requirement == *requirement);
    let mut sites: Vec<String> = stands
        .flat_map(|one| &one.origins)
        .map(|origin| origin.site.to_string())
        .collect();
    let more = sites.len().saturating_sub(3);
    sites.truncate(3);
    if more > 0 {
        sites.push(format!("{more} more"));
    }
    (!sites.is_empty()).then(|| sites.join(", "))
}

/// The folder that can be left out, where nothing declares a requirement and only code in that folder asks for it.
fn apart(requirement: &Requirement, manifests: &[&Manifest]) -> Option<String> {
    let all = manifests.iter().flat_map(|manifest| &manifest.requirements);
    let origins = all
        .filter(|one| one.requirement.name == requirement.name)
        .flat_map(|one| &one.origins);
    let mut folder: Option<Vec<&str>> = None;
    for origin in origins {
        if origin.kind == OriginKind::Declared {
            return None;
        }
        let parts: Vec<&str> = origin.site.file.split('/').collect();
        let (_, of_file) = parts.split_last()?;
        let common = |so_far: Vec<&'_ str>| {
            let both = so_far.iter().zip(of_file);
            both.take_while(|(a, b)| a == b).count()
        };
        folder = Some(match folder {
            None => of_file.to_vec(),
            Some(so_far) => of_file[..common(so_far)].to_vec(),
        });
    }
    let folder = folder.filter(|parts| !parts.is_empty())?.join("/");
    // a pattern without a slash means folders of that name anywhere
    let anchor = if folder.contains('/') { "" } else { "/" };
    Some(format!(
        "or leave `{folder}` out, if it is not needed, with `--exclude '{anchor}{folder}'`: nothing else asks for {}",
        requirement.name
    ))
}

/// What to do about it, one line each.
pub(super) fn help(
    proof: &Unsatisfiable,
    advice: &Advice,
    places: &dyn Fn(&Requirement) -> Option<String>,
) -> Vec<String> {
    if proof.offline() {
        return vec!["run once without --offline to fill the cache".to_owned()];
    }
    let mut help: Vec<String> = advice.nearest.clone();
    help.extend(advice.unknown.iter().cloned());
    help.extend(could_be_built(proof));
    let remedies = advice.remedies.iter();
    help.extend(remedies.map(|remedy| words(remedy, places)));
    if let Some(instant) = advice.worked_as_of {
        let day = day(instant);
        help.push(format!("or go back in time: `--as-of {day}` has an answer"));
    }
    if help.is_empty() {
        help.push(last_resort(proof));
    }
    help
}

/// What is left to say when nothing that was tried has an answer.
fn last_resort(proof: &Unsatisfiable) -> String {
    let elsewhere = proof.facts.iter().find_map(|fact| match fact {
        Fact::Excluded {
            name,
            because: Exclusion::NoMatchingWheel { platforms, .. },
            ..
        } => Some((name, platforms.first()?)),
        _ => None,
    });
    if let Some((name, other)) = elsewhere {
        let platform = proof.target.platform;
        let system = match other {
            Platform::LinuxX86_64 | Platform::LinuxAarch64 => "linux",
            Platform::MacosArm64 | Platform::MacosX86_64 => "darwin",
            Platform::WindowsX86_64 | Platform::WindowsArm64 => "win32",
        };
        return format!(
            "{name} is not made for {platform}: do without it there, or keep what needs it for \
             other systems with the marker `; sys_platform == '{system}'`"
        );
    }
    match proof.requirements().len() {
        1 => "nothing that was tried has an answer: do without it".to_owned(),
        _ => "no single change that was tried is enough: loosen or drop several of the \
              requirements named above"
            .to_owned(),
    }
}

fn unknown(name: &PackageName, target: &Target, table: &Table) -> String {
    if let Route::Index { url, .. } = table.route(name, target) {
        let accelerator = target.accelerator;
        return format!("{url} has no {name} for {accelerator}; take another accelerator");
    }
    let meant = distribution_like(name).map(|known| format!(" ({known} is a known project)"));
    let meant = meant.unwrap_or_default();
    format!(
        "check the spelling of {name}{meant}; if it is private, add its index with --extra-index-url"
    )
}

/// What to do where only a build would tell.
fn could_be_built(proof: &Unsatisfiable) -> Option<String> {
    let name = proof.facts.iter().find_map(|fact| match fact {
        Fact::Excluded {
            name,
            because: Exclusion::Unusable { reason, .. },
            ..
        } => (&**reason == ONLY_BUILDING).then_some(name),
        _ => None,
    })?;
    Some(format!(
        "if you trust {name} to run its code here, let it be built to tell what it requires: `--allow-build`"
    ))
}

/// A remedy as a line of help.
fn words(remedy: &Remedy, places: &dyn Fn(&Requirement) -> Option<String>) -> String {
    let quoted = |requirement: &Requirement| match places(requirement) {
        Some(places) => format!("`{}` ({places})", usual_form(requirement)),
        None => format!("`{}`", usual_form(requirement)),
    };
    match remedy {
        Remedy::Loosen {
            requirement,
            version,
        } => {
            let name = &requirement.name;
            format!(
                "loosen {}: without its bounds {name} {version} fits",
                quoted(requirement)
            )
        }
        Remedy::NoExtras { requirement } => {
            let name = &requirement.name;
            format!(
                "ask for {name} without extras in {}: that has an answer",
                quoted(requirement)
            )
        }
        Remedy::Public {
            requirement,
            version,
        } => {
            let name = &requirement.name;
            format!(
                "write `{name}=={version}` in place of {}, or add the index that has such builds \
                 with --extra-index-url",
                quoted(requirement)
            )
        }
        Remedy::DropOverride { overriding } => format!(
            "drop the override {}: the rest has an answer",
            quoted(overriding)
        ),
        Remedy::Drop { requirement } => {
            format!("drop {}: the rest has an answer", quoted(requirement))
        }
        Remedy::DropConstraint { constraint } => {
            format!(
                "drop the constraint {}: the rest has an answer",
                quoted(constraint)
            )
        }
        Remedy::Python { python } => {
            format!("use Python {python}: `--python {python}` has an answer")
        }
        Remedy::Prereleases { pins } => {
            let pins: Vec<String> = pins.iter().map(|(name, v)| format!("{name} {v}")).collect();
            let with = match pins.as_slice() {
                [] => String::new(),
                pins => format!(", with {}", pins.join(", ")),
            };
            format!("allow pre-releases: `--prerelease allow` has an answer{with}")
        }
        Remedy::PinYanked { name, version } => {
            format!(
                "pin it if you accept what it was yanked for: `{name}=={version}` has an answer"
            )
        }
        Remedy::AsOf { instant } => {
            format!(
                "choose a later day: `--as-of {}` has an answer",
                day(*instant)
            )
        }
        Remedy::NoAsOf => "leave out --as-of: today there is an answer".to_owned(),
        Remedy::Glibc {
            floor: (major, minor),
        } => {
            format!("target newer systems: `--glibc {major}.{minor}` has an answer")
        }
    }
}

fn day(instant: Timestamp) -> String {
    let text = instant.to_string();
    text.split('T').next().unwrap_or(&text).to_owned()
}
