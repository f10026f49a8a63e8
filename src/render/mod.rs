//! Values become text; pure.
//!
//! Every function here takes values and returns a `String` that depends on nothing else: no time,
//! pin gives a text that differs in the lines of that pin. Texts from outside pass through
//! [`crate::escape`].

mod environment;
mod findings;
mod image;
mod pins;
mod pylock;
mod requirements_txt;
mod toml;

pub use environment::environment;
pub use findings::{github, sarif};
pub use image::{CannotRender, Image, ImageFormat, RENDERED, image};
pub use pins::{Annotations, PinStyle, pins};
pub use pylock::{PYLOCK_CREATED_BY, pylock, pylock_file_name};
pub use requirements_txt::requirements_txt;

#[cfg(test)]
mod tests;
