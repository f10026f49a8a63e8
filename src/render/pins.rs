//! Pins without hashes, as `pip-compile` writes them.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use pinsmith_resolver::{PackageName, Resolution};

use crate::escape::comment;
use crate::requirements::{GENERATED_HEADER_PREFIX, Manifest};

/// Renders `name==version` lines, each with who needs it.
///
/// ```text
/// # made by pinsmith; run again with:
/// #     pinsmith compile requirements.in
/// six==1.17.0
///     # via python-dateutil
/// ```
pub fn pins(resolution: &Resolution, manifest: &Manifest, command: &str) -> String {
    let mut text = format!(
        "{GENERATED_HEADER_PREFIX}; run again with:\n#     {}\n",
        comment(command)
    );
    for package in &resolution.packages {
        let _ = writeln!(text, "{package}");
        let mut via: Vec<String> = package
            .required_by
            .iter()
            .map(ToString::to_string)
            .collect();
        via.extend(files_of(manifest, &package.name));
        match via.as_slice() {
            [] => {}
            [only] => {
                let _ = writeln!(text, "    # via {}", comment(only));
            }
            many => {
                text.push_str("    # via\n");
                for line in many {
                    let _ = writeln!(text, "    #   {}", comment(line));
                }
            }
        }
    }
    text
}

/// The files that ask for a project directly, as `-r FILE`.
fn files_of(manifest: &Manifest, name: &PackageName) -> BTreeSet<String> {
    let asking = manifest
        .requirements
        .iter()
        .filter(|asking| asking.requirement.name == *name);
    asking
        .flat_map(|asking| &asking.origins)
        .map(|origin| format!("-r {}", origin.site.file))
        .collect()
}
