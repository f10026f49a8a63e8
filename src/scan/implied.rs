//! Needs that no import shows: `pd.read_excel("a.xlsx")` loads openpyxl only when it runs.
//!
//! The rules are the lines of `src/data/implied-needs.tsv`; `docs/data.md` says how they read.

mod arguments;
mod names;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use ruff_python_ast::Expr;

pub(super) use self::names::{Found, Names};

use self::arguments::{Test, fits};
use super::{ImportContext, Site};

/// A use that needs a distribution which no import shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImpliedNeed {
    /// Requirements: `openpyxl`, `accelerate>=0.17`, `ray[tune]`; empty when only code outside of
    /// the tree knows them.
    pub needs: &'static [&'static str],
    /// Distributions each of which does the same, so that nothing is added beside one of them.
    pub instead: &'static [&'static str],
    /// What is used, for people: `pandas.read_excel()`, `device_map=`.
    pub used: String,
    /// The module whose use it is; empty for programs and the like.
    pub module: &'static str,
    /// Circumstances.
    pub context: ImportContext,
    /// PEP 508 marker when it stands under a version or platform test.
    pub marker: Option<String>,
    /// Where.
    pub site: Site,
}

/// A line of the table.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rule {
    kind: Kind,
    /// Modules, each enough: `lightning`, `torch.onnx`.
    heads: Vec<&'static str>,
    /// The attribute before the method: `style` of `df.style.format()`.
    receiver: Option<&'static str>,
    /// Names, each enough; `*` stands for anything at one end.
    lasts: Vec<&'static str>,
    tests: Vec<Test>,
    needs: Vec<&'static str>,
    instead: Vec<&'static str>,
    #[cfg(test)]
    key: [&'static str; 3],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A call of a name that comes from a module.
    Call,
    /// A keyword argument of any call in a file that imports a module.
    Keyword,
    /// A magic of a notebook, with its first argument.
    Magic,
    /// A method of any value in a file that imports a module.
    Method,
    /// An import of a name, or a call of it.
    Name,
    /// A program that a shell runs.
    Program,
    /// An environment variable that is set.
    Variable,
}

static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    let text = include_str!("../data/implied-needs.tsv");
    text.lines().filter_map(Rule::parse).collect()
});

static INDEX: LazyLock<Index> = LazyLock::new(Index::new);

/// Rules by what triggers them.
#[derive(Default)]
struct Index {
    called: BTreeMap<&'static str, Vec<&'static Rule>>,
    keywords: BTreeMap<&'static str, Vec<&'static Rule>>,
    named: BTreeMap<&'static str, Vec<&'static Rule>>,
    /// Of magics, programs and variables.
    words: Vec<&'static Rule>,
    tops: BTreeSet<&'static str>,
    /// A bit for the first letter of each name in the first two maps, by length: most names of a
    /// program are none of them, and this says so at once.
    letters: Vec<u64>,
}

impl Rule {
    fn parse(line: &'static str) -> Option<Self> {
        let mut columns = line.split('\t');
        let mut next = || columns.next().unwrap_or_default();
        let (kind, pattern, argument) = (next(), next(), next());
        let (needs, instead) = (next(), next());
        let kind = match kind {
            "call" => Kind::Call,
            "keyword" => Kind::Keyword,
            "magic" => Kind::Magic,
            "method" => Kind::Method,
            "name" => Kind::Name,
            "program" => Kind::Program,
            "variable" => Kind::Variable,
            _ => return None,
        };
        let split = match kind {
            Kind::Program | Kind::Variable => None,
            Kind::Magic => pattern.split_once(' '),
            _ => pattern.rsplit_once('.'),
        };
        let (head, last) = split.unwrap_or(match kind {
            Kind::Magic => (pattern, ""),
            _ => ("", pattern),
        });
        let (head, receiver) = match (kind, head.split_once('.')) {
            (Kind::Method, Some((head, receiver))) => (head, Some(receiver)),
            _ => (head, None),
        };
        let list = |text: &'static str, by: char| text.split(by).filter(|item| !item.is_empty());
        Some(Self {
            kind,
            heads: list(head, '|').collect(),
            receiver,
            lasts: list(last, '|').collect(),
            tests: list(argument, ' ').map(Test::parse).collect(),
            needs: list(needs, ';')
                .filter(|need| !need.starts_with('@'))
                .collect(),
            instead: list(instead, ';').collect(),
            #[cfg(test)]
            key: {
                let mut columns = line.split('\t');
                std::array::from_fn(|_| columns.next().unwrap_or_default())
            },
        })
    }
}

impl Index {
    fn new() -> Self {
        let mut index = Self {
            letters: vec![0; 64],
            ..Self::default()
        };
        for rule in RULES.iter() {
            let tops = rule.heads.iter().filter_map(|head| head.split('.').next());
            match rule.kind {
                Kind::Call | Kind::Method | Kind::Keyword => {
                    index.tops.extend(tops);
                    for last in &rule.lasts {
                        let map = match rule.kind {
                            Kind::Keyword => &mut index.keywords,
                            _ => &mut index.called,
                        };
                        map.entry(last).or_default().push(rule);
                        if let Some((slot, bit)) = slot(last)
                            && let Some(letters) = index.letters.get_mut(slot)
                        {
                            *letters |= bit;
                        }
                    }
                }
                Kind::Name => {
                    for top in tops {
                        index.tops.insert(top);
                        let rules = index.named.entry(top).or_default();
                        if !rules.contains(&rule) {
                            rules.push(rule);
                        }
                    }
                }
                Kind::Magic | Kind::Program | Kind::Variable => index.words.push(rule),
            }
        }
        index
    }

    /// Whether a name may be one that a rule knows.
    fn may_know(&self, name: &str) -> bool {
        slot(name).is_some_and(|(slot, bit)| {
            self.letters
                .get(slot)
                .is_some_and(|letters| letters & bit != 0)
        })
    }
}

fn slot(name: &str) -> Option<(usize, u64)> {
    let first = name.bytes().next()?;
    Some((name.len(), 1 << (first & 63)))
}

/// A word that can make a rule hold in a file that imports one of some modules.
#[derive(Debug)]
pub(super) struct Watched {
    /// The word, or with `*` a pattern of words that start with a capital letter.
    pub(super) word: &'static str,
    /// Modules by their first parts, each enough; none when no import is needed.
    pub(super) tops: Vec<&'static str>,
}

/// Every word of a Python file outside of its import statements that a rule is about.
pub(super) fn watched() -> Vec<Watched> {
    let mut all = Vec::new();
    for rule in RULES.iter() {
        let tops = rule.heads.iter().filter_map(|head| head.split('.').next());
        let tops: Vec<_> = tops.collect();
        let counts = |word: &str| match rule.kind {
            Kind::Call | Kind::Keyword | Kind::Method | Kind::Variable => true,
            // the others are known by their imports
            Kind::Name => word.starts_with(|c: char| c.is_uppercase() || c == '*'),
            Kind::Magic | Kind::Program => false,
        };
        let words = rule.lasts.iter().copied().filter(|word| counts(word));
        all.extend(words.map(|word| Watched {
            word,
            tops: tops.clone(),
        }));
    }
    all
}

/// Whether a word is one of a pattern with `*`.
pub(super) fn is_like(pattern: &str, word: &str) -> bool {
    fits(pattern, word)
}

/// What a notebook's magic needs: `load_ext tensorboard`, `cython`.
pub(super) fn by_magic(magic: &str) -> impl Iterator<Item = Found> {
    let mut words = magic.split_ascii_whitespace();
    let name = words.next().unwrap_or_default().to_owned();
    let argument = words.next().unwrap_or_default().to_owned();
    words_of(Kind::Magic).filter_map(move |rule| {
        let named = rule.heads.contains(&name.as_str());
        let fits = rule.lasts.is_empty() || rule.lasts.contains(&argument.as_str());
        (named && fits).then(|| Found {
            rule,
            used: if rule.lasts.is_empty() {
                format!("%{name}")
            } else {
                format!("%{name} {argument}")
            },
        })
    })
}

/// What a program needs that a shell runs.
pub(super) fn by_program(program: &str) -> impl Iterator<Item = Found> {
    let program = program.to_owned();
    let rules = words_of(Kind::Program);
    rules
        .filter(move |rule| rule.lasts.contains(&program.as_str()))
        .map(|rule| Found {
            rule,
            used: format!("the command {}", rule.lasts.join(" or ")),
        })
}

/// What a variable of the environment needs when it is set to a value.
pub(super) fn by_variable(name: &str, value: &str) -> impl Iterator<Item = Found> {
    let (name, value) = (name.to_owned(), value.to_owned());
    words_of(Kind::Variable).filter_map(move |rule| {
        let named = rule.lasts.contains(&name.as_str());
        let fits = rule.tests.iter().all(|test| test.holds_for(&value));
        (named && fits).then(|| Found {
            rule,
            used: format!("{name}={value}"),
        })
    })
}

/// What `os.environ["NAME"] = "value"` needs.
pub(super) fn by_assignment(name: &Expr, value: &Expr) -> Vec<Found> {
    match (name, value) {
        (Expr::StringLiteral(name), Expr::StringLiteral(value)) => {
            by_variable(name.value.to_str(), value.value.to_str()).collect()
        }
        _ => Vec::new(),
    }
}

fn words_of(kind: Kind) -> impl Iterator<Item = &'static Rule> {
    INDEX
        .words
        .iter()
        .copied()
        .filter(move |rule| rule.kind == kind)
}

impl Found {
    /// The need, at its place.
    pub(super) fn at(
        self,
        context: ImportContext,
        marker: Option<String>,
        site: Site,
    ) -> ImpliedNeed {
        let head = |head: &&&'static str| {
            let top = head.split('.').next().unwrap_or(head);
            self.used.split('.').next() == Some(top)
        };
        let module = self.rule.heads.iter().find(head).copied();
        let is_module = !matches!(self.rule.kind, Kind::Magic);
        let module = module.or_else(|| self.rule.heads.first().copied());
        ImpliedNeed {
            needs: &self.rule.needs,
            instead: &self.rule.instead,
            used: self.used,
            module: module
                .filter(|_| is_module)
                .and_then(|module| module.split('.').next())
                .unwrap_or_default(),
            context,
            marker,
            site,
        }
    }
}

/// Whether a dotted name is one of a rule: from a module of it, however deep, and of that name.
fn is_named(rule: &Rule, dotted: &str) -> bool {
    let Some((_, last)) = dotted.rsplit_once('.') else {
        return false;
    };
    let below = |head: &&str| {
        dotted
            .strip_prefix(head)
            .is_some_and(|rest| rest.starts_with('.'))
    };
    rule.heads.iter().any(below) && rule.lasts.iter().any(|name| fits(name, last))
}
