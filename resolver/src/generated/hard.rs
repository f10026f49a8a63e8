//! Made-up worlds without an answer, or with one that is hard to find: what a solver must not hang on.

use super::{GeneratedWorld, requirement};
use crate::{MemoryRelease, MemorySource, Request, Timestamp};

/// How a hard world is built. The size is the number of releases a project, if nothing else is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HardShape {
    /// Two projects require a third one exactly, in no common version.
    TwoPins,
    /// A project follows another release by release, and a third one asks for a release that none of them goes with.
    PinBesideHole,
    /// Each release of a project goes with one release of the next, nine projects in a row; the ends
    /// contradict each other.
    Chain,
    /// Two projects pin each other, each a release too old for the other, as boto3 and botocore at their worst.
    Lockstep,
    /// The same, and only the very oldest releases fit.
    LongWalk,
    /// So many projects want so many places but one, each a place of its own.
    Pigeonholes,
    /// Projects that each go with a third of the releases of three others; it has an answer.
    Web,
}

impl HardShape {
    /// Every shape.
    pub const ALL: [Self; 7] = [
        Self::TwoPins,
        Self::PinBesideHole,
        Self::Chain,
        Self::Lockstep,
        Self::LongWalk,
        Self::Pigeonholes,
        Self::Web,
    ];

    /// Its name in lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TwoPins => "two-pins",
            Self::PinBesideHole => "pin-beside-hole",
            Self::Chain => "chain",
            Self::Lockstep => "lockstep",
            Self::LongWalk => "long-walk",
            Self::Pigeonholes => "pigeonholes",
            Self::Web => "web",
        }
    }
}

impl GeneratedWorld {
    /// Makes a world that is hard to solve; all but [`HardShape::LongWalk`] and [`HardShape::Web`] have no answer.
    pub fn hard(shape: HardShape, size: usize) -> Self {
        let mut world = Self {
            source: MemorySource::default(),
            request: Request::default(),
            releases: Vec::new(),
        };
        let roots: Vec<String> = match shape {
            HardShape::TwoPins => world.two_pins(size),
            HardShape::PinBesideHole => world.pin_beside_hole(size),
            HardShape::Chain => world.chain(size),
            HardShape::Lockstep => world.lockstep(size, "<1.0"),
            HardShape::LongWalk => world.lockstep(size, "==1.0"),
            HardShape::Pigeonholes => world.pigeonholes(size),
            HardShape::Web => world.web(size),
        };
        world.request.roots = roots.iter().filter_map(|root| requirement(root)).collect();
        world
    }

    fn release(&mut self, name: &str, number: usize, requires: &[String]) {
        let version = format!("1.{number}");
        let day = i64::try_from(number).unwrap_or(0) * 86_400 / 4;
        let uploaded = Timestamp::from_second(day).unwrap_or_default().to_string();
        let lines: Vec<&str> = requires.iter().map(String::as_str).collect();
        let release = MemoryRelease {
            requires: &lines,
            uploaded: Some(&uploaded),
            ..MemoryRelease::default()
        };
        self.source.add_release(name, &version, &release);
        self.releases
            .push((format!("{name} {version} {day}"), requires.to_vec()));
    }

    fn two_pins(&mut self, size: usize) -> Vec<String> {
        for number in 0..size {
            let (even, odd) = (2 * number, 2 * number + 1);
            self.release("shared", even, &[]);
            self.release("shared", odd, &[]);
            self.release("even", number, &[format!("shared==1.{even}")]);
            self.release("odd", number, &[format!("shared==1.{odd}")]);
        }
        vec!["even".to_owned(), "odd".to_owned()]
    }

    fn pin_beside_hole(&mut self, size: usize) -> Vec<String> {
        for number in 0..size {
            self.release("followed", number, &[]);
            self.release("follower", number, &[format!("followed==1.{number}")]);
            self.release(
                "other",
                number,
                &[
                    format!("followed>=1.{number}"),
                    format!("followed!=1.{number}"),
                    format!("followed>=1.{size}"),
                ],
            );
        }
        self.release("followed", size, &[]);
        vec!["follower".to_owned(), "other".to_owned()]
    }

    fn chain(&mut self, size: usize) -> Vec<String> {
        const LINKS: usize = 8;
        for number in 0..size {
            for link in 0..LINKS {
                let next = format!("link-{}==1.{number}", link + 1);
                self.release(&format!("link-{link}"), number, &[next]);
            }
            self.release(&format!("link-{LINKS}"), number, &[]);
            let older = (number + size / 2 + 1) % size;
            let requires = [
                format!("link-0==1.{number}"),
                format!("link-{LINKS}==1.{older}"),
            ];
            self.release("ends", number, &requires);
        }
        vec!["ends".to_owned()]
    }

    /// `oldest` is what the oldest release of the one asks of the other.
    fn lockstep(&mut self, size: usize, oldest: &str) -> Vec<String> {
        for number in 0..size {
            self.release("client", number, &[format!("core==1.{number}")]);
            let back = match number {
                0 => format!("client{oldest}"),
                _ => format!("client<1.{number}"),
            };
            self.release("core", number, &[back]);
        }
        vec!["client".to_owned()]
    }

    fn pigeonholes(&mut self, size: usize) -> Vec<String> {
        let holes = size.saturating_sub(1);
        for hole in 0..holes {
            for pigeon in 0..size {
                self.release(&format!("hole-{hole}"), pigeon, &[]);
            }
        }
        for pigeon in 0..size {
            for hole in 0..holes {
                let requires = [format!("hole-{hole}==1.{pigeon}")];
                self.release(&format!("pigeon-{pigeon}"), hole, &requires);
            }
        }
        (0..size).map(|pigeon| format!("pigeon-{pigeon}")).collect()
    }

    fn web(&mut self, size: usize) -> Vec<String> {
        const FIELDS: usize = 24;
        for field in 0..FIELDS {
            for number in 0..size {
                let requires: Vec<String> = [1, 5, 11]
                    .iter()
                    .filter(|step| field + *step < FIELDS)
                    .map(|step| {
                        let on = field + step;
                        let start = (number * (7 + step) + field * 13) % size;
                        let end = start + size / 3;
                        if end < size {
                            format!("field-{on}>=1.{start},<=1.{end}")
                        } else {
                            format!("field-{on}>=1.{start}")
                        }
                    })
                    .collect();
                self.release(&format!("field-{field}"), number, &requires);
            }
        }
        vec![
            "field-0".to_owned(),
            "field-1".to_owned(),
            "field-2".to_owned(),
        ]
    }
}
