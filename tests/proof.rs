//! An independent judge of proofs that there is no answer: it shares no code with the solver.
//!
//! A proof must suffice (whatever else the index may hold, its facts leave no answer) and be true
//! (each fact holds of the index that was asked).

mod refused;
mod rules;
mod truth;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use pinsmith_resolver::{
    ExtraName, Fact, PackageName, PackageSource, Ranges, Request, Subject, Unsatisfiable, Version,
};

use self::truth::holds;

/// Panics, naming the fact, unless the proof is true, suffices, and says nothing that it could do
/// without.
pub(crate) fn check(
    name: &str,
    proof: &Unsatisfiable,
    request: &Request,
    source: &dyn PackageSource,
) {
    let story = proof.story(&|_| None).join("\n");
    assert!(
        suffices(&proof.facts),
        "{name}: the facts leave an answer\n{story}"
    );
    for spare in 0..proof.facts.len() {
        let mut fewer = proof.facts.clone();
        let fact = fewer.remove(spare);
        assert!(!suffices(&fewer), "{name}: not needed: {fact:?}\n{story}");
    }
    for fact in &proof.facts {
        if let Err(wrong) = holds(fact, proof, request, source) {
            panic!("{name}: {wrong}\n{fact:?}\n{story}");
        }
    }
}

/// Whether no choice of versions agrees with the facts, where every version that no fact excludes
/// exists and requires nothing but what facts say.
pub(crate) fn suffices(facts: &[Fact]) -> bool {
    let places = Places::new(facts);
    let mut wanted = Vec::new();
    for fact in facts {
        if let Fact::Asked { requirement, range } = fact {
            let name = &requirement.name;
            let on = |extra: Option<ExtraName>| Subject {
                name: name.clone(),
                extra,
            };
            wanted.push((on(None), places.of(name, range)));
            for extra in &requirement.extras {
                wanted.push((on(Some(extra.clone())), places.of(name, range)));
            }
        }
    }
    let mut search = Search {
        facts,
        places,
        steps: 0,
    };
    !search.has_answer(&BTreeMap::new(), &wanted)
}

/// Every version as one of finitely many places on a line: the bounds and what lies between.
struct Places<'f> {
    bounds: BTreeMap<&'f PackageName, BTreeSet<&'f Version>>,
}

impl<'f> Places<'f> {
    fn new(facts: &'f [Fact]) -> Self {
        let mut bounds = BTreeMap::<&PackageName, BTreeSet<&Version>>::new();
        let mut note = |name: &'f PackageName, range: &'f Ranges<Version>| {
            let own = bounds.entry(name).or_default();
            for bound in range.iter().flat_map(|(low, high)| [low, high]) {
                if let Bound::Included(version) | Bound::Excluded(version) = bound {
                    own.insert(version);
                }
            }
        };
        for fact in facts {
            match fact {
                Fact::Asked { requirement, range } => note(&requirement.name, range),
                Fact::Requires {
                    by,
                    span,
                    on,
                    range,
                    ..
                } => {
                    note(&by.name, &span.versions);
                    note(&on.name, range);
                }
                Fact::Excluded { name, span, .. } => note(name, &span.versions),
                Fact::Missing { name, range, .. } => note(name, range),
                Fact::TwoAddresses { .. } | Fact::NotOnIndex { .. } | Fact::NotInCache { .. } => {}
            }
        }
        Self { bounds }
    }

    fn all(&self, name: &PackageName) -> BTreeSet<usize> {
        let bounds = self.bounds.get(name).map_or(0, BTreeSet::len);
        (0..=2 * bounds).collect()
    }

    /// Even places lie between bounds, odd ones are bounds.
    fn of(&self, name: &PackageName, range: &Ranges<Version>) -> BTreeSet<usize> {
        let bounds: Vec<&&Version> = self.bounds.get(name).into_iter().flatten().collect();
        let place = |version: &Version| {
            let found = bounds.iter().position(|bound| **bound == version);
            2 * found.unwrap() + 1
        };
        let mut all = BTreeSet::new();
        for (low, high) in range.iter() {
            let low = match low {
                Bound::Unbounded => 0,
                Bound::Included(version) => place(version),
                Bound::Excluded(version) => place(version) + 1,
            };
            let high = match high {
                Bound::Unbounded => 2 * bounds.len(),
                Bound::Included(version) => place(version),
                Bound::Excluded(version) => place(version) - 1,
            };
            all.extend(low..=high);
        }
        all
    }
}

type Wanted = Vec<(Subject, BTreeSet<usize>)>;

struct Search<'f> {
    facts: &'f [Fact],
    places: Places<'f>,
    steps: u32,
}

impl Search<'_> {
    /// Backtracks over everything that is wanted and not yet decided.
    fn has_answer(&mut self, decided: &BTreeMap<PackageName, usize>, wanted: &Wanted) -> bool {
        self.steps += 1;
        assert!(
            self.steps < 2_000_000,
            "this proof is too long to be judged"
        );
        let mut open = BTreeMap::<&PackageName, BTreeSet<usize>>::new();
        for (subject, allowed) in wanted {
            if let Some(place) = decided.get(&subject.name) {
                if !allowed.contains(place) {
                    return false;
                }
                continue;
            }
            let all = open
                .entry(&subject.name)
                .or_insert_with(|| self.free(&subject.name));
            *all = all.intersection(allowed).copied().collect();
        }
        let Some((name, choices)) = open.into_iter().min_by_key(|(_, choices)| choices.len())
        else {
            return true;
        };
        let name = name.clone();
        choices.into_iter().any(|place| {
            let mut decided = decided.clone();
            decided.insert(name.clone(), place);
            let mut wanted = wanted.clone();
            // what is required by everything decided so far, extras that came later included
            let subjects: BTreeSet<Subject> = wanted.iter().map(|(one, _)| one.clone()).collect();
            let mut news: Vec<Subject> = subjects.into_iter().collect();
            while let Some(subject) = news.pop() {
                let Some(place) = decided.get(&subject.name) else {
                    continue;
                };
                for (on, allowed) in self.required_by(&subject, *place) {
                    let known = wanted
                        .iter()
                        .any(|(one, also)| *one == on && *also == allowed);
                    if !known {
                        news.push(on.clone());
                        wanted.push((on, allowed));
                    }
                }
            }
            self.has_answer(&decided, &wanted)
        })
    }

    /// The places that no fact excludes.
    fn free(&self, name: &PackageName) -> BTreeSet<usize> {
        let mut free = self.places.all(name);
        for fact in self.facts {
            let taken = match fact {
                Fact::Excluded {
                    name: one, span, ..
                } if one == name => self.places.of(name, &span.versions),
                Fact::Missing {
                    name: one, range, ..
                } if one == name => self.places.of(name, range),
                Fact::TwoAddresses { name: one }
                | Fact::NotOnIndex { name: one }
                | Fact::NotInCache { name: one }
                    if one == name =>
                {
                    return BTreeSet::new();
                }
                _ => continue,
            };
            free = free.difference(&taken).copied().collect();
        }
        free
    }

    fn required_by(&self, subject: &Subject, place: usize) -> Wanted {
        let mut required = Wanted::new();
        for fact in self.facts {
            if let Fact::Requires {
                by,
                span,
                on,
                range,
                ..
            } = fact
                && by.name == subject.name
                && (by.extra.is_none() || by.extra == subject.extra)
                && self.places.of(&by.name, &span.versions).contains(&place)
            {
                let plain = Subject {
                    extra: None,
                    ..on.clone()
                };
                let allowed = self.places.of(&on.name, range);
                required.push((plain, allowed.clone()));
                required.push((on.clone(), allowed));
            }
        }
        required
    }
}
