//! What models, datasets and files are, asked of their hosts while the packages are resolved.

use std::collections::BTreeMap;
use std::thread::JoinHandle;

use pinsmith_resolver::Timestamp;
use url::Url;

use super::args::ArtifactArgs;
use super::world::env;
use crate::diagnostic::{Code, Diagnostic};
use crate::environment::{
    ArtifactFile, ArtifactKey, ArtifactPin, ArtifactPins, EnvironmentSpec, MAX_ARTIFACT_FILES,
};
use crate::escape::visible;
use crate::index::location::Secret;
use crate::index::{HostAnswer, HostError, Hosts, HostsSettings, Location, Question};
use crate::scan::Scan;

/// A host that could have told what an artifact is did not.
pub(super) const HOST_SILENT: Code = Code("ENV012");

/// Where models are unless the user's environment says otherwise; the same as in `huggingface_hub`.
const HUB: &str = "https://huggingface.co";
const GITHUB: &str = "https://api.github.com";

type Answers = Vec<(ArtifactKey, Result<HostAnswer, HostError>)>;

/// Questions that are on their way.
pub(super) struct Asking {
    /// What the spec that is there already says.
    known: ArtifactPins,
    /// The same of what is asked anew; it stays where no answer comes.
    older: ArtifactPins,
    answers: Option<JoinHandle<Answers>>,
    notes: Vec<Diagnostic>,
}

/// What decides about asking besides the flags.
pub(super) struct Asked<'a> {
    pub(super) scan: &'a Scan,
    pub(super) older: Option<&'a EnvironmentSpec>,
    pub(super) location: &'a Location,
    pub(super) as_of: Option<Timestamp>,
    /// Whether nothing is asked at all.
    pub(super) offline: bool,
    /// Whether what the older spec says does not count (`--upgrade`).
    pub(super) upgrade: bool,
}

impl Asking {
    /// Asks in a thread of its own about everything that is not pinned yet.
    pub(super) fn start(args: &ArtifactArgs, asked: &Asked<'_>) -> Self {
        let mut asking = Self {
            known: ArtifactPins::new(),
            older: asked.older.map(EnvironmentSpec::pins).unwrap_or_default(),
            answers: None,
            notes: Vec::new(),
        };
        let off = asked.offline || args.no_artifacts || env("PINSMITH_NO_ARTIFACTS").is_some();
        let mut questions: BTreeMap<ArtifactKey, Question> = BTreeMap::new();
        for artifact in &asked.scan.artifacts {
            let visible = |text: &str| visible(text).into_owned();
            let revision = artifact.revision.as_deref();
            let key = (
                artifact.kind.to_owned(),
                visible(&artifact.id),
                revision.map(visible),
            );
            if let Some(pin) = asking.older.get(&key)
                && (!asked.upgrade || off)
            {
                asking.known.insert(key, pin.clone());
                continue;
            }
            // timm's names are its own
            let of_timm = artifact.call.starts_with("timm");
            let question = Question::of(artifact.kind, &artifact.id, revision);
            if let Some(question) = question.filter(|_| !of_timm) {
                questions.insert(key, question);
            }
        }
        if !args.fetch_artifacts {
            questions.retain(|_, question| !matches!(question, Question::File { .. }));
        }
        if !off && !questions.is_empty() {
            let settings = asking.settings(args, asked);
            asking.answers = Some(std::thread::spawn(move || ask(settings, questions)));
        }
        asking
    }

    fn settings(&mut self, args: &ArtifactArgs, asked: &Asked<'_>) -> HostsSettings {
        let address = |name: &str, usual: &str| {
            let text = env(name).filter(|text| !text.is_empty());
            Url::parse(text.as_deref().unwrap_or(usual)).ok()
        };
        let truthy =
            |text: String| matches!(&*text.to_ascii_lowercase(), "1" | "on" | "true" | "yes");
        let hub = address("HF_ENDPOINT", HUB);
        let hub = hub.filter(|_| !env("HF_HUB_OFFLINE").is_some_and(truthy));
        let token = env("HF_TOKEN").map(|text| text.trim().to_owned());
        let token = token.filter(|text| !text.is_empty()).map(Secret);
        if let Some(hub) = hub.as_ref().filter(|_| token.is_some())
            && !Hosts::token_may_be_sent(hub)
        {
            self.notes.push(
                Diagnostic::warning(
                    HOST_SILENT,
                    "HF_TOKEN is not sent, since HF_ENDPOINT is plain http",
                )
                .help("use the https address of the hub"),
            );
        }
        let github = address("GITHUB_API_URL", GITHUB).or_else(|| Url::parse(GITHUB).ok());
        HostsSettings {
            location: asked.location.clone(),
            github: github.unwrap_or_else(|| asked.location.indexes[0].url().clone()),
            hub,
            token,
            as_of: asked.as_of,
            download_limit: args
                .fetch_artifacts
                .then_some(args.fetch_limit * 1024 * 1024),
        }
    }

    /// Waits for the answers; what is still unknown stays out, each host's silence is one finding.
    pub(super) fn finish(self) -> (ArtifactPins, Vec<Diagnostic>) {
        let (mut pins, mut notes) = (self.known, self.notes);
        let answers = self.answers.and_then(|thread| thread.join().ok());
        let mut silent: BTreeMap<String, usize> = BTreeMap::new();
        for (key, answer) in answers.into_iter().flatten() {
            if let (Err(_), Some(older)) = (&answer, self.older.get(&key)) {
                pins.insert(key.clone(), older.clone());
            }
            let (kind, id, _) = &key;
            match answer {
                Ok(answer) => {
                    pins.insert(key, pin(answer));
                }
                Err(HostError::NotAsked) => {}
                Err(error @ HostError::Unreachable { .. }) => {
                    *silent.entry(error.to_string()).or_default() += 1;
                }
                Err(HostError::NoAnswer(reason)) => {
                    let message = format!("{kind} `{id}` is not pinned: {reason}");
                    let help = "correct its name or revision; for a private one set HF_TOKEN";
                    notes.push(Diagnostic::info(HOST_SILENT, visible(&message)).help(help));
                }
            }
        }
        for (problem, number) in silent {
            let what = super::source::count(number, "model, dataset or file");
            notes.push(
                Diagnostic::info(
                    HOST_SILENT,
                    visible(&format!("{what} not pinned: {problem}")),
                )
                .help("run again where it can be reached, or do not ask with --no-artifacts"),
            );
        }
        (pins, notes)
    }
}

fn ask(settings: HostsSettings, questions: BTreeMap<ArtifactKey, Question>) -> Answers {
    let (keys, questions): (Vec<_>, Vec<_>) = questions.into_iter().unzip();
    let answers = match Hosts::open(settings) {
        Ok(hosts) => hosts.ask(questions),
        Err(error) => {
            let error = HostError::NoAnswer(error.to_string());
            vec![Err(error); questions.len()]
        }
    };
    keys.into_iter().zip(answers).collect()
}

fn pin(answer: HostAnswer) -> ArtifactPin {
    let more_files = answer.files.len().saturating_sub(MAX_ARTIFACT_FILES);
    let files = answer.files.into_iter().take(MAX_ARTIFACT_FILES);
    ArtifactPin {
        commit: answer.commit,
        files: files
            .map(|file| ArtifactFile {
                path: visible(&file.path).into_owned(),
                size: file.size,
                sha256: file.sha256,
                git_blob: file.git_blob,
            })
            .collect(),
        more_files,
    }
}
