//! Files that pinsmith wrote itself: outputs, which say nothing of the tree.

/// How the first line of every requirements file begins that pinsmith writes.
///
/// A file that begins so is output, not input: it is never read as declared.
pub const GENERATED_HEADER_PREFIX: &str = "# made by pinsmith";

/// Whether pinsmith wrote this text.
pub fn is_generated(text: &str) -> bool {
    text.lines()
        .take(5)
        .any(|line| line.trim_start().starts_with(GENERATED_HEADER_PREFIX))
}
