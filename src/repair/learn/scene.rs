//! What was installed when something failed, and whose a module is.

use std::collections::BTreeMap;
use std::str::FromStr;

use pinsmith_resolver::{PackageName, PythonVersion, Timestamp, Version};

use crate::requirements::{Confidence, Provider, is_known_distribution, lookup};
use crate::scan::ModuleName;

/// What was installed when something failed.
#[derive(Debug, Clone)]
pub struct Scene {
    /// The Python.
    pub python: PythonVersion,
    /// What was installed, with the day of its upload.
    pub installed: BTreeMap<PackageName, (Version, Option<Timestamp>)>,
}

impl Scene {
    pub(super) fn version(&self, name: &str) -> Option<&Version> {
        let name = PackageName::from_str(name).ok()?;
        self.installed.get(&name).map(|(version, _)| version)
    }

    /// The installed distribution that a module is a part of.
    pub(super) fn distribution_of_module(&self, module: &ModuleName) -> Option<PackageName> {
        let spelled = || PackageName::from_str(module.top_level()).ok();
        let found = lookup(module);
        let others = found
            .alternatives
            .iter()
            .filter_map(|name| name.parse().ok());
        let mut candidates = index_name(&found.provider)
            .into_iter()
            .chain(others)
            .chain(spelled());
        candidates.find(|name| self.installed.contains_key(name))
    }

    /// The installed distribution whose file this is: `numpy/core/__init__.py:12`.
    pub(super) fn distribution_of_file(&self, place: &str) -> Option<PackageName> {
        let path = place.rsplit("site-packages/").next()?;
        let first = path.split(['/', ':']).next()?;
        let first = first.split('.').next()?;
        self.distribution_of_module(&ModuleName::new(first)?)
    }
}

fn index_name(provider: &Provider) -> Option<PackageName> {
    match provider {
        Provider::Index { name, .. } => Some(name.clone()),
        _ => None,
    }
}

/// The distribution of a module that something installed imports without saying so.
pub(super) fn provider(module: &ModuleName) -> Option<PackageName> {
    let spelled = || {
        let name = PackageName::from_str(module.top_level()).ok()?;
        is_known_distribution(&name).then_some(name)
    };
    index_name(&lookup(module).provider).or_else(spelled)
}

/// What the names of builds of one project for other hardware end with.
const BUILDS: [&str; 6] = ["gpu", "cpu", "rocm", "macos", "directml", "openvino"];

/// Other projects that may have a module: those that the tables know, and the one of its very name
/// where nobody wrote down which one is meant.
pub fn namesakes(module: &ModuleName, holder: &PackageName) -> Vec<PackageName> {
    let found = lookup(module);
    let known = found.alternatives.iter().copied();
    let counted = matches!(
        found.provider,
        Provider::Index {
            confidence: Confidence::Table,
            ..
        }
    );
    let spelled = known.chain(counted.then_some(module.top_level()));
    let mut names: Vec<PackageName> = Vec::new();
    for name in spelled.filter_map(|name| PackageName::from_str(name).ok()) {
        // `tensorflow-gpu` is tensorflow once more, and lacks what that lacks
        let is_build_of_it = BUILDS.iter().any(|build| {
            let rest = name.as_ref().strip_prefix(holder.as_ref());
            rest.is_some_and(|rest| rest.strip_prefix('-') == Some(build))
        });
        if name != *holder && !is_build_of_it && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}
