//! Flags of pip-compile and uv that pinsmith does not take, each with what to do instead.

/// What to do instead of a flag of the other tools.
pub(super) fn instead(flag: &str) -> Option<&'static str> {
    let name = flag.split('=').next().unwrap_or(flag);
    let found = INSTEAD.iter().find(|(flags, _)| flags.contains(&name));
    found.map(|(_, word)| *word)
}

const INSTEAD: &[(&[&str], &str)] = &[
    (
        &[
            "--emit-index-url",
            "--emit-find-links",
            "--emit-trusted-host",
            "--emit-options",
            "--emit-index-annotation",
            "--emit-marker-expression",
            "--emit-build-options",
        ],
        "pinsmith writes no index into its files: the reader's own index serves them, and hashes decide",
    ),
    (
        &["--no-allow-unsafe"],
        "leave it out: setuptools, pip and the like are pinned as any other package; \
         --no-emit-package leaves one out",
    ),
    (
        &["--fork-strategy"],
        "leave it out; how versions are chosen is said with --resolution",
    ),
    (
        &["--index-strategy"],
        "say which package comes from where with --index-for",
    ),
    (
        &["--newline"],
        "leave it out: lines end with a line feed on every machine",
    ),
    (
        &["--no-index"],
        "name an index with --index-url: the pages of --find-links are asked before it",
    ),
    (
        &["--only-binary", "--no-binary", "--no-build-isolation"],
        "leave it out: nothing is built to be resolved",
    ),
    (
        &[
            "--build-constraint",
            "--build-constraints",
            "-b",
            "--config-settings",
        ],
        "leave it out: nothing is built, so nothing constrains builds",
    ),
    (&["-n"], "write --dry-run, or another --cache-dir"),
    (
        &["--rebuild", "--no-cache"],
        "write --refresh, or another --cache-dir",
    ),
    (
        &[
            "--keyring-provider",
            "--trusted-host",
            "--allow-insecure-host",
            "--cert",
            "--client-cert",
            "--pip-args",
        ],
        "set it in pip's own configuration, which pinsmith honours",
    ),
    (
        &["--excludes"],
        "leave a package out of the result with --no-emit-package",
    ),
    (
        &["--python-preference", "--managed-python"],
        "leave it out: no environment is looked at",
    ),
];

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::args::Cli;

    #[test]
    fn no_flag_is_both_taken_and_refused() {
        let command = Cli::command();
        let compile = command.find_subcommand("compile").unwrap();
        let taken: Vec<String> = compile
            .get_arguments()
            .flat_map(|argument| {
                let names = argument.get_long_and_visible_aliases().unwrap_or_default();
                names
                    .into_iter()
                    .map(|name| format!("--{name}"))
                    .collect::<Vec<_>>()
            })
            .collect();
        assert!(taken.contains(&"--generate-hashes".to_owned()));
        for flag in INSTEAD.iter().flat_map(|(flags, _)| flags.iter()) {
            assert!(!taken.contains(&(*flag).to_owned()), "{flag}");
            assert!(instead(flag).is_some());
        }
        assert_eq!(instead("--emit-index-url=x"), instead("--emit-index-url"));
        assert_eq!(instead("--unheard-of"), None);
    }
}
