//! What several subjects share.

pub(crate) mod case;
pub(crate) mod git;
pub(crate) mod index;
#[expect(
    dead_code,
    unreachable_pub,
    reason = "shared with the unit tests of the index"
)]
pub(crate) mod server;
