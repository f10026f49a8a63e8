use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
struct Cases {
    edit: Vec<Edit>,
    init: Vec<Init>,
    bound: Vec<Bound>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Edit {
    name: String,
    /// `group: requirement`, or a requirement.
    add: Vec<String>,
    before: String,
    #[serde(default)]
    after: String,
    #[serde(default)]
    error: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Init {
    name: String,
    files: Vec<String>,
    #[serde(default)]
    before: Option<String>,
    #[serde(default)]
    requires: Option<String>,
    after: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bound {
    version: String,
    /// `lower`, `compatible`, `exact`.
    is: [String; 3],
}

fn cases() -> Cases {
    toml::from_str(include_str!("../../fixtures/generate.toml")).unwrap()
}

fn direct(text: &str) -> Direct {
    let (group, text) = match text.split_once(": ") {
        Some((group, text)) => (Some(group.to_owned()), text),
        None => (None, text),
    };
    Direct {
        name: text.parse::<Requirement>().unwrap().name,
        text: text.to_owned(),
        group,
        sites: Vec::new(),
    }
}

#[test]
fn what_a_person_wrote_stays_in_a_pyproject() {
    for case in cases().edit {
        let added: Vec<Direct> = case.add.iter().map(|text| direct(text)).collect();
        match edit_pyproject(&case.before, &added) {
            Ok(after) => {
                assert_eq!(after, case.after, "{}", case.name);
                let file: toml::Table = after.parse().unwrap();
                assert!(!file.is_empty());
                // every line is still there, up to a comma that became needed
                for line in case
                    .before
                    .lines()
                    .filter(|line| line.trim() != "dependencies = []")
                {
                    let kept = after.contains(line.trim_end_matches([']', ' ']));
                    assert!(
                        kept || line.contains('#'),
                        "{}: `{line}` is gone",
                        case.name
                    );
                }
            }
            Err(error) => assert_eq!(error.to_string(), case.error, "{}", case.name),
        }
    }
}

#[test]
fn a_bare_tree_gets_a_sound_pyproject() {
    for case in cases().init {
        let layout = Layout::of(case.files.iter().map(String::as_str));
        let requires = case.requires.map(|text| text.parse().unwrap());
        let readme = case.files.iter().find(|file| *file == "README.md");
        let python = (requires.as_ref(), "3.11.7".parse().unwrap());
        let name = "my-paper".parse().unwrap();
        let text = init(
            case.before.as_deref(),
            &name,
            python,
            readme.map(String::as_str),
            &layout,
        );
        let text = text.unwrap();
        assert_eq!(text, case.after, "{}", case.name);
        assert_eq!(
            init(Some(&text), &name, python, None, &layout).unwrap(),
            text,
            "{}",
            case.name
        );
    }
}

#[test]
fn bounds_follow_from_the_chosen_version() {
    for case in cases().bound {
        let version: Version = case.version.parse().unwrap();
        let all = [Bounds::Lower, Bounds::Compatible, Bounds::Exact];
        let found = all.map(|bounds| bounded(&version, bounds));
        assert_eq!(found, case.is, "{}", case.version);
        for specifiers in found {
            let allowed = pinsmith_resolver::to_ranges(&specifiers.parse().unwrap());
            assert!(
                allowed.contains(&version),
                "{specifiers} leaves {version} out"
            );
        }
        assert_eq!(bounded(&version, Bounds::None), "");
    }
}

#[test]
fn a_requirements_file_is_added_to() {
    let added = Direct {
        sites: ["train.py:3", "a\n.py:1", "c.py:9"]
            .into_iter()
            .map(|site| {
                let (file, line) = site.split_once(':').unwrap();
                Site {
                    file: file.to_owned(),
                    line: line.parse().unwrap(),
                    cell: None,
                }
            })
            .collect(),
        ..direct("six>=1.17,<2")
    };
    let text = add_to_requirements(Some("torch  # mine, no newline"), &[added]);
    insta::assert_snapshot!(text, @r"
    torch  # mine, no newline
    # added by `pinsmith generate`
    six>=1.17,<2  # train.py:3, a\u{a}.py:1, and 1 more
    ");
    assert_eq!(add_to_requirements(Some("torch"), &[]), "torch");
}
