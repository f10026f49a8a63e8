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
    let because = format!("`{word}` could not be built here");
    Some(Lesson::CannotBuild {
        name,
        version,
        because,
    })
}
