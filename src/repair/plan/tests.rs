use pinsmith_resolver::{
    MemorySource, Options, Request, ResolveError, Target, parse_requirement, resolve,
};

use super::*;

fn need(text: &str) -> Need {
    let asked = parse_requirement(text).unwrap().requirement;
    Need {
        counts: Some(asked.clone()),
        asked,
        declared: Vec::new(),
        sites: Vec::new(),
        fate: Fate::AsAsked,
        because: None,
        given_up: None,
    }
}

fn world() -> MemorySource {
    let mut source = MemorySource::default();
    source.add("app", "1.0.3", &["lib>=2"]);
    source.add("app", "1.1.0", &["lib>=2"]);
    source.add("lib", "1.0", &[]);
    source.add("lib", "2.1", &[]);
    source
}

/// Declared, frozen, what counts in the end.
#[test]
fn as_little_is_given_up_as_may_help() {
    for (declared, frozen, expected) in [
        (
            vec!["app==1.0.3", "lib==2.1"],
            vec![],
            vec!["app==1.0.3", "lib==2.1"],
        ),
        (vec!["app==1.0.1", "lib"], vec![], vec!["app~=1.0.0", "lib"]),
        (
            vec!["app==1.0.3", "lib==1.0"],
            vec!["lib"],
            vec!["app==1.0.3"],
        ),
        (vec!["app==1.0.3", "gone==1"], vec![], vec!["app==1.0.3"]),
        (vec!["app==9.9.9"], vec![], vec!["app"]),
    ] {
        let mut plan = Plan {
            needs: declared.iter().map(|text| need(text)).collect(),
            frozen: frozen
                .iter()
                .map(|name: &&str| name.parse().unwrap())
                .collect(),
            ..Plan::default()
        };
        let source = world();
        let target = Target::linux_x86_64((3, 11));
        for _ in 0..10 {
            let request = Request {
                roots: plan.roots(),
                ..Request::default()
            };
            match resolve(&request, &target, &source, &Options::default()) {
                Ok(_) => break,
                Err(ResolveError::Unsatisfiable(proof)) => {
                    assert!(plan.relax(&proof, Fate::Loosened));
                }
                Err(error) => panic!("{error}"),
            }
        }
        let counts: Vec<String> = plan.roots().iter().map(ToString::to_string).collect();
        assert_eq!(counts, expected, "{declared:?}");
    }
}
