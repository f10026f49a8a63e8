//! A Dockerfile: one stage installs, the last one holds the environment and the code.

use std::fmt::Write as _;

use super::steps::{
    ENVIRONMENT, apt_words, base, docker_platform, install_packages, open_ends, pip_install,
    variables,
};
use super::{Body, Recipe, json_string};

pub(super) fn render(recipe: &Recipe<'_>) -> Result<Body, String> {
    recipe.linux_only()?;
    let base = base(recipe)?;
    let platform = docker_platform(recipe.target.target.platform);
    let mut text = format!("\nFROM --platform={platform} {base} AS base\n");
    let (run, build) = recipe.packages();
    let run = apt_words(&run, recipe.extra());
    if !run.is_empty() {
        let steps = install_packages(recipe, &run, "    ");
        let _ = write!(
            text,
            "# from the package archive as it stood on the day of the image\nRUN {}\n",
            steps.trim_start()
        );
    }
    text.push_str("\nFROM base AS build\n");
    let build = apt_words(&build, &[]);
    if !build.is_empty() {
        let steps = install_packages(recipe, &build, "    ");
        let _ = writeln!(text, "RUN {}", steps.trim_start());
    }
    let requirements = &recipe.target.requirements;
    let _ = write!(
        text,
        "COPY {requirements} /build/{requirements}\n\
         # an index of your own: docker build --secret id=pip.conf,src=pip.conf\n\
         RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \\\n    {}\n",
        pip_install(recipe, &format!("/build/{requirements}"))
    );
    let _ = write!(
        text,
        "\nFROM base AS environment\n\
         COPY --from=build {ENVIRONMENT} {ENVIRONMENT}\n\
         RUN useradd --uid 1000 --user-group --create-home app && install -d -o app -g app /app\n"
    );
    let set = variables(recipe).into_iter();
    for (name, value) in set {
        let _ = writeln!(text, "ENV {name}={}", quoted(&value, true));
    }
    for (name, value) in &recipe.spec.variables.set {
        let _ = writeln!(text, "ENV {name}={}", quoted(value, false));
    }
    if let Some(driver) = recipe.driver() {
        let _ = writeln!(text, "LABEL pinsmith.driver={}", quoted(&driver, false));
    }
    // by its number, so that a cluster can see that it is not root; the code may write beside itself
    text.push_str("WORKDIR /app\nUSER 1000\n\nFROM environment\nCOPY --chown=1000:1000 . /app\n");
    text.push_str(&commands(recipe));
    Ok(Body {
        text,
        not_expressible: open_ends(recipe),
    })
}

/// The first command runs; the others are named.
fn commands(recipe: &Recipe<'_>) -> String {
    let mut text = String::new();
    for (number, command) in recipe.spec.commands.iter().enumerate() {
        let words: Vec<String> = command.run.iter().map(|word| json_string(word)).collect();
        let words = words.join(", ");
        if number == 0 {
            let _ = writeln!(text, "# {}", command.name);
            let _ = writeln!(text, "CMD [{words}]");
        } else {
            let _ = writeln!(text, "# {}: [{words}]", command.name);
        }
    }
    if text.is_empty() {
        text.push_str("CMD [\"python\"]\n");
    }
    text
}

/// A value of `ENV` or `LABEL`; `$` is kept only where the value refers to another variable.
fn quoted(value: &str, refers: bool) -> String {
    let mut quoted = String::from('"');
    for c in value.chars() {
        if matches!(c, '"' | '\\') || c == '$' && !refers {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}
