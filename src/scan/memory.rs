//! What an earlier run read of the same content, so that a second run need not parse it again.
//!
//! Kept is what most files tell, imports and what belongs to them; the few that tell more are
//! read again. An entry counts only for the very bytes it was made from (SHA-256), for the same
//! file at the same circumstances, and for the program that made it.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::facts::{Definitions, Facts, Origin};
use super::{Import, ImportContext, Label, ModuleName, Site, Variable};

/// Where the results of one tree are kept between runs.
pub trait Memory: Sync {
    /// What was kept last, as it was given.
    fn recall(&self) -> Option<Vec<u8>>;

    /// Keeps it; a failure costs nothing but time.
    fn keep(&self, bytes: &[u8]);

    /// The number of files from which on it is asked: a smaller tree is read faster than remembered.
    fn least(&self) -> usize {
        200
    }
}

/// What is kept of one file.
pub(crate) trait Keyed {
    /// What the reading depended on, its content above all.
    fn key(&self) -> &str;
}

/// What is known of the files of a tree.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Known<T> {
    /// The program whose reading this is.
    reader: String,
    files: BTreeMap<String, T>,
}

impl<T: Keyed + Serialize + DeserializeOwned> Known<T> {
    /// What an earlier run of the same program left, if it can be read.
    pub(crate) fn recall(memory: &dyn Memory, reader: &str) -> Self {
        let bytes = memory.recall().unwrap_or_default();
        let known: Option<Self> = serde_json::from_slice(&bytes).ok();
        let known = known.filter(|known| known.reader == reader);
        known.unwrap_or_else(|| Self {
            reader: reader.to_owned(),
            files: BTreeMap::new(),
        })
    }

    /// What is known of a file, whatever it depended on.
    pub(crate) fn get(&self, file: &str) -> Option<&T> {
        self.files.get(file)
    }

    /// Keeps what was read now in the place of what was known.
    pub(crate) fn replace(mut self, read: BTreeMap<String, T>, memory: &dyn Memory) {
        let mut changed = self.files.len() != read.len();
        for (file, kept) in &read {
            let before = self.files.get(file);
            changed |= before.is_none_or(|before| before.key() != kept.key());
        }
        if !changed {
            return;
        }
        self.files = read;
        if let Ok(bytes) = serde_json::to_vec(&self) {
            memory.keep(&bytes);
        }
    }
}

impl Known<Kept> {
    /// What is known of a file with this content.
    pub(super) fn of(&self, digest: &str, origin: &Origin<'_>) -> Option<(Facts, Kept)> {
        let kept = self.get(origin.file)?;
        let counts = kept.digest == digest && kept.base == origin.base;
        counts.then(|| Some((kept.facts(origin)?, kept.clone())))?
    }
}

impl Keyed for Kept {
    fn key(&self) -> &str {
        &self.digest
    }
}

/// The digest of a file's content.
pub(super) fn digest(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let digest = Sha256::digest(bytes);
    digest.iter().fold(String::new(), |mut text, byte| {
        // writing to a String cannot fail
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// What one file told.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Kept {
    #[serde(rename = "d")]
    digest: String,
    #[serde(rename = "b")]
    base: ImportContext,
    #[serde(rename = "i", default, skip_serializing_if = "Vec::is_empty")]
    imports: Vec<KeptImport>,
    #[serde(rename = "v", default, skip_serializing_if = "Vec::is_empty")]
    variables: Vec<(String, bool, u32)>,
    #[serde(rename = "p", default, skip_serializing_if = "Vec::is_empty")]
    path_entries: Vec<String>,
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    definitions: Option<(BTreeSet<String>, bool)>,
    #[serde(rename = "m", default)]
    inline_metadata: bool,
}

/// Module, names, context, labels, marker and line.
type KeptImport = (
    String,
    Vec<String>,
    ImportContext,
    BTreeSet<Label>,
    Option<String>,
    u32,
);

impl Kept {
    /// `None` when the file told more than is kept.
    pub(super) fn new(digest: String, facts: &Facts, origin: &Origin<'_>) -> Option<Self> {
        let Facts {
            imports,
            install_lines,
            implied,
            artifacts,
            opaque_loads,
            variables,
            hardware,
            path_entries,
            extensions,
            definitions,
            inline_metadata,
            uses,
            diagnostics,
        } = facts;
        let is_plain = install_lines.is_empty()
            && implied.is_empty()
            && artifacts.is_empty()
            && opaque_loads.is_empty()
            && hardware.is_empty()
            && extensions.is_empty()
            && uses.is_empty()
            && diagnostics.is_empty()
            && origin.cell.is_none()
            && imports.iter().all(|import| import.site.cell.is_none());
        is_plain.then(|| Self {
            digest,
            base: origin.base,
            imports: imports
                .iter()
                .map(|import| {
                    (
                        import.module.to_string(),
                        import.names.clone(),
                        import.context,
                        import.labels.clone(),
                        import.marker.clone(),
                        import.site.line,
                    )
                })
                .collect(),
            variables: variables
                .iter()
                .map(|one| (one.name.clone(), one.required, one.site.line))
                .collect(),
            path_entries: path_entries.clone(),
            definitions: definitions
                .as_ref()
                .map(|found| (found.names.clone(), found.open)),
            inline_metadata: *inline_metadata,
        })
    }

    fn facts(&self, origin: &Origin<'_>) -> Option<Facts> {
        if origin.definitions != self.definitions.is_some() {
            return None;
        }
        let site = |line: u32| -> Site { origin.site(line) };
        let imports = self
            .imports
            .iter()
            .map(|(module, names, context, labels, marker, line)| {
                Some(Import {
                    module: ModuleName::new(module.as_str())?,
                    names: names.clone(),
                    context: *context,
                    labels: labels.clone(),
                    local: false,
                    marker: marker.clone(),
                    site: site(*line),
                })
            });
        let variables = self
            .variables
            .iter()
            .map(|(name, required, line)| Variable {
                name: name.clone(),
                required: *required,
                site: site(*line),
            });
        Some(Facts {
            imports: imports.collect::<Option<_>>()?,
            variables: variables.collect(),
            path_entries: self.path_entries.clone(),
            definitions: self
                .definitions
                .clone()
                .map(|(names, open)| Definitions { names, open }),
            inline_metadata: self.inline_metadata,
            ..Facts::default()
        })
    }
}
