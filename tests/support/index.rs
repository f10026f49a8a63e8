//! The package index of `fixtures/index/projects.toml`, built in memory and served in this process.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Cursor, Write as _};
use std::path::Path;

use serde::Deserialize;
use serde_json::{Value, json};
use sha2::Digest as _;

use super::server::{Answer, Asked, Server};

/// How project pages look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// PEP 691 with sizes, upload times and advertised metadata.
    Json,
    /// PEP 503: hashes and requires-python, and nothing else.
    Html,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
struct Release {
    uploaded: String,
    requires: Vec<String>,
    requires_python: Option<String>,
    wheels: Vec<String>,
    sdist: bool,
    yanked: Option<String>,
    /// The text of its module.
    module: String,
    /// Whether its wheels have advertised `.metadata` files.
    metadata: bool,
    /// Modules that its wheels hold, instead of the one of the project's name.
    modules: Vec<String>,
    /// Addresses that its metadata names.
    urls: Vec<String>,
}

impl Default for Release {
    fn default() -> Self {
        Self {
            uploaded: String::new(),
            requires: Vec::new(),
            requires_python: None,
            wheels: vec!["py3-none-any".to_owned()],
            sdist: false,
            yanked: None,
            module: "# made for a test\n".to_owned(),
            metadata: true,
            modules: Vec::new(),
            urls: Vec::new(),
        }
    }
}

/// A distribution file with what its project page says about it.
struct File {
    project: String,
    name: String,
    bytes: Vec<u8>,
    core_metadata: Option<String>,
    uploaded: String,
    requires_python: Option<String>,
    yanked: Option<String>,
}

/// Serves the projects on a free port: pages below `/simple/`, files below `/files/`.
pub(crate) fn serve(form: Form) -> Server {
    Server::start(answers(form))
}

/// The same, with something done to each answer on its way out.
pub(crate) fn serve_with(
    form: Form,
    alter: impl Fn(&Asked, Answer) -> Answer + Send + Sync + 'static,
) -> Server {
    let answers = answers(form);
    Server::start(move |asked| alter(asked, answers(asked)))
}

/// The answers themselves.
pub(crate) fn answers(form: Form) -> impl Fn(&Asked) -> Answer + Send + Sync + 'static {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/index/projects.toml");
    let files = files(&std::fs::read_to_string(path).unwrap());
    move |asked| answer(&files, form, asked)
}

/// The same for projects that are written like those of `fixtures/index/projects.toml`.
pub(crate) fn serve_text(form: Form, projects: &str) -> Server {
    let files = files(projects);
    Server::start(move |asked| answer(&files, form, asked))
}

fn answer(files: &[File], form: Form, asked: &Asked) -> Answer {
    if let Some(project) = asked.path.strip_prefix("/simple/") {
        let project = project.trim_end_matches('/');
        let of_project: Vec<&File> = files
            .iter()
            .filter(|file| file.project == project)
            .collect();
        return match (of_project.as_slice(), form) {
            ([], _) => Answer::status(404),
            (files, Form::Json) => Answer::ok(
                "application/vnd.pypi.simple.v1+json",
                json_page(project, files).to_string(),
            ),
            (files, Form::Html) => Answer::html(html_page(files)),
        };
    }
    let name = asked.path.strip_prefix("/files/").unwrap_or_default();
    let (name, metadata) = match name.strip_suffix(".metadata") {
        Some(name) => (name, true),
        None => (name, false),
    };
    match files.iter().find(|file| file.name == name) {
        Some(file) if metadata && form == Form::Json => match &file.core_metadata {
            Some(text) => Answer::ok("text/plain", text.clone()),
            None => Answer::status(404),
        },
        Some(file) if !metadata => Answer::file(asked, &file.bytes),
        _ => Answer::status(404),
    }
}

fn json_page(project: &str, files: &[&File]) -> Value {
    let entries = files.iter().map(|file| {
        json!({
            "filename": file.name,
            "url": format!("/files/{}", file.name),
            "hashes": {"sha256": sha256(&file.bytes)},
            "size": file.bytes.len(),
            "upload-time": format!("{}T12:00:00.000000Z", file.uploaded),
            "requires-python": file.requires_python,
            "yanked": file.yanked.as_ref().map_or(json!(false), |reason| json!(reason)),
            "core-metadata": file
                .core_metadata
                .as_ref()
                .map_or(json!(false), |text| json!({"sha256": sha256(text.as_bytes())})),
        })
    });
    json!({
        "meta": {"api-version": "1.1"},
        "name": project,
        "files": entries.collect::<Vec<_>>(),
    })
}

fn html_page(files: &[&File]) -> String {
    let mut page = "<!DOCTYPE html><html><body>\n".to_owned();
    for file in files {
        let mut attributes = String::new();
        if let Some(python) = &file.requires_python {
            let python = python.replace('>', "&gt;").replace('<', "&lt;");
            write!(attributes, " data-requires-python=\"{python}\"").unwrap();
        }
        if let Some(reason) = &file.yanked {
            write!(attributes, " data-yanked=\"{reason}\"").unwrap();
        }
        let (name, hash) = (&file.name, sha256(&file.bytes));
        writeln!(
            page,
            "<a href=\"/files/{name}#sha256={hash}\"{attributes}>{name}</a><br>"
        )
        .unwrap();
    }
    page + "</body></html>\n"
}

fn files(text: &str) -> Vec<File> {
    let projects: BTreeMap<String, BTreeMap<String, Release>> = toml::from_str(text).unwrap();
    let mut files = Vec::new();
    for (project, releases) in &projects {
        for (version, release) in releases {
            let stem = format!("{}-{version}", project.replace('-', "_"));
            let metadata = metadata(project, version, release, "2.1");
            for tags in &release.wheels {
                files.push(File {
                    name: format!("{stem}-{tags}.whl"),
                    bytes: wheel(&stem, tags, &metadata, release),
                    core_metadata: release.metadata.then(|| metadata.clone()),
                    ..file(project, release)
                });
            }
            if release.sdist {
                files.push(File {
                    name: format!("{stem}.tar.gz"),
                    bytes: sdist(&stem, &self::metadata(project, version, release, "2.2")),
                    ..file(project, release)
                });
            }
        }
    }
    files
}

fn file(project: &str, release: &Release) -> File {
    File {
        project: project.to_owned(),
        name: String::new(),
        bytes: Vec::new(),
        core_metadata: None,
        uploaded: release.uploaded.clone(),
        requires_python: release.requires_python.clone(),
        yanked: release.yanked.clone(),
    }
}

fn metadata(project: &str, version: &str, release: &Release, format: &str) -> String {
    let mut text = format!("Metadata-Version: {format}\nName: {project}\nVersion: {version}\n");
    if let Some(python) = &release.requires_python {
        writeln!(text, "Requires-Python: {python}").unwrap();
    }
    for url in &release.urls {
        writeln!(text, "Project-URL: Source, {url}").unwrap();
    }
    for requirement in &release.requires {
        writeln!(text, "Requires-Dist: {requirement}").unwrap();
    }
    text
}

/// A real wheel; stored, so that its bytes never depend on a compressor.
fn wheel(stem: &str, tags: &str, metadata: &str, release: &Release) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let own = [stem.split('-').next().unwrap().to_owned()];
    let modules = match release.modules.as_slice() {
        [] => &own[..],
        modules => modules,
    };
    let info = format!("{stem}.dist-info");
    let about = format!("Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tags}\n");
    let paths = modules
        .iter()
        .map(|module| module.replace('.', "/") + ".py");
    let record: String = paths.clone().map(|path| path + ",,\n").collect();
    let record = format!("{record}{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n");
    for path in paths {
        writer.start_file(path, options).unwrap();
        writer.write_all(release.module.as_bytes()).unwrap();
    }
    for (name, text) in [
        (format!("{info}/METADATA"), metadata),
        (format!("{info}/WHEEL"), about.as_str()),
        (format!("{info}/RECORD"), record.as_str()),
    ] {
        writer.start_file(name, options).unwrap();
        writer.write_all(text.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn sdist(stem: &str, metadata: &str) -> Vec<u8> {
    let gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    let mut archive = tar::Builder::new(gzip);
    for (name, text) in [
        ("PKG-INFO", metadata),
        ("setup.py", "raise SystemExit('an sdist was built')\n"),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        let path = format!("{stem}/{name}");
        archive
            .append_data(&mut header, path, text.as_bytes())
            .unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap()
}

fn sha256(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in sha2::Sha256::digest(bytes) {
        write!(text, "{byte:02x}").unwrap();
    }
    text
}
