//! The index that an installed pip uses when nothing else is set.
//!
//! pinsmith carries no address of its own. pip's constant is asked of pip, or read out of the wheel
//! that Python bundles for `ensurepip`, and remembered in the cache.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use url::Url;

use super::cache::Cache;
use super::location::DefaultIndex;
use crate::host::{Host, Interpreter};

/// The program that asks pip; isolated mode keeps a folder called `pip` out.
const QUESTION: &str = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)";

/// The file of pip that holds the constant.
const SOURCE: &str = "pip/_internal/models/index.py";

/// Largest source file that is read out of a wheel, in bytes.
const MAX_SOURCE: u64 = 256 * 1024;

const LIMIT: Duration = Duration::from_secs(20);

/// Asks the pips of this machine's Pythons until one answers; remembered per interpreter.
pub fn pip_default_index(host: &Host, cache: &Cache) -> Option<DefaultIndex> {
    let first = host.python.iter();
    let mut asked: Vec<&Interpreter> = Vec::new();
    for python in first.chain(&host.interpreters) {
        if !asked.contains(&python) {
            asked.push(python);
        }
    }
    asked.into_iter().find_map(|python| {
        let url = remembered(python, cache)?;
        Some(DefaultIndex {
            url,
            origin: format!("the default of pip, read from Python {}", python.version),
        })
    })
}

/// The answer holds for a month, and for the interpreter as it is now.
fn remembered(python: &Interpreter, cache: &Cache) -> Option<String> {
    let key = format!(
        "pip-default {} {}",
        python.path.display(),
        age_mark(&python.path)
    );
    if let Some(url) = cache.recall(&key).as_deref().and_then(usable) {
        return Some(url);
    }
    let url = python
        .answer(QUESTION, LIMIT)
        .ok()
        .as_deref()
        .and_then(usable)
        .or_else(|| usable(&bundled(python)?))?;
    cache.remember(&key, &url);
    Some(url)
}

/// Changes when the interpreter is replaced.
fn age_mark(path: &Path) -> u64 {
    let modified = fs::metadata(path).and_then(|metadata| metadata.modified());
    let since = modified
        .ok()
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    since.map_or(0, |since| since.as_secs())
}

/// One address, https, without credentials.
fn usable(text: &str) -> Option<String> {
    let url = Url::parse(text.trim()).ok()?;
    (url.scheme() == "https" && url.username().is_empty() && url.has_host())
        .then(|| url.to_string())
}

/// The constant read as bytes out of the wheel in `ensurepip/_bundled`.
fn bundled(python: &Interpreter) -> Option<String> {
    let prefix = python.path.canonicalize().ok()?;
    let prefix = prefix.parent()?.parent()?;
    let minor = format!("python{}.{}", python.version.major, python.version.minor);
    let folders = [
        prefix.join("lib").join(&minor).join("ensurepip/_bundled"),
        prefix.join("Lib").join("ensurepip/_bundled"),
        PathBuf::from("/usr/share/python-wheels"),
    ];
    folders.iter().find_map(|folder| newest_bundled(folder))
}

fn newest_bundled(folder: &Path) -> Option<String> {
    let mut wheels: Vec<PathBuf> = fs::read_dir(folder)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str());
            name.is_some_and(|name| name.starts_with("pip-"))
        })
        .collect();
    wheels.sort();
    constant_in(&source_in(wheels.last()?)?)
}

fn source_in(wheel: &Path) -> Option<String> {
    let mut archive = zip::ZipArchive::new(fs::File::open(wheel).ok()?).ok()?;
    let mut text = String::new();
    archive
        .by_name(SOURCE)
        .ok()?
        .take(MAX_SOURCE)
        .read_to_string(&mut text)
        .ok()?;
    Some(text)
}

/// `PyPI = PackageIndex("https://...", ...)`, to which pip itself appends `simple`.
fn constant_in(source: &str) -> Option<String> {
    let (_, after) = source.split_once("\nPyPI = PackageIndex(")?;
    let after = after.trim_start();
    let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let url = after[1..].split(quote).next()?;
    Some(format!("{}/simple", url.trim_end_matches('/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_constant_out_of_the_bundled_wheel() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(newest_bundled(folder.path()), None);
        for (name, host) in [("pip-9.0-py3-none-any.whl", "a"), ("setuptools-1.whl", "b")] {
            let file = fs::File::create(folder.path().join(name)).unwrap();
            let mut writer = zip::ZipWriter::new(file);
            let options = zip::write::SimpleFileOptions::default();
            writer.start_file(SOURCE, options).unwrap();
            let source = format!("x = 1\nPyPI = PackageIndex('https://{host}.test/')\n");
            std::io::Write::write_all(&mut writer, source.as_bytes()).unwrap();
            writer.finish().unwrap();
        }
        let found = newest_bundled(folder.path());
        assert_eq!(found.as_deref(), Some("https://a.test/simple"));
    }

    #[test]
    fn reads_the_constant_of_pips_source() {
        let source = "class PackageIndex:\n    pass\n\n\nPyPI = PackageIndex(\n    \"https://index.test/\",\n    file_storage_domain=\"files.test\",\n)\n";
        let url = constant_in(source).unwrap();
        assert_eq!(url, "https://index.test/simple");
        assert_eq!(constant_in("PyPI"), None);
        assert_eq!(usable(&url).as_deref(), Some("https://index.test/simple"));
        assert_eq!(usable("http://index.test/simple"), None);
        assert_eq!(usable("https://a:b@index.test/simple"), None);
        assert_eq!(usable("Traceback"), None);
    }
}
