//! What speaks for a day and a Python: history, code, declarations, this machine.

use jiff::civil::Date;
use pinsmith_resolver::{PythonVersion, Timestamp, VersionSpecifiers, to_ranges};

use super::super::args::{RepairArgs, StrategyArg};
use super::super::source::Source;
use super::super::targets::Before;
use super::usage::Used;
use crate::api::{Claim, Needs};
use crate::config::{AsOf, as_of_at};
use crate::era::day::{choose, day_of, of_files, of_history};
use crate::era::{Candidate, Day, DaySource};
use crate::git::Git;
use crate::repair::{Confidence, Decision, PythonEvidence};
use crate::requirements::{ModuleKind, StdlibRange};
use crate::scan::{ImportContext, Site, codes::PYTHON_2};

/// Code that nobody changed for so long is of another time, in seconds.
const TWO_YEARS: i64 = 730 * 86_400;

/// When Python 2 ended: what was uploaded later was hardly tried with it.
const END_OF_PYTHON_2: &str = "2020-06-30";

/// Before that day hardly anything had wheels for the oldest Python 3 that is still to be had.
pub(super) const OLDEST_DAY: &str = "2018-06-30T00:00:00Z";

/// More rivals than these say little.
const MAX_RIVALS: usize = 3;

/// The strategy, the day and what bounds the Python.
pub(super) struct Evidence {
    pub(super) strategy: StrategyArg,
    /// The day that counts.
    pub(super) day: Option<AsOf>,
    /// The day that the code is of, which counts for `era` only.
    known_day: Option<AsOf>,
    /// Whether only documents tell it.
    is_guess: bool,
    pub(super) pythons: PythonEvidence,
    pub(super) decisions: Vec<Decision>,
}

pub(super) fn gather(
    args: &RepairArgs,
    source: &Source,
    used: &Used,
    before: &Before,
    now: Timestamp,
) -> Evidence {
    let mut decisions = Vec::new();
    let pythons = pythons(args, source, used, before);
    let only_two = pythons.admitted.iter().all(|python| python.major == 2);
    let found = day(args, source, used, only_two, now);
    let is_guess = found
        .as_ref()
        .is_some_and(|(_, decision)| decision.confidence == Confidence::Guess);
    let (known_day, decision) = found.unzip();
    decisions.extend(decision);
    let mut evidence = Evidence {
        day: None,
        known_day,
        is_guess,
        strategy: StrategyArg::Modern,
        pythons,
        decisions,
    };
    evidence.choose_strategy(args, now);
    evidence
}

impl Evidence {
    /// Of code that no history dates: it is older than the first release that lacks what it uses.
    pub(super) fn date_by_usage(
        &mut self,
        args: &RepairArgs,
        latest: Option<(Timestamp, String)>,
        now: Timestamp,
    ) {
        let is_open = self.is_guess || self.known_day.is_none();
        let Some((instant, because)) = latest.filter(|_| is_open) else {
            return;
        };
        let instant = Timestamp::from_second(instant.as_second() - 86_400).unwrap_or(instant);
        let floor = OLDEST_DAY.parse().unwrap_or(instant);
        let Some(day) = AsOf::day_of(instant.max(floor)) else {
            return;
        };
        if self
            .known_day
            .as_ref()
            .is_some_and(|known| known.instant <= day.instant)
        {
            return;
        }
        let because = format!("the code uses {because}");
        self.decisions.retain(|known| known.subject != "day");
        let decision = Decision::new("day", day.text.clone(), because, Confidence::Guess);
        self.decisions.push(decision);
        self.known_day = Some(day);
        self.choose_strategy(args, now);
    }

    fn choose_strategy(&mut self, args: &RepairArgs, now: Timestamp) {
        let old = |day: &AsOf| now.as_second() - day.instant.as_second() > TWO_YEARS;
        let is_old = self.known_day.as_ref().is_some_and(old);
        let usual = if is_old {
            StrategyArg::Era
        } else {
            StrategyArg::Modern
        };
        self.strategy = args.strategy.unwrap_or(usual);
        let because = match (args.strategy, is_old) {
            (Some(_), _) => "you asked for it",
            (None, true) => "the code is older than two years",
            (None, false) => "nothing says that the code is older than two years",
        };
        let name = match self.strategy {
            StrategyArg::Era => "era",
            StrategyArg::Modern => "modern",
        };
        self.decisions.retain(|known| known.subject != "strategy");
        let decision = Decision::new("strategy", name, because, Confidence::Certain);
        self.decisions.insert(0, decision);
        let counts = self.strategy == StrategyArg::Era || args.resolve.as_of.is_some();
        self.day = self.known_day.clone().filter(|_| counts);
    }
}

/// A day with how sure it is; the user's own is certain.
fn day(
    args: &RepairArgs,
    source: &Source,
    used: &Used,
    only_two: bool,
    now: Timestamp,
) -> Option<(AsOf, Decision)> {
    if let Some(day) = &args.resolve.as_of {
        let decision = Decision::new("day", day.text.clone(), "you named it", Confidence::Certain);
        return Some((day.clone(), decision));
    }
    let root = source.tree.root();
    let git = Git::find(&std::env::vars_os().collect(), root);
    let history = git.and_then(|git| git.history(root, &source.scan.declaration_files).ok());
    let mut candidates = history.map(|known| of_history(&known)).unwrap_or_default();
    candidates.extend(of_files(&source.tree, &source.scan));
    candidates.extend(used.python_floor(source));
    let Day {
        chosen,
        mut rivals,
        notes,
    } = choose(candidates, day_of(now));
    let mut because = chosen.as_ref().map(told);
    let mut found = chosen.as_ref().map(|chosen| chosen.day);
    let mut is_firm = chosen.as_ref().is_some_and(is_firm);
    let end: Option<Date> = END_OF_PYTHON_2.parse().ok();
    if let Some(end) = end.filter(|end| only_two && found.is_none_or(|day| day > *end)) {
        // a licence or a readme was perhaps touched later, with the code
        rivals.splice(0..0, chosen);
        because = Some("Python 2 ended then".to_owned());
        (found, is_firm) = (Some(end), true);
    }
    let day = as_of_at(&found?.to_string(), now)?;
    // a floor is no rival: it only says what is too early
    let rivals = rivals
        .iter()
        .filter(|rival| Some(rival.day) != found && rival.source != DaySource::Floor);
    let rivals: Vec<String> = rivals
        .take(MAX_RIVALS)
        .map(|rival| format!("{} ({})", rival.day, told(rival)))
        .collect();
    let mut because = because?;
    if !rivals.is_empty() {
        because = format!("{because}; also thought of: {}", rivals.join(", "));
    }
    for note in notes {
        because = format!("{because}; {note}");
    }
    let confidence = if is_firm {
        Confidence::Likely
    } else {
        Confidence::Guess
    };
    let decision = Decision::new("day", day.text.clone(), because, confidence);
    Some((day, decision))
}

/// Whether a candidate tells when code was alive, and not only when somebody wrote about it.
fn is_firm(candidate: &Candidate) -> bool {
    candidate.source <= DaySource::Notebook
}

fn told(candidate: &Candidate) -> String {
    let site = candidate.site.as_ref();
    site.map_or_else(
        || candidate.why.clone(),
        |site| format!("{}: {site}", candidate.why),
    )
}

/// The Pythons that the code and its declarations admit.
fn pythons(args: &RepairArgs, source: &Source, used: &Used, before: &Before) -> PythonEvidence {
    let version = |major, minor| PythonVersion {
        major,
        minor,
        patch: None,
    };
    let mut all: Vec<PythonVersion> = (6..=14).map(|minor| version(3, minor)).collect();
    all.insert(0, version(2, 7));
    let mut evidence = PythonEvidence::default();
    if let Some(&python) = args.resolve.targets.python.first() {
        evidence.admitted = vec![python];
        evidence.reasons = vec!["you named it".to_owned()];
        return evidence;
    }
    let reasons = &mut evidence.reasons;
    let mut keep = |admitted: &mut Vec<PythonVersion>,
                    reason: String,
                    fits: &dyn Fn(PythonVersion) -> bool| {
        let fitting: Vec<PythonVersion> = admitted
            .iter()
            .copied()
            .filter(|python| fits(*python))
            .collect();
        if !fitting.is_empty() && fitting.len() < admitted.len() {
            *admitted = fitting;
            reasons.push(reason);
        }
    };
    let two = of_python_2(source);
    if let Some(reason) = two.or_else(|| only_of_two(source)) {
        keep(&mut all, reason, &|python| python.major == 2);
    } else {
        evidence.two_may_do = two_may_do(source, used);
        all.retain(|python| python.major == 3);
    }
    if let Some((specifiers, site)) = &source.manifest.requires_python {
        let reason = format!("requires-python {specifiers} at {site}");
        keep(&mut all, reason, &|python| admits(specifiers, python));
    }
    let (facts, bound) = used.python();
    for fact in facts
        .iter()
        .filter(|fact| Needs::Notebooks.include(fact.context))
    {
        let reason = format!("{} at {}", fact.what, fact.site);
        keep(&mut all, reason, &|python| match fact.claim {
            Claim::Since(since) => (python.major, python.minor) >= since,
            Claim::Before(before) => (python.major, python.minor) < before,
        });
    }
    for clause in bound.iter().flat_map(|bound| &bound.clauses) {
        let reason = format!("`{}` at {}", clause.written, clause.site);
        if let Ok(specifiers) = clause.specifier.parse() {
            keep(&mut all, reason, &|python| admits(&specifiers, python));
        }
    }
    for (reason, range) in stdlib(source) {
        keep(&mut all, reason, &|python| range.contains(python));
    }
    let hint = source.manifest.python_hints.first();
    let hinted = hint.and_then(|(specifiers, site)| {
        let found = all
            .iter()
            .rev()
            .find(|python| admits(specifiers, **python))?;
        Some((*found, format!("Python {specifiers} at {site}")))
    });
    let locked = before.targets.first().map(|target| {
        (
            target.python.without_patch(),
            format!("{} is for it", before.file),
        )
    });
    let kernel = used.kernel().and_then(|(version, site)| {
        let python: PythonVersion = version.parse().ok()?;
        Some((
            python.without_patch(),
            format!("{site} was last run with Python {version}"),
        ))
    });
    evidence.named = locked.or(hinted).or(kernel).filter(|(python, _)| {
        all.iter()
            .any(|known| known.minor_pair() == python.minor_pair())
    });
    evidence.admitted = all;
    evidence
}

/// Where it is written that most of the code is for Python 2.
fn of_python_2(source: &Source) -> Option<String> {
    let found = source
        .scan
        .diagnostics
        .iter()
        .filter(|found| found.code == PYTHON_2);
    let mut sites: Vec<&Site> = found.filter_map(|found| found.site.as_ref()).collect();
    sites.dedup_by_key(|site| &site.file);
    let first = sites.first()?;
    // a few old scripts beside code for Python 3 do not decide
    let all = source.scan.files.python + source.scan.files.notebook;
    (sites.len() * 2 >= all).then(|| format!("{first} is written for Python 2"))
}

/// Whether nothing in the code or its declarations needs Python 3.
fn two_may_do(source: &Source, used: &Used) -> bool {
    let two = PythonVersion {
        major: 2,
        minor: 7,
        patch: None,
    };
    let declared = source.manifest.requires_python.as_ref();
    let (facts, _) = used.python();
    let mut runtime = facts
        .iter()
        .filter(|fact| Needs::Notebooks.include(fact.context));
    let mut stdlib = source.manifest.imports.iter().filter(|import| {
        import.context == ImportContext::Runtime && import.kind == ModuleKind::Stdlib
    });
    declared.is_none_or(|(specifiers, _)| admits(specifiers, two))
        && runtime.all(|fact| match fact.claim {
            Claim::Since(since) => since <= (2, 7),
            Claim::Before(_) => true,
        })
        && stdlib
            .all(|import| StdlibRange::of(import.module.as_str()).is_none_or(|range| range.python2))
}

fn admits(specifiers: &VersionSpecifiers, python: PythonVersion) -> bool {
    // some patch release of it does
    let range = to_ranges(specifiers);
    (0..=30).any(|patch| {
        let version =
            pinsmith_resolver::Version::new([python.major.into(), python.minor.into(), patch]);
        range.contains(&version)
    })
}

/// A module of the standard library of Python 2 alone that the code cannot do without.
fn only_of_two(source: &Source) -> Option<String> {
    let imports = source.manifest.imports.iter();
    let mut imports = imports.filter(|import| {
        import.context == ImportContext::Runtime && import.kind != ModuleKind::Local
    });
    imports.find_map(|import| {
        let range = StdlibRange::of(import.module.as_str())?;
        let site = import.sites.first()?;
        (range.python2 && range.python3.is_none()).then(|| {
            format!(
                "`{}` at {site} is in the standard library of Python 2 only",
                import.module
            )
        })
    })
}

/// Modules of the standard library that not every Python 3 has.
fn stdlib(source: &Source) -> Vec<(String, StdlibRange)> {
    let imports = source.manifest.imports.iter();
    let runtime = imports.filter(|import| {
        import.context == ImportContext::Runtime && import.kind == ModuleKind::Stdlib
    });
    runtime
        .filter_map(|import| {
            let range = StdlibRange::of(import.module.as_str())?;
            let site = import.sites.first()?;
            let (first, last) = range.python3?;
            (first > 6 || last < 14).then(|| {
                let reason = format!(
                    "`{}` at {site} is in the standard library of Python 3.{first} to 3.{last}",
                    import.module
                );
                (reason, range)
            })
        })
        .collect()
}
