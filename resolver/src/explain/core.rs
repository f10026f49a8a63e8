//! From many facts to few: what is left still proves that there is no answer.
//!
//! Facts are claims about ranges of versions, so they are judged without the index: every version
//! that no fact excludes is taken to exist and to require nothing but what facts say. Whatever has
//! no answer in that generous world has none in the real one.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::convert::Infallible;
use std::ops::Bound;
use std::rc::Rc;
use std::sync::Arc;

use pep440_rs::Version;
use pep508_rs::PackageName;
use pubgrub::{
    Dependencies, DependencyProvider, DerivationTree, External, PackageResolutionStatistics,
    PubGrubError,
};
use version_ranges::Ranges;

use super::fact::Fact;
use crate::package::Package;

/// How many runs may be spent on making a story shorter.
const RUNS: u32 = 600;

/// With more facts than this a run counts for several: it takes longer than the number of facts grows.
const MANY_FACTS: usize = 60;

/// How many choices one run may take; facts are few, so most need a handful.
const CHOICES: u32 = 3_000;

/// How much one run may look at, in facts and pieces of ranges.
const WORK: usize = 100_000;

/// Drops facts as long as the rest still proves the same. `widen` says a joined fact of all it is
/// true of.
pub(super) fn shortest(mut facts: Vec<Fact>, widen: &dyn Fn(&mut Fact)) -> Vec<Fact> {
    let runs = Cell::new(RUNS);
    while let Some(used) = proved_by(&facts, &runs) {
        let shrinks = used.len() < facts.len();
        facts = pick(facts, &used);
        if !shrinks {
            break;
        }
    }
    facts.sort_by_key(dispensable);
    if facts.len() > MANY_FACTS {
        // thousands of releases that all ask for the wrong thing are mostly one claim
        let joined = joined(&facts, widen);
        if proved_by(&joined, &runs).is_some() {
            return without_spare(joined, &runs);
        }
    }
    facts = without_spare(facts, &runs);
    let joined = joined(&facts, widen);
    if joined.len() < facts.len() && proved_by(&joined, &runs).is_some() {
        return without_spare(joined, &runs);
    }
    without_spare(one_by_one(facts, widen, &runs), &runs)
}

/// Whether facts are a proof.
#[cfg(test)]
pub(crate) fn proves(facts: &[Fact]) -> bool {
    proved_by(facts, &Cell::new(RUNS)).is_some()
}

/// The shortest of these facts that prove something, if all of them do.
pub(super) fn proof_of(mut facts: Vec<Fact>, widen: &dyn Fn(&mut Fact)) -> Option<Vec<Fact>> {
    if facts.len() > MANY_FACTS {
        return None;
    }
    let runs = Cell::new(RUNS);
    facts.sort_by_key(dispensable);
    let used = proved_by(&facts, &runs)?;
    let mut facts = without_spare(pick(facts, &used), &runs);
    let mut wide = facts.clone();
    wide.iter_mut().for_each(widen);
    if proved_by(&wide, &runs).is_some() {
        facts = wide;
    }
    Some(facts)
}

/// What is tried to be dropped first: what reads worst.
fn dispensable(fact: &Fact) -> u8 {
    match fact {
        Fact::Missing { .. } => 0,
        Fact::Requires { on, .. } if on.extra.is_some() => 1,
        Fact::Asked { .. } => 2,
        Fact::Requires { .. } => 3,
        _ => 4,
    }
}

/// Tries to do without each fact; in halves first, since most facts of a long proof are needed.
fn without_spare(mut facts: Vec<Fact>, runs: &Cell<u32>) -> Vec<Fact> {
    let mut position = 0;
    while position < facts.len() && runs.get() > 0 {
        let mut fewer = facts.clone();
        fewer.remove(position);
        match proved_by(&fewer, runs) {
            Some(used) => facts = pick(fewer, &used),
            None => position += 1,
        }
    }
    facts
}

/// Facts that differ only in the releases and ranges, joined to one weaker claim.
fn joined(facts: &[Fact], widen: &dyn Fn(&mut Fact)) -> Vec<Fact> {
    let mut joined: Vec<Fact> = Vec::new();
    for fact in facts {
        let mut others = joined.iter_mut();
        if !others.any(|other| join(other, fact)) {
            joined.push(fact.clone());
        }
    }
    joined.iter_mut().for_each(widen);
    joined
}

/// Joins pairs, where joining everything at once claims too little.
fn one_by_one(mut facts: Vec<Fact>, widen: &dyn Fn(&mut Fact), runs: &Cell<u32>) -> Vec<Fact> {
    let mut first = 0;
    while first < facts.len() && runs.get() > 0 {
        let mut second = first + 1;
        while second < facts.len() && runs.get() > 0 {
            let mut one = facts[first].clone();
            if join(&mut one, &facts[second]) {
                widen(&mut one);
                let mut fewer = facts.clone();
                fewer[first] = one;
                fewer.remove(second);
                if proved_by(&fewer, runs).is_some() {
                    facts = fewer;
                    continue;
                }
            }
            second += 1;
        }
        first += 1;
    }
    facts
}

fn join(one: &mut Fact, other: &Fact) -> bool {
    let (
        Fact::Requires {
            by,
            span,
            on,
            range,
            ..
        },
        Fact::Requires {
            by: by2,
            span: span2,
            on: on2,
            range: range2,
            ..
        },
    ) = (one, other)
    else {
        return false;
    };
    if by != by2 || on != on2 {
        return false;
    }
    *range = range.union(range2);
    span.versions = span.versions.union(&span2.versions);
    true
}

fn pick(facts: Vec<Fact>, used: &HashSet<usize>) -> Vec<Fact> {
    let numbered = facts.into_iter().enumerate();
    let kept = numbered.filter(|(position, _)| used.contains(position));
    kept.map(|(_, fact)| fact).collect()
}

/// The facts that a proof from these facts rests on; `None` when they prove nothing, or when
/// finding out takes too long.
fn proved_by(facts: &[Fact], runs: &Cell<u32>) -> Option<HashSet<usize>> {
    let times = u32::try_from(facts.len() / MANY_FACTS).unwrap_or(u32::MAX);
    let cost = times.saturating_mul(times).clamp(1, RUNS / 4);
    runs.set(runs.get().checked_sub(cost)?);
    let claims = Claims::new(facts);
    match pubgrub::resolve(&claims, Package::Root, 0_u32) {
        Err(PubGrubError::NoSolution(proof)) => Some(claims.used(&proof)),
        _ => None,
    }
}

/// The world of which only some facts are known; versions are the stretches between their bounds.
struct Claims<'f> {
    facts: &'f [Fact],
    /// The facts about what a package requires; those about the user stand under the root.
    requiring: HashMap<Package, Vec<&'f Fact>>,
    /// What facts say cannot be had.
    taken: HashMap<&'f PackageName, Vec<&'f Fact>>,
    /// What is left of each project.
    free: RefCell<HashMap<PackageName, Rc<Ranges<u32>>>>,
    cuts: BTreeMap<&'f PackageName, Vec<Cut<'f>>>,
    left: Cell<u32>,
    /// How much more this run may look at, in facts and pieces of ranges.
    work: Cell<usize>,
    /// What was asked of [`Self::stretches`] before, by the place of the range.
    known: RefCell<HashMap<*const Ranges<Version>, Rc<Ranges<u32>>>>,
}

/// A place between two versions: just below (`false`) or just above (`true`) one.
type Cut<'f> = (&'f Version, bool);

fn cut_of(bound: &Bound<Version>, low: bool) -> Option<Cut<'_>> {
    match bound {
        Bound::Unbounded => None,
        Bound::Included(version) => Some((version, !low)),
        Bound::Excluded(version) => Some((version, low)),
    }
}

impl<'f> Claims<'f> {
    fn new(facts: &'f [Fact]) -> Self {
        let mut cuts = BTreeMap::<&PackageName, Vec<Cut<'_>>>::new();
        for (name, range) in facts.iter().flat_map(ranges_of) {
            let own = cuts.entry(name).or_default();
            for (low, high) in range.iter() {
                own.extend(cut_of(low, true));
                own.extend(cut_of(high, false));
            }
        }
        for own in cuts.values_mut() {
            own.sort();
            own.dedup();
        }
        // each of them takes longer where facts are many
        let times = u32::try_from(facts.len() / MANY_FACTS).unwrap_or(u32::MAX);
        let choices = CHOICES / times.max(1);
        let mut requiring = HashMap::<Package, Vec<&Fact>>::new();
        let mut taken = HashMap::<&PackageName, Vec<&Fact>>::new();
        for fact in facts {
            match fact {
                Fact::Asked { .. } => requiring.entry(Package::Root).or_default().push(fact),
                Fact::Requires { by, .. } => requiring.entry(by.package()).or_default().push(fact),
                Fact::Excluded { name, .. }
                | Fact::Missing { name, .. }
                | Fact::TwoAddresses { name }
                | Fact::NotOnIndex { name }
                | Fact::NotInCache { name } => taken.entry(name).or_default().push(fact),
            }
        }
        Self {
            facts,
            requiring,
            taken,
            free: RefCell::default(),
            cuts,
            left: Cell::new(choices),
            work: Cell::new(WORK),
            known: RefCell::default(),
        }
    }

    /// Counts work; an error when there was too much.
    fn spend(&self, work: usize) -> Result<(), TooLong> {
        self.work
            .set(self.work.get().checked_sub(work).ok_or(TooLong)?);
        Ok(())
    }

    /// What no fact takes away from a project.
    fn free(&self, name: &PackageName) -> Rc<Ranges<u32>> {
        if let Some(free) = self.free.borrow().get(name) {
            return Rc::clone(free);
        }
        let facts = self.taken.get(name).into_iter().flatten();
        let taken = facts.map(|fact| match fact {
            Fact::Excluded { span, .. } => self.stretches(name, &span.versions),
            Fact::Missing { range, .. } => self.stretches(name, range),
            _ => Rc::new(Ranges::full()),
        });
        let taken = taken.fold(Ranges::empty(), |all, one| all.union(&one));
        let free = Rc::new(taken.complement());
        self.free
            .borrow_mut()
            .insert(name.clone(), Rc::clone(&free));
        free
    }

    /// A range in stretches.
    fn stretches(&self, name: &PackageName, range: &'f Ranges<Version>) -> Rc<Ranges<u32>> {
        let place = std::ptr::from_ref(range);
        if let Some(known) = self.known.borrow().get(&place) {
            return Rc::clone(known);
        }
        let found = Rc::new(self.cut(name, range));
        self.known.borrow_mut().insert(place, Rc::clone(&found));
        found
    }

    fn cut(&self, name: &PackageName, range: &Ranges<Version>) -> Ranges<u32> {
        let cuts = self.cuts.get(name).map_or(&[][..], Vec::as_slice);
        let after = |bound: &Bound<Version>, low: bool| {
            let cut = cut_of(bound, low)?;
            let position = cuts.binary_search(&cut).ok()?;
            u32::try_from(position + 1).ok()
        };
        let pieces = range.iter().map(|(low, high)| {
            let low = after(low, true).unwrap_or(0);
            // unlike a real version, the last stretch has a number
            let high = after(high, false).unwrap_or(self.last(name) + 1);
            (Bound::Included(low), Bound::Excluded(high))
        });
        pieces.collect()
    }

    fn last(&self, name: &PackageName) -> u32 {
        let cuts = self.cuts.get(name).map_or(0, Vec::len);
        u32::try_from(cuts).unwrap_or(u32::MAX - 1)
    }

    /// Which facts stand behind the leaves of a proof.
    fn used(&self, proof: &DerivationTree<Package, Ranges<u32>, String>) -> HashSet<usize> {
        let mut used = HashSet::new();
        let mut seen = HashSet::new();
        let mut stack = vec![proof];
        while let Some(tree) = stack.pop() {
            match tree {
                DerivationTree::Derived(derived) => {
                    for cause in [&derived.cause1, &derived.cause2] {
                        if seen.insert(Arc::as_ptr(cause)) {
                            stack.push(cause);
                        }
                    }
                }
                DerivationTree::External(leaf) => {
                    let numbered = self.facts.iter().enumerate();
                    let behind = numbered.filter(|(_, fact)| self.is_behind(fact, leaf));
                    used.extend(behind.map(|(position, _)| position));
                }
            }
        }
        used
    }

    fn is_behind(&self, fact: &'f Fact, leaf: &External<Package, Ranges<u32>, String>) -> bool {
        let touches = |name: &PackageName, mine: &'f Ranges<Version>, theirs: &Ranges<u32>| {
            !self.stretches(name, mine).is_disjoint(theirs)
        };
        match (fact, leaf) {
            (
                Fact::Asked { requirement, .. },
                External::FromDependencyOf(Package::Root, _, on, _),
            ) => on.name() == Some(&requirement.name),
            (
                Fact::Requires { by, span, on, .. },
                External::FromDependencyOf(by2, versions, on2, _),
            ) => {
                by.package() == *by2
                    && on.package() == *on2
                    && touches(&by.name, &span.versions, versions)
            }
            (Fact::Excluded { name, span, .. }, External::NoVersions(package, range)) => {
                package.name() == Some(name) && touches(name, &span.versions, range)
            }
            (Fact::Missing { name, range, .. }, External::NoVersions(package, theirs)) => {
                package.name() == Some(name) && touches(name, range, theirs)
            }
            (
                Fact::TwoAddresses { name } | Fact::NotOnIndex { name } | Fact::NotInCache { name },
                External::NoVersions(package, _),
            ) => package.name() == Some(name),
            _ => false,
        }
    }
}

fn ranges_of(fact: &Fact) -> Vec<(&PackageName, &Ranges<Version>)> {
    match fact {
        Fact::Asked { requirement, range } => vec![(&requirement.name, range)],
        Fact::Requires {
            by,
            span,
            on,
            range,
            ..
        } => vec![(&by.name, &span.versions), (&on.name, range)],
        Fact::Excluded { name, span, .. } => vec![(name, &span.versions)],
        Fact::Missing { name, range, .. } => vec![(name, range)],
        Fact::TwoAddresses { .. } | Fact::NotOnIndex { .. } | Fact::NotInCache { .. } => Vec::new(),
    }
}

/// A run was given up.
#[derive(Debug, thiserror::Error)]
#[error("too many choices")]
struct TooLong;

impl From<Infallible> for TooLong {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl DependencyProvider for Claims<'_> {
    type P = Package;
    type V = u32;
    type VS = Ranges<u32>;
    type Priority = u32;
    type M = String;
    type Err = TooLong;

    fn prioritize(
        &self,
        _: &Package,
        _: &Ranges<u32>,
        conflicts: &PackageResolutionStatistics,
    ) -> u32 {
        conflicts.conflict_count()
    }

    fn choose_version(
        &self,
        package: &Package,
        range: &Ranges<u32>,
    ) -> Result<Option<u32>, TooLong> {
        self.left
            .set(self.left.get().checked_sub(1).ok_or(TooLong)?);
        let Some(name) = package.name() else {
            return Ok(Some(0));
        };
        let free = range.intersection(&self.free(name));
        self.spend(free.iter().count())?;
        // the last stretch has a number, unlike the newest version there could be
        let end = self.last(name);
        let within = free.intersection(&Ranges::from_range_bounds(..=end));
        // pieces between two numbers are not empty in the eyes of ranges
        let highest = |(_, high): (&Bound<u32>, &Bound<u32>)| match high {
            Bound::Included(high) => Some(*high),
            Bound::Excluded(high) => high.checked_sub(1),
            Bound::Unbounded => Some(end),
        };
        let found = within.iter().filter_map(highest);
        Ok(found.filter(|version| free.contains(version)).last())
    }

    fn get_dependencies(
        &self,
        package: &Package,
        version: &u32,
    ) -> Result<Dependencies<Package, Ranges<u32>, String>, TooLong> {
        let mut nodes = BTreeMap::<Package, Ranges<u32>>::new();
        let mut require = |node: Package, range: &Ranges<u32>| {
            let all = nodes.entry(node).or_insert_with(Ranges::full);
            *all = all.intersection(range);
        };
        let facts = self.requiring.get(package).map_or(&[][..], Vec::as_slice);
        self.spend(facts.len())?;
        for fact in facts {
            match fact {
                Fact::Asked { requirement, range } => {
                    let name = &requirement.name;
                    let range = self.stretches(name, range);
                    require(Package::Project(name.clone()), &range);
                    for extra in &requirement.extras {
                        require(Package::Extra(name.clone(), extra.clone()), &range);
                    }
                }
                Fact::Requires {
                    by,
                    span,
                    on,
                    range,
                    ..
                } if self.stretches(&by.name, &span.versions).contains(version) => {
                    require(on.package(), &self.stretches(&on.name, range));
                }
                _ => {}
            }
        }
        if let Package::Extra(name, _) = package {
            require(Package::Project(name.clone()), &Ranges::singleton(*version));
        }
        Ok(Dependencies::Available(nodes.into_iter().collect()))
    }
}
