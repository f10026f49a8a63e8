//! Examples in docstrings.

/// The code of the doctest examples in a docstring, every other line blank, so that line numbers
/// stay those of the docstring. `None` when there is none that could import something.
pub(super) fn examples(docstring: &str) -> Option<String> {
    if !docstring.contains(">>>") || !docstring.contains("import") {
        return None;
    }
    let mut code = String::with_capacity(docstring.len());
    for line in docstring.split('\n') {
        let line = line.trim();
        let example = line
            .strip_prefix(">>> ")
            .or_else(|| line.strip_prefix("... "));
        code.push_str(example.unwrap_or_default());
        code.push('\n');
    }
    Some(code)
}
