//! Which Python, from what the code says, what the pins have wheels for, and what is here.

use pinsmith_resolver::{PythonVersion, Timestamp};

use super::{Confidence, Decision};
use crate::era::day::day_of;
use crate::era::python::usual_on;

/// What bounds the Python.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PythonEvidence {
    /// Pythons that the code or its declarations admit, ascending; never empty.
    pub admitted: Vec<PythonVersion>,
    /// Whether the code would run on Python 2.7 too, which is tried only where a failure asks for it.
    pub two_may_do: bool,
    /// Why the others are not.
    pub reasons: Vec<String>,
    /// The one that a declaration, a notebook or the lock that is there names.
    pub named: Option<(PythonVersion, String)>,
}

/// A Python with what speaks for and against it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PythonChoice {
    /// Which.
    pub python: PythonVersion,
    /// How many requirements have nothing to install.
    pub missing: usize,
    /// How many have to be built although there are wheels for others.
    pub builds: usize,
    /// Whether this machine has it.
    pub here: bool,
}

/// The Python that most people had on a day.
///
/// ```
/// use pinsmith::repair::usual_python;
/// let day = "2019-01-10T00:00:00Z".parse().unwrap();
/// assert_eq!(usual_python(day).to_string(), "3.6");
/// ```
pub fn usual_python(day: Timestamp) -> PythonVersion {
    let (major, minor) = usual_on(day_of(day)).max((3, 6));
    PythonVersion {
        major,
        minor,
        patch: None,
    }
}

/// The Pythons to try, best first: what is named, then the fewest requirements without files, the
/// fewest builds, and the least distance from the usual one, those of this machine first.
///
/// `fit` says of a Python how many requirements have nothing to install and how many have to be built.
pub fn choose_pythons(
    evidence: &PythonEvidence,
    usual: PythonVersion,
    fit: &dyn Fn(PythonVersion) -> (usize, usize),
    here: &[PythonVersion],
) -> Vec<PythonChoice> {
    let mut choices: Vec<PythonChoice> = evidence
        .admitted
        .iter()
        .map(|&python| {
            let (missing, builds) = fit(python);
            PythonChoice {
                python,
                missing,
                builds,
                here: here
                    .iter()
                    .any(|own| own.minor_pair() == python.minor_pair()),
            }
        })
        .collect();
    let named = evidence
        .named
        .as_ref()
        .map(|(python, _)| python.minor_pair());
    choices.sort_by_key(|choice| {
        let is_named = named == Some(choice.python.minor_pair());
        let distance = choice.python.minor.abs_diff(usual.minor);
        (
            choice.missing,
            choice.builds,
            !is_named,
            // one minor more or less is no reason to install a Python
            distance.saturating_sub(u8::from(choice.here)),
            !choice.here,
            choice.python.minor < usual.minor,
            choice.python,
        )
    });
    choices
}

impl PythonChoice {
    /// The decision for this one.
    pub fn decision(&self, evidence: &PythonEvidence, usual: PythonVersion) -> Decision {
        let mut because = evidence.reasons.clone();
        let named = evidence.named.as_ref();
        let only = evidence.admitted.len() == 1;
        match named.filter(|(python, _)| python.minor_pair() == self.python.minor_pair()) {
            Some((_, reason)) => because.push(reason.clone()),
            None if only => {}
            None if self.python.minor_pair() == usual.minor_pair() => {
                because.push("it was the usual one of that time".to_owned());
            }
            None => because.push(format!(
                "of those that the code admits it needs the fewest builds, next to the usual {usual}"
            )),
        }
        if self.missing > 0 {
            because.push(format!(
                "for {} declared requirements it has no files as they stand",
                self.missing
            ));
        }
        if !self.here {
            because.push(format!(
                "this machine does not have it: `uv python install {0}` or `pyenv install {0}`",
                self.python
            ));
        }
        let confidence = match (named.is_some(), evidence.admitted.len()) {
            (_, 1) => Confidence::Certain,
            (true, _) => Confidence::Likely,
            _ if self.missing == 0 => Confidence::Likely,
            _ => Confidence::Guess,
        };
        let decided = format!("Python {}", self.python);
        Decision::new("python", decided, because.join("; "), confidence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn python(minor: u8) -> PythonVersion {
        PythonVersion {
            major: 3,
            minor,
            patch: None,
        }
    }

    #[test]
    fn the_python_is_chosen_by_wheels_then_by_the_day() {
        let admitted: Vec<PythonVersion> = (6..=13).map(python).collect();
        let fits_until =
            |last: u8| move |python: PythonVersion| (0, usize::from(python.minor > last));
        for (name, usual, last, here, named, expected) in [
            ("the usual one", 7, 13, vec![], None, "3.7"),
            ("wheels end before it", 9, 7, vec![], None, "3.7"),
            ("a neighbour is here", 7, 13, vec![8], None, "3.8"),
            ("what is here is too far", 7, 13, vec![12], None, "3.7"),
            ("it is named", 7, 13, vec![7], Some(10), "3.10"),
            (
                "it is named and has no wheels",
                7,
                8,
                vec![],
                Some(10),
                "3.7",
            ),
        ] {
            let evidence = PythonEvidence {
                admitted: admitted.clone(),
                two_may_do: false,
                reasons: Vec::new(),
                named: named.map(|minor| (python(minor), "conda".to_owned())),
            };
            let here: Vec<PythonVersion> = here.into_iter().map(python).collect();
            let found = choose_pythons(&evidence, python(usual), &fits_until(last), &here);
            assert_eq!(found[0].python.to_string(), expected, "{name}");
        }
    }
}
