//! What moves the day: pins that are younger, and wheels that came later.

use std::collections::BTreeMap;
use std::sync::Arc;

use pinsmith_resolver::{PackageName, Project, PythonVersion};

use super::super::Failure;
use super::evidence::Evidence;
use super::search::Field;
use crate::config::AsOf;
use crate::repair::pins::{Rules, is_exact};
use crate::repair::{Confidence, Decision, Plan};

/// The projects behind the requirements, by name.
pub(super) type Projects = BTreeMap<PackageName, Option<Arc<Project>>>;

/// Where what nobody pins has no wheel yet on the day, and has one within a few years, the day moves.
pub(super) fn wait_for_wheels(
    field: &Field<'_>,
    evidence: &mut Evidence,
    plan: &Plan,
    projects: &Projects,
    python: PythonVersion,
) -> Result<(), Failure> {
    /// In seconds.
    const LONGEST: i64 = 3 * 365 * 86_400;
    let Some(day) = evidence
        .day
        .clone()
        .filter(|_| field.args.resolve.as_of.is_none())
    else {
        return Ok(());
    };
    let rules = Rules::new(&field.target(python)?, Some(day.instant));
    let roots = plan.roots();
    let waits = roots
        .iter()
        .filter(|root| !is_exact(root))
        .filter_map(|root| {
            let project = projects.get(&root.name)?.as_ref()?;
            let first = rules.first_wheel(root, project)?;
            let soon = first.as_second() - day.instant.as_second() <= LONGEST;
            soon.then(|| (first, root.name.to_string()))
        });
    if let Some((first, name)) = waits.max()
        && let Some(later) = AsOf::day_of(first)
    {
        let because = format!(
            "before that day `{name}` had no wheel for Python {python} and would have to be built"
        );
        let decision = Decision::new("day", later.text.clone(), because, Confidence::Likely);
        evidence.decisions.push(decision);
        evidence.day = Some(later);
    }
    Ok(())
}

/// A pin that is younger than the day moves the day.
pub(super) fn move_day(evidence: &mut Evidence, plan: &Plan, projects: &Projects) {
    let Some(day) = &evidence.day else {
        return;
    };
    let pins = plan.needs.iter().filter_map(|need| {
        let counts = need.counts.as_ref().filter(|one| is_exact(one))?;
        let project = projects.get(&counts.name)?.as_ref()?;
        let range = pinsmith_resolver::to_ranges(&pinsmith_resolver::specifiers_of(counts));
        let release = project
            .releases()
            .iter()
            .find(|release| range.contains(&release.version))?;
        Some((release.uploaded?, counts.to_string()))
    });
    let Some((uploaded, pin)) = pins.max().filter(|(uploaded, _)| *uploaded > day.instant) else {
        return;
    };
    if let Some(later) = AsOf::day_of(uploaded) {
        let because = format!("`{pin}` was uploaded then, which is later than the rest says");
        evidence.decisions.push(Decision::new(
            "day",
            later.text.clone(),
            because,
            Confidence::Certain,
        ));
        evidence.day = Some(later);
    }
}
