//! Imports modules in a process of their own, and in a new one after each failure.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{ImportFailure, ImportReport, Need, Outcome, VerifyEvent, Wanted};
use crate::escape::visible;
use crate::failure::likely_cause;
use crate::install::{
    CommandLine, Ending, Limit, Stream, Surroundings, SyncError, SyncOptions, execute, scrub,
    venv_python,
};

const PROBE: &str = include_str!("probe.py");
/// What is said of a module that imports under settings only; only those of Django are known.
const WITH_SETTINGS: &str = "after `django.conf.settings.configure()`";
/// How many last lines of what a module writes are looked at.
const TAIL: usize = 200;
/// Longest line of an error that is reported, in bytes.
const MAX_ERROR: usize = 400;

/// Where things are imported.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) python: PathBuf,
    /// `3.11`.
    short: String,
    flags: &'static [&'static str],
    pub(super) environment: BTreeMap<OsString, OsString>,
    folder: PathBuf,
    pub(super) work: PathBuf,
    /// Folders of the tree that are searched first; none unless the user asked for it.
    path: Vec<PathBuf>,
}

impl Place {
    /// In the environment that `options` made, with a home of its own below `work`.
    pub(super) fn new(
        options: &SyncOptions,
        version: &str,
        work: &Path,
    ) -> Result<Self, SyncError> {
        let [home, folder] = ["home", "empty"].map(|name| work.join(name));
        for path in [&home, &folder] {
            fs::create_dir_all(path).map_err(|source| SyncError::io(path, source))?;
        }
        let network = options.network.or_from(&options.environment);
        Ok(Self {
            python: venv_python(&options.venv),
            short: version
                .rsplit_once('.')
                .map_or(version, |(short, _)| short)
                .to_owned(),
            flags: if version.starts_with("2.") {
                &["-E", "-s", "-B"] // `-I` came with Python 3.4
            } else {
                &["-I", "-B", "-X", "faulthandler"]
            },
            environment: scrub(&options.environment, &network, &home, &options.tree),
            folder,
            work: work.to_owned(),
            path: Vec::new(),
        })
    }

    /// The same, with these folders of the tree before everything else.
    pub(super) fn searching(&self, folders: impl Iterator<Item = PathBuf>) -> Self {
        Self {
            path: folders.collect(),
            ..self.clone()
        }
    }

    pub(super) fn surroundings<'a>(&'a self, options: &'a SyncOptions) -> Surroundings<'a> {
        Surroundings {
            environment: &self.environment,
            folder: &self.folder,
            cancel: &options.cancel,
        }
    }
}

/// What the probe is told.
#[derive(Serialize)]
struct Orders<'a> {
    path: &'a [PathBuf],
    probes: Vec<Probe<'a>>,
}

#[derive(Serialize)]
struct Probe<'a> {
    id: usize,
    module: &'a str,
    names: Vec<&'a str>,
}

/// What the probe answers: that it begins with a module, or how it ended.
#[derive(Deserialize)]
struct Answer {
    begin: Option<usize>,
    end: Option<usize>,
    error: Option<String>,
    name: Option<String>,
    /// Whether Django was given settings before.
    #[serde(default)]
    configured: bool,
    #[serde(default, rename = "where")]
    raised_at: Vec<String>,
}

/// How a module failed.
struct Failed {
    failure: ImportFailure,
    /// The name that could not be taken from it.
    name: Option<String>,
    /// Whether trying it by itself could tell more.
    retry: bool,
}

/// Imports all that is not skipped.
///
/// All in one process while it goes well. What fails after others is tried once more in a process
/// of its own.
pub(super) fn import(
    wanted: Vec<Wanted>,
    place: &Place,
    limit: Duration,
    options: &SyncOptions,
    progress: &mut dyn FnMut(VerifyEvent<'_>),
) -> Result<Vec<ImportReport>, SyncError> {
    let tried = |id: &usize| !matches!(wanted[*id].need, Need::Skipped(_));
    let mut queue: VecDeque<usize> = (0..wanted.len()).filter(tried).collect();
    let all = queue.len();
    let mut failures: BTreeMap<usize, Failed> = BTreeMap::new();
    let mut configured: BTreeSet<usize> = BTreeSet::new();
    while !queue.is_empty() {
        let mut session = Session::new(&wanted, queue.iter().copied().collect());
        let before = all - queue.len();
        let ending = session.run(place, limit, options, &mut |id, done| {
            let module = &wanted[id].module;
            let done = before + done;
            progress(VerifyEvent::Import { module, done, all });
        })?;
        configured.append(&mut session.configured);
        for id in &session.done {
            queue.pop_front();
            if let Some(failed) = failures.get_mut(id) {
                failed.failure.only_together = true;
            }
        }
        if let Some(&id) = queue.front() {
            let failed = session.failed(&ending, limit);
            if !failed.retry {
                queue.pop_front();
            }
            failures.insert(id, failed);
        }
    }
    let reports = wanted.into_iter().enumerate();
    Ok(reports
        .map(|(id, wanted)| {
            let settings = configured.contains(&id).then_some(WITH_SETTINGS);
            report(wanted, failures.remove(&id), settings)
        })
        .collect())
}

/// One process that imports until something fails.
struct Session<'a> {
    wanted: &'a [Wanted],
    queue: Vec<usize>,
    /// What was imported: the first of the queue.
    done: Vec<usize>,
    /// What was imported after Django was given settings.
    configured: BTreeSet<usize>,
    error: Option<Answer>,
    /// The last lines that the modules wrote.
    tail: VecDeque<String>,
    /// Beginnings of paths that say nothing, the longest first.
    prefixes: Vec<String>,
}

impl<'a> Session<'a> {
    fn new(wanted: &'a [Wanted], queue: Vec<usize>) -> Self {
        Self {
            wanted,
            queue,
            done: Vec::new(),
            configured: BTreeSet::new(),
            error: None,
            tail: VecDeque::new(),
            prefixes: Vec::new(),
        }
    }

    fn run(
        &mut self,
        place: &Place,
        limit: Duration,
        options: &SyncOptions,
        begin: &mut dyn FnMut(usize, usize),
    ) -> Result<Ending, SyncError> {
        let orders = place.work.join("orders.json");
        let probes = self.queue.iter().map(|&id| Probe {
            id,
            module: &self.wanted[id].module,
            names: self.wanted[id].names.keys().map(String::as_str).collect(),
        });
        let told = Orders {
            path: &place.path,
            probes: probes.collect(),
        };
        let text = serde_json::to_vec(&told).unwrap_or_default();
        fs::write(&orders, text).map_err(|source| SyncError::io(&orders, source))?;
        let mut arguments: Vec<OsString> = place.flags.iter().map(Into::into).collect();
        arguments.extend(["-c".into(), PROBE.into(), orders.into_os_string()]);
        let command = CommandLine {
            title: "python",
            program: place.python.clone(),
            arguments,
        };
        self.prefixes = vec![
            format!(
                "{}/lib/python{}/site-packages/",
                options.venv.display(),
                place.short
            ),
            format!("{}/", options.venv.display()),
        ];
        let tree = place
            .path
            .iter()
            .map(|_| format!("{}/", options.tree.display()));
        self.prefixes.extend(tree.take(1));
        let limit = Limit {
            time: limit,
            per_line: true,
        };
        let surroundings = place.surroundings(options);
        execute(
            &command,
            &surroundings,
            Some(limit),
            &mut |stream, line| match stream {
                Stream::Output => self.answer(line, begin),
                Stream::Error => {
                    if self.tail.len() == TAIL {
                        self.tail.pop_front();
                    }
                    self.tail.push_back(line.to_owned());
                }
            },
        )
    }

    /// Takes an answer, which only counts when it is about the module that is due.
    fn answer(&mut self, line: &str, begin: &mut dyn FnMut(usize, usize)) {
        let due = self.queue.get(self.done.len()).copied();
        let Ok(answer) = serde_json::from_str::<Answer>(line) else {
            return;
        };
        if self.error.is_some() || due.is_none() {
            return;
        }
        if let Some(id) = answer.begin.filter(|_| answer.begin == due) {
            begin(id, self.done.len());
        } else if answer.end == due {
            if answer.error.is_some() {
                self.error = Some(answer);
            } else {
                self.done.extend(due);
                self.configured.extend(due.filter(|_| answer.configured));
                self.tail.clear();
            }
        }
    }

    /// A text without the temporary folders in its paths.
    fn short(&self, text: &str) -> String {
        let prefixes = self.prefixes.iter();
        prefixes.fold(text.to_owned(), |text, prefix| text.replace(prefix, ""))
    }

    /// How the module failed that was due when the process ended.
    fn failed(&self, ending: &Ending, limit: Duration) -> Failed {
        let context: Vec<&str> = self.tail.iter().map(String::as_str).collect();
        let context = context.join("\n");
        let after_others = !self.done.is_empty();
        let answer = self.error.as_ref();
        let hung = matches!(ending, Ending::TimedOut);
        let text = answer.and_then(|answer| answer.error.clone());
        let text = text.unwrap_or_else(|| ended(ending, limit));
        let text = self.short(&text);
        let shown = |text: &str| visible(&self.short(text)).into_owned();
        Failed {
            failure: ImportFailure {
                error: shown(error_line(text.strip_prefix("pinsmith: ").unwrap_or(&text))),
                raised_at: answer
                    .and_then(|answer| answer.raised_at.first())
                    // the probe's own frame is no place of anybody
                    .filter(|place| !place.starts_with("<string>"))
                    .map(|place| shown(place)),
                only_together: false,
                cause: likely_cause(&text, &context),
            },
            name: answer.and_then(|answer| answer.name.clone()),
            retry: after_others && !hung,
        }
    }
}

/// How a process ended that did not say it.
fn ended(ending: &Ending, limit: Duration) -> String {
    match ending {
        Ending::TimedOut => format!("pinsmith: no end within {} s", limit.as_secs()),
        Ending::Status(status) => match signal(*status) {
            Some(signal) => format!("pinsmith: ended by signal {signal}"),
            None => format!(
                "pinsmith: ended with status {} instead of importing",
                status.code().unwrap_or_default()
            ),
        },
    }
}

#[cfg(unix)]
pub(super) fn signal(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
pub(super) fn signal(_: ExitStatus) -> Option<i32> {
    None
}

/// The line of an exception that names it: the last one that is not indented and begins with the
/// exception's type, else the last that is not empty.
pub(super) fn error_line(text: &str) -> &str {
    let named = |line: &&str| {
        let word = line.split([':', ' ']).next().unwrap_or_default();
        let name = word.rsplit('.').next().unwrap_or_default();
        ["Error", "Exception", "Warning", "Exit", "Interrupt"]
            .iter()
            .any(|end| name.ends_with(end))
    };
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let line = lines
        .clone()
        .find(named)
        .or_else(|| lines.next_back())
        .unwrap_or(text);
    let mut end = line.len().min(MAX_ERROR);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    line[..end].trim()
}

fn report(wanted: Wanted, failed: Option<Failed>, settings: Option<&'static str>) -> ImportReport {
    let outcome = match (&wanted.need, &failed) {
        (Need::Skipped(_), _) => Outcome::Skipped,
        (_, None) => Outcome::Imported,
        (Need::Required, Some(failed)) if !failed.failure.only_together => Outcome::Failed,
        _ => Outcome::Warned,
    };
    let name = failed.as_ref().and_then(|failed| failed.name.as_ref());
    let site = name.and_then(|name| wanted.names.get(name).cloned());
    ImportReport {
        module: wanted.module,
        distribution: wanted.distribution.map(|name| name.to_string()),
        version: wanted.version,
        context: wanted.context,
        site: site.unwrap_or(wanted.site),
        outcome,
        reason: match wanted.need {
            Need::Skipped(reason) => Some(reason),
            _ => settings.map(str::to_owned),
        },
        failure: failed.map(|failed| failed.failure),
    }
}
