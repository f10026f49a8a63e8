//! Writing the results: whole or not at all, and never over what a person wrote.
//!
//! All outputs of a run are rendered first. [`write_all`] then puts each beside its place under a
//! temporary name and renames them at the end, so that an interrupted run leaves the old files
//! whole. A file that has the right bytes already is not touched.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::diagnostic::Code;
use crate::environment::EnvironmentSpec;
use crate::render::{PYLOCK_CREATED_BY, RENDERED};
use crate::requirements::GENERATED_HEADER_PREFIX;

/// A file is in the way that pinsmith did not write.
pub const NOT_OURS: Code = Code("WRITE001");
/// An output would leave its folder, by its name or by a symbolic link.
pub const LEAVES_FOLDER: Code = Code("WRITE002");
/// The operating system refused a read or a write.
pub const CANNOT_WRITE: Code = Code("WRITE003");

/// One file to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Name of the file within the output folder; no separators.
    pub name: String,
    /// What it shall contain.
    pub text: String,
    /// What may be overwritten.
    pub guard: Guard,
}

/// Which existing file an output may replace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// A requirements file that begins with pinsmith's header.
    Requirements,
    /// A `pylock.toml` that says `created-by = "pinsmith"`.
    Pylock,
    /// A spec that says `generated-by = "pinsmith"`.
    Spec,
    /// A rendered environment whose first line says so.
    Rendered,
    /// Any; the user named the file, with `-o` for instance.
    Any,
}

/// What became of an output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The file.
    pub path: PathBuf,
    /// False when it had these bytes already.
    pub changed: bool,
}

/// Why an output was not written. Nothing else of the same run was written either, unless the
/// operating system failed between two renames.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// A file is in the way that pinsmith did not write.
    #[error("`{0}` was not written by pinsmith and is left as it is")]
    NotOurs(PathBuf),
    /// The name or a symbolic link leads outside the output folder.
    #[error("`{0}` leads outside the output folder")]
    LeavesFolder(PathBuf),
    /// The operating system said no.
    #[error("cannot write `{path}`: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
}

impl WriteError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::NotOurs(_) => NOT_OURS,
            Self::LeavesFolder(_) => LEAVES_FOLDER,
            Self::Io { .. } => CANNOT_WRITE,
        }
    }

    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            Self::NotOurs(_) => "write to another folder with `-o DIR`, or move it away",
            Self::LeavesFolder(_) => "remove the symbolic link, or write elsewhere with `-o DIR`",
            Self::Io { .. } => "check that the folder exists, is writable and has room",
        }
    }
}

/// What decides about a file that may be in the way: its first bytes, and something that nobody
/// wrote for what is no regular file of the folder. `None` when there is nothing.
pub fn beginning(folder: &Path, name: &str) -> Option<Vec<u8>> {
    read_up_to(folder, name, 4096)
}

/// All of a file that may be in the way, up to a size that no output reaches; otherwise like
/// [`beginning`].
pub fn existing(folder: &Path, name: &str) -> Option<Vec<u8>> {
    read_up_to(folder, name, 64 * 1024 * 1024)
}

fn read_up_to(folder: &Path, name: &str, limit: u64) -> Option<Vec<u8>> {
    let root = folder.canonicalize().ok()?;
    let strange = || Some(b"?".to_vec());
    match real_path(&root, name) {
        Ok(path) => match fs::File::open(path) {
            Ok(file) => {
                let mut bytes = Vec::new();
                match file.take(limit).read_to_end(&mut bytes) {
                    Ok(_) => Some(bytes),
                    Err(_) => strange(),
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(_) => strange(),
        },
        Err(_) => strange(),
    }
}

/// Where the pinned requirements go: `requirements.txt`, or `requirements.lock.txt` beside one
/// that a person wrote and that therefore is input.
///
/// ```
/// use pinsmith::write::requirements_name;
/// assert_eq!(requirements_name(None), "requirements.txt");
/// assert_eq!(requirements_name(Some(b"torch\n")), "requirements.lock.txt");
/// assert_eq!(requirements_name(Some(b"# made by pinsmith; ...\n")), "requirements.txt");
/// ```
pub fn requirements_name(existing: Option<&[u8]>) -> &'static str {
    match existing {
        Some(bytes) if !Guard::Requirements.allows(bytes) => "requirements.lock.txt",
        _ => "requirements.txt",
    }
}

impl Guard {
    /// Whether a file with these bytes may be replaced. An empty file may.
    pub fn allows(self, existing: &[u8]) -> bool {
        if existing.iter().all(u8::is_ascii_whitespace) {
            return true;
        }
        let says = |table: &[&str], key: &str, value: &str| {
            let document = std::str::from_utf8(existing).ok();
            let document = document.and_then(|text| text.parse::<toml_edit::DocumentMut>().ok());
            document.is_some_and(|document| {
                let item = table
                    .iter()
                    .try_fold(document.as_item(), |item, key| item.get(key));
                item.and_then(|item| item.get(key)?.as_str()) == Some(value)
            })
        };
        match self {
            Self::Requirements => existing.starts_with(GENERATED_HEADER_PREFIX.as_bytes()),
            Self::Pylock => says(&[], "created-by", PYLOCK_CREATED_BY),
            Self::Spec => says(&["meta"], "generated-by", EnvironmentSpec::GENERATED_BY),
            Self::Rendered => {
                let line = existing.split(|byte| *byte == b'\n').next();
                let line = line.and_then(|line| std::str::from_utf8(line).ok());
                line.is_some_and(|line| {
                    let text = line.trim_start_matches(['#', '/']).trim_start();
                    text.starts_with(RENDERED)
                })
            }
            Self::Any => true,
        }
    }
}

/// Writes all outputs of a run into a folder, which must exist.
///
/// Permissions of replaced files are kept. A symbolic link is followed when it stays inside the
/// folder.
///
/// # Errors
///
/// [`WriteError`]; checked for every output before the first one is put in place.
pub fn write_all(folder: &Path, outputs: &[Output]) -> Result<Vec<Written>, WriteError> {
    let root = folder
        .canonicalize()
        .map_err(|source| io_error(folder, source))?;
    let mut staged = Vec::with_capacity(outputs.len());
    for output in outputs {
        staged.push(stage(&root, output)?);
    }
    let mut written = Vec::with_capacity(staged.len());
    for (path, file) in staged {
        let changed = file.is_some();
        if let Some(file) = file {
            file.persist(&path)
                .map_err(|error| io_error(&path, error.error))?;
            sync_folder(&path);
        }
        written.push(Written { path, changed });
    }
    Ok(written)
}

/// The real path and the temporary file beside it; none when the bytes are there already.
fn stage(root: &Path, output: &Output) -> Result<(PathBuf, Option<NamedTempFile>), WriteError> {
    let path = real_path(root, &output.name)?;
    let existing = match fs::read(&path) {
        Ok(bytes) => Some(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(source) => return Err(io_error(&path, source)),
    };
    if let Some(existing) = &existing {
        if existing == output.text.as_bytes() {
            return Ok((path, None));
        }
        if !output.guard.allows(existing) {
            return Err(WriteError::NotOurs(path));
        }
    }
    let failed = |source| io_error(&path, source);
    let parent = path.parent().unwrap_or(root);
    let mut builder = tempfile::Builder::new();
    builder.prefix(".pinsmith-").suffix(".pinsmith-tmp");
    readable(&mut builder);
    let mut file = builder.tempfile_in(parent).map_err(failed)?;
    file.write_all(output.text.as_bytes()).map_err(failed)?;
    if let Ok(metadata) = fs::metadata(&path) {
        file.as_file()
            .set_permissions(metadata.permissions())
            .map_err(failed)?;
    }
    file.as_file().sync_all().map_err(failed)?;
    Ok((path, Some(file)))
}

/// The place that the name stands for, symbolic links followed, inside `root`.
fn real_path(root: &Path, name: &str) -> Result<PathBuf, WriteError> {
    let path = root.join(name);
    let plain =
        !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '\\', '\0']);
    if !plain {
        return Err(WriteError::LeavesFolder(path));
    }
    match fs::symlink_metadata(&path) {
        Ok(metadata) if metadata.is_symlink() => match path.canonicalize() {
            Ok(real) if real.starts_with(root) && real.is_file() => Ok(real),
            // A link to nothing could still lead anywhere.
            _ => Err(WriteError::LeavesFolder(path)),
        },
        Ok(metadata) if !metadata.is_file() => Err(WriteError::NotOurs(path)),
        _ => Ok(path),
    }
}

/// Temporary files are private to their owner; a result is as readable as any new file, which the
/// user's umask decides.
fn readable(builder: &mut tempfile::Builder<'_, '_>) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    #[cfg(not(unix))]
    let _ = builder;
}

/// A rename is durable once its folder is; where that cannot be asked for, nothing is lost.
fn sync_folder(path: &Path) {
    if let Some(folder) = path.parent().and_then(|parent| fs::File::open(parent).ok()) {
        let _ = folder.sync_all();
    }
}

fn io_error(path: &Path, source: io::Error) -> WriteError {
    WriteError::Io {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(name: &str, text: &str) -> Output {
        let guard = match name {
            "pylock.toml" => Guard::Pylock,
            EnvironmentSpec::FILE_NAME => Guard::Spec,
            _ => Guard::Requirements,
        };
        Output {
            name: name.to_owned(),
            text: text.to_owned(),
            guard,
        }
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn unchanged_bytes_are_not_written_again() {
        let folder = tempfile::tempdir().unwrap();
        let outputs = [output("requirements.txt", "# made by pinsmith\n")];
        assert!(write_all(folder.path(), &outputs).unwrap()[0].changed);
        assert!(!write_all(folder.path(), &outputs).unwrap()[0].changed);
        assert_eq!(names(folder.path()), ["requirements.txt"]);
    }

    #[test]
    fn nothing_is_written_when_one_output_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("pylock.toml"), "created-by = \"uv\"\n").unwrap();
        let outputs = [
            output("requirements.txt", "# made by pinsmith\n"),
            output("pylock.toml", "created-by = \"pinsmith\"\n"),
        ];
        let error = write_all(folder.path(), &outputs).unwrap_err();
        assert_eq!(error.code(), NOT_OURS);
        assert_eq!(names(folder.path()), ["pylock.toml"]);
    }

    #[test]
    fn what_pinsmith_wrote_is_replaced() {
        for (name, old) in [
            ("requirements.txt", "# made by pinsmith; ...\nsix\n"),
            (
                "pylock.toml",
                "lock-version = \"1.0\"\ncreated-by = \"pinsmith\"\n",
            ),
            (
                EnvironmentSpec::FILE_NAME,
                "[meta]\ngenerated-by = \"pinsmith\"\n",
            ),
            ("pylock.toml", ""),
        ] {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join(name), old).unwrap();
            write_all(folder.path(), &[output(name, "new")]).unwrap();
            assert_eq!(fs::read_to_string(folder.path().join(name)).unwrap(), "new");
        }
    }

    #[test]
    fn names_do_not_leave_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["../x", "a/b", "a\\b", "", ".", "..", "/x"] {
            let error = write_all(folder.path(), &[output(name, "x")]).unwrap_err();
            assert_eq!(error.code(), LEAVES_FOLDER, "{name}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_only_inside_and_permissions_stay() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let outside = tempfile::tempdir().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(outside.path().join("victim"), "").unwrap();
        symlink(outside.path().join("victim"), at("requirements.txt")).unwrap();
        symlink(outside.path().join("nothing"), at("pylock.toml")).unwrap();
        for name in ["requirements.txt", "pylock.toml"] {
            let error = write_all(folder.path(), &[output(name, "x")]).unwrap_err();
            assert_eq!(error.code(), LEAVES_FOLDER, "{name}");
        }
        fs::remove_file(at("requirements.txt")).unwrap();
        fs::write(at("real.txt"), "# made by pinsmith").unwrap();
        fs::set_permissions(at("real.txt"), fs::Permissions::from_mode(0o600)).unwrap();
        symlink("real.txt", at("requirements.txt")).unwrap();
        write_all(folder.path(), &[output("requirements.txt", "new")]).unwrap();
        assert_eq!(fs::read_to_string(at("real.txt")).unwrap(), "new");
        assert_eq!(
            fs::metadata(at("real.txt")).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert!(
            fs::symlink_metadata(at("requirements.txt"))
                .unwrap()
                .is_symlink()
        );
    }
}
