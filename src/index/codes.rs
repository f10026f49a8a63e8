//! Codes of this module's diagnostics; each is explained in the book's list of diagnostics.

use crate::diagnostic::Code;

/// No index is known.
pub const NO_INDEX: Code = Code("IDX001");
/// pip is set to use no index.
pub const NO_INDEX_SETTING: Code = Code("IDX002");
/// A configuration file of pip or uv cannot be read.
pub const UNREADABLE_CONFIG: Code = Code("IDX003");
/// pip's find-links exist and are not used.
pub const FIND_LINKS: Code = Code("IDX004");
/// pip's trusted-host exists and is not used.
pub const TRUSTED_HOST: Code = Code("IDX005");
/// The cache cannot be written; everything works, only slower next time.
pub const CACHE: Code = Code("IDX006");
/// An index cannot be reached and older answers from the cache were used.
pub const STALE_ANSWERS: Code = Code("IDX007");
/// An index answers 403 for a project, which was taken as "not there".
pub const FORBIDDEN: Code = Code("IDX008");
/// An index gives no upload times.
pub const NO_UPLOAD_TIMES: Code = Code("IDX009");
/// A whole wheel was downloaded for its metadata, since the server has no byte ranges.
pub const WHOLE_WHEEL: Code = Code("IDX010");
/// Credentials exist for an index on plain http and are not sent.
pub const CREDENTIALS_WITHHELD: Code = Code("IDX011");
/// The address of an index cannot be read.
pub const INVALID_INDEX_URL: Code = Code("IDX012");
/// A certificate, proxy or other setting makes it impossible to open connections.
pub const UNUSABLE_SETTINGS: Code = Code("IDX013");
/// An index says that a project is archived or deprecated (PEP 792).
pub const PROJECT_STATUS: Code = Code("IDX014");
/// An index holds a project back as unsafe (PEP 792).
pub const QUARANTINED: Code = Code("IDX015");
/// An sdist was built for its metadata, which ran its code.
pub const BUILT: Code = Code("IDX016");
/// Sdists may be built, and no Python of this machine can do it.
pub const NO_BUILDER: Code = Code("IDX017");
/// An index or the server of a file cannot be reached or gives no whole answer.
pub const NO_ANSWER: Code = Code("IDX018");
/// An index or the server of a file answers with an error.
pub const REFUSED: Code = Code("IDX019");
/// What an index gives is no project page and no page with links.
pub const NO_PAGE: Code = Code("IDX020");
/// An index or the server of a file wants credentials, or other ones.
pub const UNAUTHORIZED: Code = Code("IDX021");
/// A file or its metadata is not what the index states.
pub const WRONG_HASH: Code = Code("IDX022");
/// The network is off, and the cache does not hold what is needed.
pub const NOT_IN_CACHE: Code = Code("IDX023");
/// A file has no digest on its index, and none could be worked out.
pub const NO_DIGEST: Code = Code("IDX024");
/// A page that was to list files is not there.
pub const NO_SUCH_PAGE: Code = Code("IDX025");
