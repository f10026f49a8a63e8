//! Why a line is no requirement, in the words of somebody who wrote the line.

use pinsmith_resolver::parse_specifiers;

/// What is wrong with a text that the parser of requirements (PEP 508) refuses.
pub(super) fn of(text: &str) -> String {
    let text = text.trim();
    let in_name = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let end = text.find(|c: char| !in_name(c)).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    if name.is_empty() {
        return "it does not begin with a name".to_owned();
    }
    if !name.ends_with(|c: char| c.is_ascii_alphanumeric())
        || !name.starts_with(|c: char| c.is_ascii_alphanumeric())
    {
        return format!("the name `{name}` does not begin and end with a letter or digit");
    }
    let rest = match rest.trim_start().strip_prefix('[') {
        Some(extras) => match extras.split_once(']') {
            Some((_, rest)) => rest,
            None => return "the `[` is not closed".to_owned(),
        },
        None => rest,
    };
    let (versions, marker) = rest.split_once(';').unwrap_or((rest, ""));
    let versions = versions.trim();
    if versions.starts_with('@') {
        return "no address that can be read follows the `@`".to_owned();
    }
    let versions = versions.trim_matches(['(', ')']).trim();
    if versions.starts_with(|c: char| in_name(c)) {
        let word = versions.split_whitespace().next().unwrap_or(versions);
        return format!("`{word}` after the name is neither a version range nor an option");
    }
    if let Some(problem) = versions.split(',').find_map(|part| wrong(part.trim())) {
        return problem;
    }
    if !marker.trim().is_empty() {
        return format!("`{}` is no marker", marker.trim());
    }
    "what follows the name cannot be read".to_owned()
}

/// What is wrong with one comparison, such as `>=1.0`.
fn wrong(part: &str) -> Option<String> {
    let version = part.trim_start_matches(['=', '<', '>', '!', '~']);
    let operator = part.get(..part.len() - version.len()).unwrap_or_default();
    // the parser of versions knows more than that of requirements
    if part.is_empty() || operator != "=" && parse_specifiers(part).is_ok() {
        return None;
    }
    let version = version.trim();
    Some(match (operator, version) {
        ("=", _) => "`=` is no comparison, `==` is".to_owned(),
        ("", _) => format!("`{part}` is no version range"),
        (_, "") => format!("no version follows `{operator}`"),
        ("==" | "!=" | "<" | "<=" | ">" | ">=" | "~=" | "===", _) => {
            format!("`{version}` is no version that `{operator}` can compare with")
        }
        _ => format!("`{operator}` is no comparison"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_named() {
        for (text, expected) in [
            ("==1.0", "it does not begin with a name"),
            (
                "torch_",
                "the name `torch_` does not begin and end with a letter or digit",
            ),
            ("torch[cuda", "the `[` is not closed"),
            ("torch>=", "no version follows `>=`"),
            ("torch=1.0", "`=` is no comparison, `==` is"),
            (
                "torch>=1.x.y",
                "`1.x.y` is no version that `>=` can compare with",
            ),
            ("torch=>1", "`=>` is no comparison"),
            (
                "install torch",
                "`torch` after the name is neither a version range nor an option",
            ),
            ("torch ; python > 3", "`python > 3` is no marker"),
            (
                "torch @ here",
                "no address that can be read follows the `@`",
            ),
            ("torch, numpy", "`numpy` is no version range"),
            ("torch {x}", "`{x}` is no version range"),
        ] {
            assert_eq!(of(text), expected, "{text}");
        }
    }
}
