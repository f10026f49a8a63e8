//! Wheels of one name that are built for one torch each: what stands for them while versions are chosen.

use std::collections::BTreeMap;

use pinsmith_resolver::{Asked, HeldBackBy, PackageName, Resolution, Target, Version};

use super::super::{Index, lock};
use crate::accelerator::{MinorVersion, Route, Table};

impl Index {
    /// Gives back the versions that files have where a page of wheels made others of them, see
    /// [`Table::on_page`].
    pub fn restore_versions(&self, resolution: &mut Resolution) {
        let candidates = lock(&self.shared.candidates);
        let mut given_back = BTreeMap::new();
        for package in &mut resolution.packages {
            let Some(file) = package.files.first() else {
                continue;
            };
            let (Some(_), Some(wheel)) = (candidates.get(&file.url), file.wheel()) else {
                continue;
            };
            package.version = wheel.version.clone();
            given_back.insert(package.name.clone(), package.version.clone());
            let same = |newest: &mut Version| {
                newest.clone().without_local() == package.version.clone().without_local()
            };
            if package.newest.as_mut().is_some_and(same) {
                package.newest = None;
                package.held_back_by.clear();
            }
        }
        let packages = resolution.packages.iter_mut();
        for held in packages.flat_map(|package| &mut package.held_back_by) {
            if let HeldBackBy::Requirement {
                package, version, ..
            }
            | HeldBackBy::OwnRequirement {
                package, version, ..
            } = held
                && let Some(own) = given_back.get(package)
            {
                version.clone_from(own);
            }
        }
    }

    /// What stands for a locked version where pages of wheels are looked at.
    fn candidate(
        &self,
        name: &PackageName,
        version: &Version,
        target: &Target,
        torch: &Version,
    ) -> Version {
        let Route::Pages { pages } = self.shared.accelerators.route(name, target) else {
            return version.clone();
        };
        let minor = MinorVersion::of(torch);
        let page = pages.iter().find(|page| page.torch == Some(minor));
        page.map_or_else(|| version.clone(), |page| Table::on_page(version, page))
    }

    /// With what stands for locked wheels of pages that have one file name for several builds.
    pub fn with_candidates(&self, asked: &Asked) -> Asked {
        let mut asked = asked.clone();
        let preferences = &mut asked.request.preferences;
        let torch = preferences
            .iter()
            .find(|(name, _)| name.as_ref() == "torch");
        let Some(torch) = torch.map(|(_, version)| version.clone()) else {
            return asked;
        };
        for (name, version) in preferences {
            *version = self.candidate(name, version, &asked.target, &torch);
        }
        asked
    }
}
