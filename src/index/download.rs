//! Whole files: as a temporary file, and kept where pinsmith itself needs a program.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use pinsmith_resolver::{PackageName, PackageSource as _, ReleaseFile, ReleasesAnswer, Sha256};
use url::Url;

use super::client::{Body, Request};
use super::files::{MAX_FILE, digest_of_file};
use super::{Index, Shared};

impl Index {
    /// Downloads the file of a project that has this name and digest, and writes it to `to`, whole
    /// or not at all.
    ///
    /// # Errors
    /// The reason in words, lower case.
    pub fn download(
        &self,
        name: &PackageName,
        filename: &str,
        sha256: Sha256,
        to: &Path,
    ) -> Result<(), String> {
        let file = self.file_named(name, filename)?;
        let url = Url::parse(&file.url).map_err(|_| "its address cannot be read".to_owned())?;
        let (mut file, _) = self
            .handle
            .block_on(self.shared.whole_file(&url, MAX_FILE))?;
        let failed = |error: std::io::Error| format!("it cannot be kept: {error}");
        let found = digest_of_file(&mut file).map_err(failed)?;
        if found != sha256 {
            return Err(format!(
                "it has sha256 {found}, but {sha256} is the right one"
            ));
        }
        let folder = to.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder).map_err(failed)?;
        let mut beside = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
        std::io::copy(&mut file, &mut beside).map_err(failed)?;
        beside.flush().map_err(failed)?;
        beside.persist(to).map_err(|error| failed(error.error))?;
        Ok(())
    }

    fn file_named(&self, name: &PackageName, filename: &str) -> Result<ReleaseFile, String> {
        let project = match self.releases(name).map_err(|error| error.message)? {
            ReleasesAnswer::Found(project) => project,
            ReleasesAnswer::NotFound => return Err(format!("the index has no `{name}`")),
            ReleasesAnswer::Offline => return Err("the network is switched off".to_owned()),
        };
        let mut files = project.releases().iter().flat_map(|one| project.files(one));
        files
            .find(|file| file.filename == filename)
            .ok_or_else(|| format!("the index has no `{filename}`"))
    }
}

impl Shared {
    /// The file at an address in a temporary file of this machine, and its size in bytes; the
    /// error is the reason in words, lower case.
    pub(super) async fn whole_file(&self, url: &Url, limit: u64) -> Result<(File, u64), String> {
        let request = Request {
            to_file: true,
            ..Request::get(url, limit)
        };
        let reply = self.client.send(&request).await;
        let reply = reply.map_err(|error| error.to_string())?;
        match (reply.status, reply.body) {
            (200, Body::File { file, size }) => Ok((file, size)),
            (status, _) => Err(format!("its server answers with status {status}")),
        }
    }
}
