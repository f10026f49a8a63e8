use std::io::{Cursor, Write as _};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;

fn name() -> PackageName {
    "my-lib".parse().unwrap()
}

fn tar(files: &[(&str, &str)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        builder
            .append_data(&mut header, path, text.as_bytes())
            .unwrap();
    }
    builder.into_inner().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn metadata(files: &[(&str, &str)]) -> Result<CoreMetadata, String> {
    let files = read_files(Cursor::new(gzip(&tar(files))), &name()).unwrap();
    metadata_of(&files, &name(), &"1.0".parse().unwrap())
}

fn shown(core: &CoreMetadata) -> Vec<String> {
    core.requires_dist.iter().map(ToString::to_string).collect()
}

const OLD: &str = "Metadata-Version: 2.1\nName: my_lib\nVersion: 1.0\nRequires-Python: >=3.8\n";

#[test]
fn new_pkg_info_is_static() {
    let info = "Metadata-Version: 2.2\nName: my_lib\nVersion: 1.0\nRequires-Dist: numpy\n";
    let core = metadata(&[("my_lib-1.0/PKG-INFO", info), ("my_lib-1.0/setup.py", "x")]).unwrap();
    assert_eq!(
        (shown(&core), core.trust),
        (vec!["numpy".into()], Trust::Static)
    );
}

/// pptree 3.1: made by distutils, which has no way to declare dependencies.
#[test]
fn a_distutils_archive_has_no_dependencies() {
    let info = "Metadata-Version: 1.1\nName: my_lib\nVersion: 1.0\n";
    let core = metadata(&[("my_lib-1.0/PKG-INFO", info), ("my_lib-1.0/setup.py", "x")]).unwrap();
    assert_eq!((shown(&core), core.trust), (vec![], Trust::Guessed));
    let info = "Metadata-Version: 2.1\nName: my_lib\nVersion: 1.0\n";
    assert!(metadata(&[("my_lib-1.0/PKG-INFO", info)]).is_err());
}

/// T19: before version 2.2 what a PKG-INFO requires is what one machine found when it packed.
#[test]
fn requirements_of_an_old_pkg_info_are_a_guess() {
    let info = "Metadata-Version: 2.1\nName: my_lib\nVersion: 1.0\nRequires-Dist: numpy\n";
    let files = [("my_lib-1.0/PKG-INFO", info), ("my_lib-1.0/setup.py", "x")];
    let core = metadata(&files).unwrap();
    assert_eq!(
        (shown(&core), core.trust),
        (vec!["numpy".into()], Trust::Guessed)
    );
}

/// T19: a field listed as dynamic is decided by the build.
#[test]
fn dynamic_fields_are_not_believed() {
    let info = "Metadata-Version: 2.2\nName: my_lib\nVersion: 1.0\nDynamic: Requires-Dist\n";
    let reason = metadata(&[("my_lib-1.0/PKG-INFO", info)]).unwrap_err();
    assert_eq!(
        reason,
        "only building the sdist could tell its dependencies"
    );
}

#[test]
fn pyproject_is_static_unless_it_says_dynamic() {
    let pyproject = "[project]\nname = 'My.Lib'\ndynamic = ['version']\nrequires-python = '>=3.9'\n\
        dependencies = ['torch>=2']\n[project.optional-dependencies]\ndev = ['pytest']\n";
    let core = metadata(&[
        ("my_lib-1.0/PKG-INFO", OLD),
        ("my_lib-1.0/pyproject.toml", pyproject),
        ("my_lib-1.0/vendored/pyproject.toml", "[project]\nname='x'"),
        ("my_lib-1.0/my_lib.egg-info/requires.txt", "older\n"),
    ])
    .unwrap();
    assert_eq!(shown(&core), ["torch>=2", "pytest ; extra == 'dev'"]);
    assert_eq!(core.trust, Trust::Static);

    let dynamic = "[project]\nname = 'my-lib'\ndynamic = ['version', 'dependencies']\n";
    let reason = metadata(&[("my_lib-1.0/pyproject.toml", dynamic)]).unwrap_err();
    assert!(reason.contains("building"), "{reason}");
}

#[test]
fn egg_info_is_a_guess() {
    let requires = "numpy>=1\n\n[:python_version < '3.8']\ntyping\n\n[gpu]\ntorch (>=1.9.*)\n\n\
        [gpu:sys_platform == 'linux']\ntriton\n???\n";
    let core = metadata(&[
        ("my_lib-1.0/PKG-INFO", OLD),
        ("my_lib-1.0/src/other.egg-info/requires.txt", "no"),
        ("my_lib-1.0/src/my_lib.egg-info/requires.txt", requires),
        ("my_lib-1.0/src/deep/my_lib.egg-info/requires.txt", "no"),
    ])
    .unwrap();
    assert_eq!(
        shown(&core),
        [
            "numpy>=1",
            "typing ; python_full_version < '3.8'",
            "torch>=1.9 ; extra == 'gpu'",
            "triton ; sys_platform == 'linux' and extra == 'gpu'",
        ]
    );
    assert_eq!(core.unreadable, ["???"]);
    assert_eq!(core.trust, Trust::Guessed);
    assert_eq!(core.requires_python.unwrap().to_string(), ">=3.8");
}

#[test]
fn an_egg_info_folder_without_requires_txt_means_none() {
    let core = metadata(&[
        ("my_lib-1.0/PKG-INFO", OLD),
        ("my_lib-1.0/my_lib.egg-info/PKG-INFO", OLD),
    ])
    .unwrap();
    assert_eq!((shown(&core).len(), core.trust), (0, Trust::Guessed));
}

#[test]
fn another_projects_pkg_info_is_refused() {
    let info = "Metadata-Version: 2.2\nName: evil\nVersion: 1.0\n";
    let reason = metadata(&[("my_lib-1.0/PKG-INFO", info)]).unwrap_err();
    assert_eq!(reason, "its PKG-INFO is that of evil 1.0");
}

#[test]
fn reads_zip_and_bare_tar() {
    let info = "Metadata-Version: 2.2\nName: my_lib\nVersion: 1.0\n";
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    writer.start_file("my_lib-1.0/PKG-INFO", options).unwrap();
    writer.write_all(info.as_bytes()).unwrap();
    let zipped = writer.finish().unwrap().into_inner();
    for bytes in [zipped, tar(&[("./my_lib-1.0/PKG-INFO", info)])] {
        let files = read_files(Cursor::new(bytes), &name()).unwrap();
        assert_eq!(files.pkg_info.as_deref(), Some(info));
    }
}

#[test]
fn a_cut_off_archive_is_an_error() {
    let mut bytes = gzip(&tar(&[("my_lib-1.0/setup.py", &"x".repeat(9000))]));
    bytes.truncate(bytes.len() - 12);
    assert!(read_files(Cursor::new(bytes), &name()).is_err());
}

proptest::proptest! {
    #[test]
    fn never_panics(bytes: Vec<u8>, at: proptest::sample::Index, flip: u8, text in "[\\[\\]:a-z=' \n]{0,60}") {
        drop(read_files(Cursor::new(bytes), &name()));
        let mut archive = tar(&[("my_lib-1.0/PKG-INFO", OLD)]);
        let at = at.index(archive.len());
        archive[at] ^= flip;
        drop(read_files(Cursor::new(archive), &name()));
        let files = SdistFiles { requires_txt: Some(text.clone()), pyproject: Some(text), pkg_info: None };
        drop(metadata_of(&files, &name(), &"1.0".parse().unwrap()));
    }
}
