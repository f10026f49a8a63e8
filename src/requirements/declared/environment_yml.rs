//! `environment.yml`: a conda environment with its nested pip list.

use super::conda::{Conda, match_spec};
use super::line::{Collector, Role};
use super::text::shown;
use super::yaml::{self, Leaf};
use super::{Declared, requirements_txt};
use crate::requirements::codes;

/// Reads a conda environment file.
pub(super) fn read(text: &str, file: &str) -> Declared {
    let mut collector = Collector::new(file);
    let mut dropped: Vec<String> = Vec::new();
    for leaf in yaml::leaves(text, &mut collector) {
        let Leaf { path, text, line } = leaf;
        let keys: Vec<Option<&str>> = path.iter().map(Option::as_deref).collect();
        match keys.as_slice() {
            [Some("dependencies"), None] => conda(&text, line, &mut dropped, &mut collector),
            [Some("dependencies"), None, Some("pip"), None] => {
                requirements_txt::read_line(&text, &Role::default(), line, &mut collector);
            }
            _ => {}
        }
    }
    if !dropped.is_empty() {
        let message = format!(
            "{} conda packages have no counterpart on a Python index: {}",
            dropped.len(),
            shown(&dropped.join(", "))
        );
        collector.info(
            codes::CONDA_ONLY,
            0,
            message,
            "system libraries come from the environment; declare a distribution for the others",
        );
    }
    collector.finish()
}

fn conda(text: &str, line: u32, dropped: &mut Vec<String>, collector: &mut Collector) {
    let Some((name, specifier)) = match_spec(text) else {
        let message = format!("`{}` is no conda dependency", shown(text));
        return collector.warn(codes::NOT_A_REQUIREMENT, line, message, "");
    };
    match Conda::of(&name) {
        Conda::Python => {
            if !specifier.is_empty() {
                collector.python_hint(&specifier, line);
            }
        }
        Conda::Tool => {}
        Conda::Missing => dropped.push(name),
        Conda::Distribution(name) => {
            collector.requirement(&format!("{name}{specifier}"), &Role::default(), line);
        }
    }
}
