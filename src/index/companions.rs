//! Projects that usually come along with a popular one: asked for at once, before anybody knows.
//!
//! Metadata tells what is needed one step at a time, and each step costs a round trip. The table
//! `companions.txt` holds what a few popular projects needed when it was made (2026-11, newest
//! releases, Python 3.11 on Linux): a hint and nothing more. A wrong row costs a page in vain, never
//! an answer, so it is followed only where the newest releases are likely to be taken.

use std::collections::BTreeSet;
use std::sync::Arc;

use pinsmith_resolver::{PackageName, Requirement, specifiers_of};

use super::Index;

const TABLE: &str = include_str!("companions.txt");

impl Index {
    /// Fetches the pages of projects that will be needed: those required without an upper bound,
    /// what usually comes along with them, and what was needed `before`.
    pub fn expect<'n>(
        &self,
        required: &[Requirement],
        before: impl IntoIterator<Item = &'n PackageName>,
    ) {
        if self.shared.offline {
            return;
        }
        let mut names: BTreeSet<PackageName> = before.into_iter().cloned().collect();
        for requirement in required.iter().filter(|one| is_open(one)) {
            names.extend(companions(&requirement.name));
        }
        for name in names {
            let shared = Arc::clone(&self.shared);
            // what comes is kept for the resolver
            drop(
                self.handle
                    .spawn(async move { shared.project(&name).await.is_ok() }),
            );
        }
    }
}

/// Whether the newest release is likely to be taken.
fn is_open(requirement: &Requirement) -> bool {
    use pep440_rs::Operator::{GreaterThan, GreaterThanEqual};
    let specifiers = specifiers_of(requirement);
    let mut clauses = specifiers.iter();
    clauses.all(|clause| matches!(clause.operator(), GreaterThan | GreaterThanEqual))
}

fn companions(name: &PackageName) -> impl Iterator<Item = PackageName> {
    let mut rows = TABLE.lines().filter_map(|row| row.split_once(": "));
    let row = rows.find(|(popular, _)| *popular == name.as_ref());
    let names = row.map_or("", |(_, names)| names).split_whitespace();
    names.filter_map(|name| name.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_holds_sorted_normalised_names() {
        let mut rows = Vec::new();
        for row in TABLE.lines() {
            let (popular, names) = row.split_once(": ").unwrap();
            rows.push(popular);
            let names: Vec<&str> = names.split(' ').collect();
            assert!(names.is_sorted() && names.len() >= 10, "{popular}");
            for name in names.into_iter().chain([popular]) {
                let parsed: PackageName = name.parse().unwrap();
                assert_eq!(parsed.as_ref(), name);
            }
        }
        assert!(rows.is_sorted());
        assert_eq!(companions(&"nobody-knows-it".parse().unwrap()).count(), 0);
    }

    #[test]
    fn only_open_requirements_are_followed() {
        for (text, expected) in [
            ("torch", true),
            ("torch>=2", true),
            ("torch>=2,<3", false),
            ("torch==2.1", false),
            ("torch~=2.1", false),
        ] {
            let parsed = pinsmith_resolver::parse_requirement(text).unwrap();
            assert_eq!(is_open(&parsed.requirement), expected, "{text}");
        }
    }
}
