//! The environment spec in the formats of other tools: Dockerfile, dev container, conda, pixi, ...
//!
//! Every text is made from the spec alone and names it in its first line. It is a template that is
//! rendered again, never a source of truth. What a format cannot hold is a comment in it,
//! `not expressible here: ...`, never silence. Wheels are always installed with their hashes
//! required, the GPU driver is never installed, and nothing runs as root.

mod apptainer;
mod cog;
mod conda;
mod devcontainer;
mod dockerfile;
mod nix;
mod pixi;
mod steps;
mod system_names;

use std::fmt::{self, Write as _};

use pinsmith_resolver::{Platform, Sha256};

use crate::environment::{EnvironmentSpec, Floor, Gap, SystemPackage, TargetSpec};

/// What every rendered text has in its first line, and nothing that a person writes.
pub const RENDERED: &str = "made by pinsmith from pinsmith.env.toml";

/// A format that an environment spec is rendered into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ImageFormat {
    /// A Dockerfile, for docker, podman, buildah.
    Dockerfile,
    /// `.devcontainer.json` beside the Dockerfile (containers.dev).
    Devcontainer,
    /// `apptainer.def`, for Apptainer and Singularity.
    Apptainer,
    /// `environment.yml`, for conda and mamba.
    Conda,
    /// `pixi.toml`.
    Pixi,
    /// `flake.nix`.
    Nix,
    /// `cog.yaml`.
    Cog,
}

impl ImageFormat {
    /// Every format.
    pub const ALL: [Self; 7] = [
        Self::Dockerfile,
        Self::Devcontainer,
        Self::Apptainer,
        Self::Conda,
        Self::Pixi,
        Self::Nix,
        Self::Cog,
    ];

    /// The name on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dockerfile => "dockerfile",
            Self::Devcontainer => "devcontainer",
            Self::Apptainer => "apptainer",
            Self::Conda => "conda",
            Self::Pixi => "pixi",
            Self::Nix => "nix",
            Self::Cog => "cog",
        }
    }

    /// The name that the format's own tool looks for.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Dockerfile => "Dockerfile",
            Self::Devcontainer => ".devcontainer.json",
            Self::Apptainer => "apptainer.def",
            Self::Conda => "environment.yml",
            Self::Pixi => "pixi.toml",
            Self::Nix => "flake.nix",
            Self::Cog => "cog.yaml",
        }
    }

    /// What one would type next.
    pub fn next_command(self) -> &'static str {
        match self {
            Self::Dockerfile => "docker build -t NAME .",
            Self::Devcontainer => "pinsmith env --to dockerfile",
            Self::Apptainer => "apptainer build environment.sif apptainer.def",
            Self::Conda => "conda env create -f environment.yml",
            Self::Pixi => "pixi run install",
            Self::Nix => "nix develop",
            Self::Cog => "cog build",
        }
    }

    /// What starts a comment.
    fn comment(self) -> &'static str {
        match self {
            Self::Devcontainer => "//",
            _ => "#",
        }
    }
}

impl fmt::Display for ImageFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a target cannot be rendered into a format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{format} cannot hold target `{target}`: {reason}")]
pub struct CannotRender {
    /// The format.
    pub format: ImageFormat,
    /// The target's name.
    pub target: String,
    /// Why, in lower case.
    pub reason: String,
}

/// A rendered text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The text, with a final newline.
    pub text: String,
    /// What the format cannot hold, as it stands in the text.
    pub not_expressible: Vec<String>,
}

/// Renders one target of a spec into a format.
///
/// `digest` is the sha256 of the spec's own bytes; the first line of the text names it.
///
/// # Errors
///
/// [`CannotRender`] when the format has no way to say what the target is, such as macOS in a
/// Dockerfile.
pub fn image(
    spec: &EnvironmentSpec,
    digest: Sha256,
    target: &TargetSpec,
    format: ImageFormat,
) -> Result<Image, CannotRender> {
    let recipe = Recipe { spec, target };
    let rendered = match format {
        ImageFormat::Dockerfile => dockerfile::render(&recipe),
        ImageFormat::Devcontainer => devcontainer::render(&recipe),
        ImageFormat::Apptainer => apptainer::render(&recipe),
        ImageFormat::Conda => Ok(conda::render(&recipe)),
        ImageFormat::Pixi => Ok(pixi::render(&recipe)),
        ImageFormat::Nix => nix::render(&recipe),
        ImageFormat::Cog => cog::render(&recipe),
    };
    let body = rendered.map_err(|reason| CannotRender {
        format,
        target: target.name.clone(),
        reason,
    })?;
    let comment = format.comment();
    let mut text = format!(
        "{comment} {RENDERED} (sha256:{digest}), target {}\n\
         {comment} edit that file, then run `pinsmith env --to {format}` again\n",
        target.name,
    );
    for missing in &body.not_expressible {
        // writing to a string cannot fail
        let _ = writeln!(text, "{comment} not expressible here: {missing}");
    }
    text.push_str(&body.text);
    Ok(Image {
        text,
        not_expressible: body.not_expressible,
    })
}

/// What every format starts from.
struct Recipe<'a> {
    spec: &'a EnvironmentSpec,
    target: &'a TargetSpec,
}

/// The text below the head.
struct Body {
    text: String,
    not_expressible: Vec<String>,
}

impl Recipe<'_> {
    fn is_linux(&self) -> bool {
        matches!(
            self.target.target.platform,
            Platform::LinuxX86_64 | Platform::LinuxAarch64
        )
    }

    fn linux_only(&self) -> Result<(), String> {
        if self.is_linux() {
            return Ok(());
        }
        Err(format!(
            "its images run Linux, not {}",
            self.target.target.platform
        ))
    }

    /// What an environment is called where all of a user's stand side by side: after the project, and after
    /// the target where the spec has several.
    fn name(&self) -> String {
        match &self.spec.project {
            None => self.target.name.clone(),
            Some(project) if self.spec.targets.len() == 1 => project.to_string(),
            Some(project) => format!("{project}-{}", self.target.name),
        }
    }

    /// `3.11`, or `3.11.7` when the lock was made for that release.
    fn python(&self) -> String {
        self.target.target.python.to_string()
    }

    /// System packages that are needed to run, and those that are only needed to build.
    fn packages(&self) -> (Vec<&SystemPackage>, Vec<&SystemPackage>) {
        let packages = self.spec.system.iter().flat_map(|system| &system.packages);
        packages.partition(|package| !package.build_only)
    }

    /// Names of system packages that a person added.
    fn extra(&self) -> &[String] {
        self.spec
            .system
            .as_ref()
            .map_or(&[], |system| system.extra.as_slice())
    }

    fn gpu(&self) -> bool {
        self.target.needs_driver
    }

    /// The lowest GPU driver in words.
    fn driver(&self) -> Option<String> {
        self.gpu().then(|| match &self.target.driver_min {
            Some(version) => format!("NVIDIA driver {version} or later"),
            None => "an NVIDIA driver, whose lowest version is not known".to_owned(),
        })
    }

    /// What no format of another tool can hold: secrets, artifacts, gaps.
    fn beyond(&self) -> Vec<String> {
        let mut beyond = Vec::new();
        for variable in &self.spec.variables.read {
            if variable.required && !self.spec.variables.set.contains_key(&variable.name) {
                let kind = if variable.secret {
                    "secret"
                } else {
                    "variable"
                };
                beyond.push(format!(
                    "{kind} {}, which the code reads: give it at run time",
                    variable.name
                ));
            }
        }
        for artifact in &self.spec.artifacts {
            let revision = match &artifact.revision {
                Some(revision) => format!(" at {revision}"),
                None => ", of no fixed revision".to_owned(),
            };
            beyond.push(format!(
                "{} {}{revision}: it is loaded at run time",
                artifact.kind, artifact.id
            ));
        }
        let own = [
            crate::environment::UNRESOLVED_IMPORT,
            crate::environment::OPAQUE_LOAD,
            crate::environment::OUTSIDE_THE_LOCK,
            crate::environment::BUILT_FROM_SOURCE,
        ];
        let gaps = self.spec.gaps.iter();
        beyond.extend(gaps.filter(|gap| own.contains(&gap.rule)).map(gap_text));
        beyond
    }

    /// The lowest glibc that the wheels need.
    fn glibc(&self) -> Option<(u16, u16)> {
        match self.target.floor {
            Floor::AtLeast(major, minor) if self.is_linux() => Some((major, minor)),
            _ => None,
        }
    }
}

fn gap_text(gap: &Gap) -> String {
    match &gap.site {
        Some(site) => format!("{} ({}, {site})", gap.why, gap.rule.0),
        None => format!("{} ({})", gap.why, gap.rule.0),
    }
}

/// A JSON string, which YAML and the exec form of a Dockerfile take as well.
fn json_string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A word for a POSIX shell.
fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Words for a POSIX shell.
fn shell_words(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| shell_word(word)).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests;
