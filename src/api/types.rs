//! What class a value is of, as far as its file shows it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Columns: what is called (with `()`) or read, and the class of the result.
static TYPES: LazyLock<BTreeMap<&'static str, &'static str>> = LazyLock::new(|| {
    let lines = include_str!("../data/api-types.tsv").lines();
    lines.filter_map(|line| line.split_once('\t')).collect()
});

/// The class of what a callable returns.
pub(super) fn of_call(callable: &str) -> Option<&'static str> {
    TYPES.get(format!("{callable}()").as_str()).copied()
}

/// The class of an attribute of instances of a class.
pub(super) fn of_attribute(class: &str, attribute: &str) -> Option<&'static str> {
    TYPES.get(format!("{class}.{attribute}").as_str()).copied()
}

/// Whether a method of some class returns another value of that class, as far as is known.
pub(super) fn keeps_class(method: &str) -> bool {
    TYPES.iter().any(|(call, class)| {
        let rest = call
            .strip_prefix(class)
            .and_then(|rest| rest.strip_prefix('.'));
        rest.and_then(|rest| rest.strip_suffix("()")) == Some(method)
    })
}

/// The class that an annotation names.
pub(super) fn of_annotation(path: &str) -> Option<&'static str> {
    of_call(path)
}

#[cfg(test)]
mod tests {
    use super::super::{RemovalKind, removals};
    use super::*;

    #[test]
    fn every_method_has_a_class_that_can_be_seen() {
        let text = include_str!("../data/api-types.tsv");
        assert_eq!(TYPES.len(), text.lines().count());
        assert!(text.lines().is_sorted());
        for removal in removals() {
            if removal.kind != RemovalKind::Method {
                continue;
            }
            let name = removal.symbol.split('(').next().unwrap();
            let (class, _) = name.rsplit_once('.').unwrap();
            let known = TYPES.values().any(|known| *known == class);
            // methods of classes that are only derived from
            assert!(known || class == "zipimport.zipimporter", "{name}");
        }
    }
}
