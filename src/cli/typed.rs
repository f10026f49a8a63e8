//! What a person would type to get the same again.

use clap::ValueEnum as _;

use super::args::{PrereleaseArg, ResolutionArg, ResolveArgs};

/// The flags that decide what is resolved, as one would type them again.
pub(super) fn resolve_flags(args: &ResolveArgs) -> Vec<String> {
    let value = |value: &dyn ToString| Some(value.to_string());
    let targets = &args.targets;
    let floor = |(major, minor): (u16, u16)| format!("{major}.{minor}");
    let mut flags: Vec<(&str, Option<String>)> = Vec::new();
    flags.extend(
        targets
            .python
            .iter()
            .map(|python| ("python", value(python))),
    );
    flags.extend(
        targets
            .platform
            .iter()
            .map(|platform| ("platform", value(platform))),
    );
    let accelerators = targets.accelerator.iter();
    flags.extend(accelerators.map(|accelerator| ("accelerator", value(accelerator))));
    let table = targets.accelerator_table.as_deref();
    let table = table.and_then(|file| file.file_name()?.to_str());
    flags.extend(table.map(|file| ("accelerator-table", value(&file))));
    let resolution = match args.resolution {
        ResolutionArg::Coherent => None,
        other => other.to_possible_value(),
    };
    let prerelease = match args.prerelease {
        PrereleaseArg::IfNecessary => None,
        other => other.to_possible_value(),
    };
    flags.extend([
        ("glibc", targets.glibc.map(floor)),
        ("macos", targets.macos.map(floor)),
        (
            "resolution",
            resolution.map(|one| one.get_name().to_owned()),
        ),
        (
            "prerelease",
            prerelease.map(|one| one.get_name().to_owned()),
        ),
        ("as-of", args.as_of.as_ref().map(|as_of| as_of.text.clone())),
    ]);
    let own = args.as_of_package.iter();
    flags.extend(own.map(|one| ("as-of-package", value(one))));
    let given = flags.into_iter();
    let mut given: Vec<String> = given
        .filter_map(|(name, value)| Some(format!("--{name} {}", typed(&value?))))
        .collect();
    if targets.universal {
        given.insert(0, "--universal".to_owned());
    }
    if args.index.allow_build {
        given.push("--allow-build".to_owned());
    }
    given
}

/// A word as one would type it in a shell.
pub(super) fn typed(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./~:=@%+,".contains(c) || !c.is_ascii();
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else if cfg!(windows) {
        format!("\"{word}\"")
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn words_are_quoted_where_a_shell_needs_it() {
        for (word, expected) in [
            ("a/b-1.txt", "a/b-1.txt"),
            ("new locks", "'new locks'"),
            ("it's", r"'it'\''s'"),
            ("$HOME", "'$HOME'"),
            ("", "''"),
        ] {
            assert_eq!(typed(word), expected);
        }
    }
}
