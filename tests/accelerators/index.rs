//! The index of `fixtures/accelerators/index.tsv`: one world an index, all on one port.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pinsmith_resolver::WheelName;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::index::{Projects, Release, wheel_of, worlds_answers};
use crate::support::server::{Answer, Asked, Server};

/// A running index with a table that points to it.
pub(super) struct Index {
    pub(super) server: Server,
    pub(super) folder: TempDir,
    pub(super) table: PathBuf,
    /// Whether the asset at `/assets/` is another one by now.
    pub(super) replaced: Arc<AtomicBool>,
    /// Whether PyG's pages cannot be asked.
    pub(super) broken: Arc<AtomicBool>,
    /// Another host, which has the files that the index of cu128 lists.
    files: Server,
}

pub(super) fn fixture(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/accelerators");
    std::fs::read_to_string(folder.join(name)).unwrap()
}

impl Index {
    pub(super) fn start() -> Self {
        let worlds = worlds();
        let assets = assets(&worlds);
        let answers = Arc::new(worlds_answers(&worlds));
        let replaced = Arc::new(AtomicBool::new(false));
        let broken = Arc::new(AtomicBool::new(false));
        let (state, out) = (Arc::clone(&replaced), Arc::clone(&broken));
        let of_files = Arc::clone(&answers);
        let files = Server::start(move |asked| of_files(asked));
        let digests = digests();
        let elsewhere = files.url("/cu128/files/");
        let server = Server::start(move |asked| {
            if asked.path.starts_with("/data.pyg.org/") && out.load(Ordering::Relaxed) {
                return Answer::status(502);
            }
            let found = answer(asked, &*answers, &assets, &state);
            altered(asked, found, &digests, &elsewhere)
        });
        let folder = TempDir::new().unwrap();
        let text = std::fs::read_to_string(
            Path::new(env!("CARGO_MANIFEST_DIR")).join("src/accelerator/accelerators.toml"),
        )
        .unwrap();
        let pytorch = "url = \"https://download.pytorch.org/whl/{accelerator}/\"";
        let own = format!("url = \"{}\"", server.url("/{accelerator}/simple/"));
        let text = text.replace(pytorch, &own);
        // every other host becomes a folder of this one
        let text = text.replace(
            "\nurl = \"https://",
            &format!("\nurl = \"{}", server.url("/")),
        );
        let table = folder.path().join("accelerators.toml");
        std::fs::write(&table, text).unwrap();
        Self {
            server,
            folder,
            table,
            replaced,
            broken,
            files,
        }
    }

    /// What the server has at a path.
    pub(super) fn bytes(path: &str) -> Vec<u8> {
        let asked = Asked {
            method: "GET".to_owned(),
            path: path.to_owned(),
            headers: BTreeMap::new(),
            before: 0,
        };
        worlds_answers(&worlds())(&asked).bytes().to_vec()
    }

    /// Where the files of a world are: those of cu128 lie on another host than its pages.
    pub(super) fn files_of(&self, world: &str) -> String {
        let server = if world == "cu128" {
            &self.files
        } else {
            &self.server
        };
        server.url(&format!("/{world}/files/"))
    }
}

/// Digests of files as they were recorded, by world and name.
fn digests() -> BTreeMap<(String, String), String> {
    let text = fixture("digests.tsv");
    let rows = text.lines().filter(|line| !line.starts_with('#'));
    rows.map(|line| {
        let fields: Vec<&str> = line.split('\t').collect();
        let [world, file, digest] = fields[..] else {
            panic!("{line}");
        };
        ((world.to_owned(), file.to_owned()), digest.to_owned())
    })
    .collect()
}

/// A page with what was recorded of its links.
fn altered(
    asked: &Asked,
    answer: Answer,
    digests: &BTreeMap<(String, String), String>,
    elsewhere: &str,
) -> Answer {
    let world = asked.path.split('/').nth(1).unwrap_or_default();
    let of_interest = world == "cu128" || asked.path.ends_with("/simple/torchvision/");
    let page = of_interest
        .then(|| serde_json::from_slice::<Value>(answer.bytes()).ok())
        .flatten();
    let Some(mut page) = page else {
        return answer;
    };
    for file in page["files"].as_array_mut().into_iter().flatten() {
        let name = file["filename"].as_str().unwrap().to_owned();
        if let Some(digest) = digests.get(&(world.to_owned(), name)) {
            file["hashes"]["sha256"] = Value::from(digest.as_str());
        }
        let url = file["url"].as_str().unwrap();
        if let Some(rest) = url.strip_prefix("/cu128/files/") {
            file["url"] = Value::from(format!("{elsewhere}{rest}"));
        }
    }
    Answer::ok("application/vnd.pypi.simple.v1+json", page.to_string())
}

/// Worlds by name: `main` and the accelerators.
fn worlds() -> BTreeMap<String, Projects> {
    let text = fixture("index.tsv");
    let mut lists = BTreeMap::new();
    let mut worlds = BTreeMap::<String, Projects>::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split('\t').collect();
        if let [key, list] = fields.as_slice() {
            lists.insert((*key).to_owned(), (*list).to_owned());
            continue;
        }
        let [world, project, version, day, wheels, requires, flags] = fields[..] else {
            panic!("{line}");
        };
        let requires = lists.get(requires).map_or(requires, String::as_str);
        let has = |flag: &str| flags.split(',').any(|own| own == flag);
        let extras = flags
            .split_once("extras=")
            .map(|(_, extras)| extras.split(','));
        let release = Release {
            uploaded: day.to_owned(),
            requires: requires
                .split(" | ")
                .filter(|one| !one.is_empty())
                .map(str::to_owned)
                .collect(),
            wheels: wheels.split_whitespace().map(str::to_owned).collect(),
            extras: extras.into_iter().flatten().map(str::to_owned).collect(),
            sdist: has("sdist"),
            dynamic: has("dynamic"),
            yanked: has("yanked").then(String::new),
            // one name, several builds: the bytes tell the world
            module: format!("# {world}\n"),
            ..Release::default()
        };
        let projects = worlds.entry(world.to_owned()).or_default();
        let releases = projects.entry(project.to_owned()).or_default();
        releases.insert(version.to_owned(), release);
    }
    worlds
}

/// Names of files by the page that lists them.
fn assets(worlds: &BTreeMap<String, Projects>) -> BTreeMap<String, Vec<String>> {
    let mut pages = BTreeMap::<String, Vec<String>>::new();
    for (world, projects) in worlds {
        for (project, releases) in projects {
            for (version, release) in releases {
                let page = match world.split('-').collect::<Vec<_>>().as_slice() {
                    ["flash"] => {
                        let public = version.split('+').next().unwrap();
                        format!(
                            "/github.com/Dao-AILab/flash-attention/releases/expanded_assets/v{public}"
                        )
                    }
                    ["pyg", torch, build] => {
                        format!("/data.pyg.org/whl/torch-{torch}.0+{build}.html")
                    }
                    ["mmcv", torch, build] => format!(
                        "/download.openmmlab.com/mmcv/dist/{build}/torch{torch}.0/index.html"
                    ),
                    ["dgl", torch, build] => {
                        format!("/data.dgl.ai/wheels/torch-{torch}/{build}/repo.html")
                    }
                    ["detectron2", torch, build] => format!(
                        "/dl.fbaipublicfiles.com/detectron2/wheels/{build}/torch{torch}/index.html"
                    ),
                    ["vllm", build] => {
                        let public = version.split('+').next().unwrap();
                        format!("/wheels.vllm.ai/{public}/{build}/vllm/")
                    }
                    _ => continue,
                };
                let stem = format!("{}-{version}", project.replace('-', "_"));
                let names = release
                    .wheels
                    .iter()
                    .map(|tags| format!("/{world}/files/{stem}-{tags}.whl"));
                pages.entry(page).or_default().extend(names);
            }
        }
    }
    pages
}

fn answer(
    asked: &Asked,
    worlds: &impl Fn(&Asked) -> Answer,
    assets: &BTreeMap<String, Vec<String>>,
    replaced: &AtomicBool,
) -> Answer {
    const DOWNLOAD: &str = "/github.com/Dao-AILab/flash-attention/releases/download/";
    const PADDLE: &str = "/www.paddlepaddle.org.cn/packages/stable/";
    if let Some(files) = assets.get(&asked.path) {
        let version = asked.path.rsplit('/').next().unwrap();
        let links = files.iter().map(|file| {
            let name = file.rsplit('/').next().unwrap();
            let place = if file.starts_with("/flash/") {
                format!("{DOWNLOAD}{version}/{name}")
            } else {
                file.clone()
            };
            format!("<a href=\"{}\">{name}</a>\n", place.replace('+', "%2B"))
        });
        return Answer::html(links.collect::<String>());
    }
    if let Some(rest) = asked.path.strip_prefix(DOWNLOAD) {
        let name = rest.split_once('/').map_or(rest, |(_, name)| name);
        let path = format!("/flash/files/{name}");
        return worlds(&Asked {
            path,
            ..asked.clone()
        });
    }
    // a vendor's index is a world, too
    if let Some(rest) = asked.path.strip_prefix(PADDLE)
        && let Some((build, project)) = rest.split_once('/')
    {
        let path = format!("/paddle-{build}/simple/{project}");
        return worlds(&Asked {
            path,
            ..asked.clone()
        });
    }
    if asked.path.starts_with("/assets/") {
        let torch = if replaced.load(Ordering::Relaxed) {
            "torch==2.10.0"
        } else {
            "torch==2.9.1"
        };
        return Answer::file(asked, &wheel_of("vllm", "0.16.0", &[torch]));
    }
    let answer = worlds(asked);
    // the links of torch 2.13.0 on this index carry no digest
    if asked.path.starts_with("/cu132/simple/") {
        return without_digests(&answer);
    }
    answer
}

fn without_digests(answer: &Answer) -> Answer {
    let Ok(mut page) = serde_json::from_slice::<Value>(answer.bytes()) else {
        return answer.clone();
    };
    for file in page["files"].as_array_mut().into_iter().flatten() {
        file["hashes"] = serde_json::json!({});
    }
    Answer::ok("application/vnd.pypi.simple.v1+json", page.to_string())
}

/// What pip would install, by name.
pub(super) fn pip_report(index: &Index, requirements: &Path) -> BTreeMap<String, String> {
    let report = index.folder.path().join("report.json");
    let output = Command::new("python3")
        .args([
            "-m",
            "pip",
            "install",
            "--dry-run",
            "--ignore-installed",
            "--no-deps",
            "--quiet",
        ])
        .args([
            "--python-version",
            "3.12",
            "--implementation",
            "cp",
            "--abi",
            "cp312",
            "--abi",
            "abi3",
            "--abi",
            "none",
        ])
        .args([
            "--platform",
            "manylinux_2_35_x86_64",
            "--platform",
            "manylinux_2_28_x86_64",
        ])
        .args([
            "--platform",
            "manylinux_2_27_x86_64",
            "--platform",
            "manylinux_2_17_x86_64",
        ])
        .args([
            "--platform",
            "manylinux2014_x86_64",
            "--platform",
            "linux_x86_64",
            "--only-binary",
            ":all:",
        ])
        .args([
            "--target",
            "unused",
            "--index-url",
            &index.server.url("/main/simple/"),
        ])
        .arg("--report")
        .arg(&report)
        .arg("-r")
        .arg(requirements)
        .env_remove("PIP_EXTRA_INDEX_URL")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let report: Value = serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap();
    let all = report["install"].as_array().unwrap().iter();
    all.map(|one| {
        let text = |key: &str| one["metadata"][key].as_str().unwrap().to_owned();
        // pip shows a local version as the file spells it
        (text("name"), text("version").to_lowercase())
    })
    .collect()
}

/// What uv would install, by name.
pub(super) fn uv_report(index: &Index, requirements: &Path) -> BTreeMap<String, String> {
    let output = Command::new("uv")
        .args([
            "pip",
            "install",
            "--dry-run",
            "--no-deps",
            "--no-config",
            "--python-version",
            "3.12",
        ])
        .args([
            "--python-platform",
            "x86_64-manylinux_2_35",
            "--only-binary",
            ":all:",
        ])
        .args(["--target"])
        .arg(index.folder.path().join("unused"))
        .args(["--default-index", &index.server.url("/main/simple/"), "-r"])
        .arg(requirements)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    let lines = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("+ "));
    lines
        .map(|line| {
            let pin = line.split(" (from").next().unwrap();
            if let Some((name, version)) = pin.split_once("==") {
                return (name.to_owned(), version.to_owned());
            }
            // what has an address is shown with it
            let (name, address) = pin.split_once(" @ ").unwrap();
            let file = address.rsplit('/').next().unwrap().replace("%2B", "+");
            let wheel: WheelName = file.parse().unwrap();
            (name.to_owned(), wheel.version.to_string())
        })
        .collect()
}
