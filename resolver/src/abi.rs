//! What compiled releases need although their metadata does not say so, where that is certain.
//!
//! Extensions that were compiled against the C interface of numpy 1 do not import beside numpy 2.
//! Wheels that work with both can be built since the first pre-release of numpy 2, of March 2024. So
//! a wheel that was uploaded before and whose extensions use that interface needs numpy 1, whatever
//! it says. torch itself says nothing of numpy, and can be used without: what is known of it is that it does not
//! stand *beside* numpy 2, so both require a pseudo-package that has one version for each interface. So it is with pyarrow
//! 26, which can do without numpy and refuses numpy 1.
//!
//! Extensions that were compiled against torch run with that minor release of it. Nearly all say so.
//!
//! torch 1.9 to 1.11 use setuptools, of which they say nothing either, and what later releases of it left out.
//!
//! An override of numpy, or of torch, lifts what is said here of it.

use std::sync::Arc;

use jiff::Timestamp;
use pep440_rs::Version;
use pep508_rs::{PackageName, VersionOrUrl};
use version_ranges::Ranges;

use crate::{
    CoreMetadata, CoreMetadataHint, FileKind, Project, ReleaseFile, Requirement, parse_requirement,
    specifiers_of, to_ranges,
};

/// A need of compiled releases that pinsmith knows of and no metadata states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AbiRule {
    /// Compiled against the C interface of numpy 1.
    Numpy,
    /// torch below 2.3, which cannot exchange arrays with numpy 2.
    TorchNumpy,
    /// Refuses to be imported beside numpy 1.
    NewNumpy,
    /// numpy 1 has another C interface than numpy 2: the other side of [`Self::NewNumpy`].
    NumpyOne,
    /// numpy 2 has another C interface than numpy 1: the other side of [`Self::TorchNumpy`].
    NumpyTwo,
    /// Compiled against one minor release of torch.
    Torch,
    /// Compiled against torch as it was before 2.7, when its Linux wheels changed the C++ interface.
    TorchBefore,
    /// Imports parts of setuptools that are gone in later releases.
    Setuptools,
}

impl AbiRule {
    /// What is known, as the end of a sentence about releases: `was compiled against numpy 1`.
    pub fn fact(self, many: bool) -> &'static str {
        match (self, many) {
            (Self::Numpy | Self::TorchNumpy, false) => "was compiled against numpy 1",
            (Self::Numpy | Self::TorchNumpy, true) => "were compiled against numpy 1",
            (Self::NewNumpy, false) => "was made for numpy 2",
            (Self::NewNumpy, true) => "were made for numpy 2",
            (Self::NumpyOne, false) => "has the C interface of numpy 1",
            (Self::NumpyOne, true) => "have the C interface of numpy 1",
            (Self::NumpyTwo, false) => "has the C interface of numpy 2",
            (Self::NumpyTwo, true) => "have the C interface of numpy 2",
            (Self::Torch | Self::TorchBefore, false) => "was compiled against an older torch",
            (Self::Torch | Self::TorchBefore, true) => "were compiled against an older torch",
            (Self::Setuptools, false) => "uses parts of setuptools",
            (Self::Setuptools, true) => "use parts of setuptools",
        }
    }

    /// What comes of it.
    pub fn harm(self) -> &'static str {
        match self {
            Self::Numpy => "does not import beside numpy 2",
            Self::TorchNumpy | Self::NumpyTwo => "cannot exchange arrays with numpy 2",
            Self::NewNumpy | Self::NumpyOne => "does not import beside numpy 1",
            Self::Torch | Self::TorchBefore => "does not import beside another",
            Self::Setuptools => "does not find them in later releases",
        }
    }

    /// Whether it only says which interface numpy has, which is nobody's fault.
    pub fn is_of_numpy(self) -> bool {
        matches!(self, Self::NumpyOne | Self::NumpyTwo)
    }

    /// Whose override lifts it.
    pub fn lifted_by(self) -> &'static str {
        match self {
            Self::Numpy | Self::TorchNumpy | Self::NewNumpy | Self::NumpyOne | Self::NumpyTwo => {
                "numpy"
            }
            Self::Torch | Self::TorchBefore => "torch",
            Self::Setuptools => "setuptools",
        }
    }
}

/// A pseudo-package whose version is the C interface of numpy that an answer has.
#[expect(clippy::expect_used, reason = "a constant that a test reads")]
pub(crate) fn numpy_interface() -> PackageName {
    PackageName::new("pinsmith-numpy-interface".to_owned()).expect("a valid name")
}

/// It as a project with a release for each interface, which need nothing.
pub(crate) fn interfaces() -> (Project, Vec<(Version, CoreMetadata)>) {
    let name = numpy_interface();
    let releases = [1, 2].map(|number| Version::new([number]));
    let metadata = releases.clone().map(|version| {
        let metadata = CoreMetadata::bare(name.clone(), version.clone());
        (version, metadata)
    });
    let files = releases.map(|version| {
        let filename = format!("pinsmith_numpy_interface-{version}-py3-none-any.whl");
        let file = ReleaseFile {
            kind: filename.parse().map_or(FileKind::Sdist, FileKind::Wheel),
            filename,
            url: String::new(),
            requires_python: None,
            yanked: None,
            uploaded: None,
            size: None,
            sha256: None,
            core_metadata: CoreMetadataHint::Absent,
        };
        (version, file)
    });
    (Project::from_files("".into(), files), metadata.into())
}

/// 2024-03-01T00:00:00Z, in seconds since 1970; the first pre-release came on the 12th.
const NUMPY_2_IN_SIGHT: i64 = 1_709_251_200;

/// 2025-04-01T00:00:00Z; torch 2.7 came on the 23rd.
const TORCH_2_7_IN_SIGHT: i64 = 1_743_465_600;

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

/// Projects whose wheels are extensions of torch that cannot do without, and that did not always say of which. Sorted.
const COMPILED_AGAINST_TORCH: &[&str] = &["vllm"];

/// Releases of such projects that say less than is true, with the torch that they run with.
const COMPILED_AGAINST_ONE_TORCH: &[(&str, &str, &str)] =
    &[("torchtext", "0.18.0", "torch==2.3.*")];

/// Releases of torch that use setuptools without requiring it, with the releases that have what they use: 59.6 no longer
/// loads `distutils.version` for `torch.utils.tensorboard`; `pkg_resources.packaging` was missing in 70 and left with
/// 82, and to compare `torch.__version__` takes it.
const TORCH_USES_SETUPTOOLS: &[(&str, &str)] = &[
    ("==1.9.*", "setuptools<59.6"),
    ("==1.10.*", "setuptools<59.6"),
    ("==1.11.*", "setuptools<82,!=70.*"),
];

/// What a release needs besides what it says.
#[derive(Debug, Clone)]
pub(crate) struct Need {
    pub(crate) rule: AbiRule,
    pub(crate) on: PackageName,
    pub(crate) range: Ranges<Version>,
}

/// The metadata with what a wheel of this project needs that was uploaded then, and those needs; `None` when it says
/// everything itself.
///
/// A need stands beside the release's own requirement on the same project and holds wherever that holds, if the project
/// has to be there at all: setuptools has, whatever torch says.
/// `on_linux` is whether the wheel is for Linux on x86-64; `lifted` says which projects the user overrides.
pub(crate) fn completed(
    name: &PackageName,
    uploaded: Option<Timestamp>,
    on_linux: bool,
    metadata: &CoreMetadata,
    lifted: &dyn Fn(&PackageName) -> bool,
) -> Option<(Arc<CoreMetadata>, Vec<Need>)> {
    let mut completed = metadata.clone();
    let mut needs = Vec::new();
    for (rule, text) in rules_for(name, uploaded, on_linux, metadata) {
        let Ok(parsed) = parse_requirement(&text) else {
            continue;
        };
        let need = parsed.requirement;
        let lifts = PackageName::new(rule.lifted_by().to_owned());
        // an override puts another range in the place of this one by itself
        let stands_alone = rule == AbiRule::Setuptools;
        if !stands_alone && lifts.is_ok_and(|project| lifted(&project)) {
            continue;
        }
        let range = to_ranges(&specifiers_of(&need));
        if stands_alone || need.name == numpy_interface() {
            completed.requires_dist.push(need.clone());
        } else {
            let own = metadata.requires_dist.iter();
            let own: Vec<Requirement> = own
                .filter(|line| line.name == need.name)
                .filter(|line| !matches!(line.version_or_url, Some(VersionOrUrl::Url(_))))
                .filter(|line| !to_ranges(&specifiers_of(line)).subset_of(&range))
                .cloned()
                .collect();
            if own.is_empty() {
                continue;
            }
            for mut line in own {
                line.version_or_url.clone_from(&need.version_or_url);
                completed.requires_dist.push(line);
            }
        }
        needs.push(Need {
            rule,
            on: need.name,
            range,
        });
    }
    (!needs.is_empty()).then(|| (Arc::new(completed), needs))
}

/// The rules that a wheel falls under, each with what it needs.
fn rules_for(
    name: &PackageName,
    uploaded: Option<Timestamp>,
    on_linux: bool,
    metadata: &CoreMetadata,
) -> Vec<(AbiRule, String)> {
    let is_before = |day: i64| uploaded.is_some_and(|uploaded| uploaded.as_second() < day);
    let name = name.as_ref();
    let mut rules = Vec::new();
    if COMPILED_AGAINST_NUMPY.binary_search(&name).is_ok() && is_before(NUMPY_2_IN_SIGHT) {
        rules.push((AbiRule::Numpy, "numpy<2".to_owned()));
    }
    let one = COMPILED_AGAINST_ONE_TORCH.iter();
    let mut one = one.filter(|(project, version, _)| {
        *project == name && *version == metadata.version.to_string()
    });
    if let Some((.., torch)) = one.next() {
        rules.push((AbiRule::Torch, (*torch).to_owned()));
    } else if COMPILED_AGAINST_TORCH.binary_search(&name).is_ok()
        && on_linux
        && is_before(TORCH_2_7_IN_SIGHT)
    {
        rules.push((AbiRule::TorchBefore, "torch<2.7".to_owned()));
    }
    let version = metadata.version.release();
    let interface = numpy_interface();
    if name == "torch" && version < &[2, 3][..] {
        rules.push((AbiRule::TorchNumpy, format!("{interface}==1")));
    }
    if name == "torch" {
        let using = TORCH_USES_SETUPTOOLS.iter().find(|(releases, _)| {
            let releases = releases.parse::<pep440_rs::VersionSpecifier>();
            releases.is_ok_and(|releases| releases.contains(&metadata.version))
        });
        rules.extend(using.map(|(_, need)| (AbiRule::Setuptools, (*need).to_owned())));
    }
    if name == "pyarrow" && version >= &[26][..] {
        rules.push((AbiRule::NewNumpy, format!("{interface}==2")));
    }
    if name == "numpy" {
        let (rule, number) = match version.first() {
            Some(0 | 1) => (AbiRule::NumpyOne, 1),
            _ => (AbiRule::NumpyTwo, 2),
        };
        rules.push((rule, format!("{interface}=={number}")));
    }
    rules
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MemoryRelease, MemorySource, Options, Request, ResolutionMode, Target, resolve};

    #[test]
    fn the_list_is_sorted() {
        assert!(COMPILED_AGAINST_NUMPY.is_sorted());
        assert!(COMPILED_AGAINST_TORCH.is_sorted());
        assert_eq!(interfaces().1.len(), 2);
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
        add("torch", "2.1.2", early, &[], true);
        add("torch", "2.3.1", late, &[], true);
        add("torch", "2.13.0", late, &[], true);
        add("pyarrow", "25.0.1", late, &[], true);
        add("pyarrow", "26.0.0", late, &[], true);
        add("torch", "1.10.2", early, &[], true);
        for setuptools in ["59.5.0", "70.0.0", "82.0.0"] {
            add("setuptools", setuptools, early, &[], true);
        }
        add("torchtext", "0.18.0", early, &["torch>=2.3.0"], true);
        add("vllm", "0.2.5", early, &["torch>=2.1.1"], true);
        for (roots, expected) in [
            (&["torch<2.3"][..], "torch==2.1.2"),
            (&["torch<2.3", "numpy"], "numpy==1.26.4 torch==2.1.2"),
            (&["pyarrow"], "pyarrow==26.0.0"),
            (&["pyarrow", "numpy"], "numpy==2.3.0 pyarrow==26.0.0"),
            (&["pyarrow", "numpy<2"], "numpy==1.26.4 pyarrow==25.0.1"),
            (&["torch<1.11"], "setuptools==59.5.0 torch==1.10.2"),
            (&["torch", "numpy"], "numpy==2.3.0 torch==2.13.0"),
            (&["torchtext"], "torch==2.3.1 torchtext==0.18.0"),
            (&["vllm"], "torch==2.3.1 vllm==0.2.5"),
            (&["pandas", "numpy"], "numpy==2.3.0 pandas==2.3.0"),
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
        for (roots, overrides, expected) in [
            ("torch<2.3", "numpy>=2", "numpy==2.3.0 torch==2.1.2"),
            ("pandas<2.3", "numpy>=2", "numpy==2.3.0 pandas==2.1.4"),
            (
                "torch==1.10.2",
                "setuptools>=60",
                "setuptools==82.0.0 torch==1.10.2",
            ),
            ("torchtext", "torch>2.4", "torch==2.13.0 torchtext==0.18.0"),
        ] {
            let one = |text: &str| parse_requirement(text).unwrap().requirement;
            let mut request = Request {
                roots: vec![one(roots)],
                overrides: vec![one(overrides)],
                ..Request::default()
            };
            if overrides.starts_with("numpy") && roots.starts_with("torch<") {
                request.roots.push(one("numpy"));
            }
            let target = Target::linux_x86_64((3, 11));
            let found = resolve(&request, &target, &source, &Options::default()).unwrap();
            let pins: Vec<String> = found.packages.iter().map(ToString::to_string).collect();
            assert_eq!(pins.join(" "), expected, "an override lifts it");
        }
    }
}
