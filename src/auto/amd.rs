//! AMD: the newest ROCm whose builds have code for every GPU.

use pinsmith_resolver::{Accelerator, AcceleratorFamily, Platform, RocmVersion};

use super::{Asked, Choice, Found, NOTHING_RUNS, UNUSABLE_GPU};
use crate::diagnostic::Diagnostic;
use crate::host::Gfx;

/// `AMD gfx942`, `2 × AMD gfx942`.
pub(super) fn seen(gpus: &[Gfx]) -> String {
    match gpus {
        [] => "an AMD card without its compute driver".to_owned(),
        [first, rest @ ..] if !rest.is_empty() && rest.iter().all(|gfx| gfx == first) => {
            format!("{} × AMD {first}", gpus.len())
        }
        _ => {
            let names: Vec<&str> = gpus.iter().map(Gfx::as_str).collect();
            format!("AMD {}", names.join(", "))
        }
    }
}

pub(super) fn choose(asked: &Asked<'_>) -> Result<Found, Diagnostic> {
    let gpus = &asked.machine.gpus;
    if !gpus.has_amd() {
        return Ok(Found::Nothing);
    }
    let unusable = |why: String, help: &str| {
        Ok(Found::Unusable(
            Diagnostic::warning(UNUSABLE_GPU, why).help(help),
        ))
    };
    if asked.platform != Platform::LinuxX86_64 {
        let why = format!("there are no ROCm builds for {}", asked.platform);
        return unusable(why, "ROCm is for Linux on x86-64 only");
    }
    if gpus.amd.is_empty() {
        let why = "an AMD card is there, and its compute driver is not".to_owned();
        let help = "install ROCm, or name the card with --gfx gfx1100 if it is there all the same";
        return unusable(why, help);
    }
    // graphics of the processor beside a card is no reason to leave the card idle
    let (served, left): (Vec<&Gfx>, Vec<&Gfx>) = gpus
        .amd
        .iter()
        .partition(|gfx| asked.table.rocm.iter().any(|row| has(row, gfx)));
    if served.is_empty() {
        let why = format!("no ROCm build has code for {}", names(&left));
        return unusable(why, "name builds with --accelerator if you know better");
    }
    let serves = |rocm: RocmVersion| {
        let mut rows = asked.table.rocm.iter();
        let row = rows.find(|row| row.version == rocm);
        row.is_some_and(|row| served.iter().all(|gfx| has(row, gfx)))
    };
    let pinned = asked.pinned();
    for release in asked.releases() {
        if !asked.admits(release) {
            continue;
        }
        let mut builds: Vec<RocmVersion> = release.rocm.clone();
        if let Some(Accelerator::Rocm(rocm)) = pinned {
            builds = vec![rocm];
        }
        builds.sort();
        let best = builds.into_iter().rev().find(|rocm| serves(*rocm));
        let Some(rocm) = best else { continue };
        let warning = (!left.is_empty()).then(|| {
            let why = format!("no ROCm build has code for {}", names(&left));
            let help = "hide it from ROCm with HIP_VISIBLE_DEVICES if a program trips over it";
            Diagnostic::warning(UNUSABLE_GPU, why).help(help)
        });
        return Ok(Found::Choice(Box::new(Choice {
            newest: Some(release.version),
            newer: newer(asked, rocm),
            warnings: warning.into_iter().collect(),
            ..Choice::plain(Accelerator::Rocm(rocm))
        })));
    }
    if pinned.is_some_and(|pinned| pinned.family() != AcceleratorFamily::Rocm) {
        return Ok(Found::Nothing);
    }
    let message = format!("no variant runs on {}", names(&served));
    let newest = asked
        .table
        .rocm
        .iter()
        .filter(|row| served.iter().all(|gfx| has(row, gfx)));
    let help = match newest.map(|row| row.version).max() {
        Some(rocm) => format!("admit a torch that has builds for rocm{rocm}"),
        None => {
            "no ROCm serves all of these at once; name them with --gfx to leave some out".to_owned()
        }
    };
    Err(Diagnostic::error(NOTHING_RUNS, message).help(help))
}

/// A newer ROCm of which nobody knows what it serves.
fn newer(asked: &Asked<'_>, chosen: RocmVersion) -> Option<String> {
    let releases = asked.releases();
    let mut newest = releases.iter().filter(|release| asked.admits(release));
    let rocm = newest.find_map(|release| release.rocm.iter().max().copied())?;
    let unknown = !asked.table.rocm.iter().any(|row| row.version == rocm);
    (rocm > chosen && unknown)
        .then(|| format!("rocm{rocm} is not chosen, since its list of GPUs is not known"))
}

fn has(row: &crate::accelerator::RocmTargets, gfx: &Gfx) -> bool {
    row.gfx.iter().any(|known| known == gfx.as_str())
}

fn names(gpus: &[&Gfx]) -> String {
    let mut names: Vec<&str> = gpus.iter().map(|gfx| gfx.as_str()).collect();
    names.dedup();
    names.join(", ")
}
