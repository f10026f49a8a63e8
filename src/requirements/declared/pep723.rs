//! The inline metadata block of a script (PEP 723).

use super::Declared;
use super::line::{Collector, Role};
use super::toml::Toml;
use super::uv::Sources;

/// Reads the `script` block of a Python file; without one nothing is declared.
///
/// ```
/// use pinsmith::requirements::read_script;
/// let text = "# /// script\n# dependencies = [\"rich>=13\"]\n# ///\nprint(1)\n";
/// let declared = read_script(text, "a.py", None);
/// assert_eq!(declared.requirements[0].requirement.to_string(), "rich>=13");
/// assert_eq!(declared.requirements[0].site.line, 2);
/// ```
pub fn read_script(text: &str, file: &str, group: Option<&str>) -> Declared {
    let mut collector = Collector::new(file);
    let Some((block, start)) = block(text) else {
        return collector.finish();
    };
    let role = group.map_or_else(Role::default, Role::group);
    if let Some(toml) = Toml::parse(&block, start, &mut collector) {
        let sources = Sources::read(&toml, &mut collector);
        if let Some((range, line)) = toml.string(&["requires-python"]) {
            collector.requires_python(range, line);
        }
        if let Some(item) = toml.get(&["dependencies"]) {
            for (text, line) in toml.strings(item) {
                sources.requirement(text, &role, line, &mut collector);
            }
        }
    }
    collector.finish()
}

/// The text inside the block and the line of its opening; the last `# ///` of the comment closes.
fn block(text: &str) -> Option<(String, u32)> {
    let mut lines = text.lines().enumerate();
    let (start, _) = lines.find(|(_, line)| line.trim_end() == "# /// script")?;
    let mut content: Vec<&str> = Vec::new();
    let mut closed = None;
    for (_, line) in lines {
        let line = line.trim_end();
        if line == "# ///" {
            closed = Some(content.len());
        }
        match line.strip_prefix("# ") {
            Some(rest) => content.push(rest),
            None if line == "#" => content.push(""),
            None => break,
        }
    }
    content.truncate(closed?);
    let start = u32::try_from(start + 1).unwrap_or(u32::MAX);
    Some((content.join("\n"), start))
}
