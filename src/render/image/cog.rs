//! `cog.yaml`: the build section; a predictor is the repository's own to write.

use std::fmt::Write as _;

use super::steps::apt_words;
use super::{Body, Recipe, json_string};

pub(super) fn render(recipe: &Recipe<'_>) -> Result<Body, String> {
    recipe.linux_only()?;
    let python = recipe.target.target.python;
    if python.minor_pair() < (3, 10) {
        return Err(format!("cog needs Python 3.10 or later, not {python}"));
    }
    let mut text = format!(
        "build:\n  gpu: {}\n  python_version: \"{}\"\n  python_requirements: {}\n",
        recipe.gpu(),
        python.without_patch(),
        recipe.target.requirements
    );
    let (run, build) = recipe.packages();
    let mut packages: Vec<_> = run.into_iter().chain(build).collect();
    packages.sort();
    let bare = apt_words(&[], recipe.extra()).into_iter();
    let names = packages.iter().map(|package| package.name.clone());
    let names: std::collections::BTreeSet<String> = names.chain(bare).collect();
    if !names.is_empty() {
        text.push_str("  system_packages:\n");
        for name in &names {
            let _ = writeln!(text, "    - {}", json_string(name));
        }
    }
    if !recipe.spec.variables.set.is_empty() {
        text.push_str("environment:\n");
        for (name, value) in &recipe.spec.variables.set {
            let _ = writeln!(text, "  - {}", json_string(&format!("{name}={value}")));
        }
    }
    let mut not_expressible = vec![
        "the digest of the base image, which cog chooses".to_owned(),
        "versions of system packages".to_owned(),
        "the predictor: add `predict: FILE.py:CLASS`".to_owned(),
    ];
    not_expressible.extend(recipe.driver());
    not_expressible.extend(recipe.beyond());
    Ok(Body {
        text,
        not_expressible,
    })
}
