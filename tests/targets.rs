//! What is computed of a target without being on it: wheel tags and marker values.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use pinsmith_resolver::{MarkerTree, TagSet, Target};
use serde::Deserialize;

#[derive(Deserialize)]
struct Facts {
    target: Vec<Fact>,
}

/// What `packaging` says of one target: lines of tags, best first.
#[derive(Deserialize)]
struct Fact {
    python: String,
    platform: String,
    floor: (u16, u16),
    /// Pairs of Python and ABI tag that go with every platform tag.
    pythons: Vec<String>,
    platforms: Vec<String>,
    /// Pairs that go with `any`.
    any: Vec<String>,
}

impl Fact {
    fn target(&self) -> Target {
        Target {
            floor: self.floor,
            ..Target::new(self.python.parse().unwrap(), self.platform.parse().unwrap())
        }
    }

    /// All tags, best first.
    fn tags(&self) -> Vec<String> {
        let native = words(&self.pythons).flat_map(|python| {
            words(&self.platforms).map(move |platform| format!("{python}-{platform}"))
        });
        let anywhere = words(&self.any).map(|python| format!("{python}-any"));
        native.chain(anywhere).collect()
    }
}

fn words(lines: &[String]) -> impl Iterator<Item = &str> {
    lines.iter().flat_map(|line| line.split_whitespace())
}

fn facts() -> Vec<Fact> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/targets/tags.toml");
    let text = std::fs::read_to_string(file).unwrap();
    toml::from_str::<Facts>(&text).unwrap().target
}

/// The same tags in the same order, and no tag of another target besides.
#[test]
fn tags_are_those_of_packaging() {
    let facts = facts();
    assert!(facts.len() >= 12);
    let every: BTreeSet<String> = facts.iter().flat_map(Fact::tags).collect();
    for fact in &facts {
        let target = fact.target();
        let set = TagSet::of(&target);
        let ours: BTreeMap<_, &String> = every
            .iter()
            .filter_map(|tag| {
                let wheel = format!("pkg-1.0-{tag}.whl").parse().unwrap();
                Some((set.rank(&wheel)?, tag))
            })
            .collect();
        let ours: Vec<&String> = ours.into_values().collect();
        let theirs = fact.tags();
        let first = ours.iter().zip(&theirs).find(|(a, b)| **a != *b);
        assert_eq!(first, None, "{target}");
        assert_eq!(ours.len(), theirs.len(), "{target}");
    }
}

/// Markers as they hold on machines of that kind (PEP 508).
#[test]
fn markers_hold_as_on_the_target() {
    #[rustfmt::skip]
    let rows = [
        ("3.11", "linux-x86_64", "sys_platform == 'linux' and platform_machine == 'x86_64' and os_name == 'posix'"),
        ("3.11", "linux-aarch64", "platform_system == 'Linux' and platform_machine == 'aarch64'"),
        ("3.11", "macos-arm64", "sys_platform == 'darwin' and platform_machine == 'arm64'"),
        ("3.11", "macos-x86_64", "platform_system == 'Darwin' and platform_machine == 'x86_64'"),
        ("3.11", "windows-x86_64", "sys_platform == 'win32' and platform_machine == 'AMD64' and os_name == 'nt'"),
        ("3.10", "linux-x86_64", "python_version > '3.9' and python_full_version < '3.10.1'"),
        ("3.10.13", "linux-x86_64", "python_version == '3.10' and python_full_version == '3.10.13'"),
        ("2.7", "linux-x86_64", "python_version in '2.7 3.6' and python_version < '3'"),
        ("3.11", "linux-x86_64", "implementation_name == 'cpython' and platform_python_implementation == 'CPython'"),
        ("3.11", "linux-x86_64", "'linux' in sys_platform"),
    ];
    for (python, platform, marker) in rows {
        let target = Target::new(python.parse().unwrap(), platform.parse().unwrap());
        let tree: MarkerTree = marker.parse().unwrap();
        let holds = tree.evaluate(&target.marker_environment(), &[]);
        assert!(holds, "{marker} on {target}");
        let negative = format!("({marker}) and sys_platform == 'amiga'");
        let tree: MarkerTree = negative.parse().unwrap();
        assert!(!tree.evaluate(&target.marker_environment(), &[]));
    }
}
