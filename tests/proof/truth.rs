//! Whether what a proof says is true of the index, the target and the request.

use pep440_rs::Operator;
use pinsmith_resolver::{
    Exclusion, ExtraName, Fact, MetadataAnswer, PackageName, PackageSource, Project, Ranges,
    Release, ReleasesAnswer, Request, Requirement, Span, Subject, TagSet, Unsatisfiable, Version,
    specifiers_of,
};

use super::rules;
use crate::checker::satisfies;

/// Whether a fact is true of the index, the target and the request.
pub(super) fn holds(
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
            let project = project_of(source, &by.name)?;
            let meant = meant(&project, span, proof, request);
            let edge = Edge {
                by,
                on,
                range,
                overridden: *overridden,
                with_rules: rule.is_some(),
            };
            let Some(newest) = meant.last() else {
                return Err("it is about no release".to_owned());
            };
            let truth = Truth {
                proof,
                request,
                source,
            };
            if rule.is_some() {
                let alone = Edge {
                    with_rules: false,
                    ..edge
                };
                if alone.holds(&project, newest, &truth).is_ok() {
                    return Err("its metadata says so, no rule is needed".to_owned());
                }
            }
            meant
                .iter()
                .try_for_each(|release| edge.holds(&project, release, &truth))
        }
        Fact::Excluded {
            name,
            span,
            because,
        } => {
            let project = project_of(source, name)?;
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
            let project = project_of(source, name)?;
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

fn project_of(
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

/// What a claim is judged by.
struct Truth<'f> {
    proof: &'f Unsatisfiable,
    request: &'f Request,
    source: &'f dyn PackageSource,
}

/// A claim that one release requires something.
struct Edge<'f> {
    by: &'f Subject,
    on: &'f Subject,
    range: &'f Ranges<Version>,
    overridden: bool,
    /// Whether a rule of pinsmith's own is named as the reason.
    with_rules: bool,
}

impl Edge<'_> {
    fn holds(&self, project: &Project, release: &Release, truth: &Truth<'_>) -> Result<(), String> {
        let needs = if self.with_rules {
            rules::needs(&self.by.name, project, release, &truth.proof.target)
        } else {
            Vec::new()
        };
        let needs: Vec<&Requirement> = needs
            .iter()
            .filter(|one| one.name == self.on.name)
            .collect();
        let lines = self.lines(project, release, truth)?;
        let of_numpy = self.on.name.as_ref() == rules::NUMPY_INTERFACE;
        // a rule says which versions are needed of what is required; interfaces and setuptools are needed unsaid
        let unsaid = of_numpy || self.on.name.as_ref() == "setuptools";
        if lines.is_empty() && (needs.is_empty() || !unsaid) {
            return Err(format!("{} does not require it", release.version));
        }
        let versions: Vec<Version> = if of_numpy {
            [1, 2].map(|number| Version::new([number])).into()
        } else if let Ok(on) = project_of(truth.source, &self.on.name) {
            let releases = on.releases().iter();
            releases.map(|release| release.version.clone()).collect()
        } else {
            Vec::new()
        };
        // whatever satisfies what is really required lies in the range that is claimed
        for version in &versions {
            let fits = lines.iter().chain(needs.iter().copied()).all(|line| {
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

    /// The lines that require it, or the user's in their place.
    fn lines(
        &self,
        project: &Project,
        release: &Release,
        truth: &Truth<'_>,
    ) -> Result<Vec<Requirement>, String> {
        let environment = truth.proof.target.marker_environment();
        let extras: Vec<ExtraName> = self.by.extra.iter().cloned().collect();
        let file = project.files(release).next().unwrap();
        let MetadataAnswer::Found(metadata) = truth.source.metadata(&self.by.name, &file).unwrap()
        else {
            return Err(format!("{} has no metadata", release.version));
        };
        let asks = |line: &&Requirement| {
            let mut wanted = self.on.extra.iter();
            line.name == self.on.name
                && line.evaluate_markers(&environment, &extras)
                && wanted.all(|extra| line.extras.contains(extra))
        };
        let lines: Vec<Requirement> = metadata
            .requires_dist
            .iter()
            .filter(asks)
            .cloned()
            .collect();
        if self.overridden && !lines.is_empty() {
            let overrides = truth.request.overrides.iter();
            return Ok(overrides
                .filter(|one| one.name == self.on.name)
                .cloned()
                .collect());
        }
        Ok(lines)
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
        Exclusion::Spelling => {
            let name = project_name(proof, project);
            let asked = request.roots.iter().chain(&request.constraints);
            let mut clauses = asked.filter(|one| one.name == name).flat_map(specifiers_of);
            clauses.any(|clause| {
                *clause.operator() == Operator::ExactEqual && !satisfies(&clause, &release.version)
            })
        }
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
