//! `pinsmith cache`: where it is, how large, and away with it.

use super::args::{CacheAction, CacheArgs, GlobalArgs};
use super::source::count;
use super::terminal::Terminal;
use super::world::cache_dir;
use super::{Done, Failure};
use crate::index::cache::{Cache, CacheSize};

pub(super) fn run(
    args: &CacheArgs,
    global: &GlobalArgs,
    terminal: Terminal,
) -> Result<Done, Failure> {
    let cache = Cache::new(cache_dir(global));
    let Some(dir) = cache.dir() else {
        return Err(Failure::new(
            "there is no cache folder, since no home folder is known",
            "name one with --cache-dir or PINSMITH_CACHE_DIR",
        ));
    };
    let trouble = |error: std::io::Error| {
        Failure::new(
            format!("cannot read the cache in `{}`: {error}", dir.display()),
            "check that you may read and write it",
        )
    };
    match args.action {
        CacheAction::Dir => terminal.result(&format!("{}\n", dir.display()))?,
        CacheAction::Size => {
            let size = cache.size().map_err(trouble)?;
            terminal.result(&format!("{}\n", size.bytes))?;
        }
        CacheAction::Clean => tell(&cache.clean().map_err(trouble)?, terminal),
        CacheAction::Prune { max_bytes } => {
            tell(&cache.prune(max_bytes).map_err(trouble)?, terminal);
        }
    }
    Ok(Done::Yes)
}

/// Says what was removed.
fn tell(removed: &CacheSize, terminal: Terminal) {
    let files = usize::try_from(removed.files).unwrap_or(usize::MAX);
    let text = format!("{}, {} bytes", count(files, "file"), removed.bytes);
    terminal.summary("removed", &text);
}
