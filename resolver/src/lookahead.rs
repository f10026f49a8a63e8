//! A guess at what the solver will ask next, for sources that can fetch many things at once.

use std::collections::HashMap;

use pep440_rs::Version;
use pep508_rs::{MarkerEnvironment, PackageName};
use version_ranges::Ranges;

use crate::eligible::Eligibility;
use crate::{CoreMetadata, Lookahead, Project, ReleaseFile, Requirement, specifiers_of, to_ranges};

/// Guesses that every requirement gets the newest release it admits, which is mostly right.
pub(crate) struct NewestGuess {
    pub(crate) eligibility: Eligibility,
    pub(crate) environment: MarkerEnvironment,
    pub(crate) constraints: HashMap<PackageName, Ranges<Version>>,
}

impl Lookahead for NewestGuess {
    fn likely_file(&self, requirement: &Requirement, project: &Project) -> Option<ReleaseFile> {
        let mut ranges = to_ranges(&specifiers_of(requirement));
        if let Some(constraint) = self.constraints.get(&requirement.name) {
            ranges = ranges.intersection(constraint);
        }
        let eligibility = self.eligibility.of(&requirement.name);
        let rules = eligibility.rules(project);
        let newest = |finals_only: bool| {
            let releases = project.releases().iter().enumerate().rev();
            releases
                .filter(|(_, release)| {
                    ranges.contains(&release.version)
                        && !(finals_only && release.version.any_prerelease())
                })
                .find_map(|(position, release)| {
                    let candidate = rules.candidate(position, release).ok()?;
                    // an sdist is mostly passed over, and a whole download
                    let likely = !candidate.yanked && candidate.has_wheel;
                    likely.then(|| project.file(release, *candidate.files.first()?))?
                })
        };
        newest(true).or_else(|| newest(false))
    }

    fn likely_requirements(
        &self,
        requirement: &Requirement,
        metadata: &CoreMetadata,
    ) -> Vec<Requirement> {
        let holds = |line: &&Requirement| {
            line.evaluate_markers(&self.environment, &requirement.extras)
                && (line.name != requirement.name || !line.extras.is_empty())
        };
        let lines = metadata.requires_dist.iter();
        lines.filter(holds).cloned().collect()
    }
}
