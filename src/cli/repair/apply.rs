//! Writing what was shown: the files of people first, then the lock that is made from them.

use pinsmith_resolver::{Asked, Request, ResolveError};

use super::super::Failure;
use super::super::args::{ArtifactArgs, LockArgs, instants};
use super::super::lock::{Made, pythons_of};
use super::super::source::{Purpose, Source};
use super::super::world::{options, read_direct};
use super::rounds::planned;
use super::search::{Answer, Field, failed};
use crate::diagnostic::Diagnostic;
use crate::environment::EnvironmentSpec;
use crate::git::Git;
use crate::lock::LockOptions;
use crate::repair::codes;
use crate::repair::edit::FileEdit;
use crate::write::{Guard, Output, write_all};

/// A file that shall change and whose present text no commit has.
pub(super) struct Dirty {
    pub(super) file: String,
}

impl Dirty {
    pub(super) fn diagnostic(&self) -> Diagnostic {
        let message = format!("no commit has the present text of `{}`", self.file);
        Diagnostic::info(codes::DIRTY, message)
            .help("commit it first, so that the change can be taken back, or use --allow-dirty")
    }
}

/// Which of the files that shall change could not be brought back by git.
pub(super) fn dirty(source: &Source, edits: &[FileEdit]) -> Vec<Dirty> {
    let root = source.tree.root();
    let git = Git::find(&std::env::vars_os().collect(), root);
    let changed = edits.iter().filter(|edit| {
        let Some(before) = &edit.before else {
            return false;
        };
        let committed = git.as_ref().and_then(|git| git.committed(root, &edit.file));
        let plain = |text: &str| text.replace("\r\n", "\n");
        committed.is_none_or(|bytes| plain(&String::from_utf8_lossy(&bytes)) != plain(before))
    });
    changed
        .map(|edit| Dirty {
            file: edit.file.clone(),
        })
        .collect()
}

/// Writes the edits and the lock; what was written.
pub(super) fn apply(
    field: &Field<'_>,
    answer: &Answer,
    edits: &[FileEdit],
) -> Result<Vec<String>, Failure> {
    let root = field.source.tree.root();
    let mut written = Vec::new();
    for edit in edits {
        let (folder, name) = match edit.file.rsplit_once('/') {
            Some((folder, name)) => (root.join(folder), name),
            None => (root.to_owned(), edit.file.as_str()),
        };
        let output = Output {
            name: name.to_owned(),
            text: edit.after.clone(),
            // what stood there stands in it still
            guard: Guard::Any,
        };
        write_all(&folder, &[output])?;
        written.push(edit.file.clone());
    }
    written.extend(write_lock(field, answer)?);
    Ok(written)
}

/// Locks the changed files with the pins of the answer.
fn write_lock(field: &Field<'_>, answer: &Answer) -> Result<Vec<String>, Failure> {
    let args = field.args;
    let target = &answer.resolution.target;
    let terminal = super::super::terminal::Terminal::quiet();
    let mut source = Source::read(
        &args.source,
        Purpose::new(Some(target.python), &args.resolve.targets),
        terminal,
    )?;
    if !args.no_lookup {
        let until = answer.day.as_ref().map(|day| day.instant);
        super::super::lookup::look_up(&mut source, &args.source, &field.index.index, until);
    }
    source.manifest = planned(&source.manifest, answer);
    let packages = answer.resolution.packages.iter();
    let request = Request {
        roots: super::super::lock::request(&source.manifest, &[]).roots,
        constraints: [
            source.manifest.constraints.clone(),
            answer.plan.constraints(),
        ]
        .concat(),
        preferences: packages
            .map(|package| (package.name.clone(), package.version.clone()))
            .collect(),
        ..Request::default()
    };
    let mut asked = [Asked {
        target: target.clone(),
        request,
    }];
    let tree = Some(&source.tree);
    let offline = args.resolve.index.offline;
    let directs = read_direct(
        &mut asked,
        &[&source.manifest],
        tree,
        source.tree.root(),
        &field.index.index,
        offline,
    );
    let mut lock_args = LockArgs {
        source: args.source.clone(),
        output_dir: None,
        dry_run: false,
        groups: Vec::new(),
        all_groups: false,
        no_lookup: args.no_lookup,
        artifacts: ArtifactArgs::default(),
        resolve: args.resolve.clone(),
    };
    lock_args.resolve.targets.python = vec![target.python.without_patch()];
    lock_args.resolve.as_of.clone_from(&answer.day);
    let mut options = options(&lock_args.resolve);
    options.as_of = answer.day.as_ref().map(|day| day.instant);
    let mut answers = pinsmith_resolver::resolve_all(&asked, &field.index.index, &options);
    let resolution = match answers.pop() {
        Some(Ok(resolution)) => resolution,
        Some(Err(ResolveError::Source(error))) => return Err(failed(error)),
        _ => answer.resolution.clone(),
    };
    let older = super::super::lock::older_spec(source.tree.root())?;
    let lock_options = LockOptions {
        groups: Vec::new(),
        as_of: lock_args.resolve.as_of.as_ref().map(|day| day.instant),
        as_of_packages: instants(&lock_args.resolve.as_of_package),
        direct: directs.sources,
        indexes: field.index.index.index_names().into_iter().collect(),
    };
    // hosts are not asked again: what is pinned stays so
    let pins = older
        .as_ref()
        .map(EnvironmentSpec::pins)
        .unwrap_or_default();
    let (made, _) = Made::new(
        &lock_args,
        (&source, &pythons_of(&source, None)),
        &[resolution],
        &lock_options,
        (older.as_ref(), &pins),
    )?;
    let written = made.write(&lock_args, &source)?;
    Ok(written
        .into_iter()
        .filter(|one| one.changed)
        .filter_map(|one| Some(one.path.file_name()?.to_str()?.to_owned()))
        .collect())
}
