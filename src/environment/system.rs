//! System packages that well-known distributions need and no wheel brings along.
//!
//! Only what was read in the wheels or their code is listed; names are Debian 12's. From Debian 13
//! and Ubuntu 24.04 on some have a `t64` ending, which apt still finds by the old name.

use std::str::FromStr;

use pinsmith_resolver::{PackageName, VersionSpecifiers};

use crate::lock::Lock;

/// A row of the table: one distribution and what it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SystemNeed {
    /// The distribution, normalised.
    pub distribution: &'static str,
    /// Which of its versions need it (PEP 440); empty for all.
    pub versions: &'static str,
    /// A distribution that brings the same along, hence nothing is needed beside it.
    pub unless: Option<&'static str>,
    /// Debian packages.
    pub packages: &'static [&'static str],
    /// Whether they are needed only to build it, when the lock has no wheel of it.
    pub build: bool,
    /// What is loaded or run, in lower case.
    pub why: &'static str,
}

/// A system package and who needs it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SystemPackage {
    /// Debian name.
    pub name: String,
    /// Its version; a person's to fill in.
    pub version: Option<String>,
    /// Who needs it and the reason, ordered: `opencv-python: its wheel loads libGL.so.1`.
    pub needed_by: Vec<String>,
    /// Whether it is only needed while something is built.
    pub build_only: bool,
}

/// The system packages that a lock needs on Linux, ordered by name.
pub fn system_packages(lock: &Lock) -> Vec<SystemPackage> {
    let mut found: Vec<SystemPackage> = Vec::new();
    for need in TABLE {
        let Ok(name) = PackageName::from_str(need.distribution) else {
            continue;
        };
        let covered = need
            .unless
            .and_then(|other| PackageName::from_str(other).ok())
            .is_some_and(|other| !lock.entries(&other).is_empty());
        let versions: VersionSpecifiers = need.versions.parse().unwrap_or_default();
        let applies = lock
            .entries(&name)
            .iter()
            .any(|entry| versions.contains(&entry.version) && (!need.build || entry.only_sdist()));
        if covered || !applies {
            continue;
        }
        let reason = format!("{name}: {}", need.why);
        for package in need.packages {
            match found.iter_mut().find(|found| found.name == *package) {
                Some(found) => {
                    found.needed_by.push(reason.clone());
                    found.build_only &= need.build;
                }
                None => found.push(SystemPackage {
                    name: (*package).to_owned(),
                    version: None,
                    needed_by: vec![reason.clone()],
                    build_only: need.build,
                }),
            }
        }
    }
    for package in &mut found {
        package.needed_by.sort();
    }
    found.sort();
    found
}

/// Every name that [`system_packages`] can give, for tables that translate them.
#[cfg(test)]
pub(crate) fn every_system_package() -> impl Iterator<Item = &'static str> {
    TABLE.iter().flat_map(|need| need.packages).copied()
}

const fn runs(
    distribution: &'static str,
    packages: &'static [&'static str],
    why: &'static str,
) -> SystemNeed {
    SystemNeed {
        distribution,
        versions: "",
        unless: None,
        packages,
        build: false,
        why,
    }
}

const fn builds(
    distribution: &'static str,
    packages: &'static [&'static str],
    why: &'static str,
) -> SystemNeed {
    SystemNeed {
        build: true,
        ..runs(distribution, packages, why)
    }
}

const OPENCV: &str =
    "its wheel loads libGL.so.1 and libglib-2.0.so.0; opencv-python-headless needs neither";
const FFMPEG: &str = "runs the `ffmpeg` program";
const PORTAUDIO: &str = "loads libportaudio.so.2, which no Linux wheel of it brings along";

/// Ordered by distribution; a distribution may have one row to run and one to build.
const TABLE: &[SystemNeed] = &[
    runs(
        "bitsandbytes",
        &["libgomp1"],
        "its wheel loads libgomp.so.1",
    ),
    builds(
        "dlib",
        &["cmake", "g++"],
        "has no Linux wheels and is built with cmake",
    ),
    runs("lightgbm", &["libgomp1"], "its wheel loads libgomp.so.1"),
    SystemNeed {
        unless: Some("imageio-ffmpeg"),
        ..runs("moviepy", &["ffmpeg"], FFMPEG)
    },
    runs(
        "mpi4py",
        &["libopenmpi3"],
        "loads libmpi; libmpich12 serves as well",
    ),
    runs(
        "open3d",
        &[
            "libegl1",
            "libgl1",
            "libidn2-0",
            "libudev1",
            "libusb-1.0-0",
            "libx11-6",
        ],
        "its wheel loads these libraries",
    ),
    runs("openai-whisper", &["ffmpeg"], FFMPEG),
    runs("opencv-contrib-python", &["libgl1", "libglib2.0-0"], OPENCV),
    runs("opencv-python", &["libgl1", "libglib2.0-0"], OPENCV),
    runs(
        "pdf2image",
        &["poppler-utils"],
        "runs the `pdftoppm` program",
    ),
    runs("pdfkit", &["wkhtmltopdf"], "runs the `wkhtmltopdf` program"),
    runs("phonemizer", &["espeak-ng"], "loads the espeak-ng library"),
    builds(
        "psycopg2",
        &["gcc", "libpq-dev"],
        "has no Linux wheels and is built against libpq",
    ),
    runs("pyaudio", &["libportaudio2"], PORTAUDIO),
    builds(
        "pyaudio",
        &["gcc", "portaudio19-dev"],
        "has no Linux wheels and is built against PortAudio",
    ),
    builds(
        "pycairo",
        &["gcc", "libcairo2-dev", "pkg-config"],
        "has no Linux wheels and is built against cairo",
    ),
    runs("pydub", &["ffmpeg"], FFMPEG),
    runs(
        "pygame",
        &["libglib2.0-0", "libx11-6"],
        "its wheel loads libglib-2.0.so.0 and libX11.so.6",
    ),
    runs("pyqt5", &["libgl1"], "its wheel loads libGL.so.1"),
    runs(
        "pyqt6",
        &["libgl1", "libxkbcommon0"],
        "its wheel loads libGL.so.1 and libxkbcommon.so.0",
    ),
    runs("pyspark", &["default-jre-headless"], "runs Java"),
    runs(
        "pytesseract",
        &["tesseract-ocr"],
        "runs the `tesseract` program",
    ),
    runs("graphviz", &["graphviz"], "runs the `dot` program"),
    runs("rasterio", &["libexpat1"], "its wheel loads libexpat.so.1"),
    runs("sounddevice", &["libportaudio2"], PORTAUDIO),
    SystemNeed {
        versions: "<0.12",
        ..runs(
            "soundfile",
            &["libsndfile1"],
            "loads libsndfile.so.1; wheels bring it along from 0.12.1 on",
        )
    },
    runs("tabula-py", &["default-jre-headless"], "runs Java"),
    runs("torchcodec", &["ffmpeg"], "loads FFmpeg's libraries"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lock::testing::LockBuilder;

    #[test]
    fn every_row_is_well_formed() {
        for need in TABLE {
            let name: PackageName = need.distribution.parse().unwrap();
            assert_eq!(name.as_ref(), need.distribution);
            assert!(need.versions.is_empty() || need.versions.parse::<VersionSpecifiers>().is_ok());
            assert!(!need.packages.is_empty() && need.packages.is_sorted());
            assert!(!need.why.ends_with('.'));
        }
    }

    #[test]
    fn needs_follow_from_the_lock() {
        let wheel = |name: &str, version: &str| format!("{name}-{version}-py3-none-any.whl");
        let lock = LockBuilder::new()
            .pin(
                "opencv-python==5.0.0.93",
                &[&wheel("opencv_python", "5.0.0.93")],
                &[],
            )
            .pin("soundfile==0.13.1", &[&wheel("soundfile", "0.13.1")], &[])
            .pin("moviepy==2.1", &[&wheel("moviepy", "2.1")], &[])
            .pin(
                "imageio-ffmpeg==0.8.1",
                &[&wheel("imageio_ffmpeg", "0.8.1")],
                &[],
            )
            .pin("pyaudio==0.2.14", &["pyaudio-0.2.14.tar.gz"], &[])
            .pin("psycopg2==2.9.13", &[&wheel("psycopg2", "2.9.13")], &[])
            .lock();
        let names: Vec<(String, bool)> = system_packages(&lock)
            .into_iter()
            .map(|package| (package.name, package.build_only))
            .collect();
        let expected = [
            ("gcc", true),
            ("libgl1", false),
            ("libglib2.0-0", false),
            ("libportaudio2", false),
            ("portaudio19-dev", true),
        ];
        assert_eq!(
            names,
            expected.map(|(name, build)| (name.to_owned(), build))
        );
    }

    #[test]
    fn an_old_soundfile_needs_libsndfile() {
        let lock = LockBuilder::new()
            .pin(
                "soundfile==0.10.3.post1",
                &["SoundFile-0.10.3.post1-py2.py3-none-any.whl"],
                &[],
            )
            .lock();
        assert_eq!(system_packages(&lock)[0].name, "libsndfile1");
    }
}
