//! Every reader of bytes from outside as one function from bytes to nothing; for tests only.
//!
//! `fuzz/` throws random bytes at them, the property tests below a few on every run, and
//! `fixtures/fuzz` keeps what once made one fail.

use std::io::Cursor;
use std::sync::Arc;

use pinsmith_resolver::{PackageName, Version};
use url::Url;

use crate::environment::EnvironmentSpec;
use crate::index::{metadata, sdist, simple, wheel};
use crate::{api, config, lock, requirements, scan};

/// A reader.
pub type Target = fn(&[u8]);

/// The readers by the names of their fuzz targets.
pub const TARGETS: [(&str, Target); 9] = [
    ("python", python),
    ("notebook", notebook),
    ("usage", usage),
    ("commands", commands),
    ("declarations", declarations),
    ("pages", pages),
    ("metadata", core_metadata),
    ("archives", archives),
    ("locks", locks),
];

/// Python source, with functions left out and without: both must tell the same.
pub fn python(bytes: &[u8]) {
    scan::fuzz::python(bytes);
}

/// A notebook.
pub fn notebook(bytes: &[u8]) {
    scan::fuzz::notebook(bytes);
}

/// What Python source and a notebook use, and the edits of it: they must not break what could be parsed.
pub fn usage(bytes: &[u8]) {
    api::fuzz::usage(bytes);
}

/// Dockerfile, Makefile, shell script and prose, and a git index.
pub fn commands(bytes: &[u8]) {
    scan::fuzz::commands(bytes);
}

/// Each kind of file that declares requirements, and the configuration of a project.
pub fn declarations(bytes: &[u8]) {
    requirements::fuzz::declarations(bytes);
    let text = String::from_utf8_lossy(bytes);
    for file in ["pinsmith.toml", "pyproject.toml"] {
        config::read_config(&text, file);
    }
}

/// A project page in both formats.
pub fn pages(bytes: &[u8]) {
    let Some((name, _)) = of_nobody() else { return };
    let Ok(url) = Url::parse("https://index.test/simple/name/") else {
        return;
    };
    let index = Arc::from("https://index.test/simple/");
    for kind in [
        None,
        Some("text/html"),
        Some("application/vnd.pypi.simple.v1+json"),
    ] {
        let page = simple::parse_project(bytes, kind, &url, &name, Arc::clone(&index));
        if let Ok(page) = page {
            for release in page.project.releases() {
                let _ = page.project.file(release, 0);
            }
        }
    }
}

/// Core metadata, with what is kept of it.
///
/// # Panics
/// When what is kept says something else.
pub fn core_metadata(bytes: &[u8]) {
    let kept = metadata::essentials(bytes);
    let whole = metadata::parse_metadata(bytes);
    if let Ok(whole) = whole {
        let short = metadata::parse_metadata(&kept).map(|short| format!("{:?}", short.core));
        assert_eq!(short.ok(), Some(format!("{:?}", whole.core)));
    }
    metadata::project_urls(bytes);
}

/// A wheel and an sdist.
pub fn archives(bytes: &[u8]) {
    let Some((name, version)) = of_nobody() else {
        return;
    };
    let parts = wheel::Parts::whole(bytes.to_vec());
    let _ = wheel::file_names(&parts);
    let _ = wheel::read_metadata(&parts, &name, &version);
    if let Ok(files) = sdist::read_files(Cursor::new(bytes), &name) {
        let _ = sdist::metadata_of(&files, &name, &version);
    }
    // the files of an sdist, without an archive around them
    let text = String::from_utf8_lossy(bytes).into_owned();
    let files = sdist::SdistFiles {
        pyproject: Some(text.clone()),
        requires_txt: Some(text),
        ..sdist::SdistFiles::default()
    };
    let _ = sdist::metadata_of(&files, &name, &version);
}

/// A lock and an environment spec.
pub fn locks(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let _ = lock::read(&text);
    let _ = EnvironmentSpec::read(&text);
}

fn of_nobody() -> Option<(PackageName, Version)> {
    Some(("name".parse().ok()?, "1.0".parse().ok()?))
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::{Duration, Instant};

    use proptest::prelude::*;

    use super::*;

    /// What once made a reader fail, and what is worth to start from.
    #[test]
    fn no_finding_comes_back() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/fuzz");
        let mut count = 0;
        for (name, target) in TARGETS {
            for entry in std::fs::read_dir(root.join(name)).unwrap() {
                target(&std::fs::read(entry.unwrap().path()).unwrap());
                count += 1;
            }
        }
        assert!(count >= TARGETS.len());
    }

    #[test]
    fn every_target_has_its_program() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
        let manifest = std::fs::read_to_string(root.join("Cargo.toml")).unwrap();
        for (name, _) in TARGETS {
            assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
            assert!(root.join(format!("targets/{name}.rs")).is_file(), "{name}");
        }
    }

    /// A fixture with some bytes changed, so that the readers get past their first lines.
    fn changed() -> impl Strategy<Value = (usize, Vec<u8>)> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/fuzz");
        let seeds = TARGETS.iter().enumerate().flat_map(|(number, (name, _))| {
            let files = std::fs::read_dir(root.join(name)).unwrap();
            let files = files.map(|file| file.unwrap().path());
            files.map(move |path| (number, std::fs::read(path).unwrap()))
        });
        let mut seeds: Vec<_> = seeds.collect();
        seeds.sort();
        let edit = (any::<prop::sample::Index>(), any::<u8>(), 0..4_u8);
        let edits = prop::collection::vec(edit, 0..12);
        (prop::sample::select(seeds), edits).prop_map(|((number, mut bytes), edits)| {
            for (place, byte, kind) in edits {
                if bytes.is_empty() {
                    break;
                }
                let at = place.index(bytes.len());
                match kind {
                    0 => bytes[at] = byte,
                    1 => bytes.insert(at, byte),
                    2 => drop(bytes.remove(at)),
                    _ => bytes.truncate(at + 1),
                }
            }
            (number, bytes)
        })
    }

    /// Shapes that make careless readers slow: what stands before, again and again, and after.
    const SHAPES: [(&str, &str, &str); 44] = [
        ("", "\n", ""),
        ("import a", " ", ""),
        ("", "(", ""),
        ("", "[", ""),
        ("", "{", ""),
        ("", "[]", ""),
        ("", "\\", ""),
        ("", "\\\n", "import a\n"),
        ("x = '", "\\'", "'\n"),
        ("", "'", ""),
        ("", "'''\n", ""),
        ("", "f'{", ""),
        ("", "# pinsmith: ignore\n", ""),
        ("", "#", ""),
        ("", "import a\n", ""),
        ("import ", "a, ", "b\n"),
        ("import ", "a.", "b\n"),
        ("from a import (", "b,\n", ")\n"),
        ("", "from a import (\n", ""),
        ("", "x = (\nimport a\n", ""),
        ("import a\n", "def f():\n    return 1\n", ""),
        ("import a\n", "def f():\n  '''\n", ""),
        ("", "try:\n    import a\nexcept:\n    b = None\n", ""),
        ("import a\n", "if b:\n    pass\nel", "se: pass\n"),
        ("import a\nx = 1", " + 1", ""),
        ("import a\nx = [", "{b = 1},", "]"),
        ("a = [", "{b = 1},", "]"),
        ("import sys\nsys.path\n", "a = a + a\n", ""),
        ("import a\n", "pip install b && ", "c\n"),
        ("!pip install ", "a ", ""),
        ("RUN ", "a \\\n", ""),
        ("import torch\n", "x.cuda();", "\n"),
        ("import torch\n'", "x.cuda() ", "'\n"),
        ("import cv2\n# ", "cv2.imshow ", "\n"),
        ("", "-r a\n", ""),
        ("", "a; b == 'c'\n", ""),
        ("a; ", "b == 'c' and ", "b == 'c'\n"),
        ("a; ", "b == 'c' or b != 'c' and ", "b == 'c'\n"),
        ("Requires-Dist: a; ", "extra == 'b' or ", "extra == 'c'\n"),
        ("", "Requires-Dist: a\n", ""),
        ("", "<a href='b-1.tar.gz'>", ""),
        ("", "<", ""),
        (
            "{\"meta\": {\"api-version\": \"1.0\"}, \"name\": \"name\", \"files\": [",
            "{},",
            "{}]}",
        ),
        (
            "{\"cells\": [",
            "{\"cell_type\": \"code\", \"source\": \"%%time\"},",
            "{}]}",
        ),
    ];

    /// A reader that is linear needs a small part of this for a shape, one that is quadratic far
    /// more than all of it, on a machine that is busy, too.
    const BOUND: Duration = Duration::from_secs(20);

    #[test]
    fn no_shape_takes_quadratic_time() {
        const LENGTH: usize = 16 * 1024;
        for (start, unit, end) in SHAPES {
            let text = format!("{start}{}{end}", unit.repeat(LENGTH / unit.len()));
            let began = Instant::now();
            for (_, target) in TARGETS {
                target(text.as_bytes());
            }
            let took = began.elapsed();
            assert!(took < BOUND, "{took:?} for {start:?} {unit:?} {end:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            for (_, target) in TARGETS {
                target(&bytes);
            }
        }

        #[test]
        fn no_change_makes_a_reader_panic((number, bytes) in changed()) {
            TARGETS[number].1(&bytes);
        }
    }
}
