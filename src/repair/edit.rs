//! Changed files of people: line by line, with what was there kept in a comment; pure.

use std::fmt::Write as _;

use pinsmith_resolver::PackageName;
use serde::Serialize;
use similar::TextDiff;

use super::codes;
use super::pins::is_stand_in;
use crate::diagnostic::Diagnostic;
use crate::escape::comment;
use crate::scan::Site;

/// One file with what is to change in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEdit {
    /// Root-relative path, with `/`.
    pub file: String,
    /// What it contains; `None` when it is new.
    pub before: Option<String>,
    /// What it shall contain.
    pub after: String,
    /// Each change with its reason, in the order of the lines.
    pub reasons: Vec<Reason>,
}

/// Why something is changed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Reason {
    /// The line as it was, from 1; 0 for what is new.
    pub line: u32,
    /// What is written there.
    pub change: String,
    /// Why, in lower case.
    pub because: String,
}

/// A declared requirement that shall read otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Where it is declared.
    pub site: Site,
    /// The name by which it is found there.
    pub name: PackageName,
    /// What it shall say; `None` leaves it out.
    pub after: Option<String>,
    /// Why, in lower case.
    pub because: String,
    /// Whether it may as well stay as it is.
    pub may_stay: bool,
}

/// How the lines of a file are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// `requirements.txt` and lists of `setup.cfg`: one requirement a line.
    Plain,
    /// `- numpy=1.15` of a conda environment.
    Yaml,
    /// Quoted in an array of a `pyproject.toml`.
    Quoted,
}

impl Style {
    fn of(file: &str) -> Option<Self> {
        let name = file.rsplit('/').next().unwrap_or(file).to_ascii_lowercase();
        let ends = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
        if ends(&[".txt", ".in"]) || name == "setup.cfg" {
            Some(Self::Plain)
        } else if ends(&[".yml", ".yaml"]) {
            Some(Self::Yaml)
        } else if name == "pyproject.toml" {
            Some(Self::Quoted)
        } else {
            None
        }
    }
}

/// The unified diff of a file, as `patch -p1` and `git apply` take it.
pub fn diff(edit: &FileEdit) -> String {
    let before = edit.before.as_deref().unwrap_or_default();
    let old = match edit.before {
        Some(_) => format!("a/{}", edit.file),
        None => "/dev/null".to_owned(),
    };
    let new = format!("b/{}", edit.file);
    let diff = TextDiff::from_lines(before, &edit.after);
    let mut unified = diff.unified_diff();
    unified.context_radius(3).header(&old, &new).to_string()
}

/// One file with changed requirements.
///
/// What cannot be changed safely stays as it is and is told, with what to write there.
pub fn change_requirements(
    file: &str,
    text: &str,
    changes: &[Change],
) -> (FileEdit, Vec<Diagnostic>) {
    let mut edit = FileEdit {
        file: file.to_owned(),
        before: Some(text.to_owned()),
        after: String::new(),
        reasons: Vec::new(),
    };
    let mut by_hand = Vec::new();
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    let style = Style::of(file);
    for change in changes {
        let at = usize::try_from(change.site.line)
            .unwrap_or(0)
            .checked_sub(1);
        let changed = at
            .zip(style)
            .and_then(|(at, style)| change_line(&mut lines, at, style, change));
        match changed {
            Some(shown) => edit.reasons.push(Reason {
                line: change.site.line,
                change: shown,
                because: change.because.clone(),
            }),
            None => by_hand.push(told(change)),
        }
    }
    edit.reasons.sort();
    edit.after = lines.concat();
    (edit, by_hand)
}

fn told(change: &Change) -> Diagnostic {
    let message = match &change.after {
        Some(after) => {
            format!(
                "`{}` has to be changed by hand: {}",
                change.name, change.because
            ) + &format!(" (it should say `{after}`)")
        }
        None => format!(
            "`{}` has to be left out by hand: {}",
            change.name, change.because
        ),
    };
    let help = match &change.after {
        Some(after) => format!("write `{after}` there"),
        None => "remove it there".to_owned(),
    };
    let found = if change.may_stay {
        Diagnostic::info(codes::BY_HAND, message)
    } else {
        Diagnostic::warning(codes::BY_HAND, message)
    };
    found.at(change.site.clone()).help(help)
}

/// Changes one line, and those that it goes on in; what is written there now.
fn change_line(lines: &mut [String], at: usize, style: Style, change: &Change) -> Option<String> {
    let line = lines.get(at)?.clone();
    let body = line.trim_end_matches(['\n', '\r']);
    let end = &line[body.len()..];
    match style {
        Style::Plain => {
            let mut last = at;
            while lines.get(last)?.trim_end().ends_with('\\') && last + 1 < lines.len() {
                last += 1;
            }
            let new = plain(body, change)?;
            for (number, line) in lines.get_mut(at..=last)?.iter_mut().enumerate() {
                if number > 0 {
                    // hashes of the old version, for instance
                    *line = format!("# {}", line.trim_start());
                }
            }
            let shown = new.clone();
            *lines.get_mut(at)? = new + end;
            Some(shown)
        }
        Style::Yaml => {
            let new = yaml(body, change)?;
            *lines.get_mut(at)? = new.clone() + end;
            Some(new.trim().to_owned())
        }
        Style::Quoted => {
            let (start, stop) = quoted(body, &change.name)?;
            let after = spelled(change.after.as_ref()?, &body[start..stop]);
            let new = format!("{}{after}{}", &body[..start], &body[stop..]);
            let shown = new.trim().to_owned();
            *lines.get_mut(at)? = new + end;
            Some(shown)
        }
    }
}

fn plain(body: &str, change: &Change) -> Option<String> {
    let indent = &body[..body.len() - body.trim_start().len()];
    let (said, remark) = match body.find(" #") {
        Some(at) => (body[..at].trim(), body[at + 2..].trim()),
        None => (body.trim(), ""),
    };
    if !names(said, &change.name) {
        return None;
    }
    let said = said.trim_end_matches('\\').trim_end();
    Some(match &change.after {
        Some(after) => {
            let after = spelled(after, said);
            let remark = if remark.is_empty() {
                String::new()
            } else {
                format!("; {}", comment(remark))
            };
            format!("{indent}{after}  # was: {}{remark}", comment(said))
        }
        None => format!(
            "{indent}# {}  # left out: {}",
            body.trim(),
            comment(&change.because)
        ),
    })
}

fn yaml(body: &str, change: &Change) -> Option<String> {
    let indent = &body[..body.len() - body.trim_start().len()];
    let said = body.trim_start().strip_prefix('-')?.trim_start();
    let (said, remark) = said.split_once(" #").unwrap_or((said, ""));
    let said = said.trim().trim_matches(['"', '\'']);
    if !names(said, &change.name) {
        return None;
    }
    let remark = remark.trim();
    let remark = if remark.is_empty() {
        String::new()
    } else {
        format!("; {}", comment(remark))
    };
    Some(match &change.after {
        // a marker or an address is nothing that conda takes
        Some(after) if after.contains([';', '[']) => return None,
        // pip's part of the environment takes addresses, conda's does not
        Some(after) if after.contains('@') && !said.contains("://") => return None,
        Some(after) => {
            let after = spelled(after, said);
            format!("{indent}- {after}  # was: {}{remark}", comment(said))
        }
        None => format!(
            "{indent}# {}  # left out: {}",
            body.trim(),
            comment(&change.because)
        ),
    })
}

/// A requirement with its name as people spell it there.
fn spelled(after: &str, said: &str) -> String {
    let word = |text: &str| {
        let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c)));
        end.unwrap_or(text.len())
    };
    let (own, new) = (&said[..word(said)], word(after));
    match (
        own.parse::<PackageName>(),
        after[..new].parse::<PackageName>(),
    ) {
        (Ok(own_name), Ok(name)) if own_name == name => format!("{own}{}", &after[new..]),
        _ => after.to_owned(),
    }
}

/// Where between its quotes a requirement on a distribution stands.
fn quoted(body: &str, name: &PackageName) -> Option<(usize, usize)> {
    let mut from = 0;
    while let Some(open) = body.get(from..)?.find(['"', '\'']).map(|at| from + at) {
        let quote = &body[open..=open];
        let close = open + 1 + body.get(open + 1..)?.find(quote)?;
        if names(&body[open + 1..close], name) {
            return Some((open + 1, close));
        }
        from = close + 1;
    }
    None
}

/// Whether a requirement, in whatever spelling, is one on this distribution.
fn names(said: &str, name: &PackageName) -> bool {
    let said = said.strip_prefix("-e ").unwrap_or(said).trim();
    let channel = said.split_once("::").map_or(said, |(_, rest)| rest);
    let end = channel.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c)));
    let word = &channel[..end.unwrap_or(channel.len())];
    word.parse::<PackageName>()
        .is_ok_and(|found| found == *name || is_stand_in(&found, name))
        || said.contains("://") && said.to_ascii_lowercase().contains(name.as_ref())
}

/// A requirement that nobody declared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Addition {
    /// The requirement (PEP 508).
    pub text: String,
    /// Why, in lower case; it becomes the comment of the line.
    pub because: String,
}

/// Adds requirements at the end of a requirements file, which is made when it is not there.
pub fn add_lines(edit: &mut FileEdit, additions: &[Addition]) {
    if additions.is_empty() {
        return;
    }
    if edit.after.is_empty() {
        let head = "# direct requirements, written by `pinsmith repair`; edit them as you like\n";
        edit.after.push_str(head);
    } else {
        if !edit.after.ends_with('\n') {
            edit.after.push('\n');
        }
        edit.after.push_str("# added by `pinsmith repair`\n");
    }
    for addition in additions {
        let _ = writeln!(
            edit.after,
            "{}  # {}",
            addition.text,
            comment(&addition.because)
        );
        edit.reasons.push(Reason {
            line: 0,
            change: addition.text.clone(),
            because: addition.because.clone(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(line: u32, name: &str, after: Option<&str>) -> Change {
        Change {
            site: Site {
                file: String::new(),
                line,
                cell: None,
            },
            name: name.parse().unwrap(),
            after: after.map(str::to_owned),
            because: "why".to_owned(),
            may_stay: false,
        }
    }

    /// File, line as it is, name, what it shall say, and the line then; `None` is for people.
    #[test]
    fn lines_keep_what_they_said() {
        for (file, before, name, after, expected) in [
            (
                "requirements.txt",
                "numpy",
                "numpy",
                Some("numpy==1.15.4"),
                Some("numpy==1.15.4  # was: numpy"),
            ),
            (
                "requirements.txt",
                "Torch>=1.0  # cuda",
                "torch",
                Some("torch==1.0.1"),
                Some("Torch==1.0.1  # was: Torch>=1.0; cuda"),
            ),
            (
                "requirements.txt",
                "pywin32==227",
                "pywin32",
                None,
                Some("# pywin32==227  # left out: why"),
            ),
            (
                "requirements.txt",
                "-e git+git://git.test/a/b#egg=b",
                "b",
                Some("b @ git+https://git.test/a/b@1"),
                Some("b @ git+https://git.test/a/b@1  # was: -e git+git://git.test/a/b#egg=b"),
            ),
            ("requirements.txt", "other", "numpy", Some("numpy==1"), None),
            (
                "environment.yml",
                "  - numpy=1.15.4=py37_0",
                "numpy",
                Some("numpy==1.15.4"),
                Some("  - numpy==1.15.4  # was: numpy=1.15.4=py37_0"),
            ),
            (
                "environment.yml",
                "  - pytorch=1.0",
                "torch",
                Some("torch==1.0"),
                None,
            ),
            (
                "pyproject.toml",
                "    \"numpy>=1\", # why",
                "numpy",
                Some("numpy==1.15.4"),
                Some("    \"numpy==1.15.4\", # why"),
            ),
            (
                "pyproject.toml",
                "dependencies = ['a', 'numpy']",
                "numpy",
                Some("numpy<2"),
                Some("dependencies = ['a', 'numpy<2']"),
            ),
            (
                "setup.py",
                "install_requires=['numpy']",
                "numpy",
                Some("numpy<2"),
                None,
            ),
        ] {
            let text = format!("{before}\n");
            let (edit, by_hand) = change_requirements(file, &text, &[change(1, name, after)]);
            assert_eq!(
                edit.after,
                format!("{}\n", expected.unwrap_or(before)),
                "{before}"
            );
            assert_eq!(by_hand.is_empty(), expected.is_some(), "{before}");
        }
    }

    #[test]
    fn a_line_that_goes_on_is_changed_whole() {
        let text = "a\nnumpy==1.0 \\\n    --hash=sha256:00\nb\n";
        let (edit, _) = change_requirements(
            "requirements.txt",
            text,
            &[change(2, "numpy", Some("numpy==2.0"))],
        );
        assert_eq!(
            edit.after,
            "a\nnumpy==2.0  # was: numpy==1.0\n# --hash=sha256:00\nb\n"
        );
    }

    #[test]
    fn a_diff_says_what_is_new() {
        let mut edit = FileEdit {
            file: "requirements.txt".to_owned(),
            before: None,
            after: String::new(),
            reasons: Vec::new(),
        };
        let addition = Addition {
            text: "numpy==1.15.4".to_owned(),
            because: "train.py:3".to_owned(),
        };
        add_lines(&mut edit, &[addition]);
        assert_eq!(
            diff(&edit),
            "--- /dev/null\n+++ b/requirements.txt\n@@ -0,0 +1,2 @@\n\
             +# direct requirements, written by `pinsmith repair`; edit them as you like\n\
             +numpy==1.15.4  # train.py:3\n"
        );
    }
}
