//! `--accelerator auto`: decided for this machine before anything else, so that locks and their
//! headers name the builds that were chosen.

use std::path::Path;
use std::sync::Arc;

use pinsmith_resolver::{Asked, Requirement, VersionSpecifiers, specifiers_of};

use super::accelerators::{refuse, table};
use super::args::{AcceleratorArg, GlobalArgs, TargetArgs};
use super::terminal::Terminal;
use super::world::{cache_dir, env};
use super::{Done, Failure};
use crate::auto::{Machine, Wanted, choose};
use crate::diagnostic::{Code, Diagnostic};
use crate::host::{Gpus, Host, HostOptions};
use crate::index::cache::Cache;
use crate::requirements::Manifest;

/// `auto` is about this machine, and another platform is named.
pub(super) const OTHER_MACHINE: Code = Code("HOST010");

/// Puts the builds that this machine runs in the place of `auto`, if that is asked for.
///
/// `manifests` is asked for what the requirements say of torch; the tree at `root` is out of bounds. The
/// answer is no when the requirements admit nothing that runs.
pub(super) fn settle(
    targets: &mut TargetArgs,
    manifests: impl FnOnce() -> Result<Vec<Manifest>, Failure>,
    root: &Path,
    global: &GlobalArgs,
    terminal: Terminal,
) -> Result<Option<Done>, Failure> {
    if !targets.accelerator.contains(&AcceleratorArg::Auto) {
        return Ok(None);
    }
    let options = HostOptions {
        gpus: true,
        memory: Some(Arc::new(Cache::new(cache_dir(global)))),
        ..HostOptions::from_env(&env, targets.python.first().copied())
    };
    let host = Host::detect(&options, root);
    let machine = machine(targets, &host)?;
    let own = host.python.as_ref().map(|python| python.version);
    let wanted = Wanted {
        python: targets.python.iter().min().copied().or(own),
        torch: torch(&manifests()?),
    };
    let table = table(targets.accelerator_table.as_deref())?;
    let choice = match choose(&machine, &wanted, &table) {
        Ok(choice) => choice,
        Err(error) => return refuse(&[error], terminal),
    };
    terminal.summary("auto", &choice.sentence(&machine));
    terminal.diagnostics(&choice.warnings);
    let mut known = Vec::new();
    targets.accelerator.retain_mut(|one| {
        if *one == AcceleratorArg::Auto {
            *one = AcceleratorArg::One(choice.accelerator);
        }
        let new = !known.contains(one);
        known.push(*one);
        new
    });
    targets.bound = choice.torch.map(|torch| (choice.accelerator, torch));
    Ok(None)
}

/// This machine, with what flags say instead.
fn machine(targets: &TargetArgs, host: &Host) -> Result<Machine, Failure> {
    let mut machine = Machine::of(host);
    let other = |one: &super::targets::PlatformArg| Some(one.platform()) != host.platform;
    if let Some(named) = targets.platform.iter().copied().find(other) {
        if targets.machine.is_empty() {
            let message = format!("`auto` is about this machine, and {named} is another one");
            let help = "name the accelerator, or describe the GPU with --cuda-driver, --compute-capability or --gfx";
            return Err(Diagnostic::error(OTHER_MACHINE, message).help(help).into());
        }
        machine = Machine {
            platform: Some(named.platform()),
            floor: named.usual_floor(),
            gpus: Gpus::default(),
        };
    }
    machine.floor = targets.glibc.unwrap_or(machine.floor);
    targets.machine.apply(&mut machine.gpus);
    Ok(machine)
}

/// What is asked of torch; `None` when nothing asks for a version of it.
fn torch(manifests: &[Manifest]) -> Option<VersionSpecifiers> {
    let all = manifests.iter().flat_map(|manifest| {
        let requirements = manifest.requirements.iter();
        let own = requirements.filter(|one| one.group.is_none());
        own.map(|one| &one.requirement).chain(&manifest.constraints)
    });
    let about = all.filter(|one| one.name.as_ref() == "torch");
    let each = about.flat_map(|one| specifiers_of(one).iter().cloned().collect::<Vec<_>>());
    let asked: VersionSpecifiers = each.collect();
    (asked.iter().len() > 0).then_some(asked)
}

/// Keeps torch to the releases whose builds run here.
pub(super) fn keep_to_bound(asked: &mut [Asked], targets: &TargetArgs) {
    let Some((accelerator, torch)) = &targets.bound else {
        return;
    };
    // a name and specifiers always make a requirement
    let Ok(bound) = format!("torch{torch}").parse::<Requirement>() else {
        return;
    };
    for Asked { target, request } in asked {
        if target.accelerator == *accelerator {
            request.constraints.push(bound.clone());
        }
    }
}
