//! An independent proof that a resolution is an answer: it shares no code with the solver.

use std::collections::BTreeSet;

use pep440_rs::{Operator, VersionSpecifier};
use pinsmith_resolver::{
    ExtraName, MetadataAnswer, PackageName, PackageSource, ReleasesAnswer, Request, Requirement,
    Resolution, TagSet, Version, specifiers_of,
};

/// Panics, naming the pin, unless every requirement, extra, requires-python, tag and yank rule holds.
pub(crate) fn check(
    name: &str,
    request: &Request,
    resolution: &Resolution,
    source: &dyn PackageSource,
) {
    let environment = resolution.target.marker_environment();
    let tags = TagSet::of(&resolution.target);
    for root in &request.roots {
        if root.evaluate_markers(&environment, &[]) {
            holds(name, "the user", root, resolution);
        }
    }
    for package in &resolution.packages {
        let who = package.to_string();
        let ReleasesAnswer::Found(project) = source.releases(&package.name).unwrap() else {
            panic!("{name}: {who} is not in the source");
        };
        let release = project.release(&package.version).unwrap();
        let file = &package.files[0];
        assert!(
            project.files(release).any(|known| known == *file),
            "{name}: {who} has a foreign file"
        );
        if let Some(wheel) = file.wheel() {
            assert!(
                tags.rank(wheel).is_some(),
                "{name}: {who} has an unfit wheel"
            );
        }
        if file.yanked.is_some() {
            let pinned = request
                .roots
                .iter()
                .any(|r| pins(r, &package.name, &package.version));
            let locked = request.preferences.get(&package.name) == Some(&package.version);
            assert!(
                pinned || locked,
                "{name}: {who} is yanked, and neither pinned nor locked"
            );
        }
        let MetadataAnswer::Found(metadata) = source.metadata(&package.name, file).unwrap() else {
            panic!("{name}: {who} has no metadata");
        };
        if let Some(python) = &metadata.requires_python {
            let full: Version = resolution.target.python.full().parse().unwrap();
            assert!(
                python.contains(&full),
                "{name}: {who} needs Python {python}"
            );
        }
        let without = std::iter::once(Vec::new());
        let with = package
            .extras
            .iter()
            .map(|extra: &ExtraName| vec![extra.clone()]);
        for extras in without.chain(with) {
            for requirement in &metadata.requires_dist {
                if requirement.evaluate_markers(&environment, &extras) {
                    holds(name, &who, requirement, resolution);
                }
            }
        }
    }
    every_pin_is_needed(name, request, resolution);
}

fn holds(name: &str, who: &str, requirement: &Requirement, resolution: &Resolution) {
    let Some(pin) = resolution.package(&requirement.name) else {
        panic!("{name}: {who} requires {requirement}, which is not pinned");
    };
    assert!(
        specifiers_of(requirement)
            .iter()
            .all(|clause| satisfies(clause, &pin.version)),
        "{name}: {who} requires {requirement}, but the pin is {pin}"
    );
    for extra in &requirement.extras {
        assert!(
            pin.extras.contains(extra),
            "{name}: {who} wants {extra} of {pin}"
        );
    }
}

/// PEP 440, clause by clause from its text (`VersionSpecifiers::contains` has gaps of its own).
pub(crate) fn satisfies(clause: &VersionSpecifier, version: &Version) -> bool {
    let bound = clause.version();
    let public = version.clone().without_local();
    let same_release =
        version.only_release() == bound.only_release() && version.epoch() == bound.epoch();
    let compared = if bound.is_local() { version } else { &public };
    let starts_with = |bound: &[u64]| {
        let release = version.release();
        let padded = release.iter().chain(std::iter::repeat(&0));
        version.epoch() == clause.version().epoch() && bound.iter().zip(padded).all(|(a, b)| a == b)
    };
    match clause.operator() {
        Operator::Equal => compared == bound,
        Operator::NotEqual => compared != bound,
        Operator::ExactEqual => version.to_string() == bound.to_string(),
        Operator::EqualStar => starts_with(bound.release()),
        Operator::NotEqualStar => !starts_with(bound.release()),
        Operator::TildeEqual => {
            let release = bound.release();
            public >= *bound && starts_with(&release[..release.len() - 1])
        }
        Operator::GreaterThanEqual => public >= *bound,
        Operator::LessThanEqual => public <= *bound,
        Operator::LessThan => {
            let pre_of_bound = same_release && version.any_prerelease() && !bound.any_prerelease();
            public < *bound && !pre_of_bound
        }
        Operator::GreaterThan => {
            let post_of_bound = same_release
                && version.pre() == bound.pre()
                && version.is_post()
                && !bound.is_post();
            public > *bound && !post_of_bound
        }
    }
}

fn pins(requirement: &Requirement, name: &PackageName, version: &Version) -> bool {
    requirement.name == *name
        && specifiers_of(requirement)
            .iter()
            .any(|clause| clause.version() == version)
}

/// No pin stands there that nobody asked for.
fn every_pin_is_needed(name: &str, request: &Request, resolution: &Resolution) {
    let mut reached: BTreeSet<&PackageName> = request.roots.iter().map(|root| &root.name).collect();
    loop {
        let before = reached.len();
        for package in &resolution.packages {
            if reached.contains(&package.name) {
                reached.extend(&package.requires);
            }
        }
        if reached.len() == before {
            break;
        }
    }
    for package in &resolution.packages {
        assert!(
            reached.contains(&package.name),
            "{name}: nobody needs {package}"
        );
    }
}

/// The checker refuses answers that are wrong in one place each.
#[test]
fn wrong_answers_are_refused() {
    let mut source = pinsmith_resolver::MemorySource::default();
    source.add("app", "1.0", &["lib[fast]>=2", "other"]);
    source.add("lib", "1.0", &[]);
    source.add("lib", "2.0", &["speed; extra == 'fast'"]);
    source.add("speed", "1.0", &[]);
    source.add("other", "1.0", &[]);
    source.add("unneeded", "1.0", &[]);
    let roots = |names: &[&str]| Request {
        roots: names
            .iter()
            .map(|name| {
                pinsmith_resolver::parse_requirement(name)
                    .unwrap()
                    .requirement
            })
            .collect(),
        ..Request::default()
    };
    let target = pinsmith_resolver::Target::linux_x86_64((3, 11));
    let solve = |request: &Request| {
        let options = pinsmith_resolver::Options::default();
        pinsmith_resolver::resolve(request, &target, &source, &options).unwrap()
    };
    let request = roots(&["app"]);
    let right = solve(&request);
    let more = solve(&roots(&["app", "unneeded"]));
    let older = solve(&roots(&["lib==1.0"]));
    check("right", &request, &right, &source);
    let change = |change: &dyn Fn(&mut Resolution)| {
        let mut wrong = right.clone();
        change(&mut wrong);
        wrong
    };
    let lib = |wrong: &Resolution| {
        wrong
            .packages
            .iter()
            .position(|one| one.name.to_string() == "lib")
    };
    let wrong = [
        ("a missing pin", change(&|one| drop(one.packages.pop()))),
        ("a pin too many", more),
        (
            "another version",
            change(&|one| {
                let position = lib(one).unwrap();
                one.packages[position] = older.packages[0].clone();
            }),
        ),
        (
            "an extra that is off",
            change(&|one| {
                let position = lib(one).unwrap();
                one.packages[position].extras.clear();
            }),
        ),
        (
            "a file of another release",
            change(&|one| {
                let position = lib(one).unwrap();
                one.packages[position]
                    .files
                    .clone_from(&older.packages[0].files);
            }),
        ),
    ];
    for (what, wrong) in wrong {
        let refused = std::panic::catch_unwind(|| check(what, &request, &wrong, &source)).is_err();
        assert!(refused, "{what} is not refused");
    }
}
