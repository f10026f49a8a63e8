//! A `requirements.txt` for people.

use std::fmt::Write as _;

use super::Direct;
use crate::escape::comment;

/// How many places the comment of a line names.
const MAX_SITES: usize = 2;

/// A requirements file with these requirements at its end, each with the places that need it.
///
/// What the file says already stays as it is, to the last byte; requirements of what it names are
/// the caller's to leave out.
pub fn add_to_requirements(existing: Option<&str>, added: &[Direct]) -> String {
    let mut text = match existing {
        None => "# direct requirements, written by `pinsmith generate`; edit them as you like\n"
            .to_owned(),
        Some(text) if added.is_empty() => return text.to_owned(),
        Some(text) => {
            let mut text = text.to_owned();
            if !text.is_empty() && !text.ends_with('\n') {
                text.push('\n');
            }
            text.push_str("# added by `pinsmith generate`\n");
            text
        }
    };
    for direct in added {
        text.push_str(&direct.text);
        let places = places(direct);
        if !places.is_empty() {
            let _ = write!(text, "  # {}", comment(&places));
        }
        text.push('\n');
    }
    text
}

fn places(direct: &Direct) -> String {
    let mut sites: Vec<String> = direct.sites.iter().map(ToString::to_string).collect();
    sites.dedup();
    let more = sites.len().saturating_sub(MAX_SITES);
    sites.truncate(MAX_SITES);
    if more > 0 {
        sites.push(format!("and {more} more"));
    }
    sites.join(", ")
}
