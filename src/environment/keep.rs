//! What a person wrote into a spec survives when it is written again.

use super::{CommandSpec, EnvironmentSpec};

impl EnvironmentSpec {
    /// Takes over what a person filled in: the name of a project that declares none, the digest of the base image, the day of the package
    /// archive, versions of system packages and additional ones, lowest drivers, variables that
    /// are set, and commands without a `from`.
    ///
    /// What pinsmith itself knows is never taken from the older spec. A person's command replaces
    /// a found one of the same name.
    #[must_use]
    pub fn keeping(mut self, older: &Self) -> Self {
        self.project = self.project.or_else(|| older.project.clone());
        if let (Some(system), Some(older)) = (&mut self.system, &older.system) {
            system.digest.clone_from(&older.digest);
            system.snapshot.clone_from(&older.snapshot);
            system.extra.clone_from(&older.extra);
            for package in &mut system.packages {
                let same = older.packages.iter().find(|old| old.name == package.name);
                package.version = same.and_then(|old| old.version.clone());
            }
        }
        for target in &mut self.targets {
            let same = older.targets.iter().find(|old| old.name == target.name);
            if target.driver_min.is_none() && target.needs_driver {
                target.driver_min = same.and_then(|old| old.driver_min.clone());
            }
        }
        self.variables.set.clone_from(&older.variables.set);
        let own: Vec<CommandSpec> = older
            .commands
            .iter()
            .filter(|command| command.site.is_none())
            .cloned()
            .collect();
        self.commands
            .retain(|command| own.iter().all(|kept| kept.name != command.name));
        self.commands.extend(own);
        self.commands.sort();
        self
    }
}
