//! `environment.yml`: Python and libraries from conda-forge, every Python package a locked wheel.

use std::fmt::Write as _;

use super::system_names::{Names, others};
use super::{Body, Recipe, json_string};

pub(super) fn render(recipe: &Recipe<'_>) -> Body {
    let names = others(recipe, |names: &Names| names.conda);
    let mut text = format!(
        "name: {}\nchannels:\n  - conda-forge\n  - nodefaults\ndependencies:\n  - python={}\n  - pip\n",
        json_string(&recipe.name()),
        recipe.python()
    );
    for name in names.run.union(&names.build) {
        let _ = writeln!(text, "  - {name}");
    }
    let _ = write!(
        text,
        "  - pip:\n      - --require-hashes\n      - -r {}\n",
        recipe.target.requirements
    );
    if !recipe.spec.variables.set.is_empty() {
        text.push_str("variables:\n");
        for (name, value) in &recipe.spec.variables.set {
            let _ = writeln!(text, "  {name}: {}", json_string(value));
        }
    }
    let mut not_expressible = vec![
        "builds and hashes of what comes from conda-forge: lock it with conda-lock".to_owned(),
    ];
    not_expressible.extend(names.unknown);
    not_expressible.extend(recipe.driver());
    not_expressible.extend(recipe.beyond());
    Body {
        text,
        not_expressible,
    }
}
