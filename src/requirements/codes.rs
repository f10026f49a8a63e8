//! The diagnostic codes of this stage, in one place.

use crate::diagnostic::Code;

/// A declaration file cannot be read, or is not what its name says.
pub const UNREADABLE: Code = Code("REQ001");
/// A line or entry is not a requirement and is left out.
pub const NOT_A_REQUIREMENT: Code = Code("REQ002");
/// A requirement had to be repaired before it could be read.
pub const REPAIRED: Code = Code("REQ003");
/// The tree names an index; it does not choose one.
pub const INDEX_EVIDENCE: Code = Code("REQ004");
/// A path leaves the tree or an include repeats or goes too deep.
pub const INCLUDE_REFUSED: Code = Code("REQ005");
/// A local or editable path that an index cannot provide.
pub const LOCAL_PATH: Code = Code("REQ006");
/// Credentials inside a URL were left out.
pub const CREDENTIALS: Code = Code("REQ007");
/// An environment variable inside a requirement is not expanded.
pub const VARIABLE: Code = Code("REQ008");
/// A constraint of another tool was translated inexactly.
pub const INEXACT: Code = Code("REQ009");
/// A conda package without counterpart on the index.
pub const CONDA_ONLY: Code = Code("REQ010");
/// Requirements of one distribution contradict each other.
pub const CONTRADICTION: Code = Code("REQ011");
/// A declaration file that does not count, and why.
pub const FILE_SKIPPED: Code = Code("REQ012");
/// Declared requirements that only running code would tell.
pub const DYNAMIC: Code = Code("REQ013");
/// An option or table that pinsmith does not use.
pub const OPTION_IGNORED: Code = Code("REQ014");
/// The name of a requirement was read off its URL.
pub const NAME_FROM_URL: Code = Code("REQ015");
/// A hard import that nobody declares.
pub const UNDECLARED: Code = Code("REQ020");
/// Declared distributions that nothing imports.
pub const UNUSED: Code = Code("REQ021");
/// Nobody knows which distribution provides a module.
pub const UNRESOLVED: Code = Code("REQ022");
/// What a look at the index found for a module that nobody knows.
pub const SUGGESTED: Code = Code("REQ031");
/// The index could not be asked about modules that nobody knows.
pub const NOT_LOOKED_UP: Code = Code("REQ032");
/// A module that only a repository provides, never the index.
pub const GIT_ONLY: Code = Code("REQ023");
/// Several distributions provide a module.
pub const AMBIGUOUS: Code = Code("REQ024");
/// A module that is not in the standard library of the Python in question.
pub const STDLIB_VERSION: Code = Code("REQ025");
/// A distribution that is only on another index or only as source.
pub const AVAILABILITY: Code = Code("REQ026");
/// A declared name that belongs to an unrelated project.
pub const UNRELATED_NAME: Code = Code("REQ027");
/// A distribution that is imported at run time but declared in a development group only.
pub const WRONG_GROUP: Code = Code("REQ028");
/// An install line of a notebook that does not become a requirement.
pub const INSTALL_LINE: Code = Code("REQ029");
/// Two distributions that write the same files.
pub const EXCLUSIVE: Code = Code("REQ030");
/// A call needs a distribution that nothing imports.
pub const IMPLIED: Code = Code("REQ033");
/// A call loads code that is not in the tree.
pub const FOREIGN_CODE: Code = Code("REQ034");
