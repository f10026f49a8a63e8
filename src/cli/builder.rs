//! `--allow-build`: sdists are built for their metadata by the pip of this machine's Python.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use pinsmith_resolver::{PythonVersion, Target};

use super::args::{GlobalArgs, IndexArgs};
use super::install::network;
use super::world::{World, cache_dir};
use crate::diagnostic::Diagnostic;
use crate::index::MetadataBuilder;
use crate::index::codes::NO_BUILDER;
use crate::install::{BuildOptions, build_metadata};

/// Preparing metadata compiles nothing as a rule, but a backend may do what it likes.
const LIMIT: Duration = Duration::from_mins(10);

/// What builds, if the user allowed it and a Python of the target's version is here.
pub(super) fn builder(
    args: &IndexArgs,
    global: &GlobalArgs,
    World {
        location,
        host,
        tree,
        accelerators: _,
    }: &World<'_>,
    targets: &[Target],
    notes: &mut Vec<Diagnostic>,
) -> Option<Arc<dyn MetadataBuilder>> {
    if !args.allow_build {
        return None;
    }
    let python = host.python.as_ref();
    let python = python.filter(|found| {
        let here = found.version.minor_pair();
        targets
            .iter()
            .any(|target| target.python.minor_pair() == here)
    });
    let Some(python) = python else {
        let wanted: BTreeSet<String> = targets
            .iter()
            .map(|target| target.python.without_patch().to_string())
            .collect();
        let wanted: Vec<String> = wanted.into_iter().collect();
        let wanted = wanted.join(" or ");
        notes.push(
            Diagnostic::warning(
                NO_BUILDER,
                format!("nothing is built: Python {wanted} was not found on this machine"),
            )
            .help("install it, or lock for a Python that is here with --python"),
        );
        return None;
    };
    // extra indexes stand before the main one, see `Location`
    let mut indexes: Vec<String> = location.indexes.iter().map(ToString::to_string).collect();
    let index = indexes.pop();
    let options = BuildOptions {
        python: python.path.clone(),
        index,
        extra_indexes: indexes,
        links: location.links.iter().map(ToString::to_string).collect(),
        cache_dir: cache_dir(global).unwrap_or_else(|| std::env::temp_dir().join("pinsmith")),
        tree: tree.to_path_buf(),
        network: network(location),
        environment: std::env::vars_os().collect(),
        limit: LIMIT,
    };
    Some(Arc::new(PipBuilder {
        version: python.version,
        options,
    }))
}

#[derive(Debug)]
struct PipBuilder {
    version: PythonVersion,
    options: BuildOptions,
}

impl MetadataBuilder for PipBuilder {
    fn environment(&self) -> String {
        format!("python {}", self.version)
    }

    fn build(&self, sdist: &Path) -> Result<Vec<u8>, String> {
        build_metadata(sdist, &self.options)
    }
}
