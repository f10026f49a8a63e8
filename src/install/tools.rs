//! What old Pythons need besides: uv refuses those before 3.6, Python 2.7 has no `venv`, and the
//! pip that 3.5 and 3.6 bring along knows no wheel tag newer than `manylinux1`.

use std::fmt;
use std::path::PathBuf;

use super::SyncError;

/// A wheel that makes an environment for an old Python possible; known by its digest, so that it
/// does not matter which index it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tool {
    /// Its project.
    pub name: &'static str,
    /// The file.
    pub filename: &'static str,
    /// The digest of the file, in hexadecimal digits.
    pub sha256: &'static str,
}

/// Gets the wheels of [`Tool`]s.
pub trait Tools: fmt::Debug + Send + Sync {
    /// Where the wheel lies, its digest checked; the reason, in lower case, when it cannot be had.
    fn wheel(&self, tool: &Tool) -> Result<PathBuf, String>;
}

/// The last release that is one wheel without dependencies; it brings pip 20.3.4 for Python 2.7.
const VIRTUALENV: Tool = Tool {
    name: "virtualenv",
    filename: "virtualenv-16.7.12-py2.py3-none-any.whl",
    sha256: "9180ce4102c388073bac71ecd041f7f31f9ef8c528edb205d75ae6144d08106e",
};

/// The last pip for Python 3.5.
const PIP_20: Tool = Tool {
    name: "pip",
    filename: "pip-20.3.4-py2.py3-none-any.whl",
    sha256: "217ae5161a0e08c0fb873858806e3478c9775caffce5168b50ec885e358c199d",
};

/// The last pip for Python 3.6.
const PIP_21: Tool = Tool {
    name: "pip",
    filename: "pip-21.3.1-py3-none-any.whl",
    sha256: "deaf32dcd9ab821e359cd8330786bcd077604b5c5730c0b096eda46f95c24a2d",
};

/// What this Python, as `(major, minor)`, needs for an environment with a pip that can install a
/// lock.
///
/// ```
/// use pinsmith::install::tool_for;
/// assert_eq!(tool_for((2, 7)).unwrap().name, "virtualenv");
/// assert_eq!(tool_for((3, 6)).unwrap().name, "pip");
/// assert_eq!(tool_for((3, 12)), None);
/// ```
pub fn tool_for(python: (u8, u8)) -> Option<&'static Tool> {
    match python {
        (2, _) => Some(&VIRTUALENV),
        (3, 5) => Some(&PIP_20),
        (3, 6) => Some(&PIP_21),
        _ => None,
    }
}

/// The oldest Python that uv makes environments for.
pub(super) const OLDEST_OF_UV: (u8, u8) = (3, 6);

/// Options that keep the environment, the user's site and the script's folder out. `-I` came with
/// Python 3.4; without it the working folder counts, which is always an empty one here.
pub(super) fn isolation(python: (u8, u8)) -> &'static [&'static str] {
    if python < (3, 4) {
        &["-E", "-s"]
    } else {
        &["-I"]
    }
}

/// The wheel that this Python needs with pip, if it needs one.
pub(super) fn fetched(tools: &dyn Tools, python: (u8, u8)) -> Result<Option<PathBuf>, SyncError> {
    let Some(tool) = tool_for(python) else {
        return Ok(None);
    };
    let found = tools.wheel(tool);
    found.map(Some).map_err(|reason| SyncError::NoTool {
        tool: tool.filename,
        python: format!("{}.{}", python.0, python.1),
        reason,
    })
}
