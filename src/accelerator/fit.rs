//! Direct requirements as a target with an accelerator means them.

use pep440_rs::{Operator, VersionSpecifier};
use pinsmith_resolver::{
    Accelerator, AcceleratorFamily, ExtraName, PackageName, Requirement, Target, Version,
    specifiers_of,
};

use super::table::SuffixFamily;
use super::{DEAD_NAME, FITTED, NO_SUCH_BUILD, OTHER_BUILD, STRANGER, Table, WheelLocal};
use crate::diagnostic::{Diagnostic, Severity};

/// Requirements for one target, and what a person should know about them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fitted {
    /// What is asked for instead.
    pub requirements: Vec<Requirement>,
    /// What was changed, and what cannot be: errors mean that there is no answer.
    pub diagnostics: Vec<Diagnostic>,
}

impl Fitted {
    /// Whether there is nothing to resolve for.
    pub fn is_refused(&self) -> bool {
        let mut all = self.diagnostics.iter();
        all.any(|finding| finding.severity == Severity::Error)
    }
}

impl Table {
    /// Fits direct requirements to a target: names and extras that have CUDA in them become those of
    /// the target; what names another build, or a dead name, is refused.
    pub fn fit(&self, requirements: &[Requirement], target: &Target) -> Fitted {
        let mut fitted = Fitted::default();
        if let Some(refusal) = self.refusal(target) {
            fitted.diagnostics.push(refusal);
        }
        let environment = target.marker_environment();
        for requirement in requirements {
            let mut requirement = requirement.clone();
            if requirement.evaluate_markers(&environment, &[]) {
                fitted.diagnostics.extend(self.misleading(&requirement));
                fitted.diagnostics.extend(other_build(&requirement, target));
                let changed = self.with_suffix(&mut requirement, target);
                let extra = self.with_extra(&mut requirement, target);
                fitted.diagnostics.extend(changed.or(extra));
            }
            fitted.requirements.push(requirement);
        }
        fitted
    }

    /// Why a target cannot be: there are no builds for its accelerator on its platform.
    pub fn refusal(&self, target: &Target) -> Option<Diagnostic> {
        if self.exists(target) {
            return None;
        }
        let (accelerator, platform) = (target.accelerator, target.platform);
        let family = accelerator.family();
        let platforms = self.platforms_for(family).unwrap_or_default();
        let platforms: Vec<&str> = platforms.iter().map(|one| one.as_str()).collect();
        let other: Vec<String> = AcceleratorFamily::ALL
            .into_iter()
            .filter(|other| *other != AcceleratorFamily::Index)
            .filter(|other| {
                self.platforms_for(*other)
                    .is_none_or(|all| all.contains(&platform))
            })
            .map(|other| match other {
                AcceleratorFamily::Cuda => "one like cu128".to_owned(),
                AcceleratorFamily::Rocm => "one like rocm6.4".to_owned(),
                other => other.to_string(),
            })
            .rev()
            .collect();
        let message = format!("no such build: there is no {accelerator} for {platform}");
        let help = format!(
            "take {} for {platform}; {family} is {} only",
            other.join(" or "),
            platforms.join(", ")
        );
        Some(Diagnostic::error(NO_SUCH_BUILD, message).help(help))
    }

    /// Names that are dead or belong to somebody else.
    fn misleading(&self, requirement: &Requirement) -> Option<Diagnostic> {
        let name = &requirement.name;
        let specifiers = specifiers_of(requirement);
        if let Some(dead) = self.dead.iter().find(|dead| dead.package == *name) {
            let (why, instead) = (&dead.why, &dead.instead);
            let help = format!("write {instead}{specifiers}");
            let pinned = pin_of(requirement);
            return Some(
                match pinned.filter(|version| dead.versions.contains(version)) {
                    Some(version) => Diagnostic::error(
                        DEAD_NAME,
                        format!(
                            "`{name}` is a dead name from {} on ({version} is asked for): {why}",
                            dead.versions
                        ),
                    ),
                    None => Diagnostic::warning(
                        DEAD_NAME,
                        format!("`{name}` is a dead name from {} on: {why}", dead.versions),
                    ),
                }
                .help(help),
            );
        }
        let stranger = self
            .strangers
            .iter()
            .find(|stranger| stranger.package == *name)?;
        // a wheel of torch's own index is no stranger
        let message = format!("{name} on the main index is not {}", stranger.means);
        let help = format!("{} is at {}", stranger.means, stranger.instead);
        Some(Diagnostic::warning(STRANGER, message).help(help))
    }

    /// A name that is only a source or a stub becomes that of the target's CUDA.
    fn with_suffix(&self, requirement: &mut Requirement, target: &Target) -> Option<Diagnostic> {
        let family = self
            .suffixes
            .iter()
            .find(|family| family.bare.contains(&requirement.name))?;
        let name = family.member_for(target.accelerator)?;
        let before = requirement.to_string();
        requirement.name = name;
        Some(fitted(&before, requirement, target))
    }

    /// A requirement without an extra for an accelerator gets that of the target's.
    fn with_extra(&self, requirement: &mut Requirement, target: &Target) -> Option<Diagnostic> {
        let cuda = target.accelerator.cuda()?;
        let name = &requirement.name;
        let family = self.extras.iter().find(|family| {
            family.package == *name
                && family
                    .accelerators
                    .iter()
                    .any(|one| one.matches(target.accelerator))
                && family.majors.contains(&cuda.major)
        })?;
        let linux = target.platform.as_str().starts_with("linux");
        let chosen = requirement
            .extras
            .iter()
            .any(|extra| family.any.iter().any(|any| any == extra.as_ref()));
        let pinned = pin_of(requirement);
        let has = match (&family.versions, pinned) {
            (Some(versions), Some(pinned)) => versions.contains(&pinned),
            _ => true,
        };
        if !linux || chosen || !has || pinsmith_resolver::url_of(requirement).is_some() {
            return None;
        }
        let before = requirement.to_string();
        let extra = family.extra.replace("{major}", &cuda.major.to_string());
        requirement.extras.push(ExtraName::new(extra).ok()?);
        requirement.extras.sort();
        Some(fitted(&before, requirement, target))
    }
}

fn fitted(before: &str, after: &Requirement, target: &Target) -> Diagnostic {
    let accelerator = target.accelerator;
    Diagnostic::info(
        FITTED,
        format!("`{before}` is taken as `{after}` for {accelerator}"),
    )
}

/// A local version in a pin is a demand: it names one build.
fn other_build(requirement: &Requirement, target: &Target) -> Option<Diagnostic> {
    if target.accelerator == Accelerator::Index {
        return None;
    }
    let specifiers = specifiers_of(requirement);
    let named = specifiers.iter().find_map(|clause| {
        let version = exact(clause).filter(|version| !version.local().is_empty())?;
        let local = WheelLocal::of(version);
        (!local.serves(target.accelerator)).then_some((version, local))
    });
    let (version, local) = named?;
    let name = &requirement.name;
    let public = version.clone().without_local();
    let wanted = target.accelerator;
    let text = version.to_string();
    let text = text.split_once('+').map_or("", |(_, local)| local);
    let build = text.parse::<Accelerator>();
    let instead = match build {
        Ok(build) if local.torch.is_none() => format!(", or lock for --accelerator {build}"),
        _ => String::new(),
    };
    let message =
        format!("the pin names another build: {name} {version}, and the target is {wanted}");
    let help =
        format!("write `{name}=={public}`, so that each target takes its own build{instead}");
    Some(Diagnostic::error(OTHER_BUILD, message).help(help))
}

/// The version of `==` and `===`.
fn exact(clause: &VersionSpecifier) -> Option<&Version> {
    let is_exact = matches!(clause.operator(), Operator::Equal | Operator::ExactEqual);
    is_exact.then(|| clause.version())
}

/// The one version that a requirement admits.
fn pin_of(requirement: &Requirement) -> Option<Version> {
    let specifiers = specifiers_of(requirement);
    specifiers.iter().find_map(exact).cloned()
}

impl SuffixFamily {
    /// The member for an accelerator: that of its CUDA, or the highest of the same major version
    /// not above it.
    pub fn member_for(&self, accelerator: Accelerator) -> Option<PackageName> {
        let cuda = accelerator.cuda()?;
        let (variable, value) = if self.name.contains("{major}") {
            let major = cuda.major.to_string();
            let known = self.members.contains(&major);
            ("{major}", known.then_some(major)?)
        } else {
            let members = self.members.iter().filter_map(|member| {
                let own = pinsmith_resolver::CudaVersion::of_digits(member)?;
                (own.major == cuda.major && own <= cuda).then_some((own, member))
            });
            ("{cuda}", members.max()?.1.clone())
        };
        self.name.replace(variable, &value).parse().ok()
    }

    /// All names of the family with their CUDA major version.
    pub fn names(&self) -> impl Iterator<Item = (PackageName, u8)> {
        self.members.iter().filter_map(|member| {
            let name = self
                .name
                .replace("{major}", member)
                .replace("{cuda}", member);
            let major = match pinsmith_resolver::CudaVersion::of_digits(member) {
                Some(version) => version.major,
                None => member.parse().ok()?,
            };
            Some((name.parse().ok()?, major))
        })
    }
}
