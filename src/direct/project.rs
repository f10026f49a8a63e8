//! A source tree as metadata, from its declarations alone.

use std::str::FromStr;
use std::sync::Arc;

use pinsmith_resolver::{CoreMetadata, ExtraName, PackageName, Trust, Version};

use crate::requirements::{DYNAMIC_REQUIREMENTS, read_project};
use crate::scan::ReadError;

/// What is known of a project without building it.
pub(super) struct Project {
    pub(super) metadata: Arc<CoreMetadata>,
    pub(super) version_known: bool,
}

/// Reads the project in a folder of a source tree; the error is the reason.
pub(super) fn project_of(
    name: &PackageName,
    folder: &str,
    read: &mut dyn FnMut(&str) -> Option<Vec<u8>>,
) -> Result<Project, String> {
    let mut any = false;
    let declared = read_project(folder, &mut |path| {
        let bytes = read(path).ok_or_else(|| ReadError::Io {
            path: path.to_owned(),
            source: std::io::Error::from(std::io::ErrorKind::NotFound),
        });
        any |= bytes.is_ok();
        bytes
    });
    if !any {
        return Err("no pyproject.toml, setup.cfg or setup.py is there".to_owned());
    }
    if let Some(other) = declared.name.as_ref().filter(|other| *other != name) {
        return Err(format!("it is the project `{other}`: write that name"));
    }
    let version = declared.version.as_deref();
    let version = version.and_then(|text| Version::from_str(text).ok());
    let mut requires_dist = Vec::new();
    let mut provides_extra = Vec::new();
    for entry in &declared.requirements {
        let requirement = entry.requirement.clone();
        match &entry.group {
            None => requires_dist.push(requirement),
            Some(group) => {
                let Ok(extra) = ExtraName::from_str(group) else {
                    continue;
                };
                requires_dist.push(requirement.with_extra_marker(&extra));
                if !provides_extra.contains(&extra) {
                    provides_extra.push(extra);
                }
            }
        }
    }
    let dynamic = |code| code == DYNAMIC_REQUIREMENTS;
    let guessed = declared.diagnostics.iter().any(|found| dynamic(found.code));
    Ok(Project {
        version_known: version.is_some(),
        metadata: Arc::new(CoreMetadata {
            name: name.clone(),
            version: version.unwrap_or_else(|| Version::new([0])),
            requires_dist,
            requires_python: declared.requires_python.map(|(specifiers, _)| specifiers),
            provides_extra,
            unreadable: Vec::new(),
            trust: if guessed {
                Trust::Guessed
            } else {
                Trust::Static
            },
        }),
    })
}
