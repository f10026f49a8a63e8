//! Direct references (PEP 440): a requirement with an address fixes its project to one release.

use std::collections::BTreeMap;
use std::sync::Arc;

use pep440_rs::Version;
use pep508_rs::{ExtraName, MarkerEnvironment, PackageName};
use version_ranges::Ranges;

use crate::requirement::is_url;
use crate::world::World;
use crate::{
    CoreMetadata, Fact, Project, ReleaseFile, Request, Requirement, Target, Unsatisfiable,
    specifiers_of, to_ranges, url_of,
};

/// The release that a direct reference names; no other one of its project exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectRelease {
    /// What is installed. A repository or a folder stands as a source distribution.
    pub file: ReleaseFile,
    /// Its metadata. The version is made up where only building could tell it.
    pub metadata: Arc<CoreMetadata>,
    /// Whether the version is known; where it is not, every requirement on the project is taken to
    /// be satisfied.
    pub version_known: bool,
}

impl DirectRelease {
    /// The project as an index would show it, with one release.
    pub(crate) fn project(&self) -> Project {
        let release = (self.metadata.version.clone(), self.file.clone());
        Project::from_files("".into(), [release])
    }
}

/// The contradiction between two requirements of the user that give one project two addresses.
pub(crate) fn contradiction(
    request: &Request,
    target: &Target,
    environment: &MarkerEnvironment,
) -> Option<Unsatisfiable> {
    let asked = |requirement: &Requirement| Fact::Asked {
        requirement: requirement.clone(),
        range: Ranges::full(),
    };
    let mut first = BTreeMap::<&PackageName, &Requirement>::new();
    for requirement in request.roots.iter().chain(&request.overrides) {
        if !is_url(requirement) || !requirement.evaluate_markers(environment, &[]) {
            continue;
        }
        let other = *first.entry(&requirement.name).or_insert(requirement);
        let same = url_of(other).zip(url_of(requirement));
        if same.is_some_and(|(one, two)| !one.is_same_place(two)) {
            let name = &requirement.name;
            return Some(Unsatisfiable {
                target: target.clone(),
                as_of: None,
                as_of_projects: BTreeMap::new(),
                facts: vec![
                    asked(other),
                    asked(requirement),
                    Fact::TwoAddresses { name: name.clone() },
                ],
            });
        }
    }
    None
}

impl World<'_> {
    /// The versions that satisfy a requirement; all where only building could tell the version.
    pub(crate) fn ranges_of(&self, requirement: &Requirement) -> Ranges<Version> {
        match self.request.direct.get(&requirement.name) {
            Some(direct) if !direct.version_known => Ranges::full(),
            _ => to_ranges(&specifiers_of(requirement)),
        }
    }

    /// The requirement by which an index release would bring in a thing by its address.
    ///
    /// Nobody but the user, or what the user gave an address for, names places outside the indexes.
    pub(crate) fn foreign_address(
        &self,
        metadata: &CoreMetadata,
        extra: Option<&ExtraName>,
    ) -> Option<String> {
        let extras = extra.map_or(&[][..], std::slice::from_ref);
        let known = |name: &PackageName| {
            self.external.contains(name)
                || self.request.direct.contains_key(name)
                || self.request.overrides.iter().any(|o| o.name == *name)
        };
        let mut lines = metadata.requires_dist.iter();
        let foreign = lines.find(|line| {
            is_url(line) && !known(&line.name) && line.evaluate_markers(&self.environment, extras)
        })?;
        Some(format!(
            "it requires `{foreign}`, an address that only you may name"
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::{
        CoreMetadata, CoreMetadataHint, DirectRelease, FileKind, MemorySource, Options,
        PackageName, ReleaseFile, Request, ResolveError, Target, Trust, parse_requirement, resolve,
    };

    fn direct(name: &str, version: &str, requires: &[&str], wheel: Option<&str>) -> DirectRelease {
        let filename = match wheel {
            Some(tags) => format!("{name}-{version}-{tags}.whl"),
            None => format!("{name}-{version}.tar.gz"),
        };
        DirectRelease {
            file: ReleaseFile {
                url: format!("https://files.test/{filename}"),
                kind: filename.parse().map_or(FileKind::Sdist, FileKind::Wheel),
                requires_python: None,
                yanked: None,
                uploaded: None,
                size: None,
                sha256: None,
                core_metadata: CoreMetadataHint::Absent,
                filename,
            },
            metadata: Arc::new(CoreMetadata {
                name: PackageName::new(name.to_owned()).unwrap(),
                version: version.parse().unwrap(),
                requires_dist: requires
                    .iter()
                    .map(|text| parse_requirement(text).unwrap().requirement)
                    .collect(),
                requires_python: None,
                provides_extra: Vec::new(),
                unreadable: Vec::new(),
                trust: Trust::Static,
            }),
            version_known: version != "0",
        }
    }

    /// The pins, or the explanation of why there are none.
    fn answer(roots: &[&str], direct: Vec<DirectRelease>, as_of: Option<&str>) -> String {
        let mut source = MemorySource::default();
        source
            .add("six", "1.0", &[])
            .add("six", "2.0", &[])
            .add("user", "1.0", &["lib>=2"])
            .add("old-user", "1.0", &["lib<2"])
            .add(
                "stray",
                "1.0",
                &["lib @ https://elsewhere.test/lib-1.tar.gz"],
            )
            .add("lib", "9.0", &[]);
        let request = Request {
            roots: roots
                .iter()
                .map(|text| parse_requirement(text).unwrap().requirement)
                .collect(),
            direct: direct
                .into_iter()
                .map(|one| (one.metadata.name.clone(), one))
                .collect(),
            ..Request::default()
        };
        let options = Options {
            as_of: as_of.map(|text| text.parse().unwrap()),
            ..Options::default()
        };
        let target = Target::linux_x86_64((3, 11));
        match resolve(&request, &target, &source, &options) {
            Ok(found) => {
                let pins: Vec<String> = found.packages.iter().map(ToString::to_string).collect();
                pins.join(" ")
            }
            Err(ResolveError::Unsatisfiable(proof)) => proof.story(&|_| None).join("\n"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn an_address_fixes_its_project_to_one_release() {
        let lib = "lib @ https://files.test/lib";
        let plain = || vec![direct("lib", "2.0", &["six<2", "six ; extra == 'x'"], None)];
        let any = Some("py3-none-any");
        for (roots, direct, expected) in [
            (&[lib][..], plain(), "lib==2.0 six==1.0"),
            (&[lib, "user"], plain(), "lib==2.0 six==1.0 user==1.0"),
            (
                &["lib[x] @ https://files.test/lib"],
                plain(),
                "lib==2.0 six==1.0",
            ),
            (
                &["lib @ https://files.test/lib ; python_version < '3'"],
                plain(),
                "",
            ),
            (&[lib], vec![direct("lib", "2.0", &[], any)], "lib==2.0"),
            (
                &[lib],
                vec![direct("lib", "2.0.dev1", &[], None)],
                "lib==2.0.dev1",
            ),
            // what only building could tell contradicts nobody
            (
                &[lib, "user"],
                vec![direct("lib", "0", &[], None)],
                "lib==0 user==1.0",
            ),
            // the user's word goes before what an index release would like
            (&[lib, "stray"], plain(), "lib==2.0 six==1.0 stray==1.0"),
            (
                &[lib],
                vec![
                    direct("lib", "2.0", &["dep @ https://files.test/dep"], None),
                    direct("dep", "3.0", &[], None),
                ],
                "dep==3.0 lib==2.0",
            ),
        ] {
            assert_eq!(answer(roots, direct, None), expected, "{roots:?}");
        }
        let dated = answer(
            &[lib],
            vec![direct("lib", "1", &[], None)],
            Some("2020-01-01T00:00:00Z"),
        );
        assert_eq!(dated, "lib==1", "it has no upload time to be too young by");
    }

    #[test]
    fn contradictions_are_told() {
        let lib = "lib @ https://files.test/lib";
        let plain = || vec![direct("lib", "2.0", &[], None)];
        for (roots, direct, part) in [
            (
                &[lib, "lib @ git+https://git.test/lib"][..],
                plain(),
                "lib cannot come from two addresses at once",
            ),
            (
                &[lib, "old-user"],
                plain(),
                "lib is not <2: its address gives 2.0",
            ),
            (&[lib, "lib>=3"], plain(), "you require `lib>=3`"),
            (
                &[lib],
                vec![direct("lib", "2.0", &[], Some("cp311-cp311-win_amd64"))],
                "has no wheel for Python 3.11 on linux-x86_64 and no sdist",
            ),
            (&["stray"], Vec::new(), "an address that only you may name"),
        ] {
            let told = answer(roots, direct, None);
            assert!(told.contains(part), "{roots:?}: {told}");
        }
    }
}
