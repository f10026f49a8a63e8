//! What is declared, beside what the index offers; nothing is tried.

use std::collections::BTreeSet;

use pep440_rs::VersionSpecifier;
use pinsmith_resolver::{
    PackageName, Project, Release, ReleaseFile, Requirement, TagSet, Target, Timestamp, Version,
    specifiers_of, to_ranges, url_of,
};

use super::codes;
use crate::diagnostic::Diagnostic;
use crate::scan::Site;

/// How a requirement stands on one target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// A wheel fits, or nothing of the project ever was a wheel for this platform.
    Ready,
    /// What fits has to be built, although the project has wheels.
    Builds,
    /// What fits is for other Pythons or platforms.
    NotHere,
    /// What fits was uploaded later.
    TooNew,
    /// What fits was yanked, which only an exact pin takes.
    Yanked,
    /// No release fits.
    Missing,
}

/// What a target takes, for one question after another.
#[derive(Debug)]
pub struct Rules {
    tags: TagSet,
    python: Version,
    as_of: Option<Timestamp>,
}

impl Rules {
    /// The rules of a target at an instant.
    pub fn new(target: &Target, as_of: Option<Timestamp>) -> Self {
        let python = target.python;
        let (major, minor) = python.minor_pair();
        let parts: [u64; 3] = [major.into(), minor.into(), python.patch.unwrap_or(0).into()];
        Self {
            tags: TagSet::of(target),
            python: Version::new(parts),
            as_of,
        }
    }

    /// How a requirement stands, judged by the newest release that fits it.
    pub fn standing(&self, requirement: &Requirement, project: &Project) -> Standing {
        let range = to_ranges(&specifiers_of(requirement));
        let fitting = || {
            let releases = project.releases().iter().rev();
            releases.filter(|release| range.contains(&release.version))
        };
        if fitting().next().is_none() {
            return Standing::Missing;
        }
        let exact = fitting().nth(1).is_none();
        let has_final = fitting().any(|release| !release.version.any_prerelease());
        let mut best = Standing::Yanked;
        for release in fitting() {
            if has_final && release.version.any_prerelease() {
                continue;
            }
            let found = self.release(release, project);
            if found == Standing::Yanked && exact {
                return Standing::Yanked;
            }
            best = best.min(found);
            if best <= Standing::Builds {
                break;
            }
        }
        match best {
            // a project without any wheel is built everywhere
            Standing::Builds if !has_wheels(project) => Standing::Ready,
            other => other,
        }
    }

    /// When a project first had a wheel for this target that a requirement admits, after the day that
    /// counts; `None` when it needs none, or never had one.
    pub fn first_wheel(&self, requirement: &Requirement, project: &Project) -> Option<Timestamp> {
        if self.standing(requirement, project) != Standing::Builds {
            return None;
        }
        let range = to_ranges(&specifiers_of(requirement));
        let later = Self {
            as_of: None,
            tags: self.tags.clone(),
            python: self.python.clone(),
        };
        let releases = project.releases().iter();
        let fitting = releases.filter(|release| {
            range.contains(&release.version) && !release.version.any_prerelease()
        });
        let files = fitting.flat_map(|release| project.files(release));
        // many a wheel came long after its release
        let ready = files.filter(|file| later.file(file) == Standing::Ready);
        let after = ready.filter_map(|file| file.uploaded);
        after
            .filter(|uploaded| self.as_of.is_none_or(|day| *uploaded > day))
            .min()
    }

    /// How one release stands.
    pub fn release(&self, release: &Release, project: &Project) -> Standing {
        let files = project.files(release);
        let stand = files.map(|file| self.file(&file));
        stand.min().unwrap_or(Standing::NotHere)
    }

    fn file(&self, file: &ReleaseFile) -> Standing {
        let pythons = file.requires_python.as_ref();
        if file.yanked.is_some() {
            return Standing::Yanked;
        }
        if self.is_late(file) {
            return Standing::TooNew;
        }
        if pythons.is_some_and(|pythons| !to_ranges(pythons).contains(&self.python)) {
            return Standing::NotHere;
        }
        match file.wheel() {
            None => Standing::Builds,
            Some(wheel) if self.tags.rank(wheel).is_some() => Standing::Ready,
            Some(_) => Standing::NotHere,
        }
    }

    fn is_late(&self, file: &ReleaseFile) -> bool {
        self.as_of
            .is_some_and(|as_of| file.uploaded.is_none_or(|uploaded| uploaded > as_of))
    }
}

fn has_wheels(project: &Project) -> bool {
    let releases = project.releases().iter();
    let mut files = releases.flat_map(|release| project.files(release));
    files.any(|file| file.wheel().is_some())
}

/// What is wrong with one declared requirement; `project` is `None` when no index has it.
pub fn examine(
    requirement: &Requirement,
    site: Option<Site>,
    project: Option<&Project>,
    rules: &Rules,
    target: &Target,
) -> Option<Diagnostic> {
    if url_of(requirement).is_some() {
        return None;
    }
    let Some(project) = project else {
        let message = format!("`{}` is on no index", requirement.name);
        let found = Diagnostic::error(codes::NOT_ON_INDEX, message);
        return Some(at(found, site).help("correct its name, or leave it out"));
    };
    let python = target.python;
    let (code, message, help) = match rules.standing(requirement, project) {
        Standing::Ready | Standing::TooNew => return None,
        Standing::Missing => (
            codes::NO_SUCH_RELEASE,
            format!(
                "no release fits `{requirement}`{}",
                nearest(requirement, project)
            ),
            "a neighbouring release is taken",
        ),
        Standing::Yanked => (
            codes::YANKED,
            format!("what fits `{requirement}` was withdrawn by its authors"),
            "a neighbouring release is taken where one fits",
        ),
        Standing::NotHere => (
            codes::NOT_FOR_TARGET,
            format!(
                "nothing that fits `{requirement}` can be installed with Python {python} on {}",
                target.platform
            ),
            "another Python or a neighbouring release is taken",
        ),
        Standing::Builds => (
            codes::NO_WHEEL,
            format!(
                "what fits `{requirement}` has no wheel for Python {python} on {} and would have to be built",
                target.platform
            ),
            "a Python that has wheels is preferred",
        ),
    };
    Some(at(Diagnostic::warning(code, message), site).help(help))
}

fn at(diagnostic: Diagnostic, site: Option<Site>) -> Diagnostic {
    match site {
        Some(site) => diagnostic.at(site),
        None => diagnostic,
    }
}

/// The releases beside a range that holds none.
fn nearest(requirement: &Requirement, project: &Project) -> String {
    let versions: Vec<&Version> = project.releases().iter().map(|one| &one.version).collect();
    let specifiers = specifiers_of(requirement);
    let Some(wanted) = specifiers.iter().next().map(VersionSpecifier::version) else {
        return String::new();
    };
    let below = versions.iter().rev().find(|version| **version < wanted);
    let above = versions.iter().find(|version| **version > wanted);
    match (below, above) {
        (Some(below), Some(above)) => format!("; its neighbours are {below} and {above}"),
        (Some(below), None) => format!("; the newest is {below}"),
        (None, Some(above)) => format!("; the oldest is {above}"),
        (None, None) => String::new(),
    }
}

/// A project that is dead or renamed, or is no use on some systems, and what to take instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dead {
    /// Its name.
    pub name: &'static str,
    /// What to take instead; empty for nothing.
    pub instead: &'static str,
    /// Where alone it is of use: `windows`, `macos`, `python2`; empty for nowhere.
    pub only_on: &'static str,
    /// Why, in lower case.
    pub why: &'static str,
}

/// What is known of a project that cannot be used as it stands; see `src/data/dead-projects.tsv`.
///
/// ```
/// use pinsmith::repair::pins::dead;
/// use pinsmith_resolver::Target;
/// let linux = Target::linux_x86_64((3, 11));
/// assert_eq!(dead(&"pywin32".parse().unwrap(), &linux).unwrap().only_on, "windows");
/// assert_eq!(dead(&"opencv".parse().unwrap(), &linux).unwrap().instead, "opencv-python");
/// let old = Target::linux_x86_64((2, 7));
/// assert!(dead(&"enum34".parse().unwrap(), &old).is_none());
/// ```
pub fn dead(name: &PackageName, target: &Target) -> Option<Dead> {
    let found = rows().find(|row| row.name == name.as_ref())?;
    let platform = target.platform.as_str();
    let python = format!("python{}.{}", target.python.major, target.python.minor);
    let of_use = [platform, &python]
        .iter()
        .any(|place| !found.only_on.is_empty() && place.starts_with(found.only_on));
    (!of_use).then_some(found)
}

/// Whether a name is written where another project is meant: `sklearn` for scikit-learn.
pub fn is_stand_in(written: &PackageName, meant: &PackageName) -> bool {
    rows().any(|row| row.name == written.as_ref() && row.instead == meant.as_ref())
}

fn rows() -> impl Iterator<Item = Dead> {
    let lines = include_str!("../data/dead-projects.tsv").lines();
    let rows = lines.filter(|line| !line.starts_with('#'));
    rows.filter_map(|line| {
        let mut columns = line.split('\t');
        Some(Dead {
            name: columns.next()?,
            instead: columns.next()?,
            only_on: columns.next()?,
            why: columns.next()?,
        })
    })
}

/// Names of requirements that are exact pins in a list that looks like the output of `pip freeze`.
///
/// Such a list pins what nobody asked for; what the code does not import follows from the rest.
pub fn frozen<'r>(
    declared: impl IntoIterator<Item = &'r Requirement>,
    imported: &BTreeSet<PackageName>,
) -> BTreeSet<PackageName> {
    /// Fewer exact pins are no freeze.
    const MANY: usize = 12;
    let all: Vec<&Requirement> = declared.into_iter().collect();
    let exact: Vec<&&Requirement> = all.iter().filter(|one| is_exact(one)).collect();
    if exact.len() < MANY || exact.len() * 10 < all.len() * 8 {
        return BTreeSet::new();
    }
    let names = exact.into_iter().map(|one| one.name.clone());
    names.filter(|name| !imported.contains(name)).collect()
}

/// Whether a requirement names one version.
pub fn is_exact(requirement: &Requirement) -> bool {
    let specifiers = specifiers_of(requirement);
    let mut clauses = specifiers.iter();
    clauses.len() == 1
        && clauses.all(|clause| {
            use pep440_rs::Operator;
            matches!(clause.operator(), Operator::Equal | Operator::ExactEqual)
        })
}

#[cfg(test)]
mod tests {
    use pinsmith_resolver::{CoreMetadataHint, FileKind, parse_requirement, sdist_version};

    use super::*;

    fn project(files: &[(&str, &str, &str, bool)]) -> Project {
        let name: PackageName = "lib".parse().unwrap();
        let files = files.iter().map(|(filename, python, uploaded, yanked)| {
            let wheel = filename.parse().ok();
            let version = match &wheel {
                Some(wheel) => {
                    let wheel: &pinsmith_resolver::WheelName = wheel;
                    wheel.version.clone()
                }
                None => sdist_version(filename, &name).unwrap(),
            };
            let file = ReleaseFile {
                filename: (*filename).to_owned(),
                url: format!("https://files.test/{filename}"),
                kind: wheel.map_or(FileKind::Sdist, FileKind::Wheel),
                requires_python: (!python.is_empty()).then(|| python.parse().unwrap()),
                yanked: yanked.then(Default::default),
                uploaded: uploaded.parse().ok(),
                size: None,
                sha256: None,
                core_metadata: CoreMetadataHint::Unknown,
            };
            (version, file)
        });
        Project::from_files("https://index.test/simple/".into(), files)
    }

    /// Requirement, Python, day, how it stands.
    #[test]
    fn requirements_stand_as_the_files_say() {
        let old = "2018-01-01T00:00:00Z";
        let new = "2024-01-01T00:00:00Z";
        let offered = project(&[
            ("lib-1.0-cp36-cp36m-manylinux1_x86_64.whl", "", old, false),
            ("lib-1.0.tar.gz", "", old, false),
            ("lib-1.5-cp36-cp36m-win_amd64.whl", "", old, false),
            ("lib-1.7-py3-none-any.whl", "", old, true),
            (
                "lib-2.0-cp311-cp311-manylinux2014_x86_64.whl",
                ">=3.11",
                new,
                false,
            ),
        ]);
        for (text, python, day, expected) in [
            ("lib==1.0", (3, 6), None, Standing::Ready),
            ("lib==1.0", (3, 11), None, Standing::Builds),
            ("lib==1.5", (3, 6), None, Standing::NotHere),
            ("lib==1.7", (3, 6), None, Standing::Yanked),
            ("lib==1.1", (3, 6), None, Standing::Missing),
            ("lib>=1", (3, 6), None, Standing::Ready),
            ("lib>=2", (3, 6), None, Standing::NotHere),
            ("lib>=2", (3, 11), None, Standing::Ready),
            (
                "lib>=2",
                (3, 11),
                Some("2020-01-01T00:00:00Z"),
                Standing::TooNew,
            ),
        ] {
            let target = Target::linux_x86_64(python);
            let day = day.map(|day: &str| day.parse().unwrap());
            let rules = Rules::new(&target, day);
            let requirement = parse_requirement(text).unwrap().requirement;
            assert_eq!(
                rules.standing(&requirement, &offered),
                expected,
                "{text} {python:?}"
            );
        }
    }

    #[test]
    fn a_wheel_may_come_after_its_release() {
        let files = [
            ("lib-1.0.tar.gz", "", "2011-01-01T00:00:00Z", false),
            (
                "lib-1.0-cp36-cp36m-manylinux1_x86_64.whl",
                "",
                "2016-04-01T00:00:00Z",
                false,
            ),
            (
                "lib-1.1-cp36-cp36m-manylinux1_x86_64.whl",
                "",
                "2017-01-01T00:00:00Z",
                false,
            ),
        ];
        let target = Target::linux_x86_64((3, 6));
        let requirement = parse_requirement("lib").unwrap().requirement;
        for (day, expected) in [("2015-01-01", Some("2016-04-01")), ("2016-06-01", None)] {
            let day = format!("{day}T00:00:00Z").parse().ok();
            let found = Rules::new(&target, day).first_wheel(&requirement, &project(&files));
            let found = found.map(|found| found.to_string()[..10].to_owned());
            assert_eq!(found.as_deref(), expected);
        }
    }

    #[test]
    fn a_freeze_is_told_by_its_pins() {
        let names: Vec<String> = (0..14).map(|n| format!("lib{n}==1.{n}")).collect();
        let all: Vec<Requirement> = names
            .iter()
            .map(|text| parse_requirement(text).unwrap().requirement)
            .collect();
        let imported = BTreeSet::from(["lib3".parse().unwrap()]);
        let found = frozen(&all, &imported);
        assert_eq!(found.len(), 13);
        assert!(frozen(&all[..5], &imported).is_empty());
    }
}
