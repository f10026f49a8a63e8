//! One declared requirement in any of the spellings that people use.

use std::str::FromStr;

use pinsmith_resolver::{
    ExtraName, PackageName, ParsedRequirement, VersionSpecifiers, WheelName, parse_requirement,
    parse_specifiers,
};

use super::load::is_development;
use super::reason;
use super::text::{is_unsafe, shown, without_credentials};
use super::{Declared, DeclaredIndex, DeclaredPath, DeclaredRequirement, Include, IndexKind};
use crate::diagnostic::{Code, Diagnostic};
use crate::requirements::{codes, distribution_of_repository};
use crate::scan::Site;

/// Longest requirement that is read, in bytes.
const LONGEST: usize = 4096;
/// After so many unreadable lines of one file the rest is only counted.
const MOST_COMPLAINTS: usize = 20;

/// Collects what one file declares.
#[derive(Debug)]
pub(crate) struct Collector {
    file: String,
    complaints: usize,
    /// Whether the requirement that is being read is editable.
    pub(crate) editable: bool,
    /// What is collected.
    pub(crate) out: Declared,
}

/// Where a requirement belongs.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Role {
    /// Extra or dependency group; `None` is runtime.
    pub(crate) group: Option<String>,
    /// True when it is a constraint.
    pub(crate) constraint: bool,
}

impl Role {
    pub(crate) fn group(name: &str) -> Self {
        Self {
            group: Some(group_name(name)),
            constraint: false,
        }
    }

    /// Whether it is for work on the project rather than for its use.
    pub(crate) fn is_development(&self) -> bool {
        self.group.as_deref().is_some_and(is_development)
    }

    pub(crate) fn constraint() -> Self {
        Self {
            group: None,
            constraint: true,
        }
    }
}

/// The normal form of an extra or group; odd characters become `-`.
pub(crate) fn group_name(name: &str) -> String {
    let cleaned: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    ExtraName::from_str(cleaned.trim_matches('-'))
        .map_or_else(|_| "group".to_owned(), |name| name.to_string())
}

impl Collector {
    pub(crate) fn new(file: &str) -> Self {
        Self {
            file: file.to_owned(),
            complaints: 0,
            editable: false,
            out: Declared::default(),
        }
    }

    pub(crate) fn finish(mut self) -> Declared {
        if self.complaints > MOST_COMPLAINTS {
            let more = self.complaints - MOST_COMPLAINTS;
            let message = format!("{more} more lines are no requirements");
            self.warn(codes::NOT_A_REQUIREMENT, 0, message, "");
        }
        self.out
    }

    pub(crate) fn site(&self, line: u32) -> Site {
        Site {
            file: self.file.clone(),
            line,
            cell: None,
        }
    }

    pub(crate) fn info(&mut self, code: Code, line: u32, message: impl Into<String>, help: &str) {
        self.note(Diagnostic::info(code, message), line, help);
    }

    pub(crate) fn warn(&mut self, code: Code, line: u32, message: impl Into<String>, help: &str) {
        self.note(Diagnostic::warning(code, message), line, help);
    }

    fn note(&mut self, diagnostic: Diagnostic, line: u32, help: &str) {
        let mut diagnostic = diagnostic.at(self.site(line));
        if !help.is_empty() {
            diagnostic = diagnostic.help(help);
        }
        self.out.diagnostics.push(diagnostic);
    }

    /// Reads one requirement in whatever spelling; what it is not becomes a diagnostic.
    pub(crate) fn requirement(&mut self, text: &str, role: &Role, line: u32) {
        let text = text.trim().replace('\t', " ");
        if text.is_empty() {
            return;
        }
        if let Err(reason) = admissible(&text) {
            self.complain(&text, reason, line);
            return;
        }
        let (text, had_credentials) = without_credentials(&text);
        if had_credentials {
            self.warn(
                codes::CREDENTIALS,
                line,
                format!("credentials inside `{}` are left out", shown(&text)),
                "keep credentials in netrc or a keyring, and revoke the published ones",
            );
        }
        if text.contains("${") {
            let message = format!("variables in `{}` are not expanded", shown(&text));
            self.info(codes::VARIABLE, line, message, "");
        }
        if let Some((name, url)) = named_url(&text)
            && let Some(path) = relative_path(url)
        {
            let path = path.to_owned();
            return self.path(&path, PackageName::from_str(name).ok(), role, line);
        }
        match self.normal_form(&text, line) {
            Some(text) => self.parse(&text, role, line),
            None => self.path(&text, None, role, line),
        }
    }

    /// Notes a folder that is asked for as a project: `./libs/pose[gpu] ; marker`.
    pub(crate) fn path(&mut self, text: &str, name: Option<PackageName>, role: &Role, line: u32) {
        let (place, marker) = text.split_once(';').unwrap_or((text, ""));
        let place = place.trim();
        let place = place.split('#').next().unwrap_or(place);
        let (path, extras) = match place.strip_suffix(']').and_then(|p| p.rsplit_once('[')) {
            Some((path, extras)) => (path, format!("[{extras}]")),
            None => (place, String::new()),
        };
        let path = path.strip_prefix("file:").unwrap_or(path);
        self.out.paths.push(DeclaredPath {
            path: path.to_owned(),
            name,
            extras,
            marker: marker.trim().to_owned(),
            editable: self.editable,
            group: role.group.clone(),
            site: self.site(line),
        });
    }

    /// Turns paths, bare URLs and frozen build paths into PEP 508; `None` for a local path.
    fn normal_form(&mut self, text: &str, line: u32) -> Option<String> {
        if let Some((name, url)) = named_url(text) {
            let local = url.starts_with("file:") || !url.contains("://");
            // conda's pip writes `certifi @ file:///croot/...`: the name is right, the path is dust
            if local {
                self.info(
                    codes::LOCAL_PATH,
                    line,
                    format!(
                        "`{}` points at a local file; only the name counts",
                        shown(text)
                    ),
                    "",
                );
                return Some(name.to_owned());
            }
            return Some(text.to_owned());
        }
        if is_local_path(text) {
            return None;
        }
        if !text.contains("://") {
            return Some(text.to_owned());
        }
        self.name_bare_url(text, line)
    }

    /// `git+https://host/owner/name@rev#egg=name` becomes `name @ git+https://host/owner/name@rev`.
    fn name_bare_url(&mut self, text: &str, line: u32) -> Option<String> {
        let (url, marker) = match text.split_once(" ;") {
            Some((url, marker)) => (url.trim(), Some(marker)),
            None => (text, None),
        };
        if url.starts_with("file:") {
            return None;
        }
        let (base, fragment) = url.split_once('#').unwrap_or((url, ""));
        let parts = || fragment.split('&').filter_map(|part| part.split_once('='));
        let egg = parts().find(|(key, _)| *key == "egg").map(|(_, egg)| egg);
        let directory: Vec<String> = parts()
            .filter(|(key, _)| *key != "egg")
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        let name = match egg {
            Some(egg) => egg.to_owned(),
            None => self.name_of_url(url, base, line)?,
        };
        let mut named = format!("{name} @ {base}");
        if !directory.is_empty() {
            named = format!("{named}#{}", directory.join("&"));
        }
        if let Some(marker) = marker {
            named = format!("{named} ; {}", marker.trim());
        }
        Some(named)
    }

    fn name_of_url(&mut self, url: &str, base: &str, line: u32) -> Option<String> {
        if let Some(name) = distribution_of_repository(url) {
            return Some(name.to_string());
        }
        let path = base.split_once("://")?.1;
        let path = path.split('?').next()?.trim_end_matches('/');
        let last = path.rsplit('/').next()?;
        if let Ok(wheel) = WheelName::from_str(last) {
            return Some(wheel.name.to_string());
        }
        let last = last.split('@').next()?;
        let last = last.strip_suffix(".git").unwrap_or(last);
        let name = PackageName::from_str(last).ok()?;
        self.info(
            codes::NAME_FROM_URL,
            line,
            format!("the name `{name}` is read off `{}`", shown(base)),
            "write `NAME @ URL` when the distribution is named differently",
        );
        Some(name.to_string())
    }

    fn parse(&mut self, text: &str, role: &Role, line: u32) {
        let parsed = parse(text).or_else(|reason| match conda_export(text) {
            Some(text) => parse(&text),
            None => Err(reason),
        });
        let parsed = match parsed {
            Ok(parsed) => parsed,
            Err(reason) => return self.complain(text, &reason, line),
        };
        if parsed.repaired {
            let message = format!("`{}` is read as `{}`", shown(text), parsed.requirement);
            self.info(codes::REPAIRED, line, message, "");
        }
        let declared = DeclaredRequirement {
            requirement: parsed.requirement,
            group: role.group.clone(),
            site: self.site(line),
        };
        if role.constraint {
            self.out.constraints.push(declared);
        } else {
            self.out.requirements.push(declared);
        }
    }

    fn complain(&mut self, text: &str, reason: &str, line: u32) {
        self.complaints += 1;
        if self.complaints <= MOST_COMPLAINTS {
            self.warn(
                codes::NOT_A_REQUIREMENT,
                line,
                format!("`{}` is no requirement: {}", shown(text), shown(reason)),
                "correct or remove the line",
            );
        }
    }

    /// Notes an index that the tree names.
    pub(crate) fn index(&mut self, url: &str, kind: IndexKind, line: u32) {
        let url = url.trim().trim_matches(['"', '\'']);
        if url.is_empty() || url.chars().any(is_unsafe) {
            return;
        }
        let (url, _) = without_credentials(url);
        let (what, flag) = match kind {
            IndexKind::Default => ("index", "--index-url"),
            IndexKind::Extra => ("index", "--extra-index-url"),
            IndexKind::FindLinks => ("link page", ""),
        };
        let help = if flag.is_empty() {
            "link pages are not read; give an index that has these files".to_owned()
        } else {
            format!("pass it with `{flag}` yourself, if you trust it")
        };
        let message = format!(
            "the tree names the {what} `{}`, which it does not get to choose",
            shown(&url)
        );
        self.warn(codes::INDEX_EVIDENCE, line, message, &help);
        let site = self.site(line);
        self.out.indexes.push(DeclaredIndex { url, kind, site });
    }

    /// Notes a file to read as well.
    pub(crate) fn include(&mut self, path: &str, role: &Role, line: u32) {
        let site = self.site(line);
        self.out.includes.push(Include {
            path: path.trim().trim_matches(['"', '\'']).to_owned(),
            group: role.group.clone(),
            constraint: role.constraint,
            site,
        });
    }

    /// Reads `requires-python`; the first one of a file counts.
    pub(crate) fn requires_python(&mut self, text: &str, line: u32) {
        if let Some(specifiers) = self.python_specifiers(text, line) {
            let site = self.site(line);
            self.out.requires_python.get_or_insert((specifiers, site));
        }
    }

    /// Notes a Python that is named without being required.
    pub(crate) fn python_hint(&mut self, text: &str, line: u32) {
        if let Some(specifiers) = self.python_specifiers(text, line) {
            let site = self.site(line);
            self.out.python_hints.push((specifiers, site));
        }
    }

    fn python_specifiers(&mut self, text: &str, line: u32) -> Option<VersionSpecifiers> {
        let parsed = (text.len() <= LONGEST).then(|| parse_specifiers(text.trim()).ok());
        let specifiers = parsed.flatten();
        if specifiers.is_none() {
            let message = format!("`{}` is no Python version range", shown(text));
            self.warn(codes::NOT_A_REQUIREMENT, line, message, "");
        }
        specifiers
    }
}

/// Reads a requirement (PEP 508) from anywhere; the error is the reason.
pub(crate) fn parse(text: &str) -> Result<ParsedRequirement, String> {
    admissible(text)?;
    parse_requirement(text).map_err(|_| reason::of(text))
}

/// Refuses what must not reach an output; the parser itself refuses what it cannot bear.
fn admissible(text: &str) -> Result<(), &'static str> {
    if text.len() > LONGEST {
        return Err("it is too long");
    }
    if text.chars().any(is_unsafe) {
        return Err("it contains control characters");
    }
    Ok(())
}

/// Splits `name[extra] @ url`.
fn named_url(text: &str) -> Option<(&str, &str)> {
    let (name, url) = text.split_once('@')?;
    let plain = |c: char| c.is_ascii_alphanumeric() || " .-_[],".contains(c);
    let url = url.trim_start();
    let is_target =
        url.contains("://") || url.starts_with(['/', '.', '$']) || url.starts_with("file:");
    (!name.trim().is_empty() && name.chars().all(plain) && is_target).then(|| (name.trim(), url))
}

/// A path of this tree: `./libs/pose`, `file:libs/pose`; an absolute one is of another machine.
fn relative_path(url: &str) -> Option<&str> {
    let path = url.strip_prefix("file:").unwrap_or(url);
    let relative = !path.starts_with(['/', '\\', '$', '~']) && !path.contains(':');
    relative.then_some(path)
}

fn is_local_path(text: &str) -> bool {
    let archive = [".whl", ".tar.gz", ".zip", ".egg", ".tgz"];
    let path = text.split(';').next().unwrap_or(text).trim();
    text.starts_with(['.', '/', '~', '\\'])
        || text.starts_with("file:")
        || text
            .get(1..3)
            .is_some_and(|drive| drive == ":\\" || drive == ":/")
        || (!text.contains("://")
            && (archive.iter().any(|suffix| path.ends_with(suffix)) || path.ends_with('/')))
}

/// `name=1.0=py37_0` of `conda list --export` as `name==1.0`.
fn conda_export(text: &str) -> Option<String> {
    let mut parts = text.split('=');
    let (name, version, _build) = (parts.next()?, parts.next()?, parts.next()?);
    let whole = parts.next().is_none() && !name.is_empty() && !version.is_empty();
    whole.then(|| format!("{name}=={version}"))
}
