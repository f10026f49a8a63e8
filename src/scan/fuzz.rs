//! The readers of the scan for `crate::fuzz`.

use super::decode::decode;
use super::{ignored, notebook as notebooks, python as pythons, script};

pub(crate) fn python(bytes: &[u8]) {
    pythons::same::check(&decode(bytes.to_vec()).text);
}

pub(crate) fn notebook(bytes: &[u8]) {
    let text = decode(bytes.to_vec()).text;
    notebooks::read(&text, "a.ipynb");
}

pub(crate) fn commands(bytes: &[u8]) {
    let text = decode(bytes.to_vec()).text;
    script::check(&text);
    ignored::check(bytes);
}
