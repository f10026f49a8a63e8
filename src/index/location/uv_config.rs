//! The user's `uv.toml`: its default index and extra indexes.

use std::path::PathBuf;

use serde::Deserialize;

use crate::diagnostic::Diagnostic;
use crate::index::codes;

use super::Place;

/// What the files say; addresses with where they were found.
#[derive(Debug, Default)]
pub(super) struct UvConfig {
    pub(super) default: Option<(String, String)>,
    pub(super) extra: Vec<(String, String)>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct File {
    index: Vec<Index>,
    index_url: Option<String>,
    extra_index_url: Vec<String>,
    pip: Option<PipSection>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct PipSection {
    index_url: Option<String>,
    extra_index_url: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Index {
    url: String,
    #[serde(default)]
    default: bool,
    #[serde(default)]
    explicit: bool,
}

impl UvConfig {
    pub(super) fn read(place: &Place<'_>, notes: &mut Vec<Diagnostic>) -> Self {
        let mut config = Self::default();
        for (path, label) in candidates(place) {
            let Some(text) = place.text(&path) else {
                continue;
            };
            match toml::from_str::<File>(&text) {
                Ok(file) => config.add(file, label),
                Err(error) => notes.push(Diagnostic::warning(
                    codes::UNREADABLE_CONFIG,
                    format!("{label} cannot be read: {}", error.message()),
                )),
            }
        }
        config
    }

    /// An explicit index serves only packages that name it, so it is not asked in general.
    fn add(&mut self, file: File, label: &str) {
        let origin = format!("from {label}");
        let pip = file.pip.unwrap_or_default();
        for index in file.index.into_iter().filter(|index| !index.explicit) {
            let entry = (index.url, origin.clone());
            if index.default {
                self.default.get_or_insert(entry);
            } else {
                self.extra.push(entry);
            }
        }
        for url in file.index_url.into_iter().chain(pip.index_url) {
            self.default.get_or_insert((url, origin.clone()));
        }
        for url in file.extra_index_url.into_iter().chain(pip.extra_index_url) {
            self.extra.push((url, origin.clone()));
        }
    }
}

/// The user's file, then the system's.
fn candidates(place: &Place<'_>) -> Vec<(PathBuf, &'static str)> {
    let in_folder = |dir: PathBuf| dir.join("uv").join("uv.toml");
    let [user, system] = place.configuration_folders();
    let user = user.map(|dir| (in_folder(dir), "the user's uv.toml"));
    let system = system.map(|dir| (in_folder(dir), "the system's uv.toml"));
    user.into_iter().chain(system).collect()
}
