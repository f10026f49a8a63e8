//! Does a project hold a module? Answered from the file list of one of its wheels, or of a source distribution
//! where it has no wheel.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use pinsmith_resolver::{
    PackageName, Project, ReleaseFile, ReleasesAnswer, SourceError, Version, sdist_version,
};
use serde::{Deserialize, Serialize};

use super::cache::{Kind, Meta};
use super::metadata::project_urls;
use super::{Index, Shared, files};

/// Which modules a project may hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentsQuestion {
    /// The project.
    pub name: PackageName,
    /// Dotted modules.
    pub modules: Vec<String>,
    /// Only releases uploaded up to this instant count.
    pub until: Option<Timestamp>,
}

/// What the newest wheel of a project says, or its newest source distribution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// The project.
    pub name: PackageName,
    /// The release that the file is of.
    pub version: Version,
    /// When that release was uploaded.
    pub uploaded: Option<Timestamp>,
    /// When the project's first release was uploaded.
    pub first_uploaded: Option<Timestamp>,
    /// Those of the modules that the file holds.
    pub holds: BTreeSet<String>,
    /// Addresses that its metadata names.
    pub urls: Vec<String>,
}

/// What is kept of a wheel for one set of modules; files never change.
#[derive(Serialize, Deserialize)]
struct Kept {
    holds: BTreeSet<String>,
    urls: Vec<String>,
}

impl Index {
    /// Asks all questions at once, in as many requests as the network settings allow.
    ///
    /// `None` stands for a project that does not exist, or whose server gives no byte
    /// ranges: no wheel is downloaded whole for this, and of source distributions only small ones.
    ///
    /// # Errors
    /// The first failure of the world; the other answers are lost with it.
    pub fn contents(
        &self,
        questions: &[ContentsQuestion],
    ) -> Result<Vec<Option<Contents>>, SourceError> {
        let asked: Vec<_> = questions
            .iter()
            .map(|question| {
                let (shared, question) = (Arc::clone(&self.shared), question.clone());
                self.handle
                    .spawn(async move { answer(&shared, &question).await })
            })
            .collect();
        let answers = self.handle.block_on(async {
            let mut answers = Vec::with_capacity(asked.len());
            for one in asked {
                answers.push(one.await);
            }
            answers
        });
        let joined = answers.into_iter().map(|answer| match answer {
            Ok(answer) => answer,
            Err(error) => Err(SourceError {
                code: None,
                message: format!("asking the index failed: {error}"),
                help: None,
            }),
        });
        joined.collect()
    }
}

async fn answer(
    shared: &Arc<Shared>,
    question: &ContentsQuestion,
) -> Result<Option<Contents>, SourceError> {
    let name = &question.name;
    let ReleasesAnswer::Found(project) = shared.project(name).await? else {
        return Ok(None);
    };
    let newest = |is_sdist| newest_file(name, &project, question.until, is_sdist);
    let Some((version, uploaded, file)) = newest(false).or_else(|| newest(true)) else {
        return Ok(None);
    };
    let Some(kept) = kept(shared, question, &file).await? else {
        return Ok(None);
    };
    Ok(Some(Contents {
        name: name.clone(),
        version,
        uploaded,
        first_uploaded: first_uploaded(&project),
        holds: kept.holds,
        urls: kept.urls,
    }))
}

fn first_uploaded(project: &Project) -> Option<Timestamp> {
    let times = project.releases().iter();
    let times: Option<Vec<Timestamp>> = times.map(|release| release.uploaded).collect();
    times?.into_iter().min()
}

/// The smallest wheel, or source distribution, of the newest release that has one; final releases
/// before pre-releases.
fn newest_file(
    name: &PackageName,
    project: &Project,
    until: Option<Timestamp>,
    is_sdist: bool,
) -> Option<(Version, Option<Timestamp>, ReleaseFile)> {
    let in_time = |uploaded: Option<Timestamp>| {
        until.is_none_or(|until| uploaded.is_some_and(|uploaded| uploaded <= until))
    };
    let releases = || project.releases().iter().rev();
    let finals = releases().filter(|release| !release.version.any_prerelease());
    finals
        .chain(releases().filter(|release| release.version.any_prerelease()))
        .filter(|release| in_time(release.uploaded))
        .find_map(|release| {
            let fits = |file: &ReleaseFile| {
                if is_sdist {
                    sdist_version(&file.filename, name).is_some()
                } else {
                    file.wheel().is_some()
                }
            };
            let files = project
                .files(release)
                .filter(|file| fits(file) && file.yanked.is_none() && in_time(file.uploaded));
            let file = files.min_by_key(|file| (file.size, file.filename.clone()))?;
            Some((release.version.clone(), release.uploaded, file))
        })
}

async fn kept(
    shared: &Arc<Shared>,
    question: &ContentsQuestion,
    file: &ReleaseFile,
) -> Result<Option<Kept>, SourceError> {
    let digest = file.sha256.map(|digest| digest.to_string());
    let key = format!(
        "{}#{}#holds={}",
        file.url,
        digest.unwrap_or_default(),
        question.modules.join(",")
    );
    if let Some((_, body)) = shared.cache.read(Kind::Contents, &key)
        && let Ok(kept) = serde_json::from_slice(&body)
    {
        shared.count(&shared.counters.cache_hits);
        return Ok(Some(kept));
    }
    if shared.offline && !file.url.starts_with("file:") {
        return Ok(None);
    }
    let listing = match file.wheel() {
        Some(_) => files::listing(shared, &question.name, file).await?,
        None => files::listing_of_sdist(shared, &question.name, file).await?,
    };
    let Some((names, metadata)) = listing else {
        return Ok(None);
    };
    let modules = question.modules.iter();
    let kept = Kept {
        holds: modules
            .filter(|module| holds(&names, module))
            .cloned()
            .collect(),
        urls: project_urls(&metadata),
    };
    let meta = Meta {
        key,
        status: 200,
        url: file.url.clone(),
        fetched: Timestamp::now().as_second(),
        ..Meta::default()
    };
    let body = serde_json::to_vec(&kept).unwrap_or_default();
    let write = move |shared: &Shared| shared.cache.write(Kind::Contents, &meta, &body);
    shared.off_thread(write).await?;
    Ok(Some(kept))
}

/// Whether files of these names make `import module` work: a package, a module or a compiled one.
///
/// A folder counts when something in it can be imported, so that data folders do not.
fn holds(names: &[String], module: &str) -> bool {
    let path = module.replace('.', "/");
    let importable = |name: &str| {
        [".py", ".so", ".pyd"]
            .iter()
            .any(|ending| name.ends_with(ending))
    };
    names.iter().any(|name| {
        let name = without_data_folder(name);
        let Some(rest) = name.strip_prefix(path.as_str()) else {
            return false;
        };
        match rest.chars().next() {
            Some('/') => importable(rest),
            // `module.py`, `module.cpython-311-x86_64-linux-gnu.so`
            Some('.') => !rest.contains('/') && importable(rest),
            _ => false,
        }
    })
}

/// `NAME-VERSION.data/purelib/x.py` is installed as `x.py`.
fn without_data_folder(name: &str) -> &str {
    let inside = name
        .split_once(".data/")
        .filter(|(head, _)| !head.contains('/'))
        .map(|(_, inside)| inside);
    inside
        .and_then(|inside| {
            inside
                .strip_prefix("purelib/")
                .or_else(|| inside.strip_prefix("platlib/"))
        })
        .unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::holds;

    #[test]
    fn only_what_can_be_imported_is_held() {
        let names: Vec<String> = [
            "pkg/__init__.py",
            "pkg/sub/deep.py",
            "single.py",
            "fast.cpython-311-x86_64-linux-gnu.so",
            "x-1.data/purelib/moved/__init__.py",
            "data/table.csv",
            "pkg-1.dist-info/METADATA",
        ]
        .map(str::to_owned)
        .into();
        for (module, expected) in [
            ("pkg", true),
            ("pkg.sub", true),
            ("pkg.sub.deep", true),
            ("single", true),
            ("fast", true),
            ("moved", true),
            ("data", false),
            ("pk", false),
            ("table", false),
            ("x", false),
        ] {
            assert_eq!(holds(&names, module), expected, "{module}");
        }
    }
}
