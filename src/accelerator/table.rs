//! The table of accelerators as typed values.

mod read;
mod versions;

use std::collections::BTreeMap;

use pinsmith_resolver::{
    AcceleratorFamily, CudaVersion, PackageName, Platform, RocmVersion, Version, VersionSpecifiers,
};
use serde::Deserialize;

use super::fields::{optional, text, text_lists, text_map, texts};
pub use read::TableError;
pub use versions::{AcceleratorPattern, Capability, DriverVersion, MinorVersion};

/// Everything that is known of accelerators.
///
/// ```
/// use pinsmith::accelerator::Table;
/// let table = Table::built_in();
/// let torch = table.torch("2.9".parse()?).unwrap();
/// assert!(torch.cuda.contains(&"12.8".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Table {
    /// Version of the layout; 1.
    pub schema: u32,
    /// The day up to which the table knows, as `YYYY-MM-DD`.
    pub as_of: String,
    /// The platforms of each kind of accelerator; those that are not named are for all.
    #[serde(deserialize_with = "text_lists")]
    pub families: BTreeMap<AcceleratorFamily, Vec<Platform>>,
    /// Minor releases of torch.
    pub torch: Vec<TorchRelease>,
    /// Builds of torch that are known.
    pub builds: Vec<Build>,
    /// Drivers by CUDA.
    pub drivers: Vec<Driver>,
    /// Compute capabilities of builds of torch.
    pub capabilities: Vec<Capabilities>,
    /// From which torch and CUDA on a compute capability is served.
    pub capability_floors: Vec<CapabilityFloor>,
    /// NVIDIA cards by compute capability.
    pub gpus: Vec<Gpu>,
    /// AMD processors by ROCm.
    pub rocm: Vec<RocmTargets>,
    /// CUDA of wheels of the main index that is fixed by their release.
    pub cuda: Vec<CudaFixed>,
    /// Distributions that have CUDA in their name.
    pub suffixes: Vec<SuffixFamily>,
    /// Distributions that have CUDA in an extra.
    pub extras: Vec<ExtraFamily>,
    /// glibc that wheels really need, where their tag does not say.
    pub raw_glibc: Vec<RawGlibc>,
    /// Names that are not to be installed any more.
    pub dead: Vec<DeadName>,
    /// Projects of the main index that are not what their name suggests.
    pub strangers: Vec<Stranger>,
    /// What is built from source where no wheel fits.
    pub source_only: Vec<SourceOnly>,
    /// Releases whose metadata does not say what they belong to.
    pub companions: Vec<Companion>,
    /// Releases that are known not to work.
    pub traps: Vec<Trap>,
    /// Addresses whose file was replaced.
    pub replaced: Vec<Replaced>,
    /// Distributions that write the same module.
    pub exclusive: Vec<Exclusive>,
    /// Indexes for accelerators.
    pub index: Vec<Index>,
    /// Pages with wheels for accelerators.
    pub pages: Vec<Pages>,
}

/// A minor release of torch.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TorchRelease {
    /// Such as `2.9`.
    #[serde(deserialize_with = "text")]
    pub version: MinorVersion,
    /// CPython minors with a wheel for Linux on the main index; `3.13t` is free-threaded.
    pub pythons: Vec<String>,
    /// CUDA of its builds on the accelerator index.
    #[serde(deserialize_with = "texts")]
    pub cuda: Vec<CudaVersion>,
    /// Those of them that its makers call experimental.
    #[serde(default, deserialize_with = "texts")]
    pub experimental: Vec<CudaVersion>,
    /// ROCm of its builds on the accelerator index.
    #[serde(deserialize_with = "texts")]
    pub rocm: Vec<RocmVersion>,
    /// What its wheels on the main index are built for.
    #[serde(deserialize_with = "text_map")]
    pub main_index: BTreeMap<Platform, AcceleratorPattern>,
    /// cuDNN that the wheel of the main index requires.
    pub cudnn: Option<String>,
    /// NCCL that the wheel of the main index requires.
    pub nccl: Option<String>,
    /// Lowest glibc of its wheels on the main index.
    pub glibc: String,
    /// Lowest macOS of its wheels.
    pub macos: String,
    /// Whether its Linux wheels have the new C++ ABI (`_GLIBCXX_USE_CXX11_ABI=1`).
    pub cxx11_abi: bool,
}

/// The builds of one release of torch for one platform.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Build {
    /// The public version.
    #[serde(deserialize_with = "text")]
    pub torch: Version,
    /// The platform.
    #[serde(deserialize_with = "text")]
    pub platform: Platform,
    /// What it is built for; `index` is a build on the main index.
    #[serde(deserialize_with = "texts")]
    pub accelerators: Vec<AcceleratorPattern>,
}

/// What a CUDA asks of the NVIDIA driver.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Driver {
    /// The CUDA of the build.
    #[serde(deserialize_with = "text")]
    pub cuda: CudaVersion,
    /// Oldest driver on Linux that runs its builds.
    #[serde(deserialize_with = "text")]
    pub linux: DriverVersion,
    /// The same on Windows.
    #[serde(deserialize_with = "text")]
    pub windows: DriverVersion,
    /// The driver that came with the toolkit: older ones do not compile its PTX.
    #[serde(default, deserialize_with = "optional")]
    pub toolkit_linux: Option<DriverVersion>,
}

/// How sure a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mark {
    /// Inferred.
    Unverified,
    /// The makers say so.
    Documented,
    /// Read from the wheel.
    Verified,
}

/// Compute capabilities that some builds of torch serve.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Capabilities {
    /// First minor release of torch.
    #[serde(deserialize_with = "text")]
    pub first: MinorVersion,
    /// Last minor release of torch.
    #[serde(deserialize_with = "text")]
    pub last: MinorVersion,
    /// The builds.
    #[serde(deserialize_with = "texts")]
    pub accelerators: Vec<AcceleratorPattern>,
    /// Their platforms.
    #[serde(deserialize_with = "texts")]
    pub platforms: Vec<Platform>,
    /// Capabilities with machine code.
    #[serde(deserialize_with = "texts")]
    pub machine_code: Vec<Capability>,
    /// Capabilities with PTX.
    #[serde(default, deserialize_with = "texts")]
    pub ptx: Vec<Capability>,
    /// How sure this is.
    pub mark: Mark,
}

/// From which torch and CUDA on a compute capability is served; both must hold.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CapabilityFloor {
    /// The capability.
    #[serde(deserialize_with = "text")]
    pub capability: Capability,
    /// First release of torch.
    #[serde(deserialize_with = "text")]
    pub torch: Version,
    /// First CUDA.
    #[serde(deserialize_with = "text")]
    pub cuda: CudaVersion,
}

/// Cards of a compute capability.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gpu {
    /// The capability.
    #[serde(deserialize_with = "text")]
    pub capability: Capability,
    /// Such as `Ampere`.
    pub architecture: String,
    /// Such as `RTX 30xx`.
    pub examples: Vec<String>,
}

/// AMD processors that builds for a ROCm serve.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RocmTargets {
    /// The release.
    #[serde(deserialize_with = "text")]
    pub version: RocmVersion,
    /// Such as `gfx1100`.
    pub gfx: Vec<String>,
}

/// The CUDA major version that wheels of some releases on the main index are built for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CudaFixed {
    /// The package.
    #[serde(deserialize_with = "text")]
    pub package: PackageName,
    /// Its releases.
    #[serde(deserialize_with = "text")]
    pub versions: VersionSpecifiers,
    /// CUDA major version.
    pub cuda: u8,
}

/// Distributions of one library, one for each CUDA.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SuffixFamily {
    /// Their names, with `{major}` or `{cuda}` in it.
    pub name: String,
    /// What stands for `{major}` (`12`) or `{cuda}` (`126`).
    pub members: Vec<String>,
    /// Names without CUDA that are only a source or a stub.
    #[serde(deserialize_with = "texts")]
    pub bare: Vec<PackageName>,
}

/// A distribution whose extra brings the libraries of an accelerator.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExtraFamily {
    /// The package.
    #[serde(deserialize_with = "text")]
    pub package: PackageName,
    /// Its releases that have the extra; all where absent.
    #[serde(default, deserialize_with = "optional")]
    pub versions: Option<VersionSpecifiers>,
    /// The accelerators that it is for.
    #[serde(deserialize_with = "texts")]
    pub accelerators: Vec<AcceleratorPattern>,
    /// CUDA major versions that it is for.
    pub majors: Vec<u8>,
    /// The extra, with `{major}` where CUDA is part of it.
    pub extra: String,
    /// Extras that say the choice was made.
    pub any: Vec<String>,
}

/// glibc that wheels need whose platform tag does not say so.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawGlibc {
    /// The package.
    #[serde(deserialize_with = "text")]
    pub package: PackageName,
    /// Its releases.
    #[serde(deserialize_with = "text")]
    pub versions: VersionSpecifiers,
    /// Such as `2.28`.
    pub glibc: String,
}

/// A name that is not to be installed any more.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeadName {
    /// The name.
    #[serde(deserialize_with = "text")]
    pub package: PackageName,
    /// Its releases that are dead.
    #[serde(deserialize_with = "text")]
    pub versions: VersionSpecifiers,
    /// The name that took its place.
    #[serde(deserialize_with = "text")]
    pub instead: PackageName,
    /// What happens otherwise.
    pub why: String,
}

/// A project of the main index that is another one than its name suggests.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stranger {
    /// The name.
    #[serde(deserialize_with = "text")]
    pub package: PackageName,
    /// What people mean by it.
    pub means: String,
    /// Where that is.
    pub instead: String,
}

/// What is built from source where no wheel fits.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceOnly {
    /// The package.
    #[serde(deserialize_with = "text")]
    pub package: PackageName,
    /// What building needs.
    pub needs: String,
}

/// Releases that belong to a package that their metadata does not name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Companion {
    /// The package.
    #[serde(deserialize_with = "text")]
    pub package: PackageName,
    /// Its releases.
    #[serde(deserialize_with = "text")]
    pub versions: VersionSpecifiers,
    /// What they belong to.
    #[serde(deserialize_with = "text")]
    pub with: PackageName,
    /// What a person should know.
    pub note: String,
}

/// Releases that are known not to work, and what does.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trap {
    /// The package.
    #[serde(deserialize_with = "text")]
    pub package: PackageName,
    /// Its releases.
    #[serde(deserialize_with = "text")]
    pub versions: VersionSpecifiers,
    /// What a person should know.
    pub note: String,
}

/// An address whose file was replaced.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replaced {
    /// The address.
    pub url: String,
    /// The files that were seen there, oldest first.
    pub files: Vec<ReplacedFile>,
}

/// A file that was seen at an address.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplacedFile {
    /// The beginning of its sha256.
    pub sha256: String,
    /// What it was.
    pub note: String,
}

/// Distributions that write the same module, so that only one of them can be installed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exclusive {
    /// The module.
    pub module: String,
    /// The distributions.
    #[serde(deserialize_with = "texts")]
    pub packages: Vec<PackageName>,
    /// Which one to keep.
    pub keep: Keep,
}

/// Which of several distributions to keep, by kind of accelerator.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Keep(pub BTreeMap<String, String>);

/// An index that serves some packages for some accelerators, and is asked for nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Index {
    /// What people call it.
    pub name: String,
    /// Its address, with `{accelerator}` where that is part of it.
    pub url: String,
    /// The accelerators that it serves.
    #[serde(deserialize_with = "texts")]
    pub accelerators: Vec<AcceleratorPattern>,
    /// Whether a target takes the highest CUDA of the same major not above its own.
    #[serde(default)]
    pub nearest: bool,
    /// What stands for an accelerator in the address, where that is not its name.
    #[serde(default)]
    pub paths: BTreeMap<String, String>,
    /// The platforms that it serves; others take the main index.
    #[serde(deserialize_with = "texts")]
    pub platforms: Vec<Platform>,
    /// Packages that come from here and from nowhere else.
    #[serde(deserialize_with = "texts")]
    pub packages: Vec<PackageName>,
    /// Packages that come from the main index where this one has none.
    #[serde(default, deserialize_with = "texts")]
    pub optional: Vec<PackageName>,
}

/// Pages that list wheels of some packages.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pages {
    /// What people call them.
    pub name: String,
    /// Their addresses, with `{accelerator}`, `{torch}` and `{version}` where those are part of it.
    pub url: String,
    /// The accelerators that they serve.
    #[serde(deserialize_with = "texts")]
    pub accelerators: Vec<AcceleratorPattern>,
    /// The platforms that they serve.
    #[serde(deserialize_with = "texts")]
    pub platforms: Vec<Platform>,
    /// The packages.
    #[serde(deserialize_with = "texts")]
    pub packages: Vec<PackageName>,
    /// Minor releases of torch that stand for `{torch}`.
    #[serde(default, deserialize_with = "texts")]
    pub torch: Vec<MinorVersion>,
    /// Versions that stand for `{version}`.
    #[serde(default, deserialize_with = "texts")]
    pub versions: Vec<Version>,
}

impl Table {
    /// The minor release of torch.
    pub fn torch(&self, version: MinorVersion) -> Option<&TorchRelease> {
        self.torch.iter().find(|release| release.version == version)
    }

    /// Whether the main index has nothing of a project but sources that need a compiler.
    pub fn is_source_only(&self, name: &PackageName) -> bool {
        self.source_only.iter().any(|row| row.package == *name)
    }

    /// What a CUDA asks of the driver.
    pub fn driver(&self, cuda: CudaVersion) -> Option<&Driver> {
        self.drivers.iter().find(|driver| driver.cuda == cuda)
    }
}
