//! Patterns with holes: `No module named '{module}'`.

/// A pattern: texts, and holes between them.
///
/// `{name}` takes any text up to the next part, `{name:text}` takes just that text, and `{_}`
/// takes what is of no interest. A pattern may begin anywhere in a line; it ends where its last
/// part does. A hole at the end takes the rest of the line, one at the beginning a single word.
pub(super) struct Pattern<'p>(Vec<Part<'p>>);

#[derive(Debug, Clone, Copy)]
enum Part<'p> {
    Text(&'p str),
    Hole(&'p str),
    Fixed(&'p str, &'p str),
}

/// What stood in the holes.
#[derive(Debug, Default)]
pub(super) struct Captures<'t>(Vec<(&'t str, &'t str)>);

impl<'p> Pattern<'p> {
    pub(super) fn new(text: &'p str) -> Self {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let Some((hole, after)) = after.split_once('}') else {
                break;
            };
            if !before.is_empty() {
                parts.push(Part::Text(before));
            }
            parts.push(match hole.split_once(':') {
                Some((name, text)) => Part::Fixed(name, text),
                None => Part::Hole(hole),
            });
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest));
        }
        Self(parts)
    }

    /// The holes of the first place in the line that fits.
    pub(super) fn find<'t>(&self, line: &'t str) -> Option<Captures<'t>>
    where
        'p: 't,
    {
        let literal = match self.0.first()? {
            Part::Text(text) | Part::Fixed(_, text) => text,
            Part::Hole(_) => {
                let Some(Part::Text(next)) = self.0.get(1) else {
                    return None;
                };
                let before = &line[..line.find(next)?];
                let word = before.rfind(char::is_whitespace).map_or(0, |at| at + 1);
                return self.at(line.get(word..)?);
            }
        };
        line.match_indices(literal)
            .find_map(|(start, _)| self.at(&line[start..]))
    }

    /// The holes when the pattern begins right here.
    fn at<'t>(&self, line: &'t str) -> Option<Captures<'t>>
    where
        'p: 't,
    {
        let mut captures = Captures::default();
        let mut rest = line;
        let mut open: Option<&'p str> = None;
        for part in &self.0 {
            match *part {
                Part::Hole(name) => open = Some(name),
                Part::Text(text) | Part::Fixed(_, text) => {
                    let start = match open {
                        Some(_) => rest.find(text)?,
                        None => rest.starts_with(text).then_some(0)?,
                    };
                    captures
                        .0
                        .extend(open.take().map(|name| (name, &rest[..start])));
                    if let Part::Fixed(name, _) = *part {
                        captures.0.push((name, text));
                    }
                    rest = &rest[start + text.len()..];
                }
            }
        }
        captures.0.extend(open.map(|name| (name, rest)));
        Some(captures)
    }
}

impl Captures<'_> {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| *known == name);
        found.map(|(_, text)| *text)
    }

    /// A template with its `{name}` replaced by what stood there, as `shown` puts it.
    pub(super) fn fill(&self, template: &str, shown: &dyn Fn(&str) -> String) -> String {
        let mut text = String::with_capacity(template.len());
        for part in Pattern::new(template).0 {
            match part {
                Part::Text(plain) | Part::Fixed(_, plain) => text.push_str(plain),
                Part::Hole(name) => text.push_str(&shown(self.get(name).unwrap_or_default())),
            }
        }
        text
    }
}
