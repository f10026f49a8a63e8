//! `pinsmith doctor`: what this machine is, what runs on it, and what to type next.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use super::accelerators::table;
use super::args::{DoctorArgs, GlobalArgs, IndexArgs};
use super::chosen_lock::several;
use super::json::{SCHEMA, to_text};
use super::source::open_tree;
use super::terminal::Terminal;
use super::typed::typed;
use super::world::{cache_dir, env, location, megabytes};
use super::{Done, Failure};
use crate::accelerator::MinorVersion;
use crate::auto::{Choice, Line, Machine, Wanted, choose, survey};
use crate::diagnostic::Diagnostic;
use crate::escape::visible;
use crate::host::{Host, HostOptions, Tool};
use crate::index::Location;
use crate::index::cache::Cache;
use crate::lock::floor_kind;

pub(super) fn run(
    args: &DoctorArgs,
    global: &GlobalArgs,
    terminal: Terminal,
) -> Result<Done, Failure> {
    let tree = open_tree(&args.path)?;
    let found = Found::look(args, global, tree.root())?;
    if terminal.json() {
        terminal.result(&to_text(&found.json())?)?;
        return Ok(Done::Yes);
    }
    terminal.result(&found.text())?;
    terminal.diagnostics(&found.diagnostics);
    if let Some(next) = &found.next {
        terminal.next(next);
    }
    Ok(Done::Yes)
}

/// Everything that was found.
struct Found {
    host: Host,
    machine: Machine,
    choice: Option<Choice>,
    lines: Vec<Line>,
    location: Option<Location>,
    cache: Option<(String, u64)>,
    installers: Vec<Tool>,
    diagnostics: Vec<Diagnostic>,
    next: Option<String>,
}

impl Found {
    fn look(args: &DoctorArgs, global: &GlobalArgs, root: &Path) -> Result<Self, Failure> {
        let table = table(args.accelerator_table.as_deref())?;
        let options = HostOptions {
            all: true,
            gpus: args.platform.is_none(),
            memory: Some(Arc::new(Cache::new(cache_dir(global)))),
            ..HostOptions::from_env(&env, args.python)
        };
        let host = Host::detect(&options, root);
        let machine = machine(args, &host);
        let own = host.python.as_ref().map(|python| python.version);
        let wanted = Wanted {
            python: args.python.or(own),
            torch: None,
        };
        let mut diagnostics = host.diagnostics.clone();
        let choice = match choose(&machine, &wanted, &table) {
            Ok(choice) => {
                diagnostics.extend(choice.warnings.iter().cloned());
                Some(choice)
            }
            Err(error) => {
                diagnostics.push(error);
                None
            }
        };
        let index = IndexArgs {
            index_url: args.index_url.clone(),
            extra_index_url: args.extra_index_url.clone(),
            offline: true,
            ..IndexArgs::default()
        };
        let location = match location(&index, global, &host, root) {
            Ok(location) => {
                diagnostics.extend(location.notes.iter().cloned());
                Some(location)
            }
            Err(failure) => {
                let code = failure.code.unwrap_or(crate::index::codes::NO_INDEX);
                let mut diagnostic = Diagnostic::error(code, failure.message);
                diagnostic.help = failure.help.into_iter().next();
                diagnostics.push(diagnostic);
                None
            }
        };
        let cache = Cache::new(cache_dir(global));
        let cache = cache.dir().map(|dir| {
            let bytes = cache.size().map_or(0, |size| size.bytes);
            (dir.display().to_string(), bytes)
        });
        Ok(Self {
            lines: survey(&machine, &wanted, &table),
            installers: host.installers(&options, root),
            next: location.as_ref().map(|_| next(args, root, choice.as_ref())),
            host,
            machine,
            choice,
            location,
            cache,
            diagnostics,
        })
    }

    /// The platform with the version of its C library or system.
    fn platform(&self) -> String {
        let Some(platform) = self.machine.platform else {
            return "none that a lock can be made for".to_owned();
        };
        let (major, minor) = self.machine.floor;
        match floor_kind(platform) {
            Some(kind) => {
                let name = if kind == "macos" { "macOS" } else { kind };
                format!("{platform}, {name} {major}.{minor}")
            }
            None => platform.to_string(),
        }
    }

    fn text(&self) -> String {
        let mut rows = Rows::default();
        rows.section("machine", [self.platform()]);
        if self.host.musl {
            rows.section("", ["musl instead of glibc".to_owned()]);
        }
        let pythons = self.host.interpreters.iter().map(|python| {
            let used = Some(python) == self.host.python.as_ref();
            let name = if python.implementation == "cpython" {
                String::new()
            } else {
                format!("{} ", python.implementation)
            };
            let used = if used { ", used here" } else { "" };
            format!("{name}{}  {}{used}", python.version, python.path.display())
        });
        rows.section("python", or_none(pythons.collect()));
        let mut seen = self.machine.seen();
        if let Some(nvidia) = &self.machine.gpus.nvidia {
            if let Some((major, minor)) = nvidia.cuda {
                let _ = write!(seen, ", speaks CUDA {major}.{minor}");
            }
            let _ = write!(seen, " ({})", nvidia.source.as_str());
        }
        rows.section("gpu", [seen]);
        let (runs, not): (Vec<_>, Vec<_>) =
            self.lines.iter().partition(|line| line.why_not.is_none());
        rows.section("runs", runs_text(&runs));
        let not = not.into_iter().map(|line| {
            let why = line.why_not.as_deref().unwrap_or_default();
            format!("{:<8} {why}", line.name)
        });
        rows.section("runs not", not.collect::<Vec<_>>());
        if let Some(choice) = &self.choice {
            let mut text = choice.accelerator.to_string();
            if let Some(newer) = &choice.newer {
                let _ = write!(text, "; {newer}");
            }
            rows.section("auto", [text]);
        }
        let indexes = self.location.iter().flat_map(|location| &location.indexes);
        let indexes = indexes.map(|index| format!("{index}  {}", index.origin));
        rows.section("index", or_none(indexes.collect()));
        let routes = self.location.iter().flat_map(|location| &location.routes);
        let routes = routes.map(|route| format!("{}  for some packages", route.index));
        rows.section("", routes.collect::<Vec<_>>());
        let cache = self.cache.iter();
        let cache = cache.map(|(dir, bytes)| match bytes {
            0 => format!("{dir}, empty"),
            bytes => format!("{dir}, {:.1} MB", megabytes(*bytes)),
        });
        rows.section("cache", or_none(cache.collect()));
        let tools = self.installers.iter();
        let tools = tools.map(|tool| {
            let path = tool.path.display();
            format!("{} {}  {path}", tool.name, tool.version)
        });
        rows.section("install", or_none(tools.collect()));
        rows.0
    }

    fn json(&self) -> DoctorJson<'_> {
        let gpus = &self.machine.gpus;
        let (major, minor) = self.machine.floor;
        let kind = self.machine.platform.and_then(floor_kind);
        let floor = |wanted: &str| (kind == Some(wanted)).then(|| format!("{major}.{minor}"));
        DoctorJson {
            schema: SCHEMA,
            platform: self.machine.platform.map(|platform| platform.to_string()),
            glibc: floor("glibc"),
            macos: floor("macos"),
            musl: self.host.musl,
            wsl: gpus.wsl,
            pythons: self
                .host
                .interpreters
                .iter()
                .map(|python| PythonJson {
                    version: python.version.to_string(),
                    implementation: &python.implementation,
                    path: python.path.display().to_string(),
                    used: Some(python) == self.host.python.as_ref(),
                })
                .collect(),
            nvidia: gpus.nvidia.as_ref().map(|nvidia| NvidiaJson {
                driver: nvidia.driver.as_ref().map(ToString::to_string),
                cuda: nvidia.cuda.map(|(major, minor)| format!("{major}.{minor}")),
                source: nvidia.source.as_str(),
                gpus: nvidia
                    .gpus
                    .iter()
                    .map(|gpu| GpuJson {
                        name: &gpu.name,
                        compute_capability: gpu.capability.map(|it| it.to_string()),
                    })
                    .collect(),
            }),
            amd: gpus.amd.iter().map(ToString::to_string).collect(),
            intel: match (gpus.has_discrete_intel(), gpus.has_intel()) {
                (true, _) => Some("card"),
                (false, true) => Some("processor"),
                (false, false) => None,
            },
            accelerators: self
                .lines
                .iter()
                .map(|line| AcceleratorJson {
                    name: &line.name,
                    runs: line.why_not.is_none(),
                    torch: line.newest.map(|newest| newest.to_string()),
                    why_not: line.why_not.as_deref(),
                })
                .collect(),
            auto: self.choice.as_ref().map(|choice| AutoJson {
                accelerator: choice.accelerator.to_string(),
                torch: choice.torch.as_ref().map(ToString::to_string),
                newer: choice.newer.as_deref(),
            }),
            indexes: self
                .location
                .iter()
                .flat_map(|location| &location.indexes)
                .map(|index| IndexJson {
                    url: index.to_string(),
                    origin: &index.origin,
                })
                .collect(),
            cache: self
                .cache
                .as_ref()
                .map(|(dir, bytes)| CacheJson { dir, bytes: *bytes }),
            installers: self
                .installers
                .iter()
                .map(|tool| ToolJson {
                    name: tool.name,
                    version: &tool.version,
                    path: tool.path.display().to_string(),
                })
                .collect(),
            next: self.next.as_deref(),
            diagnostics: &self.diagnostics,
        }
    }
}

/// The machine that is judged: this one, or the one that flags describe.
fn machine(args: &DoctorArgs, host: &Host) -> Machine {
    let mut machine = Machine::of(host);
    if let Some(named) = args.platform {
        machine.platform = Some(named.platform());
        machine.floor = named.usual_floor();
    }
    machine.floor = args.glibc.unwrap_or(machine.floor);
    args.machine.apply(&mut machine.gpus);
    machine
}

/// What to type next: install what is locked, or lock.
fn next(args: &DoctorArgs, root: &Path, choice: Option<&Choice>) -> String {
    let place = match args.path.to_str() {
        Some(".") | None => String::new(),
        Some(path) => format!(" {}", typed(path)),
    };
    let usual = root.join("pylock.toml").exists();
    if usual || !several(root).is_empty() {
        return format!("pinsmith sync{place}");
    }
    let described = args.platform.is_some() || !args.machine.is_empty();
    match choice {
        Some(choice) if described => {
            format!("pinsmith lock{place} --accelerator {}", choice.accelerator)
        }
        _ => format!("pinsmith lock{place} --accelerator auto"),
    }
}

/// Builds with their newest torch; those of releases that are long past share a line.
fn runs_text(lines: &[&Line]) -> Vec<String> {
    const OLD: MinorVersion = MinorVersion { major: 2, minor: 5 };
    let is_old = |line: &&&Line| line.newest.is_some_and(|newest| newest < OLD);
    let (old, current): (Vec<&Line>, Vec<&Line>) = if lines.iter().all(|line| is_old(&line)) {
        (Vec::new(), lines.to_vec())
    } else {
        lines.iter().partition(is_old)
    };
    let row = |line: &Line| match line.newest {
        Some(newest) => format!("{:<8} torch up to {newest}", line.name),
        None => line.name.clone(),
    };
    let mut rows: Vec<String> = current.into_iter().map(row).collect();
    let several = old.len() > 1;
    let newest = old.iter().filter_map(|line| line.newest).max();
    match newest {
        Some(newest) if several => {
            let names: Vec<&str> = old.iter().map(|line| line.name.as_str()).collect();
            rows.push(format!("{}: torch up to {newest}", names.join(", ")));
        }
        _ => rows.extend(old.into_iter().map(row)),
    }
    rows
}

fn or_none(mut rows: Vec<String>) -> Vec<String> {
    if rows.is_empty() {
        rows.push("none".to_owned());
    }
    rows
}

/// Labelled lines; the label stands on the first of several.
#[derive(Default)]
struct Rows(String);

impl Rows {
    fn section(&mut self, label: &str, lines: impl IntoIterator<Item = String>) {
        for (number, line) in lines.into_iter().enumerate() {
            let label = if number == 0 { label } else { "" };
            let line = visible(&line);
            let _ = writeln!(self.0, "{label:<10}{line}");
        }
    }
}

/// The JSON that `doctor` prints.
#[derive(Serialize)]
struct DoctorJson<'a> {
    schema: u32,
    platform: Option<String>,
    glibc: Option<String>,
    macos: Option<String>,
    musl: bool,
    wsl: bool,
    pythons: Vec<PythonJson<'a>>,
    nvidia: Option<NvidiaJson<'a>>,
    amd: Vec<String>,
    intel: Option<&'static str>,
    accelerators: Vec<AcceleratorJson<'a>>,
    auto: Option<AutoJson<'a>>,
    indexes: Vec<IndexJson<'a>>,
    cache: Option<CacheJson<'a>>,
    installers: Vec<ToolJson<'a>>,
    next: Option<&'a str>,
    diagnostics: &'a [Diagnostic],
}

#[derive(Serialize)]
struct PythonJson<'a> {
    version: String,
    implementation: &'a str,
    path: String,
    used: bool,
}

#[derive(Serialize)]
struct NvidiaJson<'a> {
    driver: Option<String>,
    cuda: Option<String>,
    source: &'static str,
    gpus: Vec<GpuJson<'a>>,
}

#[derive(Serialize)]
struct GpuJson<'a> {
    name: &'a str,
    compute_capability: Option<String>,
}

#[derive(Serialize)]
struct AcceleratorJson<'a> {
    name: &'a str,
    runs: bool,
    torch: Option<String>,
    why_not: Option<&'a str>,
}

#[derive(Serialize)]
struct AutoJson<'a> {
    accelerator: String,
    torch: Option<String>,
    newer: Option<&'a str>,
}

#[derive(Serialize)]
struct IndexJson<'a> {
    url: String,
    origin: &'a str,
}

#[derive(Serialize)]
struct CacheJson<'a> {
    dir: &'a str,
    bytes: u64,
}

#[derive(Serialize)]
struct ToolJson<'a> {
    name: &'static str,
    version: &'a str,
    path: String,
}
