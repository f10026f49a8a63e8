//! Requirements that come from repositories: protocols that are gone, and commits of the day.

use pinsmith_resolver::{Requirement, Timestamp, url_of};

use super::search::Field;
use crate::config::AsOf;
use crate::diagnostic::Diagnostic;
use crate::direct::Place;
use crate::git::{Git, is_commit};
use crate::lock::without_credentials;
use crate::repair::{Fate, Plan, codes};

/// Brings every address of a repository into a form that still works, at the last commit of the day.
pub(super) fn settle(
    field: &Field<'_>,
    plan: &mut Plan,
    day: Option<&AsOf>,
    findings: &mut Vec<Diagnostic>,
) {
    let root = field.source.tree.root();
    let git = Git::find(&std::env::vars_os().collect(), root);
    for need in &mut plan.needs {
        let Some(counts) = need.counts.clone() else {
            continue;
        };
        let Some(address) = url_of(&counts).map(|url| url.as_str().to_owned()) else {
            continue;
        };
        let modern = modern_address(&address);
        let moved = modern != address;
        if moved {
            let message =
                format!("`{address}` can no longer be fetched: its protocol was switched off");
            let mut finding = Diagnostic::warning(codes::DEAD_ADDRESS, message);
            finding.site = need.declared.first().cloned();
            findings.push(finding.help(format!("`{modern}` is taken instead")));
        }
        let pinned = day.and_then(|day| pinned(field, git.as_ref(), &modern, day));
        let (address, because) = match pinned {
            Some(Ok((address, commit))) => {
                let day = day.map_or("", |day| day.text.as_str());
                (
                    address,
                    format!("{} is its last commit up to {day}", &commit[..12]),
                )
            }
            Some(Err(instruction)) => {
                let message = format!("`{}` is not fixed to a commit", need.asked.name);
                let mut finding = Diagnostic::warning(codes::DEAD_ADDRESS, message);
                finding.site = need.declared.first().cloned();
                findings.push(finding.help(instruction));
                (modern, "its protocol was switched off".to_owned())
            }
            None => (modern, "its protocol was switched off".to_owned()),
        };
        let Ok(requirement) = with_address(&counts, &address).parse::<Requirement>() else {
            continue;
        };
        if url_of(&requirement) != url_of(&counts) {
            need.counts = Some(requirement);
            need.fate = Fate::Renamed;
            need.because = Some(because);
        }
    }
}

/// `git+git://` and `git+ssh://git@` as `git+https://`.
fn modern_address(address: &str) -> String {
    for (old, new) in [
        ("git+git://", "git+https://"),
        ("git://", "git+https://"),
        ("git+ssh://git@", "git+https://"),
        ("git+http://github.com", "git+https://github.com"),
    ] {
        if let Some(rest) = address.strip_prefix(old) {
            return format!("{new}{rest}");
        }
    }
    address.to_owned()
}

/// The address with the last commit of the day, or how a person finds it.
fn pinned(
    field: &Field<'_>,
    git: Option<&Git>,
    address: &str,
    day: &AsOf,
) -> Option<Result<(String, String), String>> {
    let Ok(Place::Git {
        url,
        revision,
        subdirectory,
    }) = Place::of(address)
    else {
        return None;
    };
    if revision.as_deref().is_some_and(is_commit) {
        return None;
    }
    let branch = revision.as_deref().unwrap_or("HEAD");
    let instruction = |why: &str| {
        format!(
            "{why}; in a copy of it, `git rev-list -1 --before={} {branch}` says which: write it behind an `@`",
            day.text
        )
    };
    let index = &field.index.index;
    let clean = without_credentials(&url)?;
    let parsed = url::Url::parse(&clean).ok()?;
    let of_tree = parsed
        .to_file_path()
        .ok()
        .and_then(|path| path.canonicalize().ok())
        .is_some_and(|path| path.starts_with(field.source.tree.root()));
    if field.args.resolve.index.offline || !(of_tree || index.may_be_asked(&parsed)) {
        return Some(Err(instruction("it was not asked")));
    }
    let git = git?;
    let instant: Timestamp = day.instant;
    let found = git.commit_before(&clean, revision.as_deref(), instant, index.certificate());
    Some(match found {
        Ok(commit) => {
            let folder =
                subdirectory.map_or(String::new(), |folder| format!("#subdirectory={folder}"));
            Ok((format!("git+{clean}@{commit}{folder}"), commit))
        }
        Err(error) => Err(instruction(&error.to_string())),
    })
}

fn with_address(requirement: &Requirement, address: &str) -> String {
    let extras: Vec<String> = requirement.extras.iter().map(ToString::to_string).collect();
    let extras = if extras.is_empty() {
        String::new()
    } else {
        format!("[{}]", extras.join(","))
    };
    let marker = requirement.marker.try_to_string();
    let marker = marker.map_or(String::new(), |marker| format!(" ; {marker}"));
    format!("{}{extras} @ {address}{marker}", requirement.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dead_protocols_are_replaced() {
        for (old, new) in [
            (
                "git+git://github.com/a/b.git",
                "git+https://github.com/a/b.git",
            ),
            (
                "git+ssh://git@github.com/a/b@v1",
                "git+https://github.com/a/b@v1",
            ),
            ("git+https://github.com/a/b", "git+https://github.com/a/b"),
            ("https://files.test/a.whl", "https://files.test/a.whl"),
        ] {
            assert_eq!(modern_address(old), new);
        }
    }
}
