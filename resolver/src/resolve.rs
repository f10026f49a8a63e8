//! The titular function: requirements and a target in, one set of pins out.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use pep440_rs::Version;
use pep508_rs::PackageName;

use crate::abi::numpy_interface;
use crate::chosen::Chosen;
use crate::coherent::coherent;
use crate::direct::contradiction;
use crate::keep::{Versions, keep};
use crate::search::{Failure, Search};
use crate::world::World;
use crate::{
    DirectRelease, NotKept, PackageSource, Requirement, Resolution, ResolveError, ResolvedPackage,
    SourceError, Target, cuda_package, explain,
};

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Direct requirements. One with a URL that [`Self::direct`] does not know is not resolved: its
    /// project is left out of the answer, and whatever requires it is taken to be satisfied by it.
    pub roots: Vec<Requirement>,
    /// The releases behind direct references, by project; those that only another of them requires
    /// are among them.
    pub direct: BTreeMap<PackageName, DirectRelease>,
    /// Projects that come from somewhere else altogether: they are left out of the answer, and what
    /// requires them is taken to be satisfied.
    pub elsewhere: BTreeSet<PackageName>,
    /// Bounds on projects that may or may not be needed.
    pub constraints: Vec<Requirement>,
    /// Requirements that replace every other requirement on their project.
    pub overrides: Vec<Requirement>,
    /// Whether only the direct requirements are resolved, not what they require.
    pub no_deps: bool,
    /// Versions to keep where they still hold, such as the pins of an existing lock. They come
    /// before freshness: the largest set of them that holds is kept.
    pub preferences: BTreeMap<PackageName, Version>,
}

impl Request {
    /// Whether the user asked for this project directly.
    pub(crate) fn has_root(&self, name: &PackageName) -> bool {
        self.roots.iter().any(|root| root.name == *name)
    }
}

/// How to choose.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Which versions win.
    pub mode: ResolutionMode,
    /// Whether pre-releases count.
    pub prereleases: PrereleasePolicy,
    /// Only files uploaded up to this instant count; files of unknown age do not.
    pub as_of: Option<Timestamp>,
    /// Instants of single projects, which count in place of [`Self::as_of`].
    pub as_of_projects: BTreeMap<PackageName, Timestamp>,
}

/// Which versions win.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ResolutionMode {
    /// The set with the least lag: the direct requirements first, then the rest.
    #[default]
    Coherent,
    /// The newest version of each project in turn, backtracking where it must.
    Newest,
    /// The lowest version of each project in turn.
    Lowest,
    /// The lowest version of the direct requirements, the newest of the rest.
    LowestDirect,
}

/// Whether pre-releases count (PEP 440).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PrereleasePolicy {
    /// Only where the user's specifier names one, or no final release fits.
    #[default]
    IfNecessary,
    /// Everywhere.
    Allow,
    /// Only where the user's specifier names one.
    Disallow,
}

/// Resolves requirements for one target.
///
/// The answer depends on the arguments and on what the source answers, never on the order or
/// speed of the answers. See the crate's page for an example.
pub fn resolve(
    request: &Request,
    target: &Target,
    source: &dyn PackageSource,
    options: &Options,
) -> Result<Resolution, ResolveError> {
    Solver::new(request, target, source, options).solve(&Versions::new())
}

/// One target with what has been learnt of the source; it can be solved several times.
pub(crate) struct Solver<'a> {
    pub(crate) world: World<'a>,
    target: &'a Target,
    mode: ResolutionMode,
}

impl<'a> Solver<'a> {
    pub(crate) fn new(
        request: &'a Request,
        target: &'a Target,
        source: &'a dyn PackageSource,
        options: &Options,
    ) -> Self {
        Self {
            world: World::new(request, target, source, options),
            target,
            mode: options.mode,
        }
    }

    /// The answer that keeps the request's preferences where they hold, and after them the
    /// versions of other targets.
    pub(crate) fn solve(&self, of_others: &Versions) -> Result<Resolution, ResolveError> {
        if let Some(proof) = contradiction(self.world.request, self.target, &self.world.environment)
        {
            return Err(ResolveError::Unsatisfiable(Box::new(proof)));
        }
        let mut search = Search::new(&self.world, self.mode);
        let solution = self.run(&mut search, of_others);
        match solution {
            Ok((chosen, preferred)) => {
                let (mut packages, lag) = chosen.explained(&self.world, &preferred)?;
                without_pseudo_packages(&mut packages);
                Ok(Resolution {
                    target: self.target.clone(),
                    not_kept: chosen.not_kept(&self.world, &self.world.request.preferences)?,
                    differs: Vec::new(),
                    packages,
                    lag,
                    relaxed: search.relaxed,
                    solves: search.solves,
                })
            }
            Err(Failure::NoSolution(proof)) => {
                let story = explain::unsatisfiable(&proof, &self.world, self.target);
                Err(ResolveError::Unsatisfiable(Box::new(story)))
            }
            Err(Failure::Source(error)) => Err(error.into()),
            Err(Failure::TooHard) => Err(self.too_hard(&search).into()),
        }
    }

    /// Neither an answer nor a proof that there is none was found within the bounds of effort.
    fn too_hard(&self, search: &Search<'_, '_>) -> SourceError {
        let names = search.troublemakers();
        let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
        let trouble = names.join(", ");
        SourceError {
            code: Some("RES002"),
            message: format!(
                "neither an answer nor a reason why there is none was found within the bounds of effort for {}; most \
                 conflicts were about {trouble}",
                self.target
            ),
            help: Some(format!(
                "ask for narrower ranges of {trouble}, or pin one of them"
            )),
        }
    }

    /// Why an answer has other versions than the wanted ones.
    pub(crate) fn differs(
        &self,
        answer: &Resolution,
        wanted: &Versions,
    ) -> Result<Vec<NotKept>, SourceError> {
        self.world.keep_only(Versions::new());
        let packages = answer.packages.iter();
        let chosen = Chosen {
            versions: packages
                .clone()
                .map(|package| (package.name.clone(), package.version.clone()))
                .collect(),
            extras: packages
                .map(|package| {
                    (
                        package.name.clone(),
                        package.extras.iter().cloned().collect(),
                    )
                })
                .collect(),
        };
        chosen.not_kept(&self.world, wanted)
    }

    /// What was chosen, and which preferences were kept.
    fn run(
        &self,
        search: &mut Search<'_, '_>,
        of_others: &Versions,
    ) -> Result<(Chosen, Versions), Failure> {
        self.world.keep_only(Versions::new());
        keep(search, &self.world.request.preferences)?;
        let preferred = self.world.all_kept();
        keep(search, of_others)?;
        let chosen = match self.mode {
            ResolutionMode::Coherent => coherent(search),
            _ => match search.solve() {
                // an answer of the engine would not be the one that is asked for
                Err(Failure::TooHard) => match search.prove() {
                    Ok(_) => Err(Failure::TooHard),
                    other => other,
                },
                other => other,
            },
        };
        Ok((chosen?, preferred))
    }
}

/// Takes out what only says that all share one CUDA, or one C interface.
fn without_pseudo_packages(packages: &mut Vec<ResolvedPackage>) {
    let pseudo = [cuda_package(), numpy_interface()];
    packages.retain(|package| !pseudo.contains(&package.name));
    for package in packages {
        package.requires.retain(|name| !pseudo.contains(name));
        package.edges.retain(|edge| !pseudo.contains(&edge.name));
    }
}
