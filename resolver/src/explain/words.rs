//! Facts become sentences: one a line, the user's requirements first, a conclusion last.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use pep440_rs::Version;
use pep508_rs::PackageName;
use version_ranges::Ranges;

use super::fact::{Exclusion, Fact, Span, Subject};
use super::ranges::show_range;
use crate::requirement::usual_form;
use crate::{AbiRule, Requirement, Target, Timestamp, cuda_package};

/// So many claims about what one project requires of another are told one by one.
const CLAIMS: usize = 12;

/// So many of more than that.
const CLAIMS_TOLD: usize = 3;

/// What the sentences need besides the facts.
pub(super) struct Setting<'p> {
    pub(super) target: &'p Target,
    pub(super) as_of: Option<Timestamp>,
    pub(super) as_of_projects: &'p BTreeMap<PackageName, Timestamp>,
    /// Where a requirement or constraint of the user stands.
    pub(super) places: &'p dyn Fn(&Requirement) -> Option<String>,
}

/// The story: every fact a sentence, in the order in which they follow from one another.
pub(super) fn story(facts: &[Fact], setting: &Setting<'_>) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let (facts, mut many) = sampled(facts);
    for fact in told(&facts) {
        let line = sentence(fact, setting);
        if !lines.contains(&line) {
            lines.push(line);
        }
        if let Fact::Requires { by, on, .. } = fact
            && let Some((kept, more)) = many.get_mut(&(by.clone(), on.clone()))
        {
            *kept -= 1;
            if *kept == 0 {
                lines.push(format!(
                    "so do {more} more releases of {by}, each in its own way"
                ));
            }
        }
    }
    lines.push(conclusion(&facts, setting.target));
    lines
}

/// Of many claims about what one project requires of another the first few, with how many are told and of how many
/// more releases nothing is said.
type Many = BTreeMap<(Subject, Subject), (usize, usize)>;

/// Facts without those that nobody would read to the end: thousands of releases that each require another release.
fn sampled(facts: &[Fact]) -> (Vec<Fact>, Many) {
    let mut claims = BTreeMap::<(&Subject, &Subject), Vec<&Fact>>::new();
    for fact in facts {
        if let Fact::Requires { by, on, .. } = fact {
            claims.entry((by, on)).or_default().push(fact);
        }
    }
    claims.retain(|_, own| own.len() > CLAIMS);
    let span = |fact: &Fact| match fact {
        Fact::Requires { span, .. } => (span.last().cloned(), span.count),
        _ => (None, 0),
    };
    let mut many = Many::new();
    let mut told = BTreeMap::new();
    for ((by, on), mut own) in claims {
        own.sort_by_cached_key(|fact| std::cmp::Reverse(span(fact)));
        let more = own[CLAIMS_TOLD..].iter().map(|fact| span(fact).1).sum();
        many.insert((by.clone(), on.clone()), (CLAIMS_TOLD, more));
        told.insert((by, on), own[..CLAIMS_TOLD].to_vec());
    }
    let mut kept = Vec::new();
    for fact in facts {
        if let Fact::Missing { range, .. } = fact
            && !many.is_empty()
            && range.iter().count() > CLAIMS
        {
            continue;
        }
        if let Fact::Requires { by, on, .. } = fact
            && many.contains_key(&(by.clone(), on.clone()))
        {
            // all of them where the first one stood
            let own = told.remove(&(by, on)).unwrap_or_default();
            kept.extend(own.into_iter().cloned());
        } else {
            kept.push(fact.clone());
        }
    }
    (kept, many)
}

/// Facts in the order of telling: from each requirement of the user along what follows from it;
/// why nothing of a project can be had after everything that requires the project.
fn told(facts: &[Fact]) -> Vec<&Fact> {
    let mut chain: Vec<&Fact> = Vec::new();
    let mut seen = BTreeSet::new();
    for fact in facts {
        if let Fact::Asked { requirement, .. } = fact {
            chain.push(fact);
            follow(&requirement.name, facts, &mut seen, &mut chain);
        }
    }
    let ends = |fact: &&Fact| !matches!(fact, Fact::Asked { .. } | Fact::Requires { .. });
    let mut order = Vec::with_capacity(facts.len());
    let mut told = BTreeSet::new();
    for (position, fact) in chain.iter().enumerate() {
        order.push(*fact);
        let Some(on) = required_project(fact) else {
            continue;
        };
        let again = |later: &&&Fact| required_project(later) == Some(on);
        if !chain[position + 1..].iter().any(|later| again(&later)) && told.insert(on) {
            let own = facts.iter().filter(ends);
            order.extend(own.filter(|fact| fact.about() == Some(on)));
        }
    }
    let rest: Vec<&Fact> = facts.iter().filter(|fact| !order.contains(fact)).collect();
    order.extend(rest);
    order
}

fn follow<'f>(
    name: &'f PackageName,
    facts: &'f [Fact],
    seen: &mut BTreeSet<&'f PackageName>,
    chain: &mut Vec<&'f Fact>,
) {
    if !seen.insert(name) {
        return;
    }
    for fact in facts {
        if let Fact::Requires { by, on, .. } = fact
            && by.name == *name
        {
            chain.push(fact);
            follow(&on.name, facts, seen, chain);
        }
    }
}

fn required_project(fact: &Fact) -> Option<&PackageName> {
    match fact {
        Fact::Asked { requirement, .. } => Some(&requirement.name),
        Fact::Requires { on, .. } => Some(&on.name),
        _ => None,
    }
}

fn sentence(fact: &Fact, setting: &Setting<'_>) -> String {
    match fact {
        Fact::Asked { requirement, .. } => {
            format!("you require {}", quoted(requirement, setting))
        }
        Fact::Requires {
            by,
            span,
            on,
            range,
            overridden,
            rule,
        } => {
            let (who, many) = about(by, span);
            if let Some(rule) = rule {
                return by_rule((&who, many), &with_range(on, range), *rule);
            }
            if on.name == cuda_package() {
                let is = if many { "are" } else { "is" };
                return format!("{who} {is} built for CUDA {}", cuda(range));
            }
            let verb = if many { "require" } else { "requires" };
            if *overridden {
                let wanted = with_range(on, range);
                format!("{who} {verb} {on}, for which your override says {wanted}")
            } else {
                format!("{who} {verb} {}", with_range(on, range))
            }
        }
        Fact::Excluded {
            name,
            span,
            because,
        } => excluded(name, span, because, setting),
        Fact::Missing {
            name,
            range,
            offered,
            direct,
        } => {
            if *name == cuda_package() {
                let has = offered.as_ref().map(|(_, last)| last.to_string());
                return format!("the target has CUDA {}", has.unwrap_or_default());
            }
            let has = match offered {
                None => return format!("{name} has no release"),
                Some((first, last)) if first == last => first.to_string(),
                Some((first, last)) => format!("{first} to {last}"),
            };
            let range = show_range(range);
            if *direct {
                return format!("{name} is not {range}: its address gives {has}");
            }
            format!("no release of {name} is {range} (the index has {has})")
        }
        Fact::TwoAddresses { name } => format!("{name} cannot come from two addresses at once"),
        Fact::NotOnIndex { name } => format!("{name} is not on the index"),
        Fact::NotInCache { name } => {
            format!("{name} is not in the cache, and the network is off")
        }
    }
}

/// What pinsmith knows and no metadata says.
fn by_rule((who, many): (&str, bool), wanted: &str, rule: AbiRule) -> String {
    let (fact, lifted_by) = (rule.fact(many), rule.lifted_by());
    let harm = match (rule.harm(), many) {
        (harm, true) => harm.replace("does", "do"),
        (harm, false) => harm.to_owned(),
    };
    let lifted = format!(
        "no metadata says so, it is a rule of pinsmith's own, and an override of {lifted_by} lifts it"
    );
    match rule {
        AbiRule::NumpyOne | AbiRule::NumpyTwo => format!("{who} {fact}"),
        AbiRule::TorchNumpy | AbiRule::NewNumpy => format!("{who} {fact} and {harm}: {lifted}"),
        AbiRule::Numpy | AbiRule::Torch | AbiRule::TorchBefore | AbiRule::Setuptools => {
            let (verb, since) = if many {
                ("need", "since they")
            } else {
                ("needs", "since it")
            };
            format!("{who} {verb} {wanted}, {since} {fact} and {harm}: {lifted}")
        }
    }
}

/// The CUDA of a range, `13` where any minor version will do.
pub(crate) fn cuda(range: &Ranges<Version>) -> String {
    if let Some(only) = range.as_singleton() {
        return only.to_string();
    }
    match range.bounding_range() {
        Some((Bound::Included(low) | Bound::Excluded(low), _)) => {
            low.release().first().copied().unwrap_or(0).to_string()
        }
        _ => show_range(range),
    }
}

/// A requirement of the user with its place.
fn quoted(requirement: &Requirement, setting: &Setting<'_>) -> String {
    match (setting.places)(requirement) {
        Some(places) => format!("`{}` ({places})", usual_form(requirement)),
        None => format!("`{}`", usual_form(requirement)),
    }
}

fn excluded(name: &PackageName, span: &Span, because: &Exclusion, setting: &Setting<'_>) -> String {
    let subject = Subject {
        name: name.clone(),
        extra: None,
    };
    let (who, many) = about(&subject, span);
    let newest = span.last().map(ToString::to_string);
    let newest = newest.unwrap_or_default();
    let python = setting.target.python;
    let (is, was) = if many { ("are", "were") } else { ("is", "was") };
    match because {
        Exclusion::RequiresPython(wanted) if span.count == 1 => {
            let wanted = wanted.to_string().replace(", ", ",");
            format!("{who} needs Python {wanted}, and the target has {python}")
        }
        Exclusion::RequiresPython(wanted) => {
            let wanted = wanted.to_string().replace(", ", ",");
            format!("{who} {is} not for Python {python} ({newest} needs {wanted})")
        }
        Exclusion::NoMatchingWheel {
            pythons,
            platforms,
            glibc,
        } => {
            let has = if many { "have" } else { "has" };
            let platform = setting.target.platform;
            let details = wheels(span, pythons, platforms, *glibc);
            format!("{who} {has} no wheel for Python {python} on {platform} and no sdist{details}")
        }
        Exclusion::TooNew => {
            let own = setting.as_of_projects.get(name).copied();
            let day = own.or(setting.as_of).map(|as_of| as_of.to_string());
            let day = day.as_deref().and_then(|text| text.split('T').next());
            let day = day.unwrap_or("the day asked for");
            format!("{who} {was} uploaded after {day}")
        }
        Exclusion::Yanked { reason } => {
            let reason = reason.lines().next().unwrap_or_default().trim();
            match (reason.is_empty(), many) {
                (true, _) => format!("{who} {is} yanked"),
                (false, false) => format!("{who} is yanked: {reason}"),
                (false, true) => format!("{who} are yanked ({newest}: {reason})"),
            }
        }
        Exclusion::Prerelease if many => format!("{who} are pre-releases"),
        Exclusion::Prerelease => format!("{who} is a pre-release"),
        Exclusion::Constraint(constraint) => {
            let allows = format!("your constraint {}", quoted(constraint, setting));
            let wanted = show_range(&span.versions);
            format!("{allows} leaves out {name} {wanted}")
        }
        Exclusion::Spelling => format!("{who} {is} spelled otherwise than your `===` asks for"),
        Exclusion::SourceOnly => format!("{who} {is} only there as source"),
        Exclusion::Unusable { reason, .. } => format!("{who} cannot be used: {reason}"),
    }
}

/// Where there are wheels instead.
fn wheels(
    span: &Span,
    pythons: &[(u8, u8)],
    platforms: &[crate::Platform],
    glibc: Option<(u16, u16)>,
) -> String {
    let whose = match (span.last(), span.count) {
        (Some(newest), 2..) => format!("those of {newest}"),
        _ => "its wheels".to_owned(),
    };
    if let Some((major, minor)) = glibc {
        return format!(" ({whose} need glibc {major}.{minor})");
    }
    if let (Some(first), Some(last)) = (pythons.first(), pythons.last()) {
        let shown = |(major, minor): &(u8, u8)| format!("{major}.{minor}");
        let range = if first == last {
            shown(first)
        } else {
            format!("{} to {}", shown(first), shown(last))
        };
        return format!(" ({whose} are for Python {range})");
    }
    let names: Vec<&str> = platforms.iter().map(|platform| platform.as_str()).collect();
    match names.as_slice() {
        [] => String::new(),
        names => format!(" ({whose} are for {})", listed(names)),
    }
}

/// `a`, `a and b`, `a, b and c`.
fn listed(names: &[impl AsRef<str>]) -> String {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    match names.split_last() {
        None => String::new(),
        Some((only, [])) => (*only).to_owned(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

fn conclusion(facts: &[Fact], target: &Target) -> String {
    let mut asked: Vec<String> = Vec::new();
    for fact in facts {
        if let Fact::Asked { requirement, .. } = fact {
            let shown = format!("`{}`", usual_form(requirement));
            if !asked.contains(&shown) {
                asked.push(shown);
            }
        }
    }
    match asked.as_slice() {
        [] => format!("so there is no answer for {target}"),
        [one] => format!("so {one} cannot be satisfied for {target}"),
        many => format!(
            "so {} cannot be satisfied together for {target}",
            listed(many)
        ),
    }
}

/// The releases meant, and whether they are many.
fn about(subject: &Subject, span: &Span) -> (String, bool) {
    let fits = if span.usable_only {
        " that fits here"
    } else {
        ""
    };
    if span.versions == Ranges::full() && span.count != 1 {
        return (format!("every release of {subject}{fits}"), false);
    }
    let runs: Vec<String> = span
        .runs
        .iter()
        .zip(span.versions.iter())
        .map(|((first, last), bounds)| match (first == last, bounds) {
            (true, _) => first.to_string(),
            (false, (Bound::Unbounded, _)) => format!("{last} and older"),
            (false, (_, Bound::Unbounded)) => format!("{first} and newer"),
            (false, _) => format!("{first} to {last}"),
        })
        .collect();
    if runs.is_empty() {
        return (format!("{subject} {}", show_range(&span.versions)), false);
    }
    let many = span.count > 1;
    let fits = if span.usable_only && many {
        ", where they fit here,"
    } else {
        ""
    };
    (format!("{subject} {}{fits}", listed(&runs)), many)
}

fn with_range(on: &Subject, range: &Ranges<Version>) -> String {
    let separator = if range.iter().count() > 1 && !show_range(range).contains("!=") {
        " "
    } else {
        ""
    };
    if *range == Ranges::full() {
        format!("`{on}`")
    } else {
        format!("`{on}{separator}{}`", show_range(range))
    }
}
