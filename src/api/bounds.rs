//! What the uses say together about the versions of each distribution, and of Python.

use std::collections::BTreeMap;

use pinsmith_resolver::{Ranges, Version, to_ranges};

use super::{Certainty, Finding, News, Owner, RemovalKind, Usage};
use crate::diagnostic::Site;
use crate::scan::ImportContext;

/// Whose needs count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Needs {
    /// What the program runs.
    Runtime,
    /// That, and its notebooks.
    Notebooks,
    /// That, and its tests, examples and documentation.
    Tests,
}

/// The versions of a distribution, or of Python, that have all that is used.
#[derive(Debug, Clone, PartialEq)]
pub struct Bound {
    /// Whose versions.
    pub owner: Owner,
    /// The versions that fit; empty when there is a conflict.
    pub versions: Ranges<Version>,
    /// The same as PEP 440 clauses, one after another: `>=1.20,<1.24.0`; only what is not implied.
    pub specifier: String,
    /// Each clause with the use that it rests on.
    pub clauses: Vec<Clause>,
    /// Two uses that no version has both.
    pub conflict: Option<Conflict>,
}

/// One clause with the first use that it rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clause {
    /// Such as `<1.24.0`.
    pub specifier: String,
    /// What is used: `numpy.float`.
    pub symbol: &'static str,
    /// As it is written there: `np.float`.
    pub written: String,
    /// Where it is used first.
    pub site: Site,
    /// How many uses ask for this clause.
    pub uses: usize,
    /// A distribution that makes the clause needless.
    pub stand_in: Option<&'static str>,
}

/// Two uses of which no version has both; the code is vendored or meant for two versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The one that needs a newer version.
    pub lower: Clause,
    /// The one that needs an older version.
    pub upper: Clause,
}

/// The bounds on each distribution, and on Python, in the order of their owners.
///
/// Uses that are guarded, merely likely or only behave otherwise ask for nothing.
pub fn bounds(usage: &Usage, needs: Needs) -> Vec<Bound> {
    let mut by_owner: BTreeMap<&Owner, Evidence<'_>> = BTreeMap::new();
    for finding in &usage.findings {
        if finding.binds(needs) {
            let evidence = by_owner.entry(&finding.removal.owner).or_default();
            evidence.gone.push(finding);
        }
    }
    for news in &usage.news {
        if news.binds(needs) {
            let evidence = by_owner.entry(&news.addition.owner).or_default();
            evidence.new.push(news);
        }
    }
    let all = by_owner.into_iter();
    all.map(|(owner, evidence)| evidence.bound(owner)).collect()
}

impl Needs {
    /// Whether a use in these circumstances counts.
    pub fn include(self, context: ImportContext) -> bool {
        match context {
            ImportContext::Runtime => true,
            ImportContext::NotebookOnly => self >= Self::Notebooks,
            ImportContext::Test => self == Self::Tests,
            ImportContext::Optional | ImportContext::Build | ImportContext::Typing => false,
        }
    }
}

impl Finding {
    /// Whether it bounds the versions that these need.
    pub fn binds(&self, needs: Needs) -> bool {
        self.certainty == Certainty::Certain
            && self.removal.kind != RemovalKind::Behaviour
            && needs.include(self.context)
    }
}

impl News {
    /// Whether it bounds the versions that these need.
    pub fn binds(&self, needs: Needs) -> bool {
        self.certainty == Certainty::Certain && needs.include(self.context)
    }
}

#[derive(Default)]
struct Evidence<'a> {
    gone: Vec<&'a Finding>,
    new: Vec<&'a News>,
}

impl Evidence<'_> {
    fn bound(&self, owner: &Owner) -> Bound {
        let lower = self.lower();
        let mut upper = Vec::new();
        let mut versions = Ranges::full();
        if let Some(clause) = &lower
            && let Some(first) = self.new.iter().map(|news| &news.addition.first).max()
        {
            versions = Ranges::higher_than(first.clone());
            upper.push(clause.clone());
        }
        let mut removals = self.removals();
        // the tightest first: what it implies says nothing more
        removals.sort_by(|left, right| {
            let key = |of: &Clauses<'_>| (of.first.removal.without.clone(), of.first.site.clone());
            key(left).cmp(&key(right))
        });
        let mut conflict = None;
        for removal in removals {
            let narrowed = versions.intersection(&removal.first.removal.ranges());
            if narrowed == versions {
                continue;
            }
            let clause = removal.clause();
            if narrowed.is_empty() && conflict.is_none() {
                let lower = lower.clone();
                let earlier = lower.or_else(|| upper.last().cloned());
                conflict = earlier.map(|lower| Conflict {
                    lower,
                    upper: clause.clone(),
                });
            }
            versions = narrowed;
            upper.push(clause);
        }
        // a conflict shows both of its sides
        if conflict.is_none() {
            drop_implied(&mut upper);
        }
        let parts = upper.iter().map(|clause| clause.specifier.as_str());
        Bound {
            owner: owner.clone(),
            versions,
            specifier: parts.collect::<Vec<_>>().join(","),
            clauses: upper,
            conflict,
        }
    }

    /// The newest of what is used.
    fn lower(&self) -> Option<Clause> {
        let first = self.new.iter().map(|news| &news.addition.first).max()?;
        let mut newest = self.new.iter().filter(|news| news.addition.first == *first);
        let found = newest.next()?;
        Some(Clause {
            specifier: format!(">={first}"),
            symbol: found.addition.symbol,
            written: found.written.clone(),
            site: found.site.clone(),
            uses: 1 + newest.count(),
            stand_in: found.addition.stand_in,
        })
    }

    /// The findings by what is gone.
    fn removals(&self) -> Vec<Clauses<'_>> {
        let mut by_symbol: BTreeMap<(&str, RemovalKind), Clauses<'_>> = BTreeMap::new();
        for finding in &self.gone {
            let removal = finding.removal;
            let clauses = by_symbol.entry((removal.symbol, removal.kind));
            let clauses = clauses.or_insert(Clauses {
                first: finding,
                uses: 0,
            });
            clauses.uses += 1;
        }
        by_symbol.into_values().collect()
    }
}

/// Drops clauses that the others say together.
fn drop_implied(clauses: &mut Vec<Clause>) {
    let ranges = |clause: &Clause| -> Ranges<Version> {
        let specifiers = clause.specifier.parse();
        specifiers.map_or(Ranges::full(), |specifiers| to_ranges(&specifiers))
    };
    let mut index = 0;
    while let Some(clause) = clauses.get(index) {
        let others = clauses
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != index);
        let others = others.fold(Ranges::full(), |all: Ranges<Version>, (_, other)| {
            all.intersection(&ranges(other))
        });
        if clauses.len() > 1 && others.intersection(&ranges(clause)) == others {
            clauses.remove(index);
        } else {
            index += 1;
        }
    }
}

/// The uses of one symbol.
struct Clauses<'a> {
    first: &'a Finding,
    uses: usize,
}

impl Clauses<'_> {
    fn clause(&self) -> Clause {
        let removal = self.first.removal;
        Clause {
            specifier: removal.specifier(),
            symbol: removal.symbol,
            written: self.first.written.clone(),
            site: self.first.site.clone(),
            uses: self.uses,
            stand_in: removal.stand_in,
        }
    }
}
