//! Remedies that change what the requirements are resolved for, or which releases count: another Python, a later day, a
//! newer glibc, pre-releases, a yanked release.

use jiff::{Timestamp, tz::TimeZone};
use pep440_rs::Version;
use pep508_rs::VersionOrUrl;

use super::{Remedy, Trial, end_of, exclusions, projects};
use crate::{
    Exclusion, Fact, Options, PrereleasePolicy, PythonVersion, ReleasesAnswer, Requirement, Target,
    Unsatisfiable, to_ranges,
};

/// How many other Pythons are tried.
const PYTHONS_TRIED: usize = 4;

impl Trial<'_> {
    /// The nearest Python that facts speak for and that has an answer.
    pub(super) fn pythons(&self, proof: &Unsatisfiable) -> Option<Remedy> {
        let (major, own) = self.target.python.minor_pair();
        let mut minors: Vec<u8> = Vec::new();
        for because in exclusions(proof) {
            match because {
                Exclusion::RequiresPython(wanted) => {
                    let admitted = to_ranges(wanted);
                    let fits =
                        |minor: &u8| admitted.contains(&Version::new([3, u64::from(*minor), 0]));
                    minors.extend((7..=14).filter(fits));
                }
                Exclusion::NoMatchingWheel { pythons, .. } => {
                    minors.extend(pythons.iter().map(|(_, minor)| *minor));
                }
                _ => {}
            }
        }
        if major != 3 {
            return None;
        }
        minors.sort_by_key(|minor| (minor.abs_diff(own), std::cmp::Reverse(*minor)));
        minors.dedup();
        let others = minors.into_iter().filter(|minor| *minor != own);
        let mut pythons = others.take(PYTHONS_TRIED).map(|minor| PythonVersion {
            major,
            minor,
            patch: None,
        });
        let python = pythons.find(|python| {
            let target = Target {
                python: *python,
                ..self.target.clone()
            };
            self.solve(self.request, &target, self.options).is_some()
        })?;
        Some(Remedy::Python { python })
    }

    pub(super) fn prereleases(&self, proof: &Unsatisfiable) -> Option<Remedy> {
        let mut named = projects(proof);
        if self.options.prereleases == PrereleasePolicy::Allow
            || !named.any(|name| self.has_prereleases(name))
        {
            return None;
        }
        let options = Options {
            prereleases: PrereleasePolicy::Allow,
            ..self.options.clone()
        };
        let versions = self.solve(self.request, self.target, &options)?;
        let pins = versions.into_iter();
        Some(Remedy::Prereleases {
            pins: pins.filter(|(_, v)| v.any_prerelease()).collect(),
        })
    }

    pub(super) fn yanked(&self, proof: &Unsatisfiable) -> Option<Remedy> {
        proof.facts.iter().find_map(|fact| {
            let Fact::Excluded {
                name,
                span,
                because: Exclusion::Yanked { .. },
            } = fact
            else {
                return None;
            };
            let version = span.last()?.clone();
            let equal = format!("=={version}").parse().ok()?;
            let pin = |root: &Requirement| Requirement {
                version_or_url: Some(VersionOrUrl::VersionSpecifier(equal)),
                ..root.clone()
            };
            let asked = self.request.roots.iter().find(|root| root.name == *name);
            let mut roots = self.request.roots.clone();
            roots.retain(|root| root.name != *name);
            roots.push(match asked {
                Some(root) => pin(root),
                None => {
                    crate::parse_requirement(&format!("{name}=={version}"))
                        .ok()?
                        .requirement
                }
            });
            self.with_roots(roots)?;
            let name = name.clone();
            Some(Remedy::PinYanked { name, version })
        })
    }

    /// A later day, when files are missing that were uploaded after the one asked for.
    pub(super) fn later(&self, proof: &Unsatisfiable) -> Option<Remedy> {
        let mut instants = Vec::new();
        let mut own = self.options.as_of_projects.clone();
        for fact in &proof.facts {
            if let Fact::Excluded {
                name,
                span,
                because: Exclusion::TooNew,
            } = fact
                && let Ok(ReleasesAnswer::Found(project)) = self.seen().releases(name)
            {
                own.remove(name);
                let meant = project.releases().iter();
                let meant = meant.filter(|release| span.versions.contains(&release.version));
                instants.extend(meant.filter_map(|release| release.uploaded));
            }
        }
        if own.len() < self.options.as_of_projects.len() {
            let options = Options {
                as_of_projects: own,
                ..self.options.clone()
            };
            let helps = self.solve(self.request, self.target, &options).is_some();
            return helps.then_some(Remedy::NoAsOf);
        }
        let day = |instant: &Timestamp| end_of(instant.to_zoned(TimeZone::UTC).date());
        let (first, last) = (day(instants.iter().min()?), day(instants.iter().max()?));
        for as_of in [first, last, None] {
            let options = Options {
                as_of,
                ..self.options.clone()
            };
            if self.solve(self.request, self.target, &options).is_some() {
                return Some(match as_of {
                    Some(instant) => Remedy::AsOf { instant },
                    None => Remedy::NoAsOf,
                });
            }
        }
        None
    }

    /// The glibc that wheels need.
    pub(super) fn glibc(&self, proof: &Unsatisfiable) -> Option<Remedy> {
        let needed = exclusions(proof).filter_map(|because| match because {
            Exclusion::NoMatchingWheel { glibc, .. } => *glibc,
            _ => None,
        });
        let floor = needed.max()?;
        let target = Target {
            floor,
            ..self.target.clone()
        };
        self.solve(self.request, &target, self.options)?;
        Some(Remedy::Glibc { floor })
    }
}
