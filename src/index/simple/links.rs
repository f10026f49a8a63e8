//! Pages that list files of many projects, as `--find-links` names them.

use std::sync::Arc;

use pinsmith_resolver::{PackageName, Project};
use url::Url;

use super::{ListedFile, PageError, listed, percent_decoded, release_file};

/// The links of one page, ordered so that those of a project are found quickly.
///
/// ```
/// use pinsmith::index::simple::Links;
/// let page = br#"<a href="a_b-1.0-py3-none-any.whl">x</a> <a href="a-2.0.tar.gz">y</a>"#;
/// let links = Links::parse(page, Some("text/html"), &"https://files.test/wheels.html".parse()?)?;
/// let found = links.project(&"a-b".parse()?, "https://files.test/wheels.html".into()).unwrap();
/// assert_eq!(found.releases()[0].version.to_string(), "1.0");
/// assert!(links.project(&"b".parse()?, "https://files.test/wheels.html".into()).is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Links {
    page: Url,
    base: Url,
    /// By file name with runs of `-_.` as one dash, in lower case.
    files: Vec<(String, ListedFile)>,
}

impl Links {
    /// Reads a page in any format that a project page may have; `url` is its final address.
    ///
    /// # Errors
    /// [`PageError`] when the bytes are no page that lists files.
    pub fn parse(bytes: &[u8], content_type: Option<&str>, url: &Url) -> Result<Self, PageError> {
        let listed = listed(bytes, content_type)?;
        let base = listed.base_url(url);
        let named = listed.files.into_iter().filter_map(|file| {
            let name = if let Some(name) = &file.filename {
                name.clone()
            } else {
                let address = base.join(file.href.trim()).ok()?;
                percent_decoded(address.path_segments()?.next_back()?)?
            };
            Some((normalized(&name), file))
        });
        let mut files: Vec<_> = named.collect();
        files.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(Self {
            page: url.clone(),
            base,
            files,
        })
    }

    /// The files of a project; `None` when there are none.
    pub fn project(&self, name: &PackageName, index: Arc<str>) -> Option<Project> {
        let prefix = format!("{name}-");
        let start = self.files.partition_point(|(key, _)| *key < prefix);
        let rest = self.files[start..].iter();
        let named = rest.take_while(|(key, _)| key.starts_with(&prefix));
        let files =
            named.filter_map(|(_, file)| release_file(file.clone(), &self.base, &self.page, name));
        let project = Project::from_files(index, files);
        (!project.releases().is_empty()).then_some(project)
    }
}

fn normalized(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            '-' | '_' | '.' if text.ends_with('-') => {}
            '-' | '_' | '.' => text.push('-'),
            _ => text.extend(c.to_lowercase()),
        }
    }
    text
}
