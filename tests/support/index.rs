//! The package index of `fixtures/index/projects.toml`, built in memory and served in this process.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Cursor, Write as _};
use std::path::Path;

use pinsmith_resolver::{MemoryRelease, MemorySource};
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

/// Projects with their releases, as an index has them.
pub(crate) type Projects = BTreeMap<String, BTreeMap<String, Release>>;

/// A release of such an index.
#[derive(Deserialize, Clone, Debug)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub(crate) struct Release {
    /// A day, such as `2026-01-31`.
    pub(crate) uploaded: String,
    pub(crate) requires: Vec<String>,
    pub(crate) requires_python: Option<String>,
    pub(crate) extras: Vec<String>,
    pub(crate) wheels: Vec<String>,
    pub(crate) sdist: bool,
    /// Why, which may be empty.
    pub(crate) yanked: Option<String>,
    /// Whether its wheels have advertised `.metadata` files.
    pub(crate) metadata: bool,
    /// Whether only a build would tell what its sdist requires.
    pub(crate) dynamic: bool,
    /// The text of its module.
    pub(crate) module: String,
    /// Modules that its files hold, instead of the one of the project's name.
    pub(crate) modules: Vec<String>,
    /// Addresses that its metadata names.
    pub(crate) urls: Vec<String>,
}

impl Default for Release {
    fn default() -> Self {
        Self {
            uploaded: String::new(),
            requires: Vec::new(),
            requires_python: None,
            extras: Vec::new(),
            wheels: vec!["py3-none-any".to_owned()],
            sdist: false,
            yanked: None,
            module: "# made for a test\n".to_owned(),
            metadata: true,
            modules: Vec::new(),
            urls: Vec::new(),
            dynamic: false,
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
    let text = std::fs::read_to_string(path).unwrap();
    let files = files_of(&toml::from_str(&text).unwrap());
    move |asked| answer(&files, form, "", asked)
}

/// Projects as `serve_text` has them, with further files below `/extra/`.
pub(crate) fn serve_beside(projects: &str, extra: Vec<(String, Vec<u8>)>) -> Server {
    let files = files_of(&toml::from_str(projects).unwrap());
    Server::start(move |asked| match asked.path.strip_prefix("/extra/") {
        Some(name) => match extra.iter().find(|(own, _)| own == name) {
            Some((_, bytes)) => Answer::file(asked, bytes),
            None => Answer::status(404),
        },
        None => answer(&files, Form::Json, "", asked),
    })
}

/// A wheel with one module, as its bytes.
pub(crate) fn wheel_of(name: &str, version: &str, requires: &[&str]) -> Vec<u8> {
    let release = Release {
        requires: requires.iter().map(|line| (*line).to_owned()).collect(),
        ..Release::default()
    };
    let stem = format!("{}-{version}", name.replace('-', "_"));
    let metadata = metadata(name, version, &release, "2.1");
    wheel(&stem, "py3-none-any", &metadata, &release)
}

/// A gzipped tar with files below one top folder.
pub(crate) fn tarball(top: &str, files: &[(&str, &str)]) -> Vec<u8> {
    let gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    let mut archive = tar::Builder::new(gzip);
    for (name, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        let path = format!("{top}/{name}");
        archive
            .append_data(&mut header, path, text.as_bytes())
            .unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap()
}

/// The same for projects that are written like those of `fixtures/index/projects.toml`.
pub(crate) fn serve_text(form: Form, projects: &str) -> Server {
    let files = files_of(&toml::from_str(projects).unwrap());
    Server::start(move |asked| answer(&files, form, "", asked))
}

/// Serves many indexes: that of NAME has its pages below `/NAME/simple/`.
pub(crate) fn serve_worlds(worlds: &BTreeMap<String, Projects>) -> Server {
    Server::start(worlds_answers(worlds))
}

/// The answers of many indexes.
pub(crate) fn worlds_answers(
    worlds: &BTreeMap<String, Projects>,
) -> impl Fn(&Asked) -> Answer + Send + Sync + 'static {
    let worlds: BTreeMap<String, Vec<File>> = worlds
        .iter()
        .map(|(name, projects)| (format!("/{name}"), files_of(projects)))
        .collect();
    move |asked| {
        let end = asked.path[1..]
            .find('/')
            .map_or(asked.path.len(), |end| end + 1);
        let prefix = &asked.path[..end];
        match worlds.get(prefix) {
            Some(files) => answer(files, Form::Json, prefix, asked),
            None => Answer::status(404),
        }
    }
}

/// The same index in memory.
pub(crate) fn in_memory(projects: &Projects) -> MemorySource {
    let mut source = MemorySource::default();
    for (project, releases) in projects {
        for (version, release) in releases {
            fn texts(texts: &[String]) -> Vec<&str> {
                texts.iter().map(String::as_str).collect()
            }
            if release.dynamic {
                let stem = format!("{}-{version}", project.replace('-', "_"));
                source.hide_metadata(&format!("{stem}.tar.gz"), "only a build would tell");
            }
            let uploaded = format!("{}T12:00:00Z", release.uploaded);
            source.add_release(
                project,
                version,
                &MemoryRelease {
                    requires: &texts(&release.requires),
                    requires_python: release.requires_python.as_deref(),
                    wheels: &texts(&release.wheels),
                    sdist: release.sdist,
                    yanked: release.yanked.is_some(),
                    extras: &texts(&release.extras),
                    uploaded: (!release.uploaded.is_empty()).then_some(uploaded.as_str()),
                },
            );
        }
    }
    source
}

fn answer(files: &[File], form: Form, prefix: &str, asked: &Asked) -> Answer {
    let path = asked.path.strip_prefix(prefix).unwrap_or_default();
    if let Some(project) = path.strip_prefix("/simple/") {
        let project = project.trim_end_matches('/');
        let of_project: Vec<&File> = files
            .iter()
            .filter(|file| file.project == project)
            .collect();
        return match (of_project.as_slice(), form) {
            ([], _) => Answer::status(404),
            (files, Form::Json) => Answer::ok(
                "application/vnd.pypi.simple.v1+json",
                json_page(project, files, prefix).to_string(),
            ),
            (files, Form::Html) => Answer::html(html_page(files)),
        };
    }
    let name = path.strip_prefix("/files/").unwrap_or_default();
    let name = name.replace("%2B", "+");
    let name = name.as_str();
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

fn json_page(project: &str, files: &[&File], prefix: &str) -> Value {
    let entries = files.iter().map(|file| {
        json!({
            "filename": file.name,
            "url": format!("{prefix}/files/{}", file.name.replace('+', "%2B")),
            "hashes": {"sha256": sha256(&file.bytes)},
            "size": file.bytes.len(),
            "upload-time": (!file.uploaded.is_empty())
                .then(|| format!("{}T12:00:00.000000Z", file.uploaded)),
            "requires-python": file.requires_python,
            "yanked": match file.yanked.as_deref() {
                None => json!(false),
                Some("") => json!(true),
                Some(reason) => json!(reason),
            },
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

fn files_of(projects: &Projects) -> Vec<File> {
    let mut files = Vec::new();
    for (project, releases) in projects {
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
                let sdist_format = if release.dynamic { "2.1" } else { "2.2" };
                files.push(File {
                    name: format!("{stem}.tar.gz"),
                    bytes: sdist(
                        &stem,
                        &self::metadata(project, version, release, sdist_format),
                        release,
                    ),
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
    for extra in &release.extras {
        writeln!(text, "Provides-Extra: {extra}").unwrap();
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

fn sdist(stem: &str, metadata: &str, release: &Release) -> Vec<u8> {
    let script = "raise SystemExit('an sdist was built')\n";
    let modules = release.modules.iter();
    let modules: Vec<String> = modules
        .map(|module| format!("src/{}.py", module.replace('.', "/")))
        .collect();
    let mut files = vec![("PKG-INFO", metadata), ("setup.py", script)];
    files.extend(
        modules
            .iter()
            .map(|path| (path.as_str(), release.module.as_str())),
    );
    tarball(stem, &files)
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in sha2::Sha256::digest(bytes) {
        write!(text, "{byte:02x}").unwrap();
    }
    text
}
