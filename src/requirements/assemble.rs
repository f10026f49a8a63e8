//! Joins what is imported with what is declared into a [`Manifest`].

mod conflicts;
mod declarations;
mod evidence;
mod implied;
mod imports;
mod needs;
mod report;
#[cfg(test)]
mod tests;
mod variant;

use std::collections::{BTreeMap, BTreeSet};

use pinsmith_resolver::{PackageName, PythonVersion};

use self::evidence::Evidence;
use super::declared::Declared;
use super::declared::line::Role;
use super::declared::load::{Loader, Reader};
use super::{Manifest, ManifestRequirement, Origin, OriginKind};
use crate::scan::{ModuleName, Scan, Site, Tree};

/// What the user says about requirements.
#[derive(Debug, Clone, Default)]
pub struct AssembleOptions {
    /// The Python whose standard library counts; `None` stands for any Python 3.
    pub python: Option<PythonVersion>,
    /// Distributions that may be taken although only their name speaks for them (`--accept`).
    pub accept: BTreeSet<PackageName>,
    /// Distribution of a module, by the user's word (`--map`).
    pub modules: BTreeMap<ModuleName, PackageName>,
    /// The same by the project's word (`[tool.pinsmith] modules`), with its place: a declaration.
    pub project_modules: BTreeMap<ModuleName, (PackageName, Site)>,
    /// What is locked for, as far as it is known: `cpu`, `cu128`.
    pub accelerators: Vec<String>,
    /// Modules that ask for nothing (`[tool.pinsmith] ignore`).
    pub ignore: BTreeSet<ModuleName>,
}

impl AssembleOptions {
    /// The distribution that somebody says provides a module: the user first, then the project.
    fn said_of(&self, module: &ModuleName) -> Option<&PackageName> {
        let of_project = || Some(&self.project_modules.get(module)?.0);
        self.modules.get(module).or_else(of_project)
    }
}

/// Joins imports, install lines and declared files.
///
/// Declared requirements win over inferred ones; what nobody knows is reported, never guessed.
pub fn assemble(scan: &Scan, tree: &Tree, options: &AssembleOptions) -> Manifest {
    let declared = declarations::read(scan, &mut |path| tree.read(path));
    assemble_declared(scan, declared, options)
}

/// The same for declarations that are already read.
pub(super) fn assemble_declared(
    scan: &Scan,
    mut declared: Declared,
    options: &AssembleOptions,
) -> Manifest {
    declarations::correct_names(&mut declared);
    let dropped = conflicts::settle(&mut declared);
    let evidence = Evidence::new(scan, &declared, options);
    let mut resolved = imports::resolve(scan, &evidence, options);
    variant::settle(&mut resolved, scan, options);
    let mut manifest = Manifest {
        constraints: declared
            .constraints
            .iter()
            .map(|constraint| constraint.requirement.clone())
            .collect(),
        requires_python: declared.requires_python.clone(),
        python_hints: declared.python_hints.clone(),
        extras: declared.extras.clone(),
        entry_points: declared.entry_points.clone(),
        dependency_groups: declared.dependency_groups.clone(),
        indexes: declared.indexes.clone(),
        name: declared.name.clone(),
        ..Manifest::default()
    };
    let needs = needs::collect(scan, &resolved, &evidence, &declared);
    manifest.requirements = needs.requirements;
    manifest.diagnostics.extend(declared.diagnostics.clone());
    manifest.diagnostics.extend(dropped);
    manifest.diagnostics.extend(conflicts::pythons(&declared));
    manifest
        .diagnostics
        .extend(declarations::unrelated_names(options));
    manifest.diagnostics.extend(needs.diagnostics);
    manifest
        .diagnostics
        .extend(report::findings(&resolved, &evidence, &declared, options));
    manifest.imports = resolved.into_iter().map(|import| import.mapped).collect();
    finish(manifest)
}

/// Reads the files that a user names, as `pinsmith compile` does; nothing is scanned.
///
/// `read` is asked for each file and for what it includes. Extras and groups of a pyproject.toml
/// keep their names; requirements files are runtime whatever they are called.
///
/// ```
/// use pinsmith::requirements::read_requirement_files;
/// let mut read = |_: &str| Ok(b"numpy>=1.20\n".to_vec());
/// let manifest = read_requirement_files(&["requirements.in".to_owned()], &mut read);
/// assert_eq!(manifest.requirements[0].requirement.to_string(), "numpy>=1.20");
/// ```
pub fn read_requirement_files(files: &[String], read: &mut Reader<'_>) -> Manifest {
    let mut loader = Loader::new(read);
    loader.named_by_user = true;
    for file in files {
        loader.load(file, Role::default());
    }
    let declared = loader.out;
    let constraints = declared.constraints.into_iter();
    let requirements = declared.requirements.into_iter();
    finish(Manifest {
        requirements: requirements
            .map(|declared| ManifestRequirement {
                requirement: declared.requirement,
                group: declared.group,
                origins: vec![Origin {
                    kind: OriginKind::Declared,
                    site: declared.site,
                }],
            })
            .collect(),
        constraints: constraints.map(|declared| declared.requirement).collect(),
        requires_python: declared.requires_python,
        python_hints: declared.python_hints,
        extras: declared.extras,
        dependency_groups: declared.dependency_groups,
        indexes: declared.indexes,
        name: declared.name,
        diagnostics: declared.diagnostics,
        ..Manifest::default()
    })
}

/// Brings everything into its order; equal requirements become one with all origins.
fn finish(mut manifest: Manifest) -> Manifest {
    let mut merged: Vec<ManifestRequirement> = Vec::new();
    let key = |need: &ManifestRequirement| {
        let name = need.requirement.name.clone();
        (need.group.clone(), name, need.requirement.to_string())
    };
    manifest.requirements.sort_by_cached_key(key);
    for need in manifest.requirements {
        match merged.last_mut() {
            Some(last) if last.group == need.group && last.requirement == need.requirement => {
                last.origins.extend(need.origins);
            }
            _ => merged.push(need),
        }
    }
    merged
        .iter_mut()
        .for_each(ManifestRequirement::order_origins);
    manifest.requirements = merged;
    manifest
        .diagnostics
        .sort_by(|a, b| (&a.site, a).cmp(&(&b.site, b)));
    manifest.diagnostics.dedup();
    manifest
}
