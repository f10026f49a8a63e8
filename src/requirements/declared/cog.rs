//! `cog.yaml`: what Replicate's cog builds a container from.

use super::line::{Collector, Role};
use super::yaml::{self, Leaf};
use super::{Declared, requirements_txt};

/// Reads a `cog.yaml`; the commands under `run` are install lines and belong to the scan.
pub(super) fn read(text: &str, file: &str) -> Declared {
    let mut collector = Collector::new(file);
    let role = Role::default();
    for Leaf { path, text, line } in yaml::leaves(text, &mut collector) {
        let keys: Vec<Option<&str>> = path.iter().map(Option::as_deref).collect();
        match keys.as_slice() {
            [Some("build"), Some("python_packages"), None] => {
                requirements_txt::read_line(&text, &role, line, &mut collector);
            }
            [Some("build"), Some("python_requirements")] => collector.include(&text, &role, line),
            [Some("build"), Some("python_version")] => {
                collector.python_hint(&format!("=={}.*", text.trim_end_matches(".*")), line);
            }
            _ => {}
        }
    }
    collector.finish()
}
