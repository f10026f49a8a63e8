//! Made-up worlds that behave like an index, for tests and benchmarks.

mod hard;

use std::fmt::Write as _;

pub use hard::HardShape;

use crate::{MemoryRelease, MemorySource, Request, Requirement, Timestamp, parse_requirement};

/// How long the projects of a generated world have been releasing, in days.
const HISTORY_DAYS: u64 = 1_800;

/// A world made from a seed, and what is asked of it.
///
/// Projects live in layers and require projects of deeper layers. As on a real index, releases
/// bound what they require by what was the newest of it on their day: some from below only, some to the
/// same major version, a few to exactly one release; and the oldest releases bound nothing, which is the
/// trap that solvers without an objective fall into.
///
/// ```
/// use pinsmith_resolver::{GeneratedWorld, Options, Target, resolve};
///
/// let world = GeneratedWorld::new(7, 50);
/// let target = Target::linux_x86_64((3, 12));
/// let resolution = resolve(&world.request, &target, &world.source, &Options::default())?;
/// assert!(resolution.packages.len() > 5);
/// # Ok::<(), pinsmith_resolver::ResolveError>(())
/// ```
#[derive(Debug, Clone)]
pub struct GeneratedWorld {
    /// The index.
    pub source: MemorySource,
    /// Requirements without bounds on a few projects of the top layer.
    pub request: Request,
    /// Every release in the order in which it was added, as `name version day` and its requirements.
    pub releases: Vec<(String, Vec<String>)>,
}

/// A release that others can require.
#[derive(Clone)]
struct Made {
    major: u64,
    version: String,
    day: u64,
}

impl GeneratedWorld {
    /// Makes a tight world of so many projects: of ten requirements one is exact and four stay within a major version,
    /// so that most of the newest releases do not fit together.
    ///
    /// Equal arguments make equal worlds on every machine.
    pub fn new(seed: u64, projects: usize) -> Self {
        Self::with(seed, projects, &TIGHT)
    }

    /// Makes a world whose projects bound each other loosely: of a hundred requirements one is exact, and fifteen stay
    /// within a major version. How often real projects do so was not counted.
    pub fn usual(seed: u64, projects: usize) -> Self {
        Self::with(seed, projects, &USUAL)
    }

    fn with(seed: u64, projects: usize, habits: &Habits) -> Self {
        let mut dice = Dice(seed.wrapping_mul(2) | 1);
        let mut world = Self {
            source: MemorySource::default(),
            request: Request::default(),
            releases: Vec::new(),
        };
        // from the deepest layer up, so that what is required exists
        let mut made: Vec<Vec<Made>> = Vec::with_capacity(projects);
        for project in 0..projects {
            let releases = world.project(&mut dice, project, &made, habits);
            made.push(releases);
        }
        let roots = (projects / 40).clamp(2, 10);
        let from = projects.saturating_sub(roots);
        world.request.roots = (from..projects)
            .filter_map(|project| requirement(&name(project)))
            .collect();
        world
    }

    /// Adds a project whose requirements are on those already made.
    fn project(
        &mut self,
        dice: &mut Dice,
        project: usize,
        made: &[Vec<Made>],
        usual: &Habits,
    ) -> Vec<Made> {
        let wanted: Vec<usize> = match made.len() {
            0 => Vec::new(),
            deeper => {
                // most on near layers, some on what everybody uses
                let count = (1 + dice.below(6)).min(deeper as u64);
                let pick = |_| match dice.below(3) {
                    0 => dice.below((deeper as u64).div_ceil(10)),
                    _ => (deeper as u64 - 1) - dice.below((deeper as u64).div_ceil(2)),
                };
                let mut picked: Vec<usize> = (0..count)
                    .map(pick)
                    .map(|deeper| usize::try_from(deeper).unwrap_or(0))
                    .collect();
                picked.sort_unstable();
                picked.dedup();
                picked
            }
        };
        let habits: Vec<Habit> = wanted.iter().map(|_| usual.pick(dice)).collect();
        let count = 5 + dice.below(40);
        let (mut major, mut minor) = (0, 0);
        let mut releases = Vec::new();
        for number in 0..count {
            let day = HISTORY_DAYS * (number + 1) / count - dice.below(HISTORY_DAYS / count);
            if dice.below(8) == 0 {
                (major, minor) = (major + 1, 0);
            } else {
                minor += 1;
            }
            let own = Made {
                major,
                version: format!("{major}.{minor}"),
                day,
            };
            let unbounded = number < count / 6;
            let aged = day.saturating_sub(usual.aged_days);
            let requires: Vec<String> = wanted
                .iter()
                .zip(&habits)
                .filter_map(|(on, habit)| {
                    let habit = if unbounded { Habit::Any } else { *habit };
                    bound(*on, &made[*on], (day, aged), habit)
                })
                .collect();
            self.add(&name(project), &own, requires);
            releases.push(own);
        }
        releases
    }

    fn add(&mut self, name: &str, own: &Made, requires: Vec<String>) {
        let uploaded = Timestamp::from_second(i64::try_from(own.day * 86_400).unwrap_or(0));
        let uploaded = uploaded.unwrap_or_default().to_string();
        let lines: Vec<&str> = requires.iter().map(String::as_str).collect();
        let release = MemoryRelease {
            requires: &lines,
            uploaded: Some(&uploaded),
            ..MemoryRelease::default()
        };
        self.source.add_release(name, &own.version, &release);
        let mut line = String::new();
        // writing to a String cannot fail
        let _ = write!(line, "{name} {} {}", own.version, own.day);
        self.releases.push((line, requires));
    }
}

fn name(project: usize) -> String {
    format!("project-{project}")
}

fn requirement(text: &str) -> Option<Requirement> {
    parse_requirement(text)
        .ok()
        .map(|parsed| parsed.requirement)
}

/// How a project bounds what it requires.
#[derive(Clone, Copy)]
enum Habit {
    /// Exactly the newest of the day.
    Exact,
    /// From an older one up to the next major version after the newest.
    Major,
    /// From an older one.
    Least,
    Any,
}

/// How often each habit is met, in parts of [`Self::out_of`]; [`Habit::Any`] is the rest.
struct Habits {
    exact: u64,
    major: u64,
    least: u64,
    out_of: u64,
    /// How old a lower bound is on the day of the release.
    aged_days: u64,
}

const TIGHT: Habits = Habits {
    exact: 1,
    major: 4,
    least: 3,
    out_of: 10,
    aged_days: 0,
};

const USUAL: Habits = Habits {
    exact: 1,
    major: 15,
    least: 45,
    out_of: 100,
    aged_days: 400,
};

impl Habits {
    fn pick(&self, dice: &mut Dice) -> Habit {
        let number = dice.below(self.out_of);
        if number < self.exact {
            Habit::Exact
        } else if number < self.exact + self.major {
            Habit::Major
        } else if number < self.exact + self.major + self.least {
            Habit::Least
        } else {
            Habit::Any
        }
    }
}

/// How a release of `day` requires a project, with lower bounds as of `aged`; not at all, if it
/// had no release yet.
fn bound(on: usize, releases: &[Made], (day, aged): (u64, u64), habit: Habit) -> Option<String> {
    let newest_of = |day| {
        let known = releases.iter().filter(move |release| release.day <= day);
        known.max_by_key(|release| release.day)
    };
    let newest = newest_of(day)?;
    let least = &newest_of(aged).unwrap_or(newest).version;
    let on = name(on);
    Some(match habit {
        Habit::Exact => format!("{on}=={}", newest.version),
        Habit::Major => format!("{on}>={least},<{}", newest.major + 1),
        Habit::Least => format!("{on}>={least}"),
        Habit::Any => on,
    })
}

/// A generator of numbers (splitmix64): small, and the same everywhere.
struct Dice(u64);

impl Dice {
    /// A number below `end`, which is not 0.
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end.max(1)
    }
}
