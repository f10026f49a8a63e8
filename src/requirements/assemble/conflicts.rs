//! Declared requirements of one distribution that cannot hold together.

use std::collections::BTreeMap;

use pinsmith_resolver::{specifiers_of, to_ranges, url_of};

use crate::diagnostic::Diagnostic;
use crate::requirements::codes;
use crate::requirements::declared::{Declared, DeclaredRequirement};

/// Drops what contradicts an earlier declaration by construction, such as `==1` after `==2`.
///
/// The files are in order of precedence: pyproject.toml, setup.cfg, setup.py, requirements of the
/// root, then the rest. What only may contradict stays: the resolver decides.
pub(super) fn settle(declared: &mut Declared) -> Vec<Diagnostic> {
    let mut kept: Vec<DeclaredRequirement> = Vec::new();
    let mut diagnostics = Vec::new();
    let mut entries = std::mem::take(&mut declared.requirements);
    // runtime requirements are settled first: every group is installed on top of them
    entries.sort_by_key(|entry| entry.group.is_some());
    let mut by_name = BTreeMap::<_, Vec<usize>>::new();
    for entry in entries {
        let earlier = by_name.entry(entry.requirement.name.clone()).or_default();
        let rival = earlier
            .iter()
            .filter_map(|index| kept.get(*index))
            .find(|kept| contradict(kept, &entry));
        if let Some(rival) = rival {
            diagnostics.push(report(rival, &entry));
        } else {
            earlier.push(kept.len());
            kept.push(entry);
        }
    }
    declared.requirements = kept;
    diagnostics
}

/// Pythons that are named (`python=3.8` of a conda environment) and that requires-python rules out.
pub(super) fn pythons(declared: &Declared) -> Vec<Diagnostic> {
    let Some((required, required_at)) = &declared.requires_python else {
        return Vec::new();
    };
    let allowed = to_ranges(required);
    let hints = declared.python_hints.iter();
    let ruled_out = hints.filter(|(hint, _)| {
        let hinted = to_ranges(hint);
        !hinted.is_empty() && !allowed.is_empty() && hinted.intersection(&allowed).is_empty()
    });
    let found = ruled_out.map(|(hint, at)| {
        let message = format!(
            "Python {hint} contradicts requires-python {required} of {required_at}, which counts"
        );
        Diagnostic::warning(codes::CONTRADICTION, message)
            .at(at.clone())
            .help("make the two agree")
    });
    found.collect()
}

/// Whether nothing can be both.
pub(super) fn contradict(a: &DeclaredRequirement, b: &DeclaredRequirement) -> bool {
    let together = a.group == b.group || a.group.is_none();
    if !together || a.requirement.marker.is_disjoint(&b.requirement.marker) {
        return false;
    }
    if let (Some(a), Some(b)) = (url_of(&a.requirement), url_of(&b.requirement)) {
        return a != b;
    }
    let ranges = [a, b].map(|entry| to_ranges(&specifiers_of(&entry.requirement)));
    let [a, b] = ranges;
    // an empty range of its own is the resolver's to report
    !a.is_empty() && !b.is_empty() && a.intersection(&b).is_empty()
}

fn report(kept: &DeclaredRequirement, dropped: &DeclaredRequirement) -> Diagnostic {
    let message = format!(
        "`{}` contradicts `{}` of {}, which counts",
        dropped.requirement, kept.requirement, kept.site
    );
    Diagnostic::warning(codes::CONTRADICTION, message)
        .at(dropped.site.clone())
        .help("make the two agree")
}
