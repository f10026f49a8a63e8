//! What the project's configuration says where no flag does.

use jiff::Timestamp;

use super::args::{AcceleratorArg, ResolveArgs, TargetArgs};
use super::targets::PlatformArg;
use crate::config::{Config, as_of_at};

/// The flags of a resolution, with the project's own wishes in the place of those that are not given.
///
/// `--universal` stands for Pythons and platforms alike, so the project's do not count beside it.
pub(super) fn configured(args: &ResolveArgs, config: &Config) -> ResolveArgs {
    let mut args = args.clone();
    let TargetArgs {
        python,
        platform,
        universal,
        accelerator,
        ..
    } = &mut args.targets;
    if accelerator.is_empty() {
        let named = config.accelerators.iter();
        accelerator.extend(named.filter_map(|name| name.parse::<AcceleratorArg>().ok()));
    }
    if python.is_empty() && !*universal {
        python.clone_from(&config.python);
    }
    if platform.is_empty() && !*universal {
        platform.extend(config.platforms.iter().copied().map(PlatformArg::from));
    }
    if let (None, Some(text)) = (&args.as_of, &config.as_of) {
        args.as_of = as_of_at(text, Timestamp::now());
    }
    args
}

/// The groups to lock: those of the flags, else those of the project.
///
/// Both are names that [`chosen_groups`](super::lock::chosen_groups) checks.
pub(super) fn groups<'a>(given: &'a [String], config: &'a Config) -> &'a [String] {
    if given.is_empty() {
        &config.groups
    } else {
        given
    }
}
