//! What several subjects share.

pub(crate) mod case;
pub(crate) mod git;
pub(crate) mod index;
#[expect(
    dead_code,
    unreachable_pub,
    reason = "shared with the unit tests of the index"
)]
pub(crate) mod server;

/// Copies what was locked into the folder that `PINSMITH_KEEP_LOCKS` names; `.ci/live-packaging` reads it there.
pub(crate) fn keep_locks<'a>(files: impl Iterator<Item = (&'a str, &'a [u8])>) {
    let Some(folder) = std::env::var_os("PINSMITH_KEEP_LOCKS") else {
        return;
    };
    for (path, bytes) in files {
        let name = path.rsplit('/').next().unwrap_or_default();
        if name.starts_with("pylock") && path.rsplit('.').next() == Some("toml") {
            let kept = std::path::Path::new(&folder).join(index::sha256(bytes));
            std::fs::create_dir_all(&kept).unwrap();
            std::fs::write(kept.join(name), bytes).unwrap();
        }
    }
}
