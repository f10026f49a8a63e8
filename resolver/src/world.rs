//! What has been learnt from the source so far; it outlives single runs of the solver.

mod rules;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use pep440_rs::{Operator, Version};
use pep508_rs::{ExtraName, MarkerEnvironment, PackageName};
use version_ranges::Ranges;

use crate::abi::{self, AbiRule, Need};
use crate::eligible::{Candidate, Candidates, Eligibility};
use crate::keep::Versions;
use crate::lookahead::NewestGuess;
use crate::requirement::is_url;
use crate::source::Seen;
use crate::{
    ArbitraryEquality, CoreMetadata, Lookahead, MetadataAnswer, Options, PackageSource, Platform,
    PrereleasePolicy, ReleasesAnswer, Request, Requirement, SourceError, Target, Timestamp,
    specifiers_of, to_ranges,
};

/// The source seen through one target and one request, each question asked once.
pub(crate) struct World<'a> {
    /// As the target sees it.
    pub(crate) source: Seen<'a>,
    pub(crate) request: &'a Request,
    pub(crate) target: &'a Target,
    pub(crate) environment: MarkerEnvironment,
    eligibility: Eligibility,
    guess: Arc<dyn Lookahead>,
    prereleases: PrereleasePolicy,
    constraints: HashMap<PackageName, Ranges<Version>>,
    /// Projects that come from a URL, hence never from an index.
    pub(crate) external: BTreeSet<PackageName>,
    /// Exact pins by the user: they admit yanked releases.
    pinned: HashMap<PackageName, Vec<Version>>,
    arbitrary: HashMap<PackageName, Vec<ArbitraryEquality>>,
    admits_prereleases: BTreeSet<PackageName>,
    projects: RefCell<HashMap<PackageName, Known>>,
    metadata: RefCell<BTreeMap<(PackageName, Version), Facts>>,
    /// Order in which projects were first required; ties in the solver are broken by it.
    order: RefCell<HashMap<PackageName, u32>>,
    /// Every range that was required of a project so far.
    required: RefCell<HashMap<PackageName, HashSet<Ranges<Version>>>>,
    saw_reserve: Cell<bool>,
    /// What releases need besides what they say.
    needs: RefCell<BTreeMap<(PackageName, Version), Vec<Need>>>,
    /// Versions that the answer keeps; of these projects nothing else is offered.
    kept: RefCell<Versions>,
}

/// Why metadata is not there when only the network is missing.
pub(crate) const METADATA_OFFLINE: &str =
    "its metadata is not in the cache, and the network is off";

/// What is known of a project.
#[derive(Clone)]
pub(crate) enum Known {
    Found(Rc<Candidates>),
    NotFound,
    Offline,
}

/// What is known of a release's metadata.
#[derive(Clone)]
pub(crate) enum Facts {
    Found(Arc<CoreMetadata>),
    Unavailable(Rc<str>),
}

/// A requirement that holds in the environment, ready for the solver.
#[derive(Clone)]
pub(crate) struct Edge {
    /// As it counts: overrides are already applied.
    pub(crate) requirement: Requirement,
    pub(crate) ranges: Ranges<Version>,
}

impl Edge {
    /// The project it is on.
    pub(crate) fn name(&self) -> &PackageName {
        &self.requirement.name
    }

    /// Its version specifiers as text.
    pub(crate) fn specifier(&self) -> String {
        specifiers_of(&self.requirement).to_string()
    }
}

impl<'a> World<'a> {
    pub(crate) fn new(
        request: &'a Request,
        target: &'a Target,
        source: &'a dyn PackageSource,
        options: &Options,
    ) -> Self {
        let environment = target.marker_environment();
        let eligibility = Eligibility::new(target, options);
        let constraints = constraints_of(request, &environment);
        let mut world = Self {
            source: Seen::by(target, source),
            request,
            target,
            guess: Arc::new(NewestGuess {
                eligibility: eligibility.clone(),
                environment: environment.clone(),
                constraints: constraints.clone(),
            }),
            environment,
            eligibility,
            prereleases: options.prereleases,
            constraints,
            external: request.elsewhere.clone(),
            pinned: HashMap::new(),
            arbitrary: HashMap::new(),
            admits_prereleases: BTreeSet::new(),
            projects: RefCell::default(),
            metadata: RefCell::default(),
            order: RefCell::default(),
            required: RefCell::default(),
            saw_reserve: Cell::new(false),
            needs: RefCell::default(),
            kept: RefCell::default(),
        };
        world.know_interfaces();
        let by_user = [&request.roots, &request.overrides, &request.constraints];
        for requirement in by_user.into_iter().flatten() {
            if requirement.evaluate_markers(&world.environment, &[]) {
                world.note_user_requirement(requirement);
            }
        }
        world
    }

    /// The pseudo-package of numpy's C interface, which no source is asked for.
    fn know_interfaces(&mut self) {
        let name = abi::numpy_interface();
        let (project, metadata) = abi::interfaces();
        let whenever = self.eligibility.whenever();
        let candidates = whenever.candidates(project.into(), true);
        let known = Known::Found(Rc::new(candidates));
        self.projects.get_mut().insert(name.clone(), known);
        let facts = metadata
            .into_iter()
            .map(|(version, metadata)| ((name.clone(), version), Facts::Found(Arc::new(metadata))));
        self.metadata.get_mut().extend(facts);
    }

    /// The rule of pinsmith's own that makes a release require a project in no more than this range.
    pub(crate) fn rule_behind(
        &self,
        by: (&PackageName, &Version),
        on: &PackageName,
        range: &Ranges<Version>,
    ) -> Option<AbiRule> {
        let needs = self.needs.borrow();
        let needs = needs.get(&(by.0.clone(), by.1.clone()))?;
        let mut needs = needs.iter();
        let need = needs.find(|need| need.on == *on && range.subset_of(&need.range));
        need.map(|need| need.rule)
    }

    fn note_user_requirement(&mut self, requirement: &Requirement) {
        let name = &requirement.name;
        if is_url(requirement) && !self.request.direct.contains_key(name) {
            self.external.insert(name.clone());
        }
        let specifiers = specifiers_of(requirement);
        let arbitrary = ArbitraryEquality::all_of(&specifiers);
        if !arbitrary.is_empty() {
            let clauses = self.arbitrary.entry(name.clone()).or_default();
            clauses.extend(arbitrary);
        }
        for clause in specifiers.iter() {
            if matches!(clause.operator(), Operator::Equal | Operator::ExactEqual) {
                let pins = self.pinned.entry(name.clone()).or_default();
                pins.push(clause.version().clone());
            }
            if clause.version().any_prerelease() {
                self.admits_prereleases.insert(name.clone());
            }
        }
    }

    /// Tells the source what is about to be asked.
    pub(crate) fn look_ahead(&self, edges: &[Edge]) {
        let unknown: Vec<Requirement> = edges
            .iter()
            .filter(|edge| self.known_project(edge.name()).is_none())
            .filter(|edge| !self.request.direct.contains_key(edge.name()))
            .map(|edge| edge.requirement.clone())
            .collect();
        if !unknown.is_empty() {
            self.source.look_ahead(unknown, &self.guess);
        }
    }

    /// The releases of a project that count for this target; only one where a version is kept.
    pub(crate) fn project(&self, name: &PackageName) -> Result<Known, SourceError> {
        let known = self.whole_project(name)?;
        Ok(self.offered(name, known))
    }

    /// What has already been learnt of a project, without asking.
    pub(crate) fn known_project(&self, name: &PackageName) -> Option<Known> {
        let known = self.projects.borrow().get(name).cloned()?;
        Some(self.offered(name, known))
    }

    /// The kept version alone, at no lag, so that no floor withholds it.
    fn offered(&self, name: &PackageName, known: Known) -> Known {
        let Some(version) = self.kept_version(name) else {
            return known;
        };
        let Known::Found(candidates) = &known else {
            return known;
        };
        match candidates.same_release(&version) {
            Some(candidate) if self.admits(name, candidate) => {
                Known::Found(Rc::new(candidates.only(candidate)))
            }
            _ => {
                self.let_go(name);
                known
            }
        }
    }

    /// Offers only this version of a project from now on, if the target can take it.
    pub(crate) fn keep(&self, name: &PackageName, version: &Version) {
        let mut kept = self.kept.borrow_mut();
        kept.insert(name.clone(), version.clone());
    }

    /// Offers all versions of a project again; the version that was kept.
    pub(crate) fn let_go(&self, name: &PackageName) -> Option<Version> {
        self.kept.borrow_mut().remove(name)
    }

    /// The version that is kept of a project.
    pub(crate) fn kept_version(&self, name: &PackageName) -> Option<Version> {
        self.kept.borrow().get(name).cloned()
    }

    /// Everything that is kept.
    pub(crate) fn all_kept(&self) -> Versions {
        self.kept.borrow().clone()
    }

    /// Keeps exactly these versions.
    pub(crate) fn keep_only(&self, versions: Versions) {
        self.kept.replace(versions);
    }

    /// All releases of a project that count for this target, whatever is kept.
    pub(crate) fn whole_project(&self, name: &PackageName) -> Result<Known, SourceError> {
        if let Some(known) = self.projects.borrow().get(name) {
            return Ok(known.clone());
        }
        if let Some(direct) = self.request.direct.get(name) {
            let candidates = self
                .eligibility
                .whenever()
                .candidates(direct.project().into(), true);
            let known = Known::Found(Rc::new(candidates));
            self.projects
                .borrow_mut()
                .insert(name.clone(), known.clone());
            return Ok(known);
        }
        let known = match self.source.releases(name)? {
            ReleasesAnswer::Found(project) => {
                let wants_prereleases = self.wants_prereleases(name);
                let eligibility = self.eligibility.of(name);
                let candidates = eligibility.candidates(project, wants_prereleases);
                Known::Found(Rc::new(candidates))
            }
            ReleasesAnswer::NotFound => Known::NotFound,
            ReleasesAnswer::Offline => Known::Offline,
        };
        let mut projects = self.projects.borrow_mut();
        projects.insert(name.clone(), known.clone());
        Ok(known)
    }

    /// Metadata of a candidate, from its best file.
    pub(crate) fn facts(
        &self,
        name: &PackageName,
        candidates: &Candidates,
        candidate: &Candidate,
    ) -> Result<Facts, SourceError> {
        let key = (name.clone(), candidate.version.clone());
        if let Some(facts) = self.metadata.borrow().get(&key) {
            return Ok(facts.clone());
        }
        let facts = self.ask_metadata(name, candidates, candidate)?;
        self.metadata.borrow_mut().insert(key, facts.clone());
        Ok(facts)
    }

    /// Says that these facts are about to be asked for.
    pub(crate) fn expect(
        &self,
        name: &PackageName,
        candidates: &Candidates,
        candidate: &Candidate,
    ) {
        let key = (name.clone(), candidate.version.clone());
        if self.metadata.borrow().contains_key(&key) || self.request.direct.contains_key(name) {
            return;
        }
        if let Some(file) = candidates.best_file(candidate) {
            self.source.expect(name, &file);
        }
    }

    /// Of how many releases the metadata has been read.
    pub(crate) fn facts_known(&self) -> usize {
        self.metadata.borrow().len()
    }

    /// Metadata that has already been read, without asking.
    pub(crate) fn known_facts(&self, name: &PackageName, version: &Version) -> Option<Facts> {
        let key = (name.clone(), version.clone());
        self.metadata.borrow().get(&key).cloned()
    }

    fn ask_metadata(
        &self,
        name: &PackageName,
        candidates: &Candidates,
        candidate: &Candidate,
    ) -> Result<Facts, SourceError> {
        let unavailable = |reason: &str| Ok(Facts::Unavailable(reason.into()));
        let Some(file) = candidates.best_file(candidate) else {
            return unavailable("it has no installable file");
        };
        let direct = self.request.direct.get(name);
        let answer = match direct {
            Some(direct) => MetadataAnswer::Found(Arc::clone(&direct.metadata)),
            None => self.source.metadata(name, &file)?,
        };
        let metadata = match answer {
            MetadataAnswer::Found(metadata) => metadata,
            MetadataAnswer::Unavailable(reason) => return unavailable(&reason),
            MetadataAnswer::Offline => return unavailable(METADATA_OFFLINE),
        };
        let uploaded = candidates.release(candidate).uploaded;
        let on_linux = self.target.platform == Platform::LinuxX86_64;
        let completed = candidate.has_wheel.then(|| {
            abi::completed(name, uploaded, on_linux, &metadata, &|on| {
                self.overrides(on)
            })
        });
        let metadata = match completed.flatten() {
            Some((completed, needs)) => {
                let key = (name.clone(), candidate.version.clone());
                self.needs.borrow_mut().insert(key, needs);
                completed
            }
            None => metadata,
        };
        match &metadata.requires_python {
            Some(python) if !self.eligibility.admits_python(python) => {
                unavailable(&format!("needs Python {python}"))
            }
            _ => Ok(Facts::Found(metadata)),
        }
    }

    /// The user's requirements that hold in this environment, in an order of their own: how a person
    /// arranged them must not decide between answers.
    pub(crate) fn root_edges(&self) -> Vec<Edge> {
        let roots = self.request.roots.iter();
        let roots = roots.filter(|root| root.evaluate_markers(&self.environment, &[]));
        let mut roots: Vec<&Requirement> = roots.collect();
        roots.sort_by_cached_key(|root| (root.name.clone(), root.to_string()));
        self.edges(roots.into_iter(), None)
    }

    /// What a release requires in this environment, with one extra or none.
    pub(crate) fn edges_of(&self, metadata: &CoreMetadata, extra: Option<&ExtraName>) -> Vec<Edge> {
        if self.request.no_deps {
            return Vec::new();
        }
        let extras = extra.map_or(&[][..], std::slice::from_ref);
        let lines = metadata.requires_dist.iter();
        let holding = lines.filter(|line| line.evaluate_markers(&self.environment, extras));
        self.edges(holding, Some(&metadata.name))
    }

    fn edges<'r>(
        &self,
        requirements: impl Iterator<Item = &'r Requirement>,
        of: Option<&PackageName>,
    ) -> Vec<Edge> {
        let mut edges = Vec::new();
        for requirement in requirements {
            let overriding: Vec<_> = self
                .request
                .overrides
                .iter()
                .filter(|o| o.name == requirement.name)
                .collect();
            // a wheel that requires itself without an extra says nothing
            let itself = of == Some(&requirement.name) && requirement.extras.is_empty();
            if self.external.contains(&requirement.name) || itself {
                continue;
            }
            let effective = if overriding.is_empty() {
                vec![requirement]
            } else {
                overriding
                    .into_iter()
                    .filter(|o| o.evaluate_markers(&self.environment, &[]))
                    .collect()
            };
            edges.extend(effective.into_iter().map(|effective| {
                let mut effective = effective.clone();
                effective.extras.clone_from(&requirement.extras);
                Edge {
                    ranges: self.ranges_of(&effective),
                    requirement: effective,
                }
            }));
        }
        self.note_required(&edges);
        edges
    }

    fn note_required(&self, edges: &[Edge]) {
        let mut order = self.order.borrow_mut();
        let mut required = self.required.borrow_mut();
        for edge in edges {
            let next = u32::try_from(order.len()).unwrap_or(u32::MAX);
            order.entry(edge.name().clone()).or_insert(next);
            let ranges = required.entry(edge.name().clone()).or_default();
            if !ranges.contains(&edge.ranges) {
                ranges.insert(edge.ranges.clone());
            }
        }
    }

    /// When a project was first required; earlier is smaller.
    pub(crate) fn rank(&self, name: &PackageName) -> u32 {
        self.order.borrow().get(name).copied().unwrap_or(u32::MAX)
    }

    /// The options that make the same world again.
    pub(crate) fn options(&self) -> Options {
        Options {
            prereleases: self.prereleases,
            as_of: self.as_of(),
            as_of_projects: self.as_of_projects().clone(),
            ..Options::default()
        }
    }

    /// The instant up to which files count.
    pub(crate) fn as_of(&self) -> Option<Timestamp> {
        self.eligibility.as_of()
    }

    /// The instants of single projects.
    pub(crate) fn as_of_projects(&self) -> &BTreeMap<PackageName, Timestamp> {
        self.eligibility.as_of_projects()
    }

    /// Why a release's metadata is of no use, as far as it was read.
    pub(crate) fn known_unusable(&self, name: &PackageName, version: &Version) -> Option<Rc<str>> {
        match self.known_facts(name, version)? {
            Facts::Unavailable(reason) => Some(reason),
            Facts::Found(metadata) => Some(self.foreign_address(&metadata, None)?.into()),
        }
    }
}

/// The constraints that hold in the environment, joined by project.
fn constraints_of(
    request: &Request,
    environment: &MarkerEnvironment,
) -> HashMap<PackageName, Ranges<Version>> {
    let mut constraints = HashMap::new();
    for constraint in &request.constraints {
        if constraint.evaluate_markers(environment, &[]) {
            let all = constraints.entry(constraint.name.clone());
            let all: &mut Ranges<Version> = all.or_insert_with(Ranges::full);
            *all = all.intersection(&to_ranges(&specifiers_of(constraint)));
        }
    }
    constraints
}
