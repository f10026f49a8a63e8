//! The JSON of the answer "no".

use pinsmith_resolver::{
    Exclusion, Fact, Remedy, Requirement, Span, Unsatisfiable, Version, range_text,
};
use serde::Serialize;
use serde_json::{Value, json};

use super::json::SCHEMA;
use super::unsatisfiable::Advice;

/// `lock` and `compile` with `--format json` where nothing fits.
#[derive(Serialize)]
pub(super) struct UnsatisfiableJson<'a> {
    schema: u32,
    unsatisfiable: Proof<'a>,
}

#[derive(Serialize)]
struct Proof<'a> {
    explanation: String,
    requirements: Vec<String>,
    target: String,
    facts: Vec<Value>,
    remedies: Vec<Value>,
    worked_as_of: Option<String>,
    help: &'a [String],
}

impl<'a> UnsatisfiableJson<'a> {
    pub(super) fn new(
        proof: &Unsatisfiable,
        story: &[String],
        help: &'a [String],
        advice: &Advice,
    ) -> Self {
        let requirements = proof.requirements().into_iter();
        Self {
            schema: SCHEMA,
            unsatisfiable: Proof {
                explanation: story.join("\n"),
                requirements: requirements.map(Requirement::to_string).collect(),
                target: proof.target.to_string(),
                facts: proof.facts.iter().map(fact).collect(),
                remedies: advice.remedies.iter().map(remedy).collect(),
                worked_as_of: advice.worked_as_of.map(|instant| instant.to_string()),
                help,
            },
        }
    }
}

fn fact(fact: &Fact) -> Value {
    match fact {
        Fact::Asked { requirement, .. } => {
            json!({"kind": "asked", "requirement": requirement.to_string()})
        }
        Fact::Requires {
            by,
            span,
            on,
            range,
            overridden,
            rule,
        } => json!({
            "kind": "requires",
            "package": by.to_string(),
            "releases": releases(span),
            "requires": on.to_string(),
            "versions": range_text(range),
            "overridden": overridden,
            "rule": rule.is_some(),
        }),
        Fact::Excluded {
            name,
            span,
            because,
        } => json!({
            "kind": "excluded",
            "package": name.to_string(),
            "releases": releases(span),
            "because": exclusion(because),
        }),
        Fact::Missing {
            name,
            range,
            offered,
            direct,
        } => json!({
            "kind": if *direct { "not-at-address" } else { "missing" },
            "package": name.to_string(),
            "versions": range_text(range),
            "first": offered.as_ref().map(|(first, _)| first.to_string()),
            "last": offered.as_ref().map(|(_, last)| last.to_string()),
        }),
        Fact::TwoAddresses { name } => {
            json!({"kind": "two-addresses", "package": name.to_string()})
        }
        Fact::NotOnIndex { name } => json!({"kind": "not-on-index", "package": name.to_string()}),
        Fact::NotInCache { name } => json!({"kind": "not-in-cache", "package": name.to_string()}),
    }
}

fn releases(span: &Span) -> Value {
    let text = |version: Option<&Version>| version.map(Version::to_string);
    json!({
        "versions": range_text(&span.versions),
        "first": text(span.first()),
        "last": text(span.last()),
        "count": span.count,
        "usable_only": span.usable_only,
    })
}

fn exclusion(because: &Exclusion) -> Value {
    match because {
        Exclusion::RequiresPython(wanted) => {
            json!({"kind": "requires-python", "requires_python": wanted.to_string()})
        }
        Exclusion::NoMatchingWheel {
            pythons,
            platforms,
            glibc,
        } => {
            let pythons = pythons
                .iter()
                .map(|(major, minor)| format!("{major}.{minor}"));
            json!({
                "kind": "no-matching-wheel",
                "glibc": glibc.map(|(major, minor)| format!("{major}.{minor}")),
                "pythons": pythons.collect::<Vec<_>>(),
                "platforms": platforms.iter().map(|one| one.as_str()).collect::<Vec<_>>(),
            })
        }
        Exclusion::TooNew => json!({"kind": "too-new"}),
        Exclusion::Yanked { reason } => json!({"kind": "yanked", "reason": reason}),
        Exclusion::Prerelease => json!({"kind": "pre-release"}),
        Exclusion::Constraint(constraint) => {
            json!({"kind": "constraint", "constraint": constraint.to_string()})
        }
        Exclusion::Spelling => json!({"kind": "spelling"}),
        Exclusion::SourceOnly => json!({"kind": "source-only"}),
        Exclusion::Unusable { reason, .. } => json!({"kind": "unusable", "reason": reason}),
    }
}

fn remedy(remedy: &Remedy) -> Value {
    match remedy {
        Remedy::Loosen {
            requirement,
            version,
        } => json!({
            "kind": "loosen",
            "requirement": requirement.to_string(),
            "version": version.to_string(),
        }),
        Remedy::Drop { requirement } => {
            json!({"kind": "drop", "requirement": requirement.to_string()})
        }
        Remedy::NoExtras { requirement } => {
            json!({"kind": "no-extras", "requirement": requirement.to_string()})
        }
        Remedy::Public {
            requirement,
            version,
        } => json!({
            "kind": "public",
            "requirement": requirement.to_string(),
            "version": version.to_string(),
        }),
        Remedy::DropOverride { overriding } => {
            json!({"kind": "drop-override", "override": overriding.to_string()})
        }
        Remedy::DropConstraint { constraint } => {
            json!({"kind": "drop-constraint", "constraint": constraint.to_string()})
        }
        Remedy::Python { python } => json!({"kind": "python", "python": python.to_string()}),
        Remedy::Prereleases { pins } => {
            let pins = pins
                .iter()
                .map(|(name, version)| format!("{name}=={version}"));
            json!({"kind": "pre-releases", "pins": pins.collect::<Vec<_>>()})
        }
        Remedy::PinYanked { name, version } => {
            json!({"kind": "pin-yanked", "pin": format!("{name}=={version}")})
        }
        Remedy::AsOf { instant } => json!({"kind": "as-of", "instant": instant.to_string()}),
        Remedy::NoAsOf => json!({"kind": "no-as-of"}),
        Remedy::Glibc {
            floor: (major, minor),
        } => json!({"kind": "glibc", "glibc": format!("{major}.{minor}")}),
    }
}
