//! Every requirement with what became of it on the way to an answer.

use std::collections::BTreeSet;
use std::str::FromStr;

use pinsmith_resolver::{
    Fact, PackageName, Requirement, Unsatisfiable, Version, VersionSpecifiers, specifiers_of,
    url_of,
};

use super::pins::is_exact;
use super::{Confidence, Decision};
use crate::requirements::{Manifest, ManifestRequirement, OriginKind};
use crate::scan::Site;

/// One requirement of the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// As it is declared, or as it follows from the code.
    pub asked: Requirement,
    /// As it counts now; `None` when it is left out.
    pub counts: Option<Requirement>,
    /// Where it is declared; empty when it follows from the code alone.
    pub declared: Vec<Site>,
    /// Every place that needs it.
    pub sites: Vec<Site>,
    /// How much of it has been given up.
    pub fate: Fate,
    /// Why it does not count as it is asked.
    pub because: Option<String>,
    /// As it counted before a contradiction made it give way.
    pub given_up: Option<(Requirement, Fate, Option<String>)>,
}

impl Need {
    /// Remembers how it counts, once.
    fn remember(&mut self) {
        if self.given_up.is_none()
            && let Some(counts) = self.counts.clone()
        {
            self.given_up = Some((counts, self.fate, self.because.clone()));
        }
    }
}

/// How much of a requirement has been given up, in the order in which it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// It counts as it is.
    AsAsked,
    /// It counts under another name.
    Renamed,
    /// Its version may be another patch release of the same series.
    Compatible,
    /// Its version may be any.
    Loosened,
    /// It is left out.
    LeftOut,
}

/// The requirements of a repository, and the bounds that the evidence adds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Every requirement.
    pub needs: Vec<Need>,
    /// Bounds on any project, with their reasons.
    pub bounds: Vec<(Requirement, String)>,
    /// Requirements that a round found missing, with their reasons.
    pub found: Vec<(Requirement, String)>,
    /// Pins that follow from others, left out first.
    pub frozen: BTreeSet<PackageName>,
}

impl Plan {
    /// The runtime requirements of a manifest, as they stand.
    pub fn of(manifest: &Manifest) -> Self {
        let runtime = manifest
            .requirements
            .iter()
            .filter(|need| need.group.is_none());
        let needs = runtime.map(|need| {
            let declared = need
                .origins
                .iter()
                .filter(|origin| origin.kind == OriginKind::Declared);
            Need {
                asked: need.requirement.clone(),
                counts: Some(need.requirement.clone()),
                declared: declared.map(|origin| origin.site.clone()).collect(),
                sites: need
                    .origins
                    .iter()
                    .map(|origin| origin.site.clone())
                    .collect(),
                fate: Fate::AsAsked,
                because: None,
                given_up: None,
            }
        });
        Self {
            needs: needs.collect(),
            ..Self::default()
        }
    }

    /// The requirements of a manifest with what became of them; those of groups stay as they are.
    pub fn over(&self, manifest: &Manifest) -> Vec<ManifestRequirement> {
        let mut all: Vec<ManifestRequirement> = Vec::new();
        for need in &manifest.requirements {
            let mut need = need.clone();
            if need.group.is_none() {
                let known = self.needs.iter().find(|known| {
                    known.asked.name == need.requirement.name
                        || known.counts.as_ref() == Some(&need.requirement)
                });
                match known.map(|known| (known.fate, &known.counts)) {
                    None | Some((Fate::AsAsked, _)) => {}
                    Some((_, Some(counts))) => need.requirement = counts.clone(),
                    Some((_, None)) => continue,
                }
            }
            all.push(need);
        }
        let found = self
            .found
            .iter()
            .map(|(requirement, _)| ManifestRequirement {
                requirement: requirement.clone(),
                group: None,
                origins: Vec::new(),
            });
        let known: BTreeSet<PackageName> = all
            .iter()
            .map(|need| need.requirement.name.clone())
            .collect();
        all.extend(found.filter(|need| !known.contains(&need.requirement.name)));
        all.sort_by_cached_key(|need| {
            let name = need.requirement.name.clone();
            (need.group.clone(), name, need.requirement.to_string())
        });
        all
    }

    /// What is asked of the resolver.
    pub fn roots(&self) -> Vec<Requirement> {
        let declared = self.needs.iter().filter_map(|need| need.counts.clone());
        let known: BTreeSet<PackageName> = declared.clone().map(|one| one.name).collect();
        let found = self.found.iter().map(|(requirement, _)| requirement);
        let found = found.filter(|one| !known.contains(&one.name)).cloned();
        declared.chain(found).collect()
    }

    /// The bounds that ask for nothing.
    pub fn constraints(&self) -> Vec<Requirement> {
        self.bounds.iter().map(|(bound, _)| bound.clone()).collect()
    }

    /// Adds a bound unless it is there; false when nothing changed.
    pub fn bound(&mut self, name: &PackageName, specifier: &str, because: &str) -> bool {
        let Ok(bound) = Requirement::from_str(&format!("{name}{specifier}")) else {
            return false;
        };
        if self.bounds.iter().any(|(known, _)| *known == bound) {
            return false;
        }
        self.bounds.push((bound, because.to_owned()));
        true
    }

    /// Forgets what rounds learnt of a project's versions.
    pub fn drop_bounds(&mut self, name: &PackageName) {
        self.bounds.retain(|(bound, _)| bound.name != *name);
    }

    /// Makes room for another release of a project than the one that is asked for.
    pub fn loosen(&mut self, name: &PackageName, because: &str) {
        self.bounds
            .retain(|(bound, _)| bound.name != *name || !is_exact(bound));
        for need in &mut self.needs {
            if let Some(counts) = need.counts.as_mut().filter(|one| one.name == *name)
                && counts.version_or_url.is_some()
                && url_of(counts).is_none()
            {
                counts.version_or_url = None;
                need.fate = Fate::Loosened;
                need.because = Some(because.to_owned());
            }
        }
    }

    /// Adds a requirement unless its project is asked for already.
    pub fn ask_for(&mut self, requirement: Requirement, because: &str) -> bool {
        let roots = self.roots();
        let left_out = |need: &Need| need.counts.is_none() && need.asked.name == requirement.name;
        if roots.iter().any(|root| root.name == requirement.name) || self.needs.iter().any(left_out)
        {
            return false;
        }
        self.found.push((requirement, because.to_owned()));
        true
    }

    /// Leaves a project out, whoever asked for it.
    pub fn leave_out(&mut self, name: &PackageName, because: &str) -> bool {
        let mut changed = false;
        for need in &mut self.needs {
            if need.counts.as_ref().is_some_and(|one| one.name == *name) {
                need.counts = None;
                need.fate = Fate::LeftOut;
                need.because = Some(because.to_owned());
                changed = true;
            }
        }
        let before = self.found.len();
        self.found.retain(|(one, _)| one.name != *name);
        changed || self.found.len() < before
    }

    /// Asks for another project instead; its version is any.
    pub fn rename(&mut self, from: &PackageName, to: &PackageName, because: &str) -> bool {
        let mut changed = false;
        let taken = self.roots().iter().any(|root| root.name == *to);
        for need in &mut self.needs {
            if let Some(counts) = need.counts.as_mut().filter(|one| one.name == *from) {
                if taken {
                    need.counts = None;
                    need.fate = Fate::LeftOut;
                } else {
                    counts.name = to.clone();
                    need.fate = Fate::Renamed;
                }
                need.because = Some(because.to_owned());
                changed = true;
            }
        }
        changed
    }

    /// Asks for another project that has the same modules; what was learnt of the first falls away.
    pub fn swap(&mut self, from: &PackageName, to: &PackageName, because: &str) -> bool {
        let mut changed = self.rename(from, to, because);
        for need in &mut self.needs {
            let renamed = need.counts.as_mut().filter(|one| one.name == *to);
            if let Some(counts) = renamed.filter(|_| changed) {
                counts.version_or_url = None;
            }
        }
        if let Some((found, _)) = self.found.iter_mut().find(|(one, _)| one.name == *from) {
            found.name = to.clone();
            changed = true;
        }
        changed
    }

    /// Gives up as little as may help against a proof; false when there is nothing left to give up.
    ///
    /// First the pins that follow from others, then `==` becomes a compatible version, then any version;
    /// what no index has is left out.
    /// Nothing is given up beyond `most`, but for what is left out.
    pub fn relax(&mut self, proof: &Unsatisfiable, most: Fate) -> bool {
        let mut changed = false;
        let unknown: Vec<PackageName> = proof.unknown_projects().cloned().collect();
        for name in unknown {
            changed |= self.leave_out(&name, "no index has it");
        }
        if changed {
            return true;
        }
        let mut named: Vec<PackageName> = Vec::new();
        for fact in &proof.facts {
            let names = match fact {
                Fact::Asked { requirement, .. } => vec![&requirement.name],
                Fact::Requires { on, .. } => vec![&on.name],
                Fact::Missing { name, .. } | Fact::Excluded { name, .. } => vec![name],
                _ => Vec::new(),
            };
            for name in names {
                if !named.contains(name) {
                    named.push(name.clone());
                }
            }
        }
        self.relax_one_of(&named, most)
    }

    fn relax_one_of(&mut self, named: &[PackageName], most: Fate) -> bool {
        let concerned = |need: &Need| {
            let counts = need.counts.as_ref();
            counts.is_some_and(|one| named.contains(&one.name) && url_of(one).is_none())
        };
        let frozen = |need: &Need| {
            let counts = need.counts.as_ref();
            counts.is_some_and(|one| self.frozen.contains(&one.name))
        };
        let position = self
            .needs
            .iter()
            .position(|need| concerned(need) && frozen(need));
        if let Some(need) = position.and_then(|at| self.needs.get_mut(at)) {
            need.remember();
            need.counts = None;
            need.fate = Fate::LeftOut;
            need.because = Some(
                "it follows from the other requirements, and as it was frozen it contradicts them"
                    .to_owned(),
            );
            return true;
        }
        let next = |need: &Need| match need.fate {
            Fate::AsAsked | Fate::Renamed if need.counts.as_ref().is_some_and(is_exact) => {
                Some(Fate::Compatible)
            }
            Fate::AsAsked | Fate::Renamed | Fate::Compatible
                if need
                    .counts
                    .as_ref()
                    .is_some_and(|one| one.version_or_url.is_some()) =>
            {
                Some(Fate::Loosened)
            }
            _ => None,
        };
        let candidates = self
            .needs
            .iter()
            .enumerate()
            .filter(|(_, need)| concerned(need));
        let fates = candidates.filter_map(|(at, need)| Some((next(need)?, at)));
        let best = fates.filter(|(fate, _)| *fate <= most).min();
        let Some((fate, at)) = best else {
            return false;
        };
        let Some(need) = self.needs.get_mut(at) else {
            return false;
        };
        need.remember();
        need.loosen(fate);
        true
    }

    /// Which requirements gave way to a contradiction, the dearest first.
    pub fn given_up(&self) -> Vec<usize> {
        let needs = self.needs.iter().enumerate();
        let mut given_up: Vec<(Fate, usize)> = needs
            .filter(|(_, need)| {
                let frozen = need.fate == Fate::LeftOut && self.frozen.contains(&need.asked.name);
                need.given_up.is_some() && !frozen
            })
            .map(|(at, need)| (need.fate, at))
            .collect();
        given_up.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        given_up.into_iter().map(|(_, at)| at).collect()
    }

    /// The plan in which one requirement counts again as it was asked.
    #[must_use]
    pub fn restored(&self, at: usize) -> Self {
        let mut plan = self.clone();
        if let Some(need) = plan.needs.get_mut(at)
            && let Some((counts, fate, because)) = need.given_up.take()
        {
            need.counts = Some(counts);
            need.fate = fate;
            need.because = because;
        }
        plan
    }

    /// What was decided on each requirement that does not count as it is asked, and each bound.
    pub fn decisions(&self) -> Vec<Decision> {
        let changed = self.needs.iter().filter(|need| need.fate != Fate::AsAsked);
        let mut all: Vec<Decision> = changed
            .map(|need| {
                let decided = match &need.counts {
                    Some(counts) => format!("`{}` counts as `{counts}`", need.asked),
                    None => format!("`{}` is left out", need.asked),
                };
                let because = need.because.clone().unwrap_or_default();
                let confidence = match need.fate {
                    Fate::Renamed => Confidence::Certain,
                    Fate::Compatible | Fate::LeftOut => Confidence::Likely,
                    _ => Confidence::Guess,
                };
                Decision::new(need.asked.name.to_string(), decided, because, confidence)
            })
            .collect();
        all.extend(self.bounds.iter().map(|(bound, because)| {
            let decided = format!("`{bound}`");
            Decision::new(bound.name.to_string(), decided, because, Confidence::Likely)
        }));
        all.extend(self.found.iter().map(|(found, because)| {
            let decided = format!("`{found}` is asked for");
            Decision::new(found.name.to_string(), decided, because, Confidence::Likely)
        }));
        all
    }

    /// How much was given up in all; less is better.
    pub fn cost(&self) -> usize {
        let weight = |need: &Need| match (need.fate, self.frozen.contains(&need.asked.name)) {
            (Fate::AsAsked | Fate::Renamed, _) => 0,
            (Fate::LeftOut, true) => 1,
            (Fate::Compatible, _) => 2,
            (Fate::Loosened, _) => 6,
            (Fate::LeftOut, false) => 12,
        };
        self.needs.iter().map(weight).sum()
    }
}

impl Need {
    fn loosen(&mut self, fate: Fate) {
        let Some(counts) = &mut self.counts else {
            return;
        };
        let series = compatible(&specifiers_of(counts)).filter(|_| fate == Fate::Compatible);
        let fate = if series.is_some() {
            Fate::Compatible
        } else {
            Fate::Loosened
        };
        counts.version_or_url = series.map(pep508_rs::VersionOrUrl::VersionSpecifier);
        self.fate = fate;
        self.because = Some(
            match fate {
                Fate::Compatible => "with the exact version there is no answer on this target",
                _ => "within its bounds there is no answer on this target",
            }
            .to_owned(),
        );
    }
}

/// `==1.15.4` as `~=1.15.0`, and `==3` as `<4,>=3`.
fn compatible(specifiers: &VersionSpecifiers) -> Option<VersionSpecifiers> {
    let version: &Version = specifiers.iter().next()?.version();
    let text = match version.release() {
        [major] => format!(">={major},<{}", major.saturating_add(1)),
        [major, minor, ..] => format!("~={major}.{minor}.0"),
        [] => return None,
    };
    VersionSpecifiers::from_str(&text).ok()
}

#[cfg(test)]
mod tests;
