//! Direct references become releases: repositories, archives at addresses, and folders of the tree.
//!
//! Everything is read and nothing is built: a wheel's METADATA, an sdist's static metadata, and the
//! declarations of a source tree (pyproject.toml, setup.cfg, setup.py as text). What that cannot
//! tell stays out of the lock, with the reason.

mod place;
mod project;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use pinsmith_resolver::{
    CoreMetadata, CoreMetadataHint, DirectRelease, FileKind, MarkerEnvironment, PackageName,
    ReleaseFile, Requirement, Sha256, url_of,
};

use crate::diagnostic::{Code, Diagnostic};
use crate::git::{Checkout, Git, is_commit};
use crate::index::{Archive, ArchiveContent, Index};
use crate::lock::{Direct, DirectSource, without_credentials};
use crate::scan::{Site, Tree};
pub use place::Place;
use project::{Project, project_of};

/// A requirement with an address stays out of the lock.
pub const LEFT_OUT: Code = Code("ADDR001");
/// A requirement with an address that can change was pinned to what it is now.
pub const PINNED: Code = Code("ADDR002");

/// Most direct references of one run, those of direct references included.
const MOST: usize = 100;

/// A requirement of the user and where it stands.
pub type Asked<'a> = (&'a Requirement, Option<Site>);

/// Where direct references are read from.
pub struct Sources<'a> {
    /// For archives.
    pub index: &'a Index,
    /// For repositories; `None` when there is no git.
    pub git: Option<&'a Git>,
    /// For folders; `None` when the lock does not lie in the tree's root.
    pub tree: Option<&'a Tree>,
    /// The markers that hold.
    pub environment: &'a MarkerEnvironment,
    /// Ask nobody.
    pub offline: bool,
}

/// The releases behind direct references.
#[derive(Debug, Default)]
pub struct Found {
    /// By project, for the resolver.
    pub releases: BTreeMap<PackageName, DirectRelease>,
    /// By project, for the lock.
    pub sources: BTreeMap<PackageName, Direct>,
    /// What could not be read.
    pub elsewhere: BTreeSet<PackageName>,
    /// Why, and what was pinned.
    pub diagnostics: Vec<Diagnostic>,
}

/// One release that was read.
struct Read {
    release: DirectRelease,
    source: DirectSource,
}

/// Reads every direct reference that holds, and those that they require in turn.
pub fn read(asked: &[Asked<'_>], sources: &Sources<'_>) -> Found {
    let mut found = Found::default();
    let mut waiting: VecDeque<(Requirement, Option<Site>, Option<PackageName>)> = asked
        .iter()
        .filter(|(requirement, _)| requirement.evaluate_markers(sources.environment, &[]))
        .map(|(requirement, site)| ((*requirement).clone(), site.clone(), None))
        .collect();
    while let Some((requirement, site, from)) = waiting.pop_front() {
        let name = requirement.name.clone();
        let Some(url) = url_of(&requirement) else {
            continue;
        };
        if found.releases.contains_key(&name) || found.elsewhere.contains(&name) {
            continue;
        }
        let outcome = if found.releases.len() < MOST {
            read_one(&name, url.as_str(), sources)
        } else {
            Err(format!("there are more than {MOST} of them"))
        };
        match outcome {
            Ok(read) => {
                found
                    .diagnostics
                    .extend(pinned(&name, &read.source, site.clone()));
                let metadata = &read.release.metadata;
                let lines = metadata.requires_dist.iter();
                let own = lines.filter(|line| {
                    url_of(line).is_some()
                        && line.evaluate_markers(sources.environment, &requirement.extras)
                });
                waiting.extend(own.map(|line| (line.clone(), site.clone(), Some(name.clone()))));
                found.sources.insert(
                    name.clone(),
                    Direct {
                        source: read.source,
                        version_known: read.release.version_known,
                    },
                );
                found.releases.insert(name, read.release);
            }
            Err(reason) => {
                found
                    .diagnostics
                    .push(left_out(&requirement, &reason, from.as_ref(), site));
                found.elsewhere.insert(name);
            }
        }
    }
    found
}

fn left_out(
    requirement: &Requirement,
    reason: &str,
    from: Option<&PackageName>,
    site: Option<Site>,
) -> Diagnostic {
    let by = from.map_or_else(String::new, |from| format!(", which `{from}` requires,"));
    let message = format!("`{requirement}`{by} stays out of the lock: {reason}");
    let mut diagnostic = Diagnostic::warning(LEFT_OUT, message)
        .help("install it by hand, or ask for a release of the index instead");
    diagnostic.site = site;
    diagnostic
}

/// A note where what was asked for can change.
fn pinned(name: &PackageName, source: &DirectSource, site: Option<Site>) -> Option<Diagnostic> {
    let DirectSource::Git {
        requested_revision,
        commit,
        url,
        ..
    } = source
    else {
        return None;
    };
    if requested_revision.as_deref().is_some_and(is_commit) {
        return None;
    }
    let asked = requested_revision
        .as_deref()
        .unwrap_or("the default branch");
    let message = format!("`{name}` is pinned to {commit}, which is {asked} now");
    let help = format!("write `{name} @ git+{url}@{commit}` to keep it");
    let mut diagnostic = Diagnostic::info(PINNED, message).help(help);
    diagnostic.site = site;
    Some(diagnostic)
}

fn read_one(name: &PackageName, address: &str, sources: &Sources<'_>) -> Result<Read, String> {
    if address.contains("${") {
        return Err("variables in an address are not expanded".to_owned());
    }
    match Place::of(address)? {
        Place::Git {
            url,
            revision,
            subdirectory,
        } => read_git(name, &url, revision, subdirectory, sources),
        Place::Archive {
            url,
            sha256,
            subdirectory,
        } => read_archive(name, &url, sha256, subdirectory, sources),
        Place::Folder { path, editable } => read_folder(name, path, editable, sources),
    }
}

fn read_git(
    name: &PackageName,
    url: &str,
    revision: Option<String>,
    subdirectory: Option<String>,
    sources: &Sources<'_>,
) -> Result<Read, String> {
    let clean = without_credentials(url).ok_or("only https repositories are fetched")?;
    let parsed = url::Url::parse(&clean).map_err(|_| "its address cannot be read".to_owned())?;
    let of_tree = parsed.scheme() == "file" && is_inside(&parsed, sources.tree);
    if !of_tree && !sources.index.may_be_asked(&parsed) {
        return Err("only https repositories are fetched".to_owned());
    }
    if sources.offline && !of_tree {
        return Err("the network is switched off".to_owned());
    }
    let git = sources
        .git
        .ok_or("there is no git on this machine to fetch it with")?;
    let checkout = git
        .fetch(&clean, revision.as_deref(), sources.index.certificate())
        .map_err(|error| error.to_string())?;
    let project = in_repository(&checkout, subdirectory.as_deref(), name)?;
    let commit = checkout.commit().to_owned();
    let source = DirectSource::Git {
        url: clean,
        requested_revision: revision,
        commit,
        subdirectory,
    };
    Ok(source_release(project, source, None))
}

fn in_repository(
    checkout: &Checkout,
    subdirectory: Option<&str>,
    name: &PackageName,
) -> Result<Project, String> {
    project_of(name, subdirectory.unwrap_or_default(), &mut |path| {
        checkout.read(path)
    })
}

/// A repository that lies in the scanned tree.
fn is_inside(url: &url::Url, tree: Option<&Tree>) -> bool {
    let path = url
        .to_file_path()
        .ok()
        .and_then(|path| path.canonicalize().ok());
    path.zip(tree)
        .is_some_and(|(path, tree)| path.starts_with(tree.root()))
}

fn read_archive(
    name: &PackageName,
    url: &str,
    stated: Option<Sha256>,
    subdirectory: Option<String>,
    sources: &Sources<'_>,
) -> Result<Read, String> {
    let clean = without_credentials(url).ok_or("its address cannot be read")?;
    let Archive {
        sha256,
        size,
        content,
    } = sources.index.archive(&clean, name, stated)?;
    let source = DirectSource::Archive {
        url: clean.clone(),
        sha256,
        size,
        subdirectory: subdirectory.clone(),
    };
    let known = |metadata: Arc<CoreMetadata>| {
        let own = Project {
            metadata,
            version_known: true,
        };
        source_release(own, source.clone(), Some((sha256, size)))
    };
    match content {
        ArchiveContent::Wheel(metadata) if metadata.name == *name => Ok(known(metadata)),
        ArchiveContent::Sdist(metadata) if metadata.name == *name => Ok(known(metadata.into())),
        ArchiveContent::Wheel(metadata) => Err(format!("it holds `{}`", metadata.name)),
        ArchiveContent::Sdist(metadata) => Err(format!("it holds `{}`", metadata.name)),
        ArchiveContent::Source(files) => {
            let folder = subdirectory.unwrap_or_default();
            let project = project_of(name, &folder, &mut |path| files.get(path).cloned())?;
            Ok(source_release(project, source, Some((sha256, size))))
        }
    }
}

fn read_folder(
    name: &PackageName,
    path: String,
    editable: bool,
    sources: &Sources<'_>,
) -> Result<Read, String> {
    let tree = sources
        .tree
        .ok_or("a lock names folders beside it only, and this one is written elsewhere")?;
    let project = project_of(name, &path, &mut |path| tree.read(path).ok())?;
    let source = DirectSource::Directory { path, editable };
    Ok(source_release(project, source, None))
}

/// The release as the resolver sees it: what is built stands as a source distribution.
fn source_release(
    project: Project,
    source: DirectSource,
    file: Option<(Sha256, Option<u64>)>,
) -> Read {
    let metadata = project.metadata;
    let address = source.address();
    let last = match &source {
        DirectSource::Archive { url, .. } => crate::lock::file_name_of(url),
        _ => String::new(),
    };
    let filename = if last.is_empty() {
        let stem = metadata.name.as_dist_info_name();
        format!("{stem}-{}.tar.gz", metadata.version)
    } else {
        last
    };
    let kind = filename.parse().map_or(FileKind::Sdist, FileKind::Wheel);
    let file = ReleaseFile {
        filename,
        url: match &source {
            DirectSource::Archive { url, .. } => url.clone(),
            _ => address,
        },
        kind,
        requires_python: metadata.requires_python.clone(),
        yanked: None,
        uploaded: None,
        size: file.and_then(|(_, size)| size),
        sha256: file.map(|(sha256, _)| sha256),
        core_metadata: CoreMetadataHint::Absent,
    };
    Read {
        release: DirectRelease {
            file,
            metadata,
            version_known: project.version_known,
        },
        source,
    }
}
