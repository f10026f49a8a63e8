//! The judge refuses proofs that are wrong in one place each.

use pinsmith_resolver::{
    AbiRule, Exclusion, Fact, MemoryRelease, MemorySource, Options, Ranges, Request, ResolveError,
    Target, Unsatisfiable, Version, parse_requirement, resolve,
};

/// A made-up index: what compiled wheels need is known of `pyarrow`, not of `other`.
fn source() -> MemorySource {
    let mut source = MemorySource::default();
    let mut add = |name: &str, version: &str, requires: &[&str], day: &str| {
        let release = MemoryRelease {
            requires,
            uploaded: Some(day),
            requires_python: (name == "old").then_some("<3.10"),
            ..MemoryRelease::default()
        };
        source.add_release(name, version, &release);
    };
    let (early, late) = ("2023-12-08T00:00:00Z", "2025-06-01T00:00:00Z");
    add("numpy", "1.26.4", &[], early);
    add("numpy", "2.3.5", &[], late);
    add("pyarrow", "14.0.2", &["numpy>=1.16"], early);
    add("other", "14.0.2", &["numpy>=1.16"], early);
    add("modest", "1.0", &["numpy<2"], early);
    add("old", "1.0", &[], early);
    add("torch", "2.1.2", &[], early);
    source
}

fn proof_of(roots: &[&str]) -> (Request, Unsatisfiable) {
    let roots = roots.iter().map(|text| parse_requirement(text).unwrap());
    let request = Request {
        roots: roots.map(|parsed| parsed.requirement).collect(),
        ..Request::default()
    };
    let target = Target::linux_x86_64((3, 11));
    match resolve(&request, &target, &source(), &Options::default()) {
        Err(ResolveError::Unsatisfiable(proof)) => (request, *proof),
        other => panic!("expected no answer, got {other:?}"),
    }
}

/// Changes what a proof says that releases require.
fn requirements(proof: &mut Unsatisfiable, change: impl FnMut(&mut Fact)) {
    let facts = proof.facts.iter_mut();
    facts
        .filter(|fact| matches!(fact, Fact::Requires { .. }))
        .for_each(change);
}

#[test]
fn wrong_proofs_are_refused() {
    type Change = fn(&mut Unsatisfiable);
    let narrowed: Change = |proof| {
        requirements(proof, |fact| {
            if let Fact::Requires { range, .. } = fact {
                *range = Ranges::strictly_lower_than(Version::new([1, 20]));
            }
        });
    };
    let without_rule: Change = |proof| {
        requirements(proof, |fact| {
            if let Fact::Requires { rule, .. } = fact {
                *rule = None;
            }
        });
    };
    let with_rule: Change = |proof| {
        requirements(proof, |fact| {
            if let Fact::Requires { rule, .. } = fact {
                *rule = Some(AbiRule::Numpy);
            }
        });
    };
    let of_another: Change = |proof| {
        requirements(proof, |fact| {
            if let Fact::Requires { by, .. } = fact {
                by.name = "other".parse().unwrap();
            }
        });
        for fact in &mut proof.facts {
            if let Fact::Asked { requirement, .. } = fact
                && requirement.name.as_ref() == "pyarrow"
            {
                requirement.name = "other".parse().unwrap();
            }
        }
    };
    let yanked: Change = |proof| {
        for fact in &mut proof.facts {
            if let Fact::Excluded { because, .. } = fact {
                *because = Exclusion::Yanked {
                    reason: String::new(),
                };
            }
        }
    };
    let fewer: Change = |proof| drop(proof.facts.pop());
    let more: Change = |proof| {
        proof.facts.push(Fact::NotOnIndex {
            name: "nobody".parse().unwrap(),
        });
    };
    let compiled: &[&str] = &["numpy>=2", "pyarrow"];
    let modest: &[&str] = &["numpy>=2", "modest"];
    let beside: &[&str] = &["numpy>=2", "torch"];
    let untrue = "is satisfied by";
    for (roots, what, change, says) in [
        (
            compiled,
            "a fact too few",
            fewer,
            "the facts leave an answer",
        ),
        (compiled, "a fact too many", more, "not needed"),
        (compiled, "a narrower range", narrowed, untrue),
        (compiled, "a rule that is not told", without_rule, untrue),
        (compiled, "the rule of another project", of_another, untrue),
        (
            beside,
            "an interface without a rule",
            without_rule,
            "does not require it",
        ),
        (modest, "a narrower range of metadata", narrowed, untrue),
        (
            modest,
            "a rule where metadata says so",
            with_rule,
            "no rule is needed",
        ),
        (&["old"], "another reason", yanked, "not so 1.0"),
    ] {
        let (mut request, right) = proof_of(roots);
        super::check(what, &right, &request, &source());
        let mut wrong = right.clone();
        change(&mut wrong);
        // whoever is asked for in the proof was asked for
        for fact in &wrong.facts {
            if let Fact::Asked { requirement, .. } = fact {
                request.roots.push(requirement.clone());
            }
        }
        let judged = std::panic::catch_unwind(|| super::check(what, &wrong, &request, &source()));
        let refused = judged.expect_err(what);
        let refused = refused.downcast_ref::<String>().unwrap();
        assert!(refused.contains(says), "{what}: {refused}");
    }
}
