//! Reading `pinsmith.env.toml` back: what is rendered from it, and what a person wrote into it.

use pinsmith_resolver::{PackageName, Platform, PythonVersion, Sha256, Target, Timestamp};

use super::raw::{
    RawAccelerator, RawArtifact, RawCommand, RawGap, RawSource, RawSpec, RawSystem, RawTarget,
    RawVariables,
};
use super::source::SourceKind;
use super::{
    AcceleratorSpec, ArtifactFile, ArtifactPin, ArtifactSpec, CommandSpec, EnvironmentSpec, Floor,
    Gap, PythonSpec, RULES, SourceSpec, SystemPackage, SystemSpec, TargetSpec, VariableRead,
    VariableSpec, is_commit, is_variable_name,
};
use crate::diagnostic::Code;
use crate::escape;
use crate::scan::{Hardware, Site};

/// The environment spec cannot be read.
pub const UNREADABLE_SPEC: Code = Code("ENV008");

/// Largest spec that is read, in bytes.
const MAX_SPEC_BYTES: usize = 16 * 1024 * 1024;

/// Why a spec cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`pinsmith.env.toml` cannot be read: {place}: {reason}")]
pub struct ReadSpecError {
    /// The key, such as `target[0].python`, or `file`.
    pub place: String,
    /// What is wrong there.
    pub reason: String,
}

impl ReadSpecError {
    fn new(place: impl Into<String>, reason: impl std::fmt::Display) -> Self {
        Self {
            place: place.into(),
            reason: escape::visible(&reason.to_string()).into_owned(),
        }
    }
}

impl EnvironmentSpec {
    /// Reads the text of a `pinsmith.env.toml`.
    ///
    /// Strict about what it knows, because whole environments are made from it; keys that it does
    /// not know are ignored. Of a target's floor only what the wheels need is in the file.
    ///
    /// # Errors
    ///
    /// [`ReadSpecError`] names the key and what is wrong there.
    pub fn read(text: &str) -> Result<Self, ReadSpecError> {
        if text.len() > MAX_SPEC_BYTES {
            let reason = format!("it is larger than {MAX_SPEC_BYTES} bytes");
            return Err(ReadSpecError::new("file", reason));
        }
        let raw: RawSpec = toml::from_str(text).map_err(|error| {
            let line = error
                .span()
                .map(|span| 1 + text[..span.start].matches('\n').count());
            let place = line.map_or_else(|| "file".to_owned(), |line| format!("line {line}"));
            ReadSpecError::new(place, error.message())
        })?;
        if raw.meta.schema != Self::SCHEMA {
            let reason = format!("`{}` is not `{}`", raw.meta.schema, Self::SCHEMA);
            return Err(ReadSpecError::new("meta.schema", reason));
        }
        raw.spec()
    }
}

impl RawSpec {
    fn spec(self) -> Result<EnvironmentSpec, ReadSpecError> {
        let as_of = match self.meta.as_of {
            Some(time) => Some(parsed::<Timestamp>("meta.as-of", &time.to_string())?),
            None => None,
        };
        let digest = self.meta.inputs_digest.trim_start_matches("sha256:");
        let targets = numbered("target", self.target, read_target)?;
        if targets.is_empty() {
            return Err(ReadSpecError::new("target", "there is none"));
        }
        Ok(EnvironmentSpec {
            project: match known(self.meta.project) {
                Some(name) => Some(parsed::<PackageName>("meta.project", &name)?),
                None => None,
            },
            as_of,
            inputs_digest: parsed("meta.inputs-digest", digest)?,
            python: PythonSpec {
                version: parsed("python.version", &self.python.version)?,
                requires: match &self.python.requires {
                    Some(text) => Some(parsed("python.requires", text)?),
                    None => None,
                },
                inferred: match &self.python.inferred {
                    Some(text) => Some(parsed("python.inferred", text)?),
                    None => None,
                },
                evidence: plain_all("python.evidence", self.python.evidence)?,
            },
            accelerator: self.accelerator.map(RawAccelerator::spec).transpose()?,
            targets,
            system: self.system.map(RawSystem::spec).transpose()?,
            variables: self.env.spec()?,
            commands: numbered("command", self.command, read_command)?,
            artifacts: numbered("artifact", self.artifact, read_artifact)?,
            sources: numbered("source", self.source, read_source)?,
            gaps: numbered("gaps.unresolved", self.gaps.unresolved, read_gap)?
                .into_iter()
                .flatten()
                .collect(),
        })
    }
}

impl RawAccelerator {
    fn spec(self) -> Result<AcceleratorSpec, ReadSpecError> {
        let named = Hardware::ALL.into_iter();
        let hardware = named.into_iter().find(|it| it.as_str() == self.default);
        let optional = |key: &str, text: Option<String>| {
            let place = format!("accelerator.{key}");
            known(text).map(|text| word(&place, text)).transpose()
        };
        Ok(AcceleratorSpec {
            hardware: hardware.ok_or_else(|| {
                let reason = format!("`{}` is no kind of hardware", self.default);
                ReadSpecError::new("accelerator.default", reason)
            })?,
            version: optional("version", self.version)?,
            driver_min: optional("driver-min", self.driver_min)?,
            evidence: plain_all("accelerator.evidence", self.evidence)?,
        })
    }
}

fn read_target(place: &str, raw: RawTarget) -> Result<TargetSpec, ReadSpecError> {
    let at = |key: &str| format!("{place}.{key}");
    let platform: Platform = parsed(&at("platform"), &raw.platform)?;
    let python: PythonVersion = parsed(&at("python"), &raw.python)?;
    let floor = match raw.glibc.or(raw.macos).as_deref() {
        None | Some("any") => Floor::Any,
        Some("unknown") => Floor::Unknown,
        Some(text) => text
            .strip_prefix(">=")
            .and_then(|version| version.split_once('.'))
            .and_then(|(major, minor)| {
                Some(Floor::AtLeast(major.parse().ok()?, minor.parse().ok()?))
            })
            .ok_or_else(|| ReadSpecError::new(place, format!("`{text}` is no floor")))?,
    };
    let target = Target {
        accelerator: parsed(&at("accelerator"), &raw.accelerator)?,
        ..Target::new(python, platform)
    };
    Ok(TargetSpec {
        name: word(&at("name"), raw.name)?,
        target,
        floor,
        needs_driver: raw.driver_min.is_some(),
        driver_min: known(raw.driver_min)
            .map(|text| word(&at("driver-min"), text))
            .transpose()?,
        lock: file_name(&at("lock"), raw.lock)?,
        lock_sha256: parsed(&at("lock-sha256"), &raw.lock_sha256)?,
        requirements: file_name(&at("requirements"), raw.requirements)?,
        requirements_sha256: parsed(&at("requirements-sha256"), &raw.requirements_sha256)?,
    })
}

impl RawSystem {
    fn spec(self) -> Result<SystemSpec, ReadSpecError> {
        let digest = known(self.digest);
        if let Some(digest) = &digest {
            let hex = digest.strip_prefix("sha256:").unwrap_or("-");
            parsed::<Sha256>("system.digest", hex)?;
        }
        let snapshot = known(self.snapshot);
        if let Some(snapshot) = snapshot.as_deref().filter(|text| !is_snapshot(text)) {
            let reason = format!("`{snapshot}` is not like `20240311T000000Z`");
            return Err(ReadSpecError::new("system.snapshot", reason));
        }
        Ok(SystemSpec {
            digest,
            snapshot,
            packages: numbered("system.packages", self.packages, |place, raw| {
                Ok(SystemPackage {
                    name: system_name(place, raw.name)?,
                    version: known(raw.version)
                        .map(|version| system_version(place, version))
                        .transpose()?,
                    needed_by: plain_all(place, raw.why)?,
                    build_only: raw.build_only,
                })
            })?,
            extra: numbered("system.extra", self.extra, system_name)?,
        })
    }
}

impl RawVariables {
    fn spec(self) -> Result<VariableSpec, ReadSpecError> {
        for (name, value) in &self.set {
            plain("env.set", value.clone())?;
            if !is_variable_name(name) {
                let reason = format!("`{name}` is no name of an environment variable");
                return Err(ReadSpecError::new("env.set", reason));
            }
        }
        let read = numbered("env.read", self.read, |place, raw| {
            Ok(VariableRead {
                name: word(place, raw.name)?,
                secret: raw.secret,
                required: raw.required,
                uses: sites(place, raw.uses)?,
            })
        })?;
        Ok(VariableSpec {
            set: self.set,
            read,
        })
    }
}

fn read_command(place: &str, raw: RawCommand) -> Result<CommandSpec, ReadSpecError> {
    if raw.run.first().is_none_or(String::is_empty) {
        return Err(ReadSpecError::new(place, "`run` names no program"));
    }
    Ok(CommandSpec {
        name: word(place, raw.name)?,
        run: plain_all(place, raw.run)?,
        site: raw.from.map(|text| site(place, text)).transpose()?,
    })
}

fn read_pin(place: &str, raw: &mut RawArtifact) -> Result<Option<ArtifactPin>, ReadSpecError> {
    let commit = raw.commit.take();
    if commit.as_deref().is_some_and(|text| !is_commit(text)) {
        let reason = "it is no commit of 40 hexadecimal digits";
        return Err(ReadSpecError::new(format!("{place}.commit"), reason));
    }
    let files = std::mem::take(&mut raw.files);
    let files = numbered(&format!("{place}.files"), files, |place, file| {
        Ok(ArtifactFile {
            path: plain(place, file.path)?,
            size: file.size,
            sha256: match &file.sha256 {
                Some(text) => Some(parsed(place, text)?),
                None => None,
            },
            git_blob: match file.git_blob {
                Some(text) => Some(word(place, text)?),
                None => None,
            },
        })
    })?;
    Ok(
        (commit.is_some() || !files.is_empty()).then_some(ArtifactPin {
            commit,
            files,
            more_files: raw.more_files,
        }),
    )
}

fn read_artifact(place: &str, mut raw: RawArtifact) -> Result<ArtifactSpec, ReadSpecError> {
    Ok(ArtifactSpec {
        pin: read_pin(place, &mut raw)?,
        kind: word(place, raw.kind)?,
        id: plain(place, raw.id)?,
        revision: known(raw.revision)
            .map(|text| plain(place, text))
            .transpose()?,
        calls: plain_all(place, raw.calls)?,
        uses: sites(place, raw.uses)?,
    })
}

fn read_source(place: &str, raw: RawSource) -> Result<SourceSpec, ReadSpecError> {
    let kind = SourceKind::parse(&raw.kind)
        .ok_or_else(|| ReadSpecError::new(place, format!("`{}` is no source", raw.kind)))?;
    let optional = |text: Option<String>| known(text).map(|text| plain(place, text)).transpose();
    Ok(SourceSpec {
        name: parsed::<PackageName>(place, &raw.name)?,
        kind,
        url: optional(raw.url)?,
        reference: optional(known(raw.commit).or(raw.reference))?,
        sha256: optional(raw.sha256)?,
        subdirectory: optional(raw.subdir)?,
        uses: sites(place, raw.uses)?,
    })
}

/// `None` for a rule of a newer pinsmith.
fn read_gap(place: &str, raw: RawGap) -> Result<Option<Gap>, ReadSpecError> {
    let Some(rule) = RULES.into_iter().find(|rule| rule.0 == raw.rule) else {
        return Ok(None);
    };
    Ok(Some(Gap {
        rule,
        site: raw.at.map(|text| site(place, text)).transpose()?,
        why: plain(place, raw.why)?,
    }))
}

fn numbered<R, T>(
    key: &str,
    raw: Vec<R>,
    read: impl Fn(&str, R) -> Result<T, ReadSpecError>,
) -> Result<Vec<T>, ReadSpecError> {
    let values = raw.into_iter().enumerate();
    values
        .map(|(number, raw)| read(&format!("{key}[{number}]"), raw))
        .collect()
}

fn parsed<T>(place: &str, text: &str) -> Result<T, ReadSpecError>
where
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    text.parse()
        .map_err(|error| ReadSpecError::new(place, error))
}

/// `"unknown"` and an absent key are the same.
fn known(text: Option<String>) -> Option<String> {
    text.filter(|text| text != super::UNKNOWN)
}

/// A text whose every character can be seen, so that it cannot start a new line in an output.
fn plain(place: &str, text: String) -> Result<String, ReadSpecError> {
    if escape::is_plain(&text) {
        return Ok(text);
    }
    let reason = format!("`{text}` has characters that cannot be seen");
    Err(ReadSpecError::new(place, reason))
}

fn plain_all(place: &str, texts: Vec<String>) -> Result<Vec<String>, ReadSpecError> {
    texts.into_iter().map(|text| plain(place, text)).collect()
}

/// A text that stands for itself in every format: letters, digits, `.`, `_`, `-`.
fn word(place: &str, text: String) -> Result<String, ReadSpecError> {
    let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if !text.is_empty() && text.chars().all(inside) {
        return Ok(text);
    }
    let reason = format!("`{text}` has other characters than letters, digits, `.`, `_` and `-`");
    Err(ReadSpecError::new(place, reason))
}

fn file_name(place: &str, text: String) -> Result<String, ReadSpecError> {
    let text = word(place, text)?;
    if text.starts_with(['.', '-']) {
        let reason = format!("`{text}` is no name of a lock file");
        return Err(ReadSpecError::new(place, reason));
    }
    Ok(text)
}

/// A package of Debian (policy 5.6.7), hence no option and no shell's text.
fn system_name(place: &str, text: String) -> Result<String, ReadSpecError> {
    let first = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let inside = |c: char| first(c) || matches!(c, '+' | '.' | '-');
    if text.starts_with(first) && text.chars().all(inside) {
        return Ok(text);
    }
    let reason = format!("`{text}` is no name of a Debian package");
    Err(ReadSpecError::new(place, reason))
}

/// A version of a Debian package (policy 5.6.12).
fn system_version(place: &str, text: String) -> Result<String, ReadSpecError> {
    let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '+' | '-' | ':' | '~');
    if text.starts_with(|c: char| c.is_ascii_digit()) && text.chars().all(inside) {
        return Ok(text);
    }
    let reason = format!("`{text}` is no version of a Debian package");
    Err(ReadSpecError::new(place, reason))
}

/// `20240311T000000Z`.
fn is_snapshot(text: &str) -> bool {
    text.len() == 16
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 => byte == b'T',
            15 => byte == b'Z',
            _ => byte.is_ascii_digit(),
        })
}

fn sites(place: &str, texts: Vec<String>) -> Result<Vec<Site>, ReadSpecError> {
    texts.into_iter().map(|text| site(place, text)).collect()
}

/// What [`Site`]'s `Display` writes.
fn site(place: &str, text: String) -> Result<Site, ReadSpecError> {
    let mut file = plain(place, text)?;
    let number = |text: &str, before: char| {
        let (head, digits) = text.rsplit_once(before)?;
        Some((head.len(), digits.parse::<u32>().ok()?))
    };
    let mut line = 0;
    if let Some((end, found)) = number(&file, ':') {
        line = found;
        file.truncate(end);
    }
    let cell = file
        .rsplit_once("#cell")
        .and_then(|(head, digits)| Some((head.len(), digits.parse().ok()?)));
    if let Some((end, _)) = cell {
        file.truncate(end);
    }
    Ok(Site {
        file,
        line,
        cell: cell.map(|(_, cell)| cell),
    })
}
