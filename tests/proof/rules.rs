//! What compiled wheels need although no metadata says so, from the page on data instead of the solver's tables.

use pinsmith_resolver::{
    PackageName, Platform, Project, Release, Requirement, Target, Timestamp, parse_requirement,
};

/// The pseudo-package that has one version for each C interface of numpy.
pub(super) const NUMPY_INTERFACE: &str = "pinsmith-numpy-interface";

/// What a release needs on this target beside what it says.
pub(super) fn needs(
    name: &PackageName,
    project: &Project,
    release: &Release,
    target: &Target,
) -> Vec<Requirement> {
    let mut wheels = project
        .files(release)
        .filter(|file| file.wheel().is_some())
        .peekable();
    if wheels.peek().is_none() {
        return Vec::new();
    }
    let uploaded: Vec<Option<Timestamp>> = wheels.map(|wheel| wheel.uploaded).collect();
    let before = |day: &str| {
        let day: Timestamp = format!("{day}T00:00:00Z").parse().unwrap();
        uploaded.iter().all(|own| own.is_some_and(|own| own < day))
    };
    let below = |bound: &str| release.version < bound.parse().unwrap();
    let mut needs = Vec::new();
    match name.as_ref() {
        "torch" if below("2.3.dev0") => {
            needs.push(format!("{NUMPY_INTERFACE}==1"));
            match &release.version.release()[..2] {
                [1, 9 | 10] => needs.push("setuptools<59.6".to_owned()),
                [1, 11] => needs.push("setuptools<82,!=70.*".to_owned()),
                _ => {}
            }
        }
        "numpy" => {
            let number = if below("2.0.dev0") { 1 } else { 2 };
            needs.push(format!("{NUMPY_INTERFACE}=={number}"));
        }
        "pyarrow" if !below("26.dev0") => needs.push(format!("{NUMPY_INTERFACE}==2")),
        "torchtext" if release.version.to_string() == "0.18.0" => {
            needs.push("torch==2.3.*".to_owned());
        }
        "vllm" if target.platform == Platform::LinuxX86_64 && before("2025-04-01") => {
            needs.push("torch<2.7".to_owned());
        }
        name if compiled_against_numpy_1(name) && before("2024-03-01") => {
            needs.push("numpy<2".to_owned());
        }
        _ => {}
    }
    needs
        .iter()
        .map(|text| parse_requirement(text).unwrap().requirement)
        .collect()
}

/// Whether the page on data names a wheel of the project that did not import beside numpy 2.
fn compiled_against_numpy_1(name: &str) -> bool {
    let page = include_str!("../../docs/data.md");
    let (_, tried) = page.split_once("a wheel of late 2023 (").unwrap();
    let (tried, _) = tried.split_once(')').unwrap();
    let mut wheels = tried.split(',').map(str::split_whitespace);
    wheels.any(|mut words| words.next() == Some(name))
}
