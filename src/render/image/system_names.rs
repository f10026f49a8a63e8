//! What Debian's packages are called on conda-forge and in nixpkgs.

use std::collections::BTreeSet;

use super::Recipe;

/// One system package under its three names; `-` where nothing has to be installed.
pub(super) struct Names {
    /// Debian 12's name.
    pub(super) debian: &'static str,
    /// conda-forge's name; `None` when there is none.
    pub(super) conda: Option<&'static str>,
    /// The attribute in nixpkgs; `None` when there is none.
    pub(super) nix: Option<&'static str>,
}

const fn names(debian: &'static str, conda: &'static str, nix: &'static str) -> Names {
    Names {
        debian,
        conda: Some(conda),
        nix: Some(nix),
    }
}

/// Ordered by Debian name. Compilers come as conda-forge's metapackages. Those of nixpkgs are names that
/// old and new releases have.
const TABLE: &[Names] = &[
    names("cmake", "cmake", "cmake"),
    names("default-jre-headless", "openjdk", "jre_headless"),
    names("espeak-ng", "espeak-ng", "espeak-ng"),
    names("ffmpeg", "ffmpeg", "ffmpeg"),
    names("g++", "cxx-compiler", "gcc"),
    names("gcc", "c-compiler", "gcc"),
    names("git", "git", "git"),
    names("git-lfs", "git-lfs", "git-lfs"),
    names("graphviz", "graphviz", "graphviz"),
    names("libcairo2-dev", "cairo", "cairo"),
    names("libegl1", "libegl", "libGL"),
    names("libexpat1", "libexpat", "expat"),
    names("libgl1", "libgl", "libGL"),
    names("libglib2.0-0", "libglib", "glib"),
    names("libgomp1", "libgomp", "stdenv.cc.cc.lib"),
    names("libidn2-0", "libidn2", "libidn2"),
    names("libopenmpi3", "openmpi", "openmpi"),
    names("libportaudio2", "portaudio", "portaudio"),
    names("libpq-dev", "libpq", "postgresql"),
    names("libsndfile1", "libsndfile", "libsndfile"),
    names("libudev1", "libudev", "udev"),
    names("libusb-1.0-0", "libusb", "libusb1"),
    names("libx11-6", "xorg-libx11", "xorg.libX11"),
    names("libxkbcommon0", "libxkbcommon", "libxkbcommon"),
    names("pkg-config", "pkg-config", "pkg-config"),
    names("poppler-utils", "poppler", "poppler_utils"),
    names("portaudio19-dev", "portaudio", "portaudio"),
    names("tesseract-ocr", "tesseract", "tesseract"),
    Names {
        debian: "wkhtmltopdf",
        conda: Some("wkhtmltopdf"),
        nix: None,
    },
];

/// The system packages of a recipe under another collection's names.
pub(super) struct Others {
    /// What is needed to run, each once.
    pub(super) run: BTreeSet<&'static str>,
    /// What is only needed to build, each once.
    pub(super) build: BTreeSet<&'static str>,
    /// A line for each package that has no name there.
    pub(super) unknown: Vec<String>,
}

/// Looks every system package of a recipe up.
pub(super) fn others(recipe: &Recipe<'_>, of: impl Fn(&Names) -> Option<&'static str>) -> Others {
    let (run, build) = recipe.packages();
    let mut unknown = Vec::new();
    let mut look_up = |debian: &String| {
        let row = TABLE.iter().find(|names| names.debian == debian);
        let name = row.and_then(&of);
        if name.is_none() {
            unknown.push(format!(
                "Debian's {debian}, of which no name is known here: install it by hand"
            ));
        }
        name
    };
    let run = run.into_iter().map(|package| &package.name);
    let run = run.chain(recipe.extra()).filter_map(&mut look_up).collect();
    let build = build.into_iter().map(|package| &package.name);
    let build = build.filter_map(&mut look_up).collect();
    Others {
        run,
        build,
        unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::TABLE;
    use crate::environment::every_system_package;

    #[test]
    fn every_package_that_a_spec_can_name_has_a_row() {
        assert!(TABLE.is_sorted_by_key(|names| names.debian));
        for package in every_system_package() {
            assert!(
                TABLE.iter().any(|names| names.debian == package),
                "{package}"
            );
        }
    }
}
