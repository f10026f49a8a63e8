//! An independent judge of proofs that there is no answer: it shares no code with the solver.
//!
//! A proof must suffice (whatever else the index may hold, its facts leave no answer) and be true
//! (each fact holds of the index that was asked).

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use pinsmith_resolver::{
    Exclusion, ExtraName, Fact, MetadataAnswer, PackageName, PackageSource, Project, Ranges,
    Release, ReleasesAnswer, Request, Requirement, Span, Subject, TagSet, Unsatisfiable, Version,
    specifiers_of,
};

use crate::checker::satisfies;

/// Panics, naming the fact, unless the proof is true, suffices, and says nothing that it could do
/// without.
pub(crate) fn check(
    name: &str,
    proof: &Unsatisfiable,
    request: &Request,
    source: &dyn PackageSource,
) {
    let story = proof.story(&|_| None).join("\n");
    assert!(
        suffices(&proof.facts),
        "{name}: the facts leave an answer\n{story}"
    );
    for spare in 0..proof.facts.len() {
        let mut fewer = proof.facts.clone();
        let fact = fewer.remove(spare);
        assert!(!suffices(&fewer), "{name}: not needed: {fact:?}\n{story}");
    }
    for fact in &proof.facts {
        if let Err(wrong) = holds(fact, proof, request, source) {
            panic!("{name}: {wrong}\n{fact:?}\n{story}");
        }
    }
}

/// Whether no choice of versions agrees with the facts, where every version that no fact excludes
/// exists and requires nothing but what facts say.
pub(crate) fn suffices(facts: &[Fact]) -> bool {
    let places = Places::new(facts);
    let mut wanted = Vec::new();
    for fact in facts {
        if let Fact::Asked { requirement, range } = fact {
            let name = &requirement.name;
            let on = |extra: Option<ExtraName>| Subject {
                name: name.clone(),
                extra,
            };
            wanted.push((on(None), places.of(name, range)));
            for extra in &requirement.extras {
                wanted.push((on(Some(extra.clone())), places.of(name, range)));
            }
        }
    }
    let mut search = Search {
        facts,
        places,
        steps: 0,
    };
    !search.has_answer(&BTreeMap::new(), &wanted)
}

/// Every version as one of finitely many places on a line: the bounds and what lies between.
struct Places<'f> {
    bounds: BTreeMap<&'f PackageName, BTreeSet<&'f Version>>,
}

impl<'f> Places<'f> {
    fn new(facts: &'f [Fact]) -> Self {
        let mut bounds = BTreeMap::<&PackageName, BTreeSet<&Version>>::new();
        let mut note = |name: &'f PackageName, range: &'f Ranges<Version>| {
            let own = bounds.entry(name).or_default();
            for bound in range.iter().flat_map(|(low, high)| [low, high]) {
                if let Bound::Included(version) | Bound::Excluded(version) = bound {
                    own.insert(version);
                }
            }
        };
        for fact in facts {
            match fact {
                Fact::Asked { requirement, range } => note(&requirement.name, range),
                Fact::Requires {
                    by,
                    span,
                    on,
                    range,
                    ..
                } => {
                    note(&by.name, &span.versions);
                    note(&on.name, range);
                }
                Fact::Excluded { name, span, .. } => note(name, &span.versions),
                Fact::Missing { name, range, .. } => note(name, range),
                Fact::TwoAddresses { .. } | Fact::NotOnIndex { .. } | Fact::NotInCache { .. } => {}
            }
        }
        Self { bounds }
    }

    fn all(&self, name: &PackageName) -> BTreeSet<usize> {
        let bounds = self.bounds.get(name).map_or(0, BTreeSet::len);
        (0..=2 * bounds).collect()
    }

    /// Even places lie between bounds, odd ones are bounds.
    fn of(&self, name: &PackageName, range: &Ranges<Version>) -> BTreeSet<usize> {
        let bounds: Vec<&&Version> = self.bounds.get(name).into_iter().flatten().collect();
        let place = |version: &Version| {
            let found = bounds.iter().position(|bound| **bound == version);
            2 * found.unwrap() + 1
        };
        let mut all = BTreeSet::new();
        for (low, high) in range.iter() {
            let low = match low {
                Bound::Unbounded => 0,
                Bound::Included(version) => place(version),
                Bound::Excluded(version) => place(version) + 1,
            };
            let high = match high {
                Bound::Unbounded => 2 * bounds.len(),
                Bound::Included(version) => place(version),
                Bound::Excluded(version) => place(version) - 1,
            };
            all.extend(low..=high);
        }
        all
    }
}

type Wanted = Vec<(Subject, BTreeSet<usize>)>;

struct Search<'f> {
    facts: &'f [Fact],
    places: Places<'f>,
    steps: u32,
}

impl Search<'_> {
    /// Backtracks over everything that is wanted and not yet decided.
    fn has_answer(&mut self, decided: &BTreeMap<PackageName, usize>, wanted: &Wanted) -> bool {
        self.steps += 1;
        assert!(
            self.steps < 2_000_000,
            "this proof is too long to be judged"
        );
        let mut open = BTreeMap::<&PackageName, BTreeSet<usize>>::new();
        for (subject, allowed) in wanted {
            if let Some(place) = decided.get(&subject.name) {
                if !allowed.contains(place) {
                    return false;
                }
                continue;
            }
            let all = open
                .entry(&subject.name)
                .or_insert_with(|| self.free(&subject.name));
            *all = all.intersection(allowed).copied().collect();
        }
        let Some((name, choices)) = open.into_iter().min_by_key(|(_, choices)| choices.len())
        else {
            return true;
        };
        let name = name.clone();
        choices.into_iter().any(|place| {
            let mut decided = decided.clone();
            decided.insert(name.clone(), place);
            let mut wanted = wanted.clone();
            // what is required by everything decided so far, extras that came later included
            let subjects: BTreeSet<Subject> = wanted.iter().map(|(one, _)| one.clone()).collect();
            let mut news: Vec<Subject> = subjects.into_iter().collect();
            while let Some(subject) = news.pop() {
                let Some(place) = decided.get(&subject.name) else {
                    continue;
                };
                for (on, allowed) in self.required_by(&subject, *place) {
                    let known = wanted
                        .iter()
                        .any(|(one, also)| *one == on && *also == allowed);
                    if !known {
                        news.push(on.clone());
                        wanted.push((on, allowed));
                    }
                }
            }
            self.has_answer(&decided, &wanted)
        })
    }

    /// The places that no fact excludes.
    fn free(&self, name: &PackageName) -> BTreeSet<usize> {
        let mut free = self.places.all(name);
        for fact in self.facts {
            let taken = match fact {
                Fact::Excluded {
                    name: one, span, ..
                } if one == name => self.places.of(name, &span.versions),
                Fact::Missing {
                    name: one, range, ..
                } if one == name => self.places.of(name, range),
                Fact::TwoAddresses { name: one }
                | Fact::NotOnIndex { name: one }
                | Fact::NotInCache { name: one }
                    if one == name =>
                {
                    return BTreeSet::new();
                }
                _ => continue,
            };
            free = free.difference(&taken).copied().collect();
        }
        free
    }

    fn required_by(&self, subject: &Subject, place: usize) -> Wanted {
        let mut required = Wanted::new();
        for fact in self.facts {
            if let Fact::Requires {
                by,
                span,
                on,
                range,
                ..
            } = fact
                && by.name == subject.name
                && (by.extra.is_none() || by.extra == subject.extra)
                && self.places.of(&by.name, &span.versions).contains(&place)
            {
                let plain = Subject {
                    extra: None,
                    ..on.clone()
                };
                let allowed = self.places.of(&on.name, range);
                required.push((plain, allowed.clone()));
                required.push((on.clone(), allowed));
            }
        }
        required
    }
}

/// Whether a fact is true of the index, the target and the request.
fn holds(
    fact: &Fact,
    proof: &Unsatisfiable,
    request: &Request,
    source: &dyn PackageSource,
) -> Result<(), String> {
    match fact {
        Fact::Asked { requirement, .. } => {
            let asked = request.roots.iter().chain(&request.overrides);
            let named = asked.filter(|one| one.name == requirement.name);
            let mut same = named.filter(|one| one.version_or_url == requirement.version_or_url);
            same.next()
                .map(|_| ())
                .ok_or_else(|| "nobody asks for it".to_owned())
        }
        Fact::Requires {
            by,
            span,
            on,
            range,
            overridden,
            rule,
        } => {
            if rule.is_some() {
                // no metadata says so: tests of the rules themselves hold it
                return Ok(());
            }
            let project = project(source, &by.name)?;
            let meant = meant(&project, span, proof, request);
            let edge = Edge {
                by,
                on,
                range,
                overridden: *overridden,
            };
            if meant.is_empty() {
                return Err("it is about no release".to_owned());
            }
            meant
                .iter()
                .try_for_each(|release| edge.holds(&project, release, proof, request, source))
        }
        Fact::Excluded {
            name,
            span,
            because,
        } => {
            let project = project(source, name)?;
            let releases = project.releases().iter();
            let meant: Vec<&Release> = releases
                .filter(|release| span.versions.contains(&release.version))
                .collect();
            if meant.is_empty() && !matches!(because, Exclusion::Constraint(_)) {
                return Err("it is about no release".to_owned());
            }
            meant
                .iter()
                .find(|release| !is_excluded(because, &project, release, proof, request, source))
                .map_or(Ok(()), |release| Err(format!("not so {}", release.version)))
        }
        Fact::Missing { name, range, .. } => {
            let project = project(source, name)?;
            let mut releases = project.releases().iter();
            match releases.find(|release| range.contains(&release.version)) {
                Some(release) => Err(format!("there is {}", release.version)),
                None => Ok(()),
            }
        }
        Fact::NotOnIndex { name } => match source.releases(name).unwrap() {
            ReleasesAnswer::NotFound => Ok(()),
            _ => Err("the index has it".to_owned()),
        },
        Fact::TwoAddresses { .. } => Err("no requirement here has an address".to_owned()),
        Fact::NotInCache { .. } => Err("this index has no cache".to_owned()),
    }
}

fn project(
    source: &dyn PackageSource,
    name: &PackageName,
) -> Result<std::sync::Arc<Project>, String> {
    match source.releases(name).unwrap() {
        ReleasesAnswer::Found(project) => Ok(project),
        _ => Err(format!("the index has no {name}")),
    }
}

/// The releases that a span speaks of: final and unyanked ones, unless the user names others.
fn meant<'p>(
    project: &'p Project,
    span: &Span,
    proof: &Unsatisfiable,
    request: &Request,
) -> Vec<&'p Release> {
    let tags = TagSet::of(&proof.target);
    let asks_for = |release: &Release| {
        let version = &release.version;
        let asked = request.roots.iter().flat_map(specifiers_of_one);
        span.versions.as_singleton() == Some(version)
            || asked.into_iter().any(|named| named == *version)
    };
    let usual = |release: &&Release| {
        let yanked = project.files(release).all(|file| file.yanked.is_some());
        !release.version.any_prerelease() && !yanked
    };
    let usable = |release: &Release| {
        project.files(release).any(|file| {
            let fits = file.wheel().is_none_or(|wheel| tags.rank(wheel).is_some());
            fits && admits_python(file.requires_python.as_ref(), proof)
        })
    };
    let releases = project.releases().iter();
    releases
        .filter(|release| span.versions.contains(&release.version))
        .filter(|release| usual(release) || asks_for(release))
        .filter(|release| !span.usable_only || usable(release))
        .collect()
}

fn specifiers_of_one(requirement: &Requirement) -> Vec<Version> {
    let specifiers = specifiers_of(requirement);
    specifiers.iter().map(|one| one.version().clone()).collect()
}

fn admits_python(
    wanted: Option<&pinsmith_resolver::VersionSpecifiers>,
    proof: &Unsatisfiable,
) -> bool {
    let full: Version = proof.target.python.full().parse().unwrap();
    wanted.is_none_or(|wanted| wanted.iter().all(|clause| satisfies(clause, &full)))
}

/// A claim that one release requires something.
struct Edge<'f> {
    by: &'f Subject,
    on: &'f Subject,
    range: &'f Ranges<Version>,
    overridden: bool,
}

impl Edge<'_> {
    fn holds(
        &self,
        project: &Project,
        release: &Release,
        proof: &Unsatisfiable,
        request: &Request,
        source: &dyn PackageSource,
    ) -> Result<(), String> {
        let environment = proof.target.marker_environment();
        let extras: Vec<ExtraName> = self.by.extra.iter().cloned().collect();
        let file = project.files(release).next().unwrap();
        let MetadataAnswer::Found(metadata) = source.metadata(&self.by.name, &file).unwrap() else {
            return Err(format!("{} has no metadata", release.version));
        };
        let mut lines: Vec<&Requirement> = metadata
            .requires_dist
            .iter()
            .filter(|line| line.name == self.on.name)
            .filter(|line| line.evaluate_markers(&environment, &extras))
            .filter(|line| {
                self.on
                    .extra
                    .iter()
                    .all(|extra| line.extras.contains(extra))
            })
            .collect();
        if lines.is_empty() {
            return Err(format!("{} does not require it", release.version));
        }
        if self.overridden {
            let overrides = request.overrides.iter();
            lines = overrides.filter(|one| one.name == self.on.name).collect();
        }
        // whatever satisfies what is really required lies in the range that is claimed
        let Ok(on) = self::project(source, &self.on.name) else {
            return Ok(());
        };
        for version in on.releases().iter().map(|release| &release.version) {
            let fits = lines.iter().all(|line| {
                specifiers_of(line)
                    .iter()
                    .all(|clause| satisfies(clause, version))
            });
            if fits && !self.range.contains(version) {
                let claim = format!("{} is satisfied by {} {version}", release.version, self.on);
                return Err(claim);
            }
        }
        Ok(())
    }
}

fn is_excluded(
    because: &Exclusion,
    project: &Project,
    release: &Release,
    proof: &Unsatisfiable,
    request: &Request,
    source: &dyn PackageSource,
) -> bool {
    let tags = TagSet::of(&proof.target);
    let files: Vec<_> = project.files(release).collect();
    let fits = |file: &pinsmith_resolver::ReleaseFile| {
        file.wheel().is_none_or(|wheel| tags.rank(wheel).is_some())
    };
    match because {
        Exclusion::RequiresPython(_) => files
            .iter()
            .all(|file| !fits(file) || !admits_python(file.requires_python.as_ref(), proof)),
        Exclusion::NoMatchingWheel { .. } => !files.iter().any(fits),
        Exclusion::TooNew => files.iter().all(|file| {
            file.uploaded
                .is_none_or(|day| proof.as_of.is_some_and(|as_of| day > as_of))
        }),
        Exclusion::Yanked { .. } => files
            .iter()
            .all(|file| file.yanked.is_some() || !fits(file)),
        Exclusion::Prerelease => release.version.any_prerelease(),
        Exclusion::Constraint(constraint) => {
            request.constraints.contains(constraint)
                && !specifiers_of(constraint)
                    .iter()
                    .all(|clause| satisfies(clause, &release.version))
        }
        Exclusion::Spelling => true,
        Exclusion::SourceOnly => files
            .iter()
            .filter(|file| fits(file))
            .all(|file| file.wheel().is_none()),
        Exclusion::Unusable { .. } => files.iter().filter(|file| fits(file)).any(|file| {
            let answer = source
                .metadata(&project_name(proof, project), file)
                .unwrap();
            match answer {
                MetadataAnswer::Found(metadata) => {
                    !admits_python(metadata.requires_python.as_ref(), proof)
                }
                _ => true,
            }
        }),
    }
}

fn project_name(proof: &Unsatisfiable, project: &Project) -> PackageName {
    let named = proof.facts.iter().filter_map(Fact::about);
    let mut named = named.filter(|name| {
        let file = project
            .releases()
            .first()
            .and_then(|one| project.files(one).next());
        file.is_some_and(|file| file.filename.starts_with(&*name.as_dist_info_name()))
    });
    named.next().unwrap().clone()
}
