//! How a scenario is written down, and what is asked of the resolver for it.

use std::collections::BTreeMap;

use pinsmith_resolver::{
    Options, Platform, PrereleasePolicy, Request, ResolutionMode, Target, Version,
    parse_requirement,
};
use serde::Deserialize;

use crate::support::index::{self, Projects};

#[derive(Deserialize, Clone)]
pub(super) struct Scenario {
    pub(super) name: String,
    pub(super) root: Root,
    #[serde(default)]
    pub(super) packages: BTreeMap<String, Project>,
    pub(super) expected: Expected,
    #[serde(default)]
    pub(super) environment: Environment,
    #[serde(default)]
    pub(super) resolver_options: ResolverOptions,
}

#[derive(Deserialize, Clone)]
pub(super) struct Root {
    pub(super) requires: Vec<String>,
    /// Versions of an existing lock; not part of packse's format, as what follows.
    #[serde(default)]
    pub(super) preferences: BTreeMap<String, String>,
}

#[derive(Deserialize, Clone)]
pub(super) struct Project {
    pub(super) versions: BTreeMap<String, Release>,
}

#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
#[derive(Deserialize, Clone)]
#[serde(default)]
pub(super) struct Release {
    pub(super) requires: Vec<String>,
    pub(super) requires_python: Option<String>,
    pub(super) extras: BTreeMap<String, Vec<String>>,
    pub(super) sdist: bool,
    pub(super) wheel: bool,
    pub(super) yanked: bool,
    pub(super) wheel_tags: Vec<String>,
    /// A day, such as `2026-01-31`; not part of packse's format.
    pub(super) uploaded: Option<String>,
    /// Whether only a build would tell what its sdist requires; neither.
    pub(super) dynamic: bool,
}

impl Default for Release {
    fn default() -> Self {
        Self {
            requires: Vec::new(),
            requires_python: Some(">=3.12".to_owned()),
            extras: BTreeMap::new(),
            sdist: true,
            wheel: true,
            yanked: false,
            wheel_tags: Vec::new(),
            uploaded: None,
            dynamic: false,
        }
    }
}

#[derive(Deserialize, Clone, Default)]
#[serde(default)]
pub(super) struct Expected {
    pub(super) satisfiable: bool,
    pub(super) packages: BTreeMap<String, String>,
    /// `package version` by target, where targets are listed.
    pub(super) by_target: BTreeMap<String, Vec<String>>,
    /// What the answer says of preferences that it could not keep.
    pub(super) not_kept: Vec<String>,
    /// What holds pins back, as `package: reasons`.
    pub(super) held_back: Vec<String>,
}

#[derive(Deserialize, Clone, Default)]
#[serde(default)]
pub(super) struct Environment {
    pub(super) python: Option<String>,
    /// `3.11 linux-x86_64`.
    pub(super) targets: Vec<String>,
}

#[derive(Deserialize, Clone, Default)]
#[serde(default)]
pub(super) struct ResolverOptions {
    pub(super) universal: bool,
    pub(super) python: Option<String>,
    pub(super) python_platform: Option<String>,
    pub(super) prereleases: Option<bool>,
    pub(super) no_build: Vec<String>,
    pub(super) no_binary: Vec<String>,
}

impl Scenario {
    /// The same with a release a month, in the order of versions; packse has no dates.
    pub(super) fn dated(&self) -> Self {
        let mut dated = self.clone();
        for project in dated.packages.values_mut() {
            let mut releases: Vec<(Version, &mut Release)> = project
                .versions
                .iter_mut()
                .map(|(version, release)| (version.parse().unwrap(), release))
                .collect();
            releases.sort_by(|one, other| one.0.cmp(&other.0));
            for (month, (_, release)) in releases.into_iter().enumerate() {
                release.uploaded = Some(format!("{}-{:02}-01", 2020 + month / 12, 1 + month % 12));
            }
        }
        dated
    }

    /// The same without any pre-release.
    pub(super) fn without_prereleases(&self) -> Self {
        let mut finals = self.clone();
        for project in finals.packages.values_mut() {
            let is_final = |version: &String| !version.parse::<Version>().unwrap().any_prerelease();
            project.versions.retain(|version, _| is_final(version));
        }
        finals
    }
}

pub(super) fn request(scenario: &Scenario) -> Request {
    let roots = scenario.root.requires.iter();
    Request {
        roots: roots
            .map(|text| parse_requirement(text).unwrap().requirement)
            .collect(),
        preferences: scenario
            .root
            .preferences
            .iter()
            .map(|(name, version)| (name.parse().unwrap(), version.parse().unwrap()))
            .collect(),
        ..Request::default()
    }
}

pub(super) fn options(scenario: &Scenario, mode: ResolutionMode) -> Options {
    Options {
        mode,
        prereleases: match scenario.resolver_options.prereleases {
            Some(true) => PrereleasePolicy::Allow,
            _ => PrereleasePolicy::IfNecessary,
        },
        ..Options::default()
    }
}

pub(super) fn targets(scenario: &Scenario) -> Vec<Target> {
    let listed = &scenario.environment.targets;
    if !listed.is_empty() {
        let target = |text: &String| {
            let (python, platform) = text.split_once(' ').unwrap();
            Target::new(python.parse().unwrap(), platform.parse().unwrap())
        };
        return listed.iter().map(target).collect();
    }
    let options = &scenario.resolver_options;
    let python = options
        .python
        .as_ref()
        .or(scenario.environment.python.as_ref());
    let python = python.map_or("3.12", String::as_str).parse().unwrap();
    let platforms = match options.python_platform.as_deref() {
        Some("macos") => vec![Platform::MacosArm64],
        Some("windows") => vec![Platform::WindowsX86_64],
        _ if options.universal => Platform::ALL.to_vec(),
        _ => vec![Platform::LinuxX86_64],
    };
    platforms
        .into_iter()
        .map(|platform| Target::new(python, platform))
        .collect()
}

/// The index of a scenario; options that forbid wheels or sdists make it lack them.
pub(super) fn index(scenario: &Scenario) -> Projects {
    let options = &scenario.resolver_options;
    let release = |name: &String, release: &Release| {
        let mut requires = release.requires.clone();
        for (extra, lines) in &release.extras {
            requires.extend(lines.iter().map(|line| with_extra(line, extra)));
        }
        let wheels = match (&release.wheel, release.wheel_tags.as_slice()) {
            (true, _) if options.no_binary.contains(name) => vec![],
            (false, _) => vec![],
            (true, []) => vec!["py3-none-any".to_owned()],
            (true, tags) => tags.to_vec(),
        };
        index::Release {
            requires,
            requires_python: release
                .requires_python
                .clone()
                .filter(|text| !text.is_empty()),
            extras: release.extras.keys().cloned().collect(),
            wheels,
            sdist: release.sdist && !options.no_build.contains(name),
            yanked: release.yanked.then(String::new),
            uploaded: release.uploaded.clone().unwrap_or_default(),
            dynamic: release.dynamic,
            ..index::Release::default()
        }
    };
    let projects = scenario.packages.iter().map(|(name, project)| {
        let releases = project.versions.iter();
        let releases = releases.map(|(version, one)| (version.clone(), release(name, one)));
        (name.clone(), releases.collect())
    });
    projects.collect()
}

pub(super) fn with_extra(line: &str, extra: &str) -> String {
    match line.split_once(';') {
        Some((head, marker)) => format!("{head} ; ({marker}) and extra == '{extra}'"),
        None => format!("{line} ; extra == '{extra}'"),
    }
}
