//! The index of environments that have one CUDA.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use pinsmith_resolver::{
    Lookahead, MetadataAnswer, PackageName, PackageSource, ReleaseFile, ReleasesAnswer,
    Requirement, SourceError, Target,
};

use super::super::Index;
use super::TargetIndex;

/// The index with one more rule: no two CUDA major versions in an environment, libraries and packages
/// with a CUDA in their names included.
pub struct OneCuda<'i> {
    index: &'i Index,
    /// What may be there for several CUDAs.
    but: Arc<BTreeSet<PackageName>>,
}

impl fmt::Debug for OneCuda<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OneCuda").field(&self.but).finish()
    }
}

impl Index {
    /// The index as one whose environments have one CUDA; `but` may be there for several.
    pub fn with_one_cuda(&self, but: BTreeSet<PackageName>) -> OneCuda<'_> {
        OneCuda {
            index: self,
            but: Arc::new(but),
        }
    }
}

impl PackageSource for OneCuda<'_> {
    fn releases(&self, name: &PackageName) -> Result<ReleasesAnswer, SourceError> {
        self.index.releases(name)
    }

    fn metadata(
        &self,
        name: &PackageName,
        file: &ReleaseFile,
    ) -> Result<MetadataAnswer, SourceError> {
        self.index.metadata(name, file)
    }

    fn look_ahead(&self, requirements: Vec<Requirement>, guess: &Arc<dyn Lookahead>) {
        self.index.look_ahead(requirements, guess);
    }

    fn for_target<'s>(&'s self, target: &Target) -> Option<Box<dyn PackageSource + 's>> {
        let but = Some(Arc::clone(&self.but));
        Some(Box::new(TargetIndex::new(self.index, target, but)))
    }
}
