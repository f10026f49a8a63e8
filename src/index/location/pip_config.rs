//! pip's configuration files: where they are and which value wins.

use std::path::PathBuf;

use ini::{Ini, ParseOption};

use crate::diagnostic::Diagnostic;
use crate::index::codes;

use super::Place;

/// The files that exist, strongest first.
#[derive(Debug, Default)]
pub(super) struct PipConfig {
    files: Vec<(String, Ini)>,
}

impl PipConfig {
    pub(super) fn read(place: &Place<'_>, notes: &mut Vec<Diagnostic>) -> Self {
        let mut files = Vec::new();
        for (path, label) in candidates(place) {
            let Some(text) = place.text(&path) else {
                continue;
            };
            match Ini::load_from_str_opt(&text, python_dialect()) {
                Ok(ini) => files.push((label, ini)),
                Err(error) => notes.push(Diagnostic::warning(
                    codes::UNREADABLE_CONFIG,
                    format!(
                        "{label} cannot be read: {} at line {}",
                        error.msg, error.line
                    ),
                )),
            }
        }
        Self { files }
    }

    /// The value that `pip install` would use.
    pub(super) fn value(&self, key: &str) -> Option<String> {
        self.located(key).map(|(value, _)| value)
    }

    /// The value and where it stands.
    pub(super) fn located(&self, key: &str) -> Option<(String, String)> {
        // a command's section wins over [global] whatever the file
        ["install", "global", "download"]
            .iter()
            .flat_map(|section| self.files.iter().map(move |file| (section, file)))
            .find_map(|(section, (label, ini))| {
                let (_, value) = ini
                    .section(Some(*section))?
                    .iter()
                    .find(|(name, _)| name.trim().to_lowercase().replace('_', "-") == key)?;
                let value = value.trim();
                (!value.is_empty()).then(|| (value.to_owned(), format!("from {label}")))
            })
    }

    /// A setting of the environment (`PIP_TIMEOUT`) or the files.
    pub(super) fn setting(&self, place: &Place<'_>, key: &str) -> Option<String> {
        let variable = format!("PIP_{}", key.to_uppercase().replace('-', "_"));
        place.var(&variable).or_else(|| self.value(key))
    }

    /// A boolean of the environment (`PIP_NO_INDEX`) or the files.
    pub(super) fn flag(&self, place: &Place<'_>, key: &str) -> bool {
        let value = self.setting(place, key);
        let value = value.map(|value| value.trim().to_lowercase());
        matches!(
            value.as_deref(),
            Some("1" | "y" | "yes" | "t" | "true" | "on")
        )
    }
}

/// Python's `RawConfigParser`: no escapes, no quotes, values may go on in indented lines.
fn python_dialect() -> ParseOption {
    ParseOption {
        enabled_quote: false,
        enabled_escape: false,
        enabled_indented_mutiline_value: true,
        enabled_preserve_key_leading_whitespace: false,
    }
}

/// Where pip looks, strongest first, each with a name for people.
///
/// The file of an activated environment counts, but never one in a folder called `.venv`, which is
/// how trees carry one along.
fn candidates(place: &Place<'_>) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let name = if place.os == "windows" {
        "pip.ini"
    } else {
        "pip.conf"
    };
    if let Some(file) = place.var("PIP_CONFIG_FILE") {
        // pip's documented way to switch all files off
        if matches!(file.as_str(), "/dev/null" | "nul" | "NUL") {
            return found;
        }
        found.push((PathBuf::from(file), "PIP_CONFIG_FILE".to_owned()));
        found.retain(|(path, _)| path.is_absolute());
    }
    if let Some(environment) = place.dir("VIRTUAL_ENV")
        && !environment.ends_with(".venv")
    {
        found.push((
            environment.join(name),
            "pip's file in VIRTUAL_ENV".to_owned(),
        ));
    }
    let user = user_folders(place);
    for folder in user {
        found.push((folder.join(name), "the user's pip configuration".to_owned()));
    }
    for folder in global_folders(place) {
        found.push((folder.join(name), "the global pip configuration".to_owned()));
    }
    found
}

/// The newer place wins over `~/.pip`.
fn user_folders(place: &Place<'_>) -> Vec<PathBuf> {
    let home = place.home.clone();
    let below = |path: &str| home.as_ref().map(|home| home.join(path));
    let folders = match place.os {
        "windows" => [
            place.dir("APPDATA").map(|dir| dir.join("pip")),
            below("pip"),
            None,
        ],
        "macos" => [
            below("Library/Application Support/pip"),
            below(".config/pip"),
            below(".pip"),
        ],
        _ => [
            place
                .dir("XDG_CONFIG_HOME")
                .map(|dir| dir.join("pip"))
                .or_else(|| below(".config/pip")),
            below(".pip"),
            None,
        ],
    };
    folders.into_iter().flatten().collect()
}

fn global_folders(place: &Place<'_>) -> Vec<PathBuf> {
    match place.os {
        "windows" => {
            let data = place.dir("PROGRAMDATA");
            data.map(|dir| dir.join("pip")).into_iter().collect()
        }
        "macos" => vec![PathBuf::from("/Library/Application Support/pip")],
        _ => {
            let dirs = place
                .var("XDG_CONFIG_DIRS")
                .unwrap_or_else(|| "/etc/xdg".to_owned());
            // pip gives /etc the last word
            let mut folders = vec![PathBuf::from("/etc")];
            folders.extend(
                dirs.split(':')
                    .map(PathBuf::from)
                    .filter(|dir| dir.is_absolute())
                    .map(|dir| dir.join("pip")),
            );
            folders
        }
    }
}
