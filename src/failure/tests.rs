use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
struct Cases {
    case: Vec<Case>,
}

/// A text with what it means; empty where nothing is expected.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    error: String,
    #[serde(default)]
    context: String,
    kind: String,
    #[serde(default)]
    subject: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    package: String,
    #[serde(default)]
    says: String,
}

#[test]
fn failures_mean_what_their_texts_say() {
    let cases: Cases = toml::from_str(include_str!("../../fixtures/failures.toml")).unwrap();
    let mut wrong = Vec::new();
    for case in &cases.case {
        let found = likely_cause(&case.error, &case.context);
        let kind = found.as_ref().map_or("", |found| name_of(found.kind));
        let text = |part: Option<String>| part.unwrap_or_default();
        let subject = text(found.as_ref().and_then(|found| found.subject.clone()));
        let name = text(found.as_ref().and_then(|found| found.name.clone()));
        let package = text(
            found
                .as_ref()
                .and_then(|found| found.package.map(str::to_owned)),
        );
        let says = found.as_ref().map_or(String::new(), |found| {
            format!("{}; {}", found.what, found.remedy)
        });
        if [kind, &subject, &name, &package]
            != [&case.kind, &case.subject, &case.name, &case.package].map(String::as_str)
            || !says.contains(&case.says)
        {
            wrong.push(format!(
                "{}\n  {kind} / {subject} / {name} / {package} / {says}",
                case.error
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let tried: std::collections::BTreeSet<&str> =
        cases.case.iter().map(|case| case.kind.as_str()).collect();
    for (kind, _) in KINDS {
        assert!(tried.contains(kind), "no case is of the kind {kind}");
    }
}

fn name_of(kind: FailureKind) -> &'static str {
    KINDS.iter().find(|(_, known)| *known == kind).unwrap().0
}

#[test]
fn the_tables_are_well_formed() {
    let text = include_str!("../data/failures.tsv");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    assert_eq!(
        lines.count(),
        ROWS.len(),
        "a row has an unknown kind or other columns than four"
    );
    for row in ROWS.iter() {
        for text in [row.what, row.remedy] {
            assert!(!text.is_empty() && !text.ends_with('.'), "{text}");
        }
    }
    for (name, kind) in KINDS {
        assert_eq!(serde_json::to_string(kind).unwrap(), format!("\"{name}\""));
    }
    let libraries = include_str!("../data/libraries.tsv");
    let lines = libraries.lines().filter(|line| !line.starts_with('#'));
    assert_eq!(lines.count(), rows::<2>(libraries).count());
}

#[test]
fn hostile_texts_are_cut_and_made_visible() {
    let error = format!(
        "ModuleNotFoundError: No module named '\u{1b}[2J{}'",
        "x".repeat(5000)
    );
    let cause = likely_cause(&error, "").unwrap();
    assert!(cause.what.len() < 300 && crate::escape::is_plain(&cause.what));
    let long = "é".repeat(1_000_000);
    assert_eq!(likely_cause(&long, &long), None);
}
