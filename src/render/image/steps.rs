//! The steps that a Dockerfile and an Apptainer definition share: base image, system packages.

use std::fmt::Write as _;

use pinsmith_resolver::Platform;

use super::Recipe;
use crate::environment::SystemPackage;

/// Where the environment lives in an image.
pub(super) const ENVIRONMENT: &str = "/opt/venv";

/// Debian releases of the official Python images with their glibc, oldest first.
const SUITES: [(&str, (u16, u16)); 4] = [
    ("buster", (2, 28)),
    ("bullseye", (2, 31)),
    ("bookworm", (2, 36)),
    ("trixie", (2, 41)),
];

/// The Debian release of the base image.
///
/// Bookworm, or the last one that has images of an older Python, or the first one whose glibc is
/// new enough.
pub(super) fn suite(recipe: &Recipe<'_>) -> Result<&'static str, String> {
    let python = recipe.target.target.python.minor_pair();
    // the first and the last release that have images of this Python
    let (first, last) = match python {
        (2, _) | (3, ..=5) => ("buster", "buster"),
        (3, 6) => ("buster", "bullseye"),
        (3, 7 | 8) => ("bullseye", "bookworm"),
        _ => ("bookworm", "trixie"),
    };
    let needed = recipe.glibc().unwrap_or_default();
    let place = |name: &str| SUITES.iter().position(|(suite, _)| *suite == name);
    let usual = place("bookworm").min(place(last));
    SUITES
        .iter()
        .enumerate()
        .skip_while(|(_, (suite, _))| *suite != first)
        .filter(|(at, (_, glibc))| Some(*at) >= usual && *glibc >= needed)
        .map(|(_, (suite, _))| *suite)
        .take_while(|suite| place(suite) <= place(last))
        .next()
        .ok_or_else(|| {
            let (major, minor) = needed;
            format!(
                "its wheels need glibc {major}.{minor}, and the newest official image of Python {} has less",
                recipe.python()
            )
        })
}

/// The base image: an official Python image, at its digest when the spec knows it.
pub(super) fn base(recipe: &Recipe<'_>) -> Result<String, String> {
    let suite = suite(recipe)?;
    let digest = recipe.spec.system.as_ref();
    let digest = digest.and_then(|system| system.digest.as_deref());
    let digest = digest.map_or_else(String::new, |digest| format!("@{digest}"));
    Ok(format!("python:{}-slim-{suite}{digest}", recipe.python()))
}

/// What the base leaves open.
pub(super) fn open_ends(recipe: &Recipe<'_>) -> Vec<String> {
    let mut open = Vec::new();
    let system = recipe.spec.system.as_ref();
    if system.is_none_or(|system| system.digest.is_none()) {
        open.push(
            "the digest of the base image, which is unknown: fill in system.digest".to_owned(),
        );
    }
    open.extend(recipe.driver());
    open.extend(recipe.beyond());
    open
}

/// `linux/arm64`.
pub(super) fn docker_platform(platform: Platform) -> &'static str {
    match platform {
        Platform::LinuxAarch64 => "linux/arm64",
        _ => "linux/amd64",
    }
}

/// Shell lines that install system packages from the archive's snapshot and leave nothing behind.
///
/// Official Debian images carry the address of the snapshot that they were made from as a comment
/// in their apt sources; it replaces the live archive. The day of the spec replaces the image's.
pub(super) fn install_packages(recipe: &Recipe<'_>, packages: &[String], indent: &str) -> String {
    let mut lines = vec![
        "set -eu".to_owned(),
        "cd /etc/apt".to_owned(),
        "for file in sources.list sources.list.d/*.sources; do [ ! -f \"$file\" ] || sed -i -E \
         -e '/^# (deb |deb-src )http/{s/^# //;n;d}' -e '/^# http/{s/^# /URIs: /;n;d}' \"$file\"; done"
            .to_owned(),
    ];
    if let Some(snapshot) = recipe
        .spec
        .system
        .as_ref()
        .and_then(|system| system.snapshot.as_deref())
    {
        lines.push(format!(
            "sed -i -E 's#/[0-9]{{8}}T[0-9]{{6}}Z#/{snapshot}#' $(find . -name 'sources.list' -o -name '*.sources')"
        ));
    }
    lines.push("apt-get -o Acquire::Check-Valid-Until=false update".to_owned());
    let mut install = "apt-get install -y --no-install-recommends".to_owned();
    for package in packages {
        let _ = write!(install, " {package}");
    }
    lines.push(install);
    lines.push(
        "rm -rf /var/lib/apt/lists/* /var/log/apt /var/log/dpkg.log /var/cache/ldconfig/aux-cache"
            .to_owned(),
    );
    lines
        .iter()
        .map(|line| format!("{indent}{line}"))
        .collect::<Vec<_>>()
        .join("; \\\n")
}

/// `libgl1`, or `libgl1=1.6.0-1` when the spec knows the version.
pub(super) fn apt_words(packages: &[&SystemPackage], extra: &[String]) -> Vec<String> {
    let mut words: Vec<String> = packages
        .iter()
        .map(|package| match &package.version {
            Some(version) => format!("{}={version}", package.name),
            None => package.name.clone(),
        })
        .collect();
    words.extend(extra.iter().cloned());
    words.sort();
    words.dedup();
    words
}

/// The command that installs the locked wheels into the environment, hashes required.
///
/// Python 2 has no `venv`; there the wheels go under a prefix of their own.
pub(super) fn pip_install(recipe: &Recipe<'_>, requirements: &str) -> String {
    let options = "--no-cache-dir --no-compile --no-deps --require-hashes";
    if recipe.target.target.python.major < 3 {
        return format!("python -m pip install {options} --prefix={ENVIRONMENT} -r {requirements}");
    }
    format!(
        "python -m venv {ENVIRONMENT} && {ENVIRONMENT}/bin/python -m pip install {options} -r {requirements}"
    )
}

/// Variables that make the environment the one that runs, then those of the spec.
pub(super) fn variables(recipe: &Recipe<'_>) -> Vec<(String, String)> {
    let mut variables = vec![
        ("PATH".to_owned(), format!("{ENVIRONMENT}/bin:$PATH")),
        ("PYTHONDONTWRITEBYTECODE".to_owned(), "1".to_owned()),
        ("PYTHONUNBUFFERED".to_owned(), "1".to_owned()),
    ];
    let python = recipe.target.target.python;
    if python.major < 3 {
        let folder = format!("{ENVIRONMENT}/lib/python2.{}/site-packages", python.minor);
        variables.push(("PYTHONPATH".to_owned(), folder));
    }
    if recipe.gpu() {
        variables.push((
            "NVIDIA_DRIVER_CAPABILITIES".to_owned(),
            "compute,utility".to_owned(),
        ));
        variables.push(("NVIDIA_VISIBLE_DEVICES".to_owned(), "all".to_owned()));
    }
    variables
}
