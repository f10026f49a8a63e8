//! What compiled releases need although their metadata does not say so, where that is certain.
//!
//! Extensions that were compiled against the C interface of numpy 1 do not import beside numpy 2.
//! Wheels that work with both can be built since the first pre-release of numpy 2, of March 2024. So
//! a wheel that was uploaded before and whose extensions use that interface needs numpy 1, whatever
//! it says.

use jiff::Timestamp;
use pep508_rs::{PackageName, VersionOrUrl};

use crate::{CoreMetadata, parse_requirement};

/// 2024-03-01T00:00:00Z, in seconds since 1970; the first pre-release came on the 12th.
const NUMPY_2_IN_SIGHT: i64 = 1_709_251_200;

/// Projects whose wheels of late 2023 were seen not to import beside numpy 2, see the book's page on
/// data. Sorted.
const COMPILED_AGAINST_NUMPY: &[&str] = &[
    "bottleneck",
    "h5py",
    "matplotlib",
    "numexpr",
    "opencv-python-headless",
    "pandas",
    "pyarrow",
    "pycocotools",
    "pyerfa",
    "pywavelets",
    "scikit-image",
    "scipy",
    "shapely",
    "soxr",
    "tables",
];

/// The metadata with what a wheel of this project needs that was uploaded then; `None` when it says
/// everything itself.
///
/// The need stands beside the release's own requirement on numpy and holds wherever that holds.
pub(crate) fn completed(
    name: &PackageName,
    uploaded: Option<Timestamp>,
    metadata: &CoreMetadata,
) -> Option<CoreMetadata> {
    let listed = COMPILED_AGAINST_NUMPY.binary_search(&name.as_ref()).is_ok();
    let before = uploaded.is_some_and(|uploaded| uploaded.as_second() < NUMPY_2_IN_SIGHT);
    if !listed || !before {
        return None;
    }
    let numpy_1 = parse_requirement("numpy<2")
        .ok()?
        .requirement
        .version_or_url;
    let own = metadata.requires_dist.iter();
    let needs = own.filter(|line| {
        let is_url = matches!(line.version_or_url, Some(VersionOrUrl::Url(_)));
        line.name.as_ref() == "numpy" && !is_url
    });
    let needs: Vec<_> = needs
        .map(|line| {
            let mut line = line.clone();
            line.version_or_url.clone_from(&numpy_1);
            line
        })
        .collect();
    (!needs.is_empty()).then(|| {
        let mut completed = metadata.clone();
        completed.requires_dist.extend(needs);
        completed
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MemoryRelease, MemorySource, Options, Request, ResolutionMode, Target, resolve};

    #[test]
    fn the_list_is_sorted() {
        assert!(COMPILED_AGAINST_NUMPY.is_sorted());
    }

    /// Also where the user asks for newest-first, and not for sdists, which are compiled anew.
    #[test]
    fn old_wheels_keep_numpy_back() {
        let mut source = MemorySource::default();
        let mut add = |name: &str, version: &str, day: &str, requires: &[&str], wheel: bool| {
            let release = MemoryRelease {
                requires,
                uploaded: Some(day),
                wheels: if wheel { &["py3-none-any"] } else { &[] },
                sdist: !wheel,
                ..MemoryRelease::default()
            };
            source.add_release(name, version, &release);
        };
        let (early, late) = ("2023-12-08T00:00:00Z", "2025-06-01T00:00:00Z");
        add("numpy", "1.26.4", early, &[], true);
        add("numpy", "2.3.0", late, &[], true);
        add(
            "pandas",
            "2.1.4",
            early,
            &["numpy>=1.26 ; python_version >= '3.11'"],
            true,
        );
        add("pandas", "2.3.0", late, &["numpy>=1.26"], true);
        add("h5py", "3.10.0", early, &["numpy>=1.17"], false);
        add("nobody", "1.0", early, &["numpy"], true);
        for (roots, expected) in [
            (&["pandas", "numpy"][..], "numpy==2.3.0 pandas==2.3.0"),
            (&["pandas<2.3", "numpy"], "numpy==1.26.4 pandas==2.1.4"),
            (&["h5py"], "h5py==3.10.0 numpy==2.3.0"),
            (&["nobody"], "nobody==1.0 numpy==2.3.0"),
        ] {
            let roots = roots.iter().map(|text| parse_requirement(text).unwrap());
            let request = Request {
                roots: roots.map(|parsed| parsed.requirement).collect(),
                ..Request::default()
            };
            for mode in [ResolutionMode::Coherent, ResolutionMode::Newest] {
                let options = Options {
                    mode,
                    ..Options::default()
                };
                let target = Target::linux_x86_64((3, 11));
                let found = resolve(&request, &target, &source, &options).unwrap();
                let pins: Vec<String> = found.packages.iter().map(ToString::to_string).collect();
                assert_eq!(pins.join(" "), expected, "{mode:?}");
            }
        }
    }
}
