//! YAML as a stream of events: no aliases are expanded, nothing recurses.

use yaml_rust2::Event;
use yaml_rust2::parser::Parser;

use super::line::Collector;
use super::text::shown;
use crate::requirements::codes;

/// Deeper than any real file of this kind.
const DEEPEST: usize = 16;

/// A scalar and where it stands.
pub(super) struct Leaf {
    /// The keys that lead to it; `None` for an item of a list.
    pub(super) path: Vec<Option<String>>,
    /// Its text.
    pub(super) text: String,
    /// Its line.
    pub(super) line: u32,
}

/// The scalars of a text, up to what is no YAML, which becomes a diagnostic.
pub(super) fn leaves(text: &str, collector: &mut Collector) -> Vec<Leaf> {
    let mut parser = Parser::new_from_str(text);
    let mut walk = Walk::default();
    loop {
        match parser.next_token() {
            Ok((Event::StreamEnd, _)) => return walk.leaves,
            Ok((event, marker)) => {
                let line = u32::try_from(marker.line()).unwrap_or(u32::MAX);
                if !walk.event(event, line) {
                    collector.warn(codes::UNREADABLE, line, "this YAML is nested too deep", "");
                    return walk.leaves;
                }
            }
            Err(error) => {
                let line = u32::try_from(error.marker().line()).unwrap_or(u32::MAX);
                let message = format!("this is no YAML: {}", shown(error.info()));
                collector.warn(codes::UNREADABLE, line, message, "correct the file");
                return walk.leaves;
            }
        }
    }
}

/// Where the walk is: a container, and for a mapping the key whose value comes next.
#[derive(Default)]
struct Walk {
    stack: Vec<Container>,
    leaves: Vec<Leaf>,
}

struct Container {
    mapping: bool,
    key: Option<String>,
}

impl Walk {
    /// Takes an event; false when it is nested too deep.
    fn event(&mut self, event: Event, line: u32) -> bool {
        match event {
            Event::MappingStart(..) => self.open(true),
            Event::SequenceStart(..) => self.open(false),
            Event::MappingEnd | Event::SequenceEnd => {
                self.stack.pop();
                self.value_done();
            }
            Event::Alias(_) => self.value_done(),
            Event::Scalar(text, ..) => self.scalar(text, line),
            _ => {}
        }
        self.stack.len() <= DEEPEST
    }

    fn open(&mut self, mapping: bool) {
        self.stack.push(Container { mapping, key: None });
    }

    fn value_done(&mut self) {
        if let Some(container) = self.stack.last_mut() {
            // a container as key has no name; its value is then skipped like any other
            container.key = match container.key.take() {
                None if container.mapping => Some(String::new()),
                _ => None,
            };
        }
    }

    fn scalar(&mut self, text: String, line: u32) {
        match self.stack.last_mut() {
            Some(container) if container.mapping && container.key.is_none() => {
                container.key = Some(text);
            }
            _ => {
                let path = self.stack.iter().map(|container| container.key.clone());
                let path = path.collect();
                self.leaves.push(Leaf { path, text, line });
                self.value_done();
            }
        }
    }
}
