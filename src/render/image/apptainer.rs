//! `apptainer.def`: the Dockerfile's steps as a definition file.

use std::fmt::Write as _;

use super::steps::{apt_words, base, install_packages, open_ends, pip_install, variables};
use super::{Body, Recipe, shell_word, shell_words};

pub(super) fn render(recipe: &Recipe<'_>) -> Result<Body, String> {
    recipe.linux_only()?;
    let requirements = &recipe.target.requirements;
    let mut text = format!(
        "Bootstrap: docker\nFrom: {}\n\n%files\n    {requirements} /build/{requirements}\n\n%post\n",
        base(recipe)?
    );
    let (run, build) = recipe.packages();
    let packages: Vec<_> = run.into_iter().chain(build).collect();
    let packages = apt_words(&packages, recipe.extra());
    if !packages.is_empty() {
        let steps = install_packages(recipe, &packages, "    ");
        let _ = writeln!(text, "    (\n{steps}\n    )");
    }
    let install = pip_install(recipe, &format!("/build/{requirements}"));
    let _ = write!(text, "    {install}\n    rm -r /build\n\n%environment\n");
    for (name, value) in variables(recipe) {
        let _ = writeln!(text, "    export {name}=\"{value}\"");
    }
    for (name, value) in &recipe.spec.variables.set {
        let _ = writeln!(text, "    export {name}={}", shell_word(value));
    }
    if let Some(driver) = recipe.driver() {
        let _ = write!(text, "\n%labels\n    pinsmith.driver {driver}\n");
    }
    text.push_str("\n%runscript\n");
    match recipe.spec.commands.first() {
        Some(command) => {
            let _ = writeln!(text, "    exec {} \"$@\"", shell_words(&command.run));
        }
        None => text.push_str("    exec python \"$@\"\n"),
    }
    text.push_str("\n%test\n    python -m pip check\n");
    if recipe.gpu() {
        text.push_str("\n%help\n    Run with --nv, so that the host's driver is seen.\n");
    }
    Ok(Body {
        text,
        not_expressible: open_ends(recipe),
    })
}
