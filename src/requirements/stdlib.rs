//! Which top-level modules the standard library has, by Python version.

use std::sync::LazyLock;

use pinsmith_resolver::PythonVersion;

use super::table::Table;

/// Columns: module, `2` if Python 2.7 has it, first and last minor of Python 3 (both included).
static STDLIB: LazyLock<Table> = LazyLock::new(|| Table::new(include_str!("../data/stdlib.tsv")));

/// The newest minor of Python 3 in the data; a module that it has counts for later ones too.
const NEWEST: u8 = 14;

/// In which Pythons the standard library has a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StdlibRange {
    /// Python 2.7 has it.
    pub python2: bool,
    /// First and last minor version of Python 3 that has it, from 3.6 on.
    pub python3: Option<(u8, u8)>,
}

impl StdlibRange {
    /// Looks a module up by its top-level name.
    ///
    /// ```
    /// use pinsmith::requirements::StdlibRange;
    /// assert_eq!(StdlibRange::of("distutils").unwrap().python3, Some((6, 11)));
    /// assert_eq!(StdlibRange::of("ConfigParser").unwrap().python3, None);
    /// assert!(StdlibRange::of("numpy").is_none());
    /// ```
    pub fn of(module: &str) -> Option<Self> {
        let row = STDLIB.row(module.split('.').next()?)?;
        let minor = |column| row.column(column).parse().ok();
        Some(Self {
            python2: row.column(1) == "2",
            python3: minor(2).zip(minor(3)),
        })
    }

    /// Whether this Python has it.
    pub fn contains(self, python: PythonVersion) -> bool {
        match python.major {
            2 => self.python2,
            _ => self.python3.is_some_and(|(first, last)| {
                // 3.6 is where the data begin: what it has, older ones are taken to have
                let after_start = python.minor >= first || first == 6;
                after_start && (python.minor <= last || last == NEWEST)
            }),
        }
    }

    /// The minor of Python 3 from which on the module is gone.
    pub fn removed_in(self) -> Option<u8> {
        let (_, last) = self.python3?;
        (last < NEWEST).then(|| last + 1)
    }
}

/// Whether the standard library of this Python has the module; `None` stands for any Python 3.
///
/// ```
/// use pinsmith::requirements::is_stdlib;
/// let python = |minor| Some(pinsmith_resolver::PythonVersion { major: 3, minor, patch: None });
/// assert!(is_stdlib("os.path", None));
/// assert!(is_stdlib("tomllib", python(11)));
/// assert!(!is_stdlib("tomllib", python(10)));
/// ```
pub fn is_stdlib(module: &str, python: Option<PythonVersion>) -> bool {
    StdlibRange::of(module).is_some_and(|range| match python {
        Some(python) => range.contains(python),
        None => range.python3.is_some(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn python(major: u8, minor: u8) -> PythonVersion {
        PythonVersion {
            major,
            minor,
            patch: None,
        }
    }

    #[test]
    fn modules_come_and_go() {
        for (module, version, expected) in [
            ("os", (3, 6), true),
            ("os", (3, 15), true),
            ("dataclasses", (3, 6), false),
            ("dataclasses", (3, 7), true),
            ("distutils", (3, 11), true),
            ("distutils", (3, 12), false),
            ("imp", (3, 12), false),
            ("asyncore", (3, 12), false),
            ("cgi", (3, 13), false),
            ("tomllib", (3, 11), true),
            ("annotationlib", (3, 13), false),
            ("annotationlib", (3, 14), true),
            ("compression.zstd", (3, 14), true),
            ("winreg", (3, 8), true),
            ("urllib2", (2, 7), true),
            ("urllib2", (3, 8), false),
            ("cPickle", (2, 7), true),
            ("configparser", (2, 7), false),
            ("test", (3, 14), true),
            ("numpy", (3, 12), false),
        ] {
            let (major, minor) = version;
            let found = is_stdlib(module, Some(python(major, minor)));
            assert_eq!(found, expected, "{module} in {major}.{minor}");
        }
    }

    #[test]
    fn rows_are_sorted_and_whole() {
        STDLIB.check_sorted();
        for row in STDLIB.rows() {
            assert!(StdlibRange::of(row.key()).is_some(), "{}", row.key());
        }
    }
}
