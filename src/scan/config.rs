//! Modules that configuration files name: `_target_` of hydra, and `target` in the same manner.

use super::decode::decode;
use super::{Import, ImportContext, Label, ModuleName, Site, Tree, base_context};

/// Longer files are data.
const LONGEST: usize = 1024 * 1024;

/// What the targets of a YAML file import, read line by line: such files are often templates.
///
/// A target is needed where its configuration is chosen, so it is optional at most.
pub(super) fn read(tree: &Tree, file: &str) -> Vec<Import> {
    let Ok(bytes) = tree.read(file) else {
        return Vec::new();
    };
    if bytes.len() > LONGEST || memchr::memmem::find(&bytes, b"target").is_none() {
        return Vec::new();
    }
    let context = base_context(tree, file, "").max(ImportContext::Optional);
    let text = decode(bytes).text;
    let lines = (1..).zip(text.lines());
    let targets = lines.filter_map(|(line, text)| Some((line, target(text)?)));
    let imports = targets.map(|(line, (module, name))| Import {
        module,
        names: vec![name],
        context,
        labels: [Label::Dynamic, Label::Conditional].into(),
        local: false,
        marker: None,
        site: Site {
            file: file.to_owned(),
            line,
            cell: None,
        },
    });
    imports.collect()
}

/// `_target_: a.b.C` and `target: a.b.C`: the module and what is taken from it.
fn target(line: &str) -> Option<(ModuleName, String)> {
    let line = line.trim();
    let line = line.strip_prefix("- ").unwrap_or(line).trim_start();
    let (key, value) = line.split_once(':')?;
    let is_hydra = match key.trim_matches(['"', '\'']) {
        "_target_" => true,
        "target" => false,
        _ => return None,
    };
    let value = value.split(" #").next().unwrap_or(value);
    let value = value.trim().trim_matches(['"', '\'']);
    let whole = ModuleName::new(value)?;
    // what follows a class is an attribute of it
    let parts: Vec<&str> = whole.as_str().split('.').collect();
    let class = parts
        .iter()
        .position(|part| part.starts_with(char::is_uppercase));
    // `target` alone is also a word of other programs
    if !is_hydra && (class.is_none() || parts.len() < 3) {
        return None;
    }
    let at = class.filter(|at| *at > 0).unwrap_or(parts.len() - 1);
    let module = ModuleName::new(parts.get(..at)?.join("."))?;
    Some((module, (*parts.get(at)?).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_dotted_names() {
        for (line, expected) in [
            ("_target_: torch.optim.Adam", Some("torch.optim Adam")),
            ("  - _target_: \"a.b.f\" # x", Some("a.b f")),
            (
                "'_target_': transformers.AutoModel.from_pretrained",
                Some("transformers AutoModel"),
            ),
            ("target: ldm.models.x.Y", Some("ldm.models.x Y")),
            ("target: x86.linux", None),
            ("target: Release", None),
            ("_target_: ${model}", None),
            ("_target_: Model", None),
            ("my_target_: a.b.C", None),
        ] {
            let found = target(line).map(|(module, name)| format!("{module} {name}"));
            assert_eq!(found.as_deref(), expected, "{line}");
        }
    }
}
