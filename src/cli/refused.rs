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
        &[
            "--no-emit-index-url",
            "--no-emit-find-links",
            "--no-emit-trusted-host",
            "--no-emit-options",
        ],
        "leave it out: pinsmith never writes an index into its files",
    ),
    (
        &["--allow-unsafe", "--no-allow-unsafe"],
        "leave it out: setuptools, pip and the like are pinned as any other package",
    ),
    (
        &["--resolver", "--fork-strategy"],
        "leave it out; how versions are chosen is said with --resolution",
    ),
    (&["--pre"], "write --prerelease allow"),
    (
        &[
            "--no-build",
            "--only-binary",
            "--no-binary",
            "--build-isolation",
            "--no-build-isolation",
        ],
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
    (
        &["--dry-run", "-n"],
        "leave out -o, and the pins are only shown",
    ),
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
        &["--excludes", "--no-emit-package", "--unsafe-package"],
        "pinsmith leaves no package out; take it from the result",
    ),
    (
        &["--system", "--python-preference"],
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
