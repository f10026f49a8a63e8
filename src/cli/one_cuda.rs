//! One CUDA in an environment, where that costs little: what has another in its name, and CUDA's own
//! libraries, are kept out, unless the requirements leave no answer near the one with both.

use std::collections::BTreeSet;

use pinsmith_resolver::{
    Asked, Options, PackageName, Resolution, ResolutionMode, ResolveError, resolve_all,
};

use crate::accelerator::{TWO_CUDA, Table};
use crate::diagnostic::Diagnostic;
use crate::index::Index;

/// How many days older each direct requirement may be for it: one step of the objective's window.
const DAYS: u32 = 90;

type Answers = Vec<Result<Resolution, ResolveError>>;

/// Answers with one CUDA each in the place of those that mix two, and what to say where that is not
/// worth it.
pub(super) fn prefer(
    answers: Answers,
    asked: &[Asked],
    index: &Index,
    options: &Options,
    table: &Table,
) -> (Answers, Option<String>) {
    let all: Vec<&Resolution> = answers.iter().flatten().collect();
    let mixed = all.iter().any(|answer| table.mixes_cuda(answer));
    if !mixed || all.len() < answers.len() || options.mode != ResolutionMode::Coherent {
        return (answers, None);
    }
    let meant = all.iter().map(|answer| table.for_several_cudas(answer));
    let but: BTreeSet<PackageName> = meant.flatten().collect();
    let single = resolve_all(asked, &index.with_one_cuda(but), options);
    let Ok(single): Result<Vec<Resolution>, _> = single.into_iter().collect() else {
        let why =
            "no releases that fit have one CUDA; ask for others, or use separate environments";
        return (answers, Some(why.to_owned()));
    };
    let mut costs: Vec<String> = Vec::new();
    for (before, after) in all.iter().zip(&single) {
        costs.extend(cost(before, after));
    }
    costs.dedup();
    if costs.is_empty() {
        return (single.into_iter().map(Ok).collect(), None);
    }
    let why = format!(
        "with one CUDA there would be {}; constrain them to have that",
        costs.join(", ")
    );
    (answers, Some(why))
}

/// What one CUDA costs too much of.
fn cost(before: &Resolution, after: &Resolution) -> Vec<String> {
    let roots = before.packages.iter().filter(|package| package.root);
    let older = roots.filter_map(|root| {
        let now = after.packages.iter().find(|one| one.name == root.name)?;
        let (name, version) = (&now.name, &now.version);
        match (root.lag_days, now.lag_days) {
            (Some(was), Some(is)) if is <= was + DAYS => None,
            (Some(was), Some(is)) => Some(format!("{name} {version}, {} days older", is - was)),
            _ if root.version <= *version => None,
            _ => Some(format!("{name} {version}")),
        }
    });
    let kept = after
        .not_kept
        .iter()
        .filter(|one| !before.not_kept.contains(one));
    let given_up = kept.map(|one| {
        format!(
            "{} {} in the place of the locked {}",
            one.name, one.pinned, one.version
        )
    });
    older.chain(given_up).collect()
}

/// Puts what is known of the cost of one CUDA into the findings.
pub(super) fn explain(findings: &mut [Diagnostic], why: Option<&str>) {
    let about = findings
        .iter_mut()
        .filter(|finding| finding.code == TWO_CUDA);
    for finding in about {
        if let Some(why) = why {
            finding.help = Some(format!("this can work, at twice the download; {why}"));
        }
    }
}
