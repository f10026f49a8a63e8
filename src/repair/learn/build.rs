//! What an installer says about what it could not build.

use std::str::FromStr;

use pinsmith_resolver::{PackageName, Version};

use super::Lesson;

/// What could not be built, by the last lines of an installer.
///
/// ```
/// use pinsmith::repair::{Lesson, learn_from_build};
/// let lines = ["  × Failed to build `pycairo==1.20.0`".to_owned()];
/// let Some(Lesson::CannotBuild { name, version, .. }) = learn_from_build(&lines) else { panic!() };
/// assert_eq!((name.as_ref(), version.unwrap().to_string().as_str()), ("pycairo", "1.20.0"));
/// ```
pub fn learn_from_build(lines: &[String]) -> Option<Lesson> {
    const BEFORE: [&str; 7] = [
        "Failed to build `",
        "Failed to download and build `",
        "Failed to build installable wheels for some pyproject.toml based projects (",
        "Failed building wheel for ",
        "Could not build wheels for ",
        "Failed to build ",
        "No matching distribution found for ",
    ];
    let named = BEFORE.iter().find_map(|before| {
        let mut lines = lines.iter();
        lines.find_map(|line| Some(line.split_once(before)?.1))
    });
    let named = named.or_else(|| {
        // pip before 20 names only the folder that it built in
        let mut lines = lines.iter().rev();
        lines.find_map(|line| line.split_once("pip-install-")?.1.split('/').nth(1))
    })?;
    let word = named
        .split([' ', '`', ',', ')', '(', ';', '<', '>', '"', '\''])
        .next()?;
    let (name, version) = match word.split_once("==") {
        Some((name, version)) => (name, Version::from_str(version).ok()),
        None => (word, None),
    };
    let name = PackageName::from_str(name.trim_end_matches(['.', ':'])).ok()?;
    let two = lines.iter().any(|line| is_of_two(line));
    let because = if two {
        format!("`{word}` could not be built here, for it is written for Python 2")
    } else {
        format!("`{word}` could not be built here")
    };
    Some(Lesson::CannotBuild {
        name,
        version,
        two,
        because,
    })
}

/// Whether Python 3 says that a script is written for Python 2.
fn is_of_two(line: &str) -> bool {
    /// What only Python 2 has, as the messages of Python 3 name it.
    const SIGNS: [&str; 7] = [
        "SyntaxError: Missing parentheses in call to 'print'",
        "SyntaxError: invalid syntax",
        "SyntaxError: multiple exception types must be parenthesized",
        "NameError: name 'file' is not defined",
        "NameError: name 'execfile' is not defined",
        "NameError: name 'unicode' is not defined",
        "No module named 'ConfigParser'",
    ];
    SIGNS.iter().any(|sign| line.contains(sign))
}
