//! Package indexes: the only network. Implements `pinsmith_resolver::PackageSource`.
