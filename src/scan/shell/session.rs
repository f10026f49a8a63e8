//! Commands one after another, as a script or the cells of a notebook run them.

use std::collections::BTreeMap;

use super::super::implied::{self, Found};
use super::super::{Artifact, InstallLine, InstallTool, Site};
use super::{Command, commands, download, install};

/// What a series of commands leaves behind.
#[derive(Debug, Default)]
pub(in crate::scan) struct Session {
    /// The folder that it is in, relative to where it began; unknown parts are left as they are.
    folder: String,
    /// Clones by the name of their folder.
    clones: BTreeMap<String, Clone>,
}

#[derive(Debug)]
struct Clone {
    url: String,
    revision: Option<String>,
    /// Somebody installs from it or puts it on the path.
    used: bool,
    site: Site,
}

/// What one text of commands does that counts.
#[derive(Debug, Default)]
pub(in crate::scan) struct Seen {
    /// Distributions that it installs.
    pub(in crate::scan) installed: Vec<InstallLine>,
    /// Files, models and data that it downloads.
    pub(in crate::scan) artifacts: Vec<Artifact>,
    /// Folders that it puts on `PYTHONPATH`.
    pub(in crate::scan) path_entries: Vec<String>,
    /// What its programs and variables need, with lines from 0.
    pub(in crate::scan) implied: Vec<(Found, u32)>,
}

impl Session {
    /// Follows the commands of a text. `site` tells the place of a line from 0, and `weak` whether
    /// the text as a whole is weak evidence.
    pub(in crate::scan) fn run(
        &mut self,
        text: &str,
        weak: bool,
        site: impl Fn(u32) -> Site,
    ) -> Seen {
        let mut seen = Seen::default();
        for command in commands(text) {
            let line = command.line;
            for (requirement, conda) in install::installed(&command.words) {
                seen.installed.push(InstallLine {
                    requirement,
                    site: site(line),
                    weak: weak || command.weak,
                    tool: if conda {
                        InstallTool::Conda
                    } else {
                        InstallTool::Pip
                    },
                });
            }
            let downloads = download::downloads(&command.words).into_iter();
            seen.artifacts
                .extend(downloads.map(|(kind, id, revision, call)| Artifact {
                    kind,
                    id,
                    call,
                    revision,
                    site: site(line),
                }));
            for (name, value) in &command.assignments {
                if name == "PYTHONPATH" {
                    seen.path_entries.extend(path_entries(value));
                }
                let found = implied::by_variable(name, value);
                seen.implied.extend(found.map(|found| (found, line)));
            }
            if let Some(program) = command.words.first() {
                let program = program.rsplit('/').next().unwrap_or(program);
                let found = implied::by_program(program);
                seen.implied.extend(found.map(|found| (found, line)));
            }
            self.follow(&command, &site);
        }
        seen
    }

    /// What a text does that a shell of its own runs: the folder is what it was before.
    pub(in crate::scan) fn run_apart(
        &mut self,
        text: &str,
        weak: bool,
        site: impl Fn(u32) -> Site,
    ) -> Seen {
        let folder = self.folder.clone();
        let seen = self.run(text, weak, site);
        self.folder = folder;
        seen
    }

    fn follow(&mut self, command: &Command, site: &impl Fn(u32) -> Site) {
        let words: Vec<&str> = command.words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["cd" | "pushd", folder, ..] => join(folder).clone_into(&mut self.folder),
            ["git", "clone", rest @ ..] => self.clone(rest, site(command.line)),
            ["git", "checkout", revision] => {
                let revision = (*revision).to_owned();
                if let Some(clone) = self.clones.get_mut(&self.folder) {
                    clone.revision = Some(revision);
                }
            }
            _ => {}
        }
        for folder in install::folders(&command.words) {
            let name = match folder {
                "." | "./" => self.folder.clone(),
                folder => join(folder),
            };
            if let Some(clone) = self.clones.get_mut(&name) {
                clone.used = true;
            }
        }
    }

    /// `git clone [-b REF] [--option] URL [FOLDER]`
    fn clone(&mut self, words: &[&str], site: Site) {
        let mut words = words.iter();
        let mut places: Vec<&str> = Vec::new();
        let mut revision = None;
        while let Some(word) = words.next() {
            match *word {
                "-b" | "--branch" => revision = words.next().map(|word| (*word).to_owned()),
                "--depth" | "-c" | "--config" | "-j" | "--jobs" | "-o" | "--origin" => {
                    words.next();
                }
                option if option.starts_with('-') => {}
                place => places.push(place),
            }
        }
        let Some(url) = places.first().copied().and_then(address) else {
            return;
        };
        let name = url.trim_end_matches('/').rsplit('/').next();
        let name = name.map(|name| name.strip_suffix(".git").unwrap_or(name));
        let folder = places.get(1).map(|folder| join(folder));
        let folder = folder
            .or_else(|| name.map(str::to_owned))
            .unwrap_or_default();
        let clone = Clone {
            url,
            revision,
            used: false,
            site,
        };
        self.clones.entry(folder).or_insert(clone);
    }

    /// The clones as evidence: those that are installed or on the path as install lines, the
    /// others as what may have been meant.
    pub(in crate::scan) fn finish(self, path_entries: &[String]) -> Vec<InstallLine> {
        let on_path = |folder: &str| {
            let mut entries = path_entries.iter();
            entries.any(|entry| entry.split('/').any(|part| part == folder))
        };
        let lines = self.clones.into_iter().map(|(folder, clone)| {
            let revision = clone.revision.filter(|revision| {
                !revision.is_empty() && !revision.contains(['$', '{', '`', '@', '#'])
            });
            let mut requirement = format!("git+{}", clone.url);
            if let Some(revision) = revision {
                requirement = format!("{requirement}@{revision}");
            }
            InstallLine {
                requirement,
                site: clone.site,
                weak: true,
                tool: if clone.used || on_path(&folder) {
                    InstallTool::Pip
                } else {
                    InstallTool::Clone
                },
            }
        });
        let mut lines: Vec<InstallLine> = lines.collect();
        lines.sort_by(|a, b| a.site.cmp(&b.site));
        lines
    }
}

/// The last part of a folder: where a notebook is started is not known, so only that can count.
fn join(folder: &str) -> String {
    let folder = folder.trim_end_matches('/');
    folder.rsplit('/').next().unwrap_or(folder).to_owned()
}

/// An address that can stand in a requirement.
fn address(place: &str) -> Option<String> {
    let url = match place.strip_prefix("git@") {
        Some(rest) => format!("https://{}", rest.replacen(':', "/", 1)),
        None => place.to_owned(),
    };
    let known = url.starts_with("http") && url.contains("://") && !url.contains(['$', '{', '`']);
    known.then_some(url)
}

/// The folders of `.:src:$PYTHONPATH`; `$(pwd)` and `$PWD` are where the script is started.
fn path_entries(value: &str) -> impl Iterator<Item = String> {
    let value = value.replace("$(pwd)", ".").replace("`pwd`", ".");
    let value = value.replace("${PWD}", ".").replace("$PWD", ".");
    let entries = value.split(':').map(str::to_owned).collect::<Vec<_>>();
    let known = |entry: &String| !entry.is_empty() && !entry.contains(['$', '`', '{']);
    entries.into_iter().filter(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(line: u32) -> Site {
        Site {
            file: "run.sh".to_owned(),
            line: line + 1,
            cell: None,
        }
    }

    #[test]
    fn clones_are_evidence() {
        let cases: &[(&str, &[&str])] = &[
            ("git clone https://h/o/r", &["Clone git+https://h/o/r"]),
            (
                "git clone --depth 1 -b v1 https://h/o/r.git x\npip install -e x",
                &["Pip git+https://h/o/r.git@v1"],
            ),
            (
                "git clone git@h:o/r.git\ncd r && git checkout abc\npip install .",
                &["Pip git+https://h/o/r.git@abc"],
            ),
            (
                "git clone https://h/o/r && cd r && python setup.py develop",
                &["Pip git+https://h/o/r"],
            ),
            (
                "git clone https://h/o/r\nPYTHONPATH=/content/r:$PYTHONPATH python a.py",
                &["Pip git+https://h/o/r"],
            ),
            (
                "git clone https://h/o/r\npip install ./other",
                &["Clone git+https://h/o/r"],
            ),
            ("git clone $URL\ngit clone ../r", &[]),
        ];
        for (text, expected) in cases {
            let mut session = Session::default();
            let seen = session.run(text, false, site);
            let lines = session.finish(&seen.path_entries).into_iter();
            let found: Vec<String> = lines
                .map(|line| format!("{:?} {}", line.tool, line.requirement))
                .collect();
            assert_eq!(found, *expected, "{text}");
        }
    }

    #[test]
    fn pythonpath_names_folders() {
        let entries = |value| path_entries(value).collect::<Vec<_>>();
        assert_eq!(
            entries("$PYTHONPATH:$(pwd)/src:.:lib"),
            ["./src", ".", "lib"]
        );
        assert_eq!(entries("${X}/a:"), [""; 0]);
    }
}
