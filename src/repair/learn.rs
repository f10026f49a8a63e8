//! What a failed round teaches: each failure becomes changes to try, the likeliest first.

mod build;
mod scene;

use std::str::FromStr;

use pinsmith_resolver::{PackageName, Requirement, Timestamp, Version};

pub use self::build::learn_from_build;
use self::scene::provider;
pub use self::scene::{Scene, namesakes};
use crate::failure::{FailureKind, LikelyCause};
use crate::requirements::StdlibRange;
use crate::scan::ModuleName;

/// One change to try, with its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lesson {
    /// Ask for a distribution.
    Ask {
        /// Which.
        name: PackageName,
        /// Why.
        because: String,
    },
    /// Bound a distribution.
    Bound {
        /// Which.
        name: PackageName,
        /// The specifier, such as `<2`.
        specifier: String,
        /// Why.
        because: String,
    },
    /// Take a release of about this age.
    AsOldAs {
        /// Of which distribution.
        name: PackageName,
        /// Uploaded by then.
        instant: Timestamp,
        /// Why.
        because: String,
    },
    /// Take a release of an older series.
    Older {
        /// Of which distribution.
        name: PackageName,
        /// Why.
        because: String,
    },
    /// Take another Python.
    Python {
        /// The lowest minor of Python 3 that may do; `None` for any.
        from: Option<u8>,
        /// The lowest that no longer does; `None` for none.
        below: Option<u8>,
        /// Whether Python 2.7 is meant.
        two: bool,
        /// Why.
        because: String,
    },
    /// Take another distribution that has the same modules.
    Swap {
        /// The one.
        from: PackageName,
        /// The other.
        to: PackageName,
        /// Why.
        because: String,
    },
    /// A release cannot be built here.
    CannotBuild {
        /// Which distribution.
        name: PackageName,
        /// Which version, when it is known.
        version: Option<Version>,
        /// Whether it seems to be written for Python 2.
        two: bool,
        /// Why.
        because: String,
    },
    /// Nothing that a lock can change: the system lacks a package.
    System {
        /// Its name on Debian and Ubuntu.
        package: String,
        /// Why.
        because: String,
    },
}

impl Lesson {
    /// The distribution that it changes.
    pub fn subject(&self) -> Option<&PackageName> {
        match self {
            Self::Ask { name, .. }
            | Self::Bound { name, .. }
            | Self::AsOldAs { name, .. }
            | Self::Older { name, .. }
            | Self::CannotBuild { name, .. }
            | Self::Swap { from: name, .. } => Some(name),
            Self::Python { .. } | Self::System { .. } => None,
        }
    }
}

/// Two months: what is made for a release is often uploaded a little later.
const A_LITTLE: i64 = 60 * 86_400;

/// Changes that may mend a failed import, the likeliest first.
///
/// `module` is what the code imports, `owner` the distribution it was mapped to, `raised_at` the file
/// within the environment that raised the error.
pub fn learn(
    module: &str,
    owner: Option<&PackageName>,
    raised_at: Option<&str>,
    cause: &LikelyCause,
    scene: &Scene,
) -> Vec<Lesson> {
    let failure = Failure {
        module,
        owner,
        by: raised_at.and_then(|place| scene.distribution_of_file(place)),
        cause,
        scene,
    };
    match cause.kind {
        FailureKind::MissingModule => failure.missing_module(),
        FailureKind::MissingName | FailureKind::MissingAttribute | FailureKind::Argument => {
            failure.missing_name()
        }
        FailureKind::WrongPython => failure.wrong_python(),
        FailureKind::NumpyAbi => failure.numpy(),
        FailureKind::TorchAbi => failure.as_old_as_who_fails("torch"),
        FailureKind::Protobuf => failure.protobuf(),
        FailureKind::Setuptools => vec![
            failure.ask("setuptools"),
            failure.bound("setuptools", "<82"),
        ],
        FailureKind::Conflict => failure.wanted(),
        FailureKind::MissingMetadata => {
            let name = cause.subject.as_deref().map(|name| failure.ask(name));
            name.into_iter()
                .chain(failure.older_of_who_fails())
                .collect()
        }
        FailureKind::MissingLibrary => failure.missing_library(),
        FailureKind::Abi | FailureKind::Crashed => failure.older_of_who_fails(),
        _ => Vec::new(),
    }
}

struct Failure<'a> {
    module: &'a str,
    owner: Option<&'a PackageName>,
    /// Whose file raised it.
    by: Option<PackageName>,
    cause: &'a LikelyCause,
    scene: &'a Scene,
}

impl Failure<'_> {
    fn because(&self) -> String {
        match &self.by {
            Some(by) => format!(
                "`import {}` fails in {by}: {}",
                self.module, self.cause.what
            ),
            None => format!("`import {}` fails: {}", self.module, self.cause.what),
        }
    }

    fn missing_module(&self) -> Vec<Lesson> {
        let Some(missing) = self.missing() else {
            return Vec::new();
        };
        if let Some(holder) = self.scene.distribution_of_module(&missing) {
            // the distribution is there and has no such part
            return self.other_release_or_project(&holder, &missing);
        }
        match provider(&missing) {
            Some(name) => vec![self.ask(name.as_ref())],
            None => Vec::new(),
        }
    }

    /// The module that is missing, in full: Python 2 names only the last part of what lacks it.
    fn missing(&self) -> Option<ModuleName> {
        let named = self.cause.subject.as_deref()?;
        let inner = format!(".{named}.");
        let in_it = format!("{}.", self.module).find(&inner);
        match in_it.and_then(|at| self.module.get(..at + 1 + named.len())) {
            Some(whole) if self.scene.python.major == 2 => ModuleName::new(whole),
            _ => ModuleName::new(named),
        }
    }

    fn missing_name(&self) -> Vec<Lesson> {
        let named = self.cause.subject.as_deref().and_then(ModuleName::new);
        if let Some(module) = &named
            && StdlibRange::of(module.as_str()).is_some()
        {
            return self.gone_from_the_standard_library();
        }
        let holder = named
            .as_ref()
            .and_then(|module| self.scene.distribution_of_module(module));
        match holder.or_else(|| self.owner.cloned()) {
            Some(holder) => match named {
                Some(module) => self.other_release_or_project(&holder, &module),
                None => self.other_release(&holder),
            },
            None => self.older_of_who_fails(),
        }
    }

    /// Another release of what lacks a part that the code itself wants, and after that another
    /// project that has a module of the same name.
    fn other_release_or_project(&self, holder: &PackageName, module: &ModuleName) -> Vec<Lesson> {
        let mut lessons = self.other_release(holder);
        let is_ours = self.by.as_ref().is_none_or(|by| by == holder);
        if is_ours && Some(holder) == self.owner {
            let others = namesakes(module, holder);
            lessons.extend(others.into_iter().map(|to| Lesson::Swap {
                from: holder.clone(),
                because: format!("{}; `{to}` has a module of that name", self.because()),
                to,
            }));
        }
        lessons
    }

    /// Names leave the standard library with new Pythons; what lacks one is written for an older.
    fn gone_from_the_standard_library(&self) -> Vec<Lesson> {
        let python = self.scene.python;
        let mut lessons = Vec::new();
        if python.major == 3 {
            lessons.push(Lesson::Python {
                from: None,
                below: Some(python.minor),
                two: false,
                because: self.because(),
            });
        }
        lessons.extend(self.older_of_who_fails());
        lessons
    }

    /// Another release of what lacks a part: made when the one was that uses it.
    fn other_release(&self, holder: &PackageName) -> Vec<Lesson> {
        let because = self.because();
        let uploaded = |name: &PackageName| self.scene.installed.get(name)?.1;
        let user = self.by.as_ref().filter(|by| *by != holder);
        if let Some(user) = user
            && let (Some(of_user), Some(of_holder)) = (uploaded(user), uploaded(holder))
        {
            let older = |name: &PackageName, than: Timestamp| Lesson::AsOldAs {
                name: name.clone(),
                instant: Timestamp::from_second(than.as_second() + A_LITTLE).unwrap_or(than),
                because: because.clone(),
            };
            let step = |name: &PackageName| Lesson::Older {
                name: name.clone(),
                because: because.clone(),
            };
            return if of_user < of_holder {
                vec![older(holder, of_user), step(holder), step(user)]
            } else {
                vec![older(user, of_holder), step(user), step(holder)]
            };
        }
        vec![Lesson::Older {
            name: holder.clone(),
            because,
        }]
    }

    fn older_of_who_fails(&self) -> Vec<Lesson> {
        let name = self.by.as_ref().or(self.owner);
        let lesson = name.map(|name| Lesson::Older {
            name: name.clone(),
            because: self.because(),
        });
        lesson.into_iter().collect()
    }

    fn wrong_python(&self) -> Vec<Lesson> {
        let because = self.because();
        let words = &self.cause.remedy;
        let subject = self.cause.subject.as_deref().unwrap_or_default();
        let only_two = words.contains("Python 2.7")
            || StdlibRange::of(subject).is_some_and(|range| range.python3.is_none())
            || words.contains("that it was written for") && self.is_of_the_time_of_two();
        let mut lessons = Vec::new();
        let of_two = self.scene.python.major == 2;
        if only_two && !of_two {
            lessons.push(Lesson::Python {
                from: None,
                below: None,
                two: true,
                because: because.clone(),
            });
        }
        let (from, below) = python_of(words);
        if (from.is_some() || below.is_some()) && !of_two {
            lessons.push(Lesson::Python {
                from,
                below,
                two: false,
                because,
            });
        }
        // written for a newer Python: an older release of it was not
        lessons.extend(self.older_of_who_fails());
        lessons
    }

    /// Whether what fails was uploaded when much was written for Python 2 alone.
    fn is_of_the_time_of_two(&self) -> bool {
        let by = self.by.as_ref().or(self.owner);
        let uploaded = by.and_then(|by| self.scene.installed.get(by)?.1);
        uploaded.is_some_and(is_of_the_time_of_two)
    }

    fn numpy(&self) -> Vec<Lesson> {
        let installed = self.scene.version("numpy");
        if installed.is_some_and(|version| version.release().first() >= Some(&2)) {
            return vec![self.bound("numpy", "<2")];
        }
        let mut lessons = self.as_old_as_who_fails("numpy");
        lessons.extend(self.older_of_who_fails());
        lessons
    }

    fn as_old_as_who_fails(&self, name: &str) -> Vec<Lesson> {
        let by = self.by.as_ref().or(self.owner);
        let uploaded = by.and_then(|by| self.scene.installed.get(by)?.1);
        match (uploaded, PackageName::from_str(name)) {
            (Some(uploaded), Ok(name)) if by != Some(&name) => vec![Lesson::AsOldAs {
                name,
                instant: uploaded,
                because: self.because(),
            }],
            _ => self.older_of_who_fails(),
        }
    }

    fn protobuf(&self) -> Vec<Lesson> {
        match self.cause.name {
            Some(_) => self.older_of_who_fails(),
            None => vec![self.bound("protobuf", "<=3.20.3")],
        }
    }

    fn wanted(&self) -> Vec<Lesson> {
        let wanted = self.cause.subject.as_deref().unwrap_or_default();
        let Ok(wanted) = Requirement::from_str(wanted) else {
            return self.older_of_who_fails();
        };
        let specifiers = pinsmith_resolver::specifiers_of(&wanted);
        let (name, specifier) = (wanted.name.to_string(), specifiers.to_string());
        let mut lessons = vec![self.ask(&name), self.bound(&name, &specifier)];
        lessons.extend(self.older_of_who_fails());
        lessons
    }

    fn missing_library(&self) -> Vec<Lesson> {
        let mut lessons = Vec::new();
        for (full, headless) in [
            ("opencv-python", "opencv-python-headless"),
            ("opencv-contrib-python", "opencv-contrib-python-headless"),
        ] {
            let names = PackageName::from_str(full)
                .ok()
                .zip(PackageName::from_str(headless).ok());
            if let Some((from, to)) = names
                && self.scene.installed.contains_key(&from)
                && self.module.starts_with("cv2")
            {
                let because = format!("{}; the headless one needs no such library", self.because());
                lessons.push(Lesson::Swap { from, to, because });
            }
        }
        let subject = self.cause.subject.clone();
        let package = self.cause.package.map(str::to_owned).or(subject);
        lessons.extend(package.map(|package| Lesson::System {
            package,
            because: self.because(),
        }));
        lessons
    }

    fn ask(&self, name: &str) -> Lesson {
        let because = self.because();
        match PackageName::from_str(name) {
            Ok(name) => Lesson::Ask { name, because },
            Err(_) => Lesson::System {
                package: name.to_owned(),
                because,
            },
        }
    }

    fn bound(&self, name: &str, specifier: &str) -> Lesson {
        let because = self.because();
        match PackageName::from_str(name) {
            Ok(name) => Lesson::Bound {
                name,
                specifier: specifier.to_owned(),
                because,
            },
            Err(_) => Lesson::System {
                package: name.to_owned(),
                because,
            },
        }
    }
}

/// Until 2018 much was written for Python 2 alone.
pub fn is_of_the_time_of_two(uploaded: Timestamp) -> bool {
    /// 2018-01-01.
    const END: i64 = 1_514_764_800;
    uploaded.as_second() < END
}

/// What `use Python 3.9 or older` and `use Python 3.8 or newer` mean: from, and below.
fn python_of(words: &str) -> (Option<u8>, Option<u8>) {
    let Some((_, rest)) = words.split_once("Python 3.") else {
        return (None, None);
    };
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let minor = digits.parse::<u8>().ok();
    let rest = rest.get(digits.len()..).unwrap_or_default();
    match minor {
        Some(minor) if rest.starts_with(" or older") => (None, Some(minor + 1)),
        Some(minor) if rest.starts_with(" or newer") => (Some(minor), None),
        _ => (None, None),
    }
}

#[cfg(test)]
mod tests;
