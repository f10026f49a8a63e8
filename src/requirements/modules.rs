//! From a module to the distribution that provides it, by curated policy and ranked table.
//!
//! What the tree declares comes before both and is decided in [`super::assemble`]. A name is never
//! taken just because it equals the module's name.

use std::collections::HashSet;
use std::str::FromStr;
use std::sync::LazyLock;

use pinsmith_resolver::PackageName;

use super::Confidence;
use super::table::{Row, Table};
use crate::scan::ModuleName;

/// Columns: module, policy, distribution, alternatives (`;`), note.
static POLICY: LazyLock<Table> =
    LazyLock::new(|| Table::new(include_str!("../data/import-policy.tsv")));
/// Columns: module, distribution (empty: the module's name, normalised), alternatives (`;`).
static RANKED: LazyLock<Table> = LazyLock::new(|| Table::new(include_str!("../data/modules.tsv")));
/// Known distributions of namespaces, one a line.
static NAMESPACED: LazyLock<Table> =
    LazyLock::new(|| Table::new(include_str!("../data/namespace-distributions.txt")));
/// Every distribution that policy, table or namespace list name.
static KNOWN: LazyLock<HashSet<String>> = LazyLock::new(known_distributions);

/// The note of names that nearly always mean a file of the tree.
pub(super) const LOCAL_NAME: &str = "local-name trap";

/// What is known about a module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup {
    /// The prefix of the module that decides: `google.cloud.storage`, `torch`.
    pub module: String,
    /// Who provides it.
    pub provider: Provider,
    /// Other distributions that provide it, most likely first.
    pub alternatives: Vec<&'static str>,
    /// True when several real projects provide it and the choice should be shown.
    pub ambiguous: bool,
    /// A remark for the reader; may be empty.
    pub note: &'static str,
}

/// Who provides a module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Provider {
    /// A distribution from the index.
    Index {
        /// Its name.
        name: PackageName,
        /// Curated or table.
        confidence: Confidence,
        /// How its files come.
        availability: Availability,
    },
    /// A repository; the index name, where there is one, belongs to somebody else.
    GitOnly {
        /// The name that its build gives.
        name: PackageName,
        /// `git+https://...`.
        url: &'static str,
    },
    /// The program that the code runs in.
    Host {
        /// Its name, for people.
        program: &'static str,
    },
    /// Nothing that pip installs: a namespace root, a name that nearly always means local code, or
    /// software that is built or fetched by hand.
    Never,
    /// Neither policy nor table know it.
    Unknown,
}

/// How the files of a distribution come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Availability {
    /// Wheels on the main index.
    Wheels,
    /// Wheels on another index only.
    ExtraIndex,
    /// Source distributions only.
    SdistOnly,
}

/// Looks a module up; the longest dotted match of the policy wins, then the table.
///
/// ```
/// use pinsmith::requirements::{Provider, lookup};
/// use pinsmith::scan::ModuleName;
/// let found = lookup(&ModuleName::new("google.cloud.storage.blob").unwrap());
/// assert_eq!(found.module, "google.cloud.storage");
/// let Provider::Index { name, .. } = found.provider else { panic!() };
/// assert_eq!(name.as_ref(), "google-cloud-storage");
/// ```
pub fn lookup(module: &ModuleName) -> Lookup {
    for prefix in module.prefixes() {
        if let Some(found) = pattern(prefix, module).or_else(|| exact(prefix)) {
            return found;
        }
    }
    ranked(module.top_level()).unwrap_or_else(|| Lookup {
        module: module.top_level().to_owned(),
        provider: Provider::Unknown,
        alternatives: Vec::new(),
        ambiguous: false,
        note: "",
    })
}

/// The program that provides a module, if the code runs in that program at all.
///
/// Names such as `nodes` say nothing by themselves; beside `folder_paths` they are ComfyUI's.
///
/// ```
/// use pinsmith::requirements::host_beside;
/// use pinsmith::scan::ModuleName;
/// assert_eq!(host_beside(&ModuleName::new("nodes").unwrap()), Some("ComfyUI"));
/// ```
pub fn host_beside(module: &ModuleName) -> Option<&'static str> {
    let row = POLICY.row(module.top_level())?;
    (row.column(1) == "host-beside").then(|| row.column(4))
}

/// Whether policy, table or namespace list name this distribution.
pub fn is_known_distribution(name: &PackageName) -> bool {
    KNOWN.contains(name.as_ref())
}

/// The known distribution that is a slip of the finger away, if it is one.
///
/// ```
/// let meant = |name: &str| pinsmith::requirements::distribution_like(&name.parse().unwrap());
/// assert_eq!(meant("pytorch-lightening"), Some("pytorch-lightning"));
/// assert_eq!(meant("our-own-tools"), None);
/// ```
pub fn distribution_like(name: &PackageName) -> Option<&'static str> {
    let name = name.as_ref();
    let slips = if name.len() < 8 { 1 } else { 2 };
    let near = KNOWN
        .iter()
        .map(|known| (slips_between(name, known, slips), known.as_str()));
    let (found, known) = near.min()?;
    // of short names many are alike
    (name.len() > 3 && (1..=slips).contains(&found)).then_some(known)
}

/// Letters to leave out, add, change or swap with their neighbour between two names; `most + 1` stands for more.
fn slips_between(one: &str, other: &str, most: usize) -> usize {
    if one.len().abs_diff(other.len()) > most {
        return most + 1;
    }
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut rows = [
        vec![0; other.len() + 1],
        (0..=other.len()).collect(),
        vec![],
    ];
    for (i, a) in one.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in other.iter().enumerate() {
            let changed = rows[1][j] + usize::from(a != b);
            let mut least = changed.min(rows[1][j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == other[j - 1] && one[i - 1] == *b {
                least = least.min(rows[0][j - 1] + 1);
            }
            row.push(least);
        }
        rows[2] = row;
        rows.rotate_left(1);
    }
    rows[1].last().copied().unwrap_or(0).min(most + 1)
}

/// The git-only distribution whose source is this repository, by host and path.
///
/// ```
/// let name = pinsmith::requirements::distribution_of_repository("https://github.com/openai/clip.git");
/// assert_eq!(name.unwrap().as_ref(), "clip");
/// ```
pub fn distribution_of_repository(url: &str) -> Option<PackageName> {
    let wanted = repository_key(url)?;
    let mut rows = POLICY.rows().filter(|row| {
        row.list(3)
            .any(|item| repository_key(item).is_some_and(|key| key == wanted))
    });
    let row = rows.next()?;
    // a repository that holds several distributions (flash-attention, gaussian-splatting)
    // is not named by its address alone
    let several = row.column(3).contains("#subdirectory=") && !url.contains('#');
    (!several).then(|| name(row.column(2))).flatten()
}

/// `host/owner/repository` in lower case, without scheme, user, `.git`, revision and fragment.
pub(super) fn repository_key(url: &str) -> Option<String> {
    let rest = url.split_once("://")?.1;
    let rest = rest.split(['#', '?']).next()?;
    let rest = match rest.split_once('/') {
        Some((host, path)) => {
            let host = host.rsplit('@').next().unwrap_or(host);
            let path = path.split('@').next().unwrap_or(path);
            format!("{host}/{path}")
        }
        None => return None,
    };
    let rest = rest.trim_end_matches('/').to_ascii_lowercase();
    Some(rest.strip_suffix(".git").unwrap_or(&rest).to_owned())
}

fn exact(prefix: &str) -> Option<Lookup> {
    let row = POLICY.row(prefix)?;
    let note = match row.column(1) {
        // without the program it is a name like any other
        "host-beside" => LOCAL_NAME,
        _ => row.column(4),
    };
    Some(Lookup {
        module: prefix.to_owned(),
        provider: provider_of(&row)?,
        alternatives: row.list(3).filter(|item| !item.contains("://")).collect(),
        ambiguous: row.column(1) == "ambiguous",
        note,
    })
}

fn provider_of(row: &Row) -> Option<Provider> {
    let index = |availability| {
        Some(Provider::Index {
            name: name(row.column(2))?,
            confidence: Confidence::Curated,
            availability,
        })
    };
    match row.column(1) {
        "never" | "host-beside" | "manual" => Some(Provider::Never),
        "host" => Some(Provider::Host {
            program: row.column(4),
        }),
        "git-only" => Some(Provider::GitOnly {
            name: name(row.column(2))?,
            url: row.list(3).find(|item| item.contains("://"))?,
        }),
        "extra-index" => index(Availability::ExtraIndex),
        "sdist-only" => index(Availability::SdistOnly),
        _ => index(Availability::Wheels),
    }
}

/// A row `prefix.*`: the following components name the distribution, as many as make a known one.
///
/// Only names of the list count: whoever registers `google-cloud-anything` must not be able to
/// provide a module by that alone.
fn pattern(prefix: &str, module: &ModuleName) -> Option<Lookup> {
    let row = POLICY.row(&format!("{prefix}.*"))?;
    let stem = row.column(2).strip_suffix('*')?;
    let rest = module.as_str().strip_prefix(prefix)?.strip_prefix('.')?;
    let components: Vec<&str> = rest.split('.').collect();
    (1..=components.len()).rev().find_map(|count| {
        let taken = components.get(..count)?;
        let spelled = taken.join("-").replace('_', "-").to_lowercase();
        let spelled = without_api_version(&spelled);
        let row = NAMESPACED.row(&format!("{stem}{spelled}"))?;
        Some(Lookup {
            module: format!("{prefix}.{}", taken.join(".")),
            provider: Provider::Index {
                name: name(row.key())?,
                confidence: Confidence::Curated,
                availability: Availability::Wheels,
            },
            alternatives: Vec::new(),
            ambiguous: false,
            note: "",
        })
    })
}

/// `speech-v1p1beta1` is the distribution `speech`.
fn without_api_version(name: &str) -> &str {
    match name.rsplit_once("-v") {
        Some((head, version)) if version.starts_with(|c: char| c.is_ascii_digit()) => head,
        _ => name,
    }
}

fn ranked(top_level: &str) -> Option<Lookup> {
    let row = RANKED.row(top_level)?;
    let spelled = match row.column(1) {
        "" => top_level,
        distribution => distribution,
    };
    Some(Lookup {
        module: top_level.to_owned(),
        provider: Provider::Index {
            name: name(spelled)?,
            confidence: Confidence::Table,
            availability: Availability::Wheels,
        },
        alternatives: row.list(2).collect(),
        ambiguous: false,
        note: "",
    })
}

fn name(text: &str) -> Option<PackageName> {
    PackageName::from_str(text).ok()
}

fn known_distributions() -> HashSet<String> {
    let ranked = RANKED.rows().filter_map(|row| match row.column(1) {
        "" => name(row.key()),
        distribution => name(distribution),
    });
    let policy = POLICY
        .rows()
        .filter(|row| row.column(1) != "git-only")
        .filter_map(|row| name(row.column(2)));
    let alternatives = POLICY
        .rows()
        .filter(|row| row.column(1) != "git-only")
        .flat_map(|row| row.list(3).filter_map(name).collect::<Vec<_>>());
    let namespaced = NAMESPACED.rows().filter_map(|row| name(row.key()));
    ranked
        .chain(policy)
        .chain(alternatives)
        .chain(namespaced)
        .map(|name| name.to_string())
        .collect()
}

#[cfg(test)]
mod tests;
