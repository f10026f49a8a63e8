//! What `pinsmith lock` writes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use pinsmith_resolver::{Accelerator, Resolution};

use super::super::Failure;
use super::super::args::LockArgs;
use super::super::source::Source;
use super::super::terminal::Terminal;
use super::super::typed::{resolve_flags, typed};
use super::python::supported;
use crate::diagnostic::Diagnostic;
use crate::environment::{
    ArtifactPins, EnvironmentSpec, Gap, LockFile, OUTSIDE_THE_LOCK, SpecInputs, UNREADABLE_SPEC,
    UNRESOLVED_IMPORT, inputs_digest,
};
use crate::era::Interval;
use crate::lock::{Lock, LockOptions, environment_marker};
use crate::render::{environment, pylock, pylock_file_name, requirements_txt};
use crate::requirements::GENERATED_HEADER_PREFIX;
use crate::write::{Guard, Output, Written, beginning, existing, requirements_name, write_all};

/// Everything that is to be written, rendered.
pub(in crate::cli) struct Made {
    requirements: Vec<Output>,
    others: Vec<Output>,
}

/// One lock with its renderings.
struct Rendered {
    lock: Lock,
    name: String,
    text: String,
    requirements: Output,
}

impl Made {
    pub(in crate::cli) fn new(
        args: &LockArgs,
        (source, pythons): (&Source, &Interval),
        resolutions: &[Resolution],
        options: &LockOptions,
        (older, pins): (Option<&EnvironmentSpec>, &ArtifactPins),
    ) -> Result<(Self, Vec<Diagnostic>), Failure> {
        let folder = output_dir(args, source);
        let command = command_line(args, &options.groups);
        let mut diagnostics = Vec::new();
        let mut all = Vec::new();
        for (slug, resolutions) in files_of(resolutions) {
            let locked = Lock::from_resolutions(&resolutions, &source.manifest, options)?;
            for finding in locked.diagnostics {
                if !diagnostics.contains(&finding) {
                    diagnostics.push(finding);
                }
            }
            all.push(Rendered {
                requirements: Output {
                    name: requirements_of(slug.as_deref(), &folder),
                    text: requirements_txt(&locked.lock, &command),
                    guard: Guard::Requirements,
                },
                name: pylock_file_name(slug.as_deref()),
                text: pylock(&locked.lock),
                lock: locked.lock,
            });
        }
        let files = all.iter().map(|one| LockFile {
            name: &one.name,
            text: &one.text,
            lock: &one.lock,
            requirements_name: &one.requirements.name,
            requirements: &one.requirements.text,
        });
        let supported = supported(pythons, all.iter().map(|one| &one.lock));
        let declared = source.manifest.requires_python.is_some();
        let mut python_evidence = python_evidence(args, source);
        if !declared && let Some(supported) = &supported {
            python_evidence.extend_from_slice(&supported.reasons);
        }
        let spec = EnvironmentSpec::new(&SpecInputs {
            locks: &files.collect::<Vec<_>>(),
            scan: &source.scan,
            manifest: &source.manifest,
            inputs_digest: digest_of_inputs(source),
            pins,
            python_evidence: &python_evidence,
            python_inferred: supported.as_ref().map(|found| &found.specifiers),
        });
        let spec = match older {
            Some(older) => spec.keeping(older),
            None => spec,
        };
        let mut made = Self {
            requirements: Vec::new(),
            others: Vec::new(),
        };
        for one in all {
            made.requirements.push(one.requirements);
            made.others.push(Output {
                name: one.name,
                text: one.text,
                guard: Guard::Pylock,
            });
        }
        made.others.push(Output {
            name: EnvironmentSpec::FILE_NAME.to_owned(),
            text: environment(&spec),
            guard: Guard::Spec,
        });
        let gaps = spec.gaps.iter().map(Gap::to_diagnostic);
        // what else says these better has been said
        let gaps = gaps.filter(|gap| ![UNRESOLVED_IMPORT, OUTSIDE_THE_LOCK].contains(&gap.code));
        diagnostics.extend(gaps);
        Ok((made, diagnostics))
    }

    /// Writes everything, or only shows it where nothing is to be written.
    pub(super) fn write_or_show(
        self,
        args: &LockArgs,
        source: &Source,
        terminal: Terminal,
    ) -> Result<Vec<Written>, Failure> {
        if !args.dry_run {
            return self.write(args, source);
        }
        if !terminal.json() {
            terminal.result(&self.shown())?;
        }
        Ok(Vec::new())
    }

    /// The requirements files as one text, for people.
    fn shown(&self) -> String {
        if let [only] = self.requirements.as_slice() {
            return only.text.clone();
        }
        let files = self.requirements.iter();
        let texts = files.map(|file| format!("# {}\n{}", file.name, file.text));
        texts.collect::<Vec<_>>().join("\n")
    }

    pub(in crate::cli) fn write(
        self,
        args: &LockArgs,
        source: &Source,
    ) -> Result<Vec<Written>, Failure> {
        let folder = output_dir(args, source);
        let help = "name a folder that you may write to with -o DIR";
        if folder.exists() && !folder.is_dir() {
            let message = format!("`{}` is a file, not a folder", folder.display());
            return Err(Failure::new(message, help));
        }
        std::fs::create_dir_all(&folder).map_err(|error| {
            let message = format!("cannot make the folder `{}`: {error}", folder.display());
            Failure::new(message, help)
        })?;
        let mut outputs = self.requirements;
        outputs.extend(self.others);
        Ok(write_all(&folder, &outputs)?)
    }
}

/// The name of the requirements file of a lock.
fn requirements_of(slug: Option<&str>, folder: &Path) -> String {
    if let Some(slug) = slug {
        return format!("requirements.{slug}.txt");
    }
    let before = beginning(folder, "requirements.txt");
    requirements_name(before.as_deref()).to_owned()
}

/// The answers of each file with its name: all in one where markers tell the targets apart, else one
/// file an accelerator, since no marker can express that.
fn files_of(resolutions: &[Resolution]) -> Vec<(Option<String>, Vec<Resolution>)> {
    let markers = resolutions
        .iter()
        .map(|one| environment_marker(&one.target).to_string());
    let distinct: BTreeSet<String> = markers.collect();
    let mut accelerators: Vec<Accelerator> = Vec::new();
    for resolution in resolutions {
        if !accelerators.contains(&resolution.target.accelerator) {
            accelerators.push(resolution.target.accelerator);
        }
    }
    if distinct.len() == resolutions.len() || accelerators.len() < 2 {
        return vec![(None, resolutions.to_vec())];
    }
    let of = |accelerator| {
        let all = resolutions.iter();
        let own = all.filter(|one| one.target.accelerator == accelerator);
        let slug = accelerator.to_string().replace('.', "-");
        (Some(slug), own.cloned().collect())
    };
    accelerators.into_iter().map(of).collect()
}

/// The spec that is about to be written again, for what a person wrote into it.
pub(in crate::cli) fn older_spec(folder: &Path) -> Result<Option<EnvironmentSpec>, Failure> {
    let Some(bytes) = existing(folder, EnvironmentSpec::FILE_NAME) else {
        return Ok(None);
    };
    let text = String::from_utf8_lossy(&bytes);
    // what pinsmith did not write is refused when it comes to writing
    if !text.contains("generated-by = \"pinsmith\"") {
        return Ok(None);
    }
    match EnvironmentSpec::read(&text) {
        Ok(spec) => Ok(Some(spec)),
        Err(error) => Err(Failure::new(
            error.to_string(),
            "mend it, so that what you filled in is kept, or move it away",
        )
        .coded(UNREADABLE_SPEC)),
    }
}

/// Where the outputs go.
pub(super) fn output_dir(args: &LockArgs, source: &Source) -> PathBuf {
    let own = || source.tree.root().to_owned();
    args.output_dir.clone().unwrap_or_else(own)
}

/// Why this Python was chosen.
fn python_evidence(args: &LockArgs, source: &Source) -> Vec<String> {
    let wanted = &args.resolve.targets;
    let named = wanted.python.iter();
    let mut evidence: Vec<String> = named.map(|python| format!("--python {python}")).collect();
    if evidence.is_empty()
        && let Some(site) = &source.config.python_site
    {
        let wished = source.config.python.iter();
        evidence.extend(wished.map(|python| format!("python {python} at {site}")));
    }
    if evidence.is_empty() {
        evidence.push(if wanted.universal {
            "every supported Python that the project admits".to_owned()
        } else {
            "the Python of the machine that locked".to_owned()
        });
    }
    if let Some((specifiers, site)) = &source.manifest.requires_python {
        evidence.push(format!("requires-python {specifiers} at {site}"));
    }
    evidence
}

/// The flags that decide the result, as one would type them again; no paths of this machine.
fn command_line(args: &LockArgs, groups: &[String]) -> String {
    let mut command = vec!["pinsmith lock".to_owned()];
    command.extend(resolve_flags(&args.resolve));
    let mut flags = |name: &str, values: Vec<String>| {
        let shown = values
            .iter()
            .map(|value| format!("--{name} {}", typed(value)));
        command.extend(shown);
    };
    let source = &args.source;
    flags("exclude", source.exclude.clone());
    let map = source.map.iter();
    flags(
        "map",
        map.map(|(module, name)| format!("{module}={name}"))
            .collect(),
    );
    flags(
        "accept",
        source.accept.iter().map(ToString::to_string).collect(),
    );
    let asked = args.all_groups || !args.groups.is_empty();
    flags("group", if asked { groups.to_vec() } else { Vec::new() });
    if args.no_lookup {
        command.push("--no-lookup".to_owned());
    }
    command.join(" ")
}

/// One digest over every file that was read.
pub(in crate::cli) fn digest_of_inputs(source: &Source) -> pinsmith_resolver::Sha256 {
    let config = source.config.file.into_iter();
    let paths: BTreeSet<&str> = source.scan.input_files().chain(config).collect();
    let contents: Vec<(&str, Vec<u8>)> = paths
        .into_iter()
        .filter_map(|path| Some((path, source.tree.read(path).ok()?)))
        // what an earlier run wrote is no input
        .filter(|(_, content)| !content.starts_with(GENERATED_HEADER_PREFIX.as_bytes()))
        .collect();
    inputs_digest(
        contents
            .iter()
            .map(|(path, content)| (*path, content.as_slice())),
    )
}
