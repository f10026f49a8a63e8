//! The diagnostic codes of the scan, in one place.

use crate::diagnostic::Code;

/// A file or folder of the tree cannot be read; it is left out.
pub const UNREADABLE: Code = Code("SCAN001");
/// A file name is not UTF-8 or holds control characters; the file is left out.
pub const UNSAFE_NAME: Code = Code("SCAN002");
/// A Python file or notebook cell has a syntax error; what can be read around it is kept.
pub const SYNTAX_ERROR: Code = Code("SCAN003");
/// A file is Python 2 source; its imports are kept.
pub const PYTHON_2: Code = Code("SCAN004");
/// A file is not in the encoding it declares or implies; it is read with replacements.
pub const ENCODING: Code = Code("SCAN005");
/// A notebook is not JSON, or its JSON is not a notebook; it is left out.
pub const BAD_NOTEBOOK: Code = Code("SCAN006");
/// A notebook is in the format of before 2015 (nbformat 3 or older); it is read all the same.
pub const OLD_NOTEBOOK: Code = Code("SCAN007");
/// A notebook is written in another language than Python; it is left out.
pub const OTHER_LANGUAGE: Code = Code("SCAN008");
/// A module is imported by a name that is only known when the code runs.
pub const DYNAMIC_IMPORT: Code = Code("SCAN009");
/// A file is nested too deeply or is too large to be parsed; imports are read line by line.
pub const TOO_COMPLEX: Code = Code("SCAN010");
/// An exclude pattern is not a valid glob; it is ignored.
pub const BAD_PATTERN: Code = Code("SCAN011");
/// A folder was left out because of its name (`env`, `build`), although it holds Python files.
pub const SKIPPED_FOLDER: Code = Code("SCAN012");
