//! The names of one file that rules are about.

use std::collections::{BTreeMap, BTreeSet};

use ruff_python_ast::{Alias, Expr, ExprCall};

use super::arguments::is_given;
use super::{INDEX, Kind, Rule, is_named};

/// A rule that fires.
#[derive(Debug)]
pub(in crate::scan) struct Found {
    pub(super) rule: &'static Rule,
    /// What is used, for people.
    pub(super) used: String,
}

/// What a file calls the modules of the rules and what is in them.
#[derive(Debug, Default)]
pub(in crate::scan) struct Names {
    /// Dotted names by what the file calls them: `pd` is `pandas`.
    aliases: BTreeMap<String, String>,
    tops: BTreeSet<&'static str>,
}

impl Names {
    /// Takes in `import a.b as c`.
    pub(in crate::scan) fn import(&mut self, alias: &Alias) -> Vec<Found> {
        let module = alias.name.as_str();
        let Some(top) = self.module(module) else {
            return Vec::new();
        };
        match &alias.asname {
            Some(name) => self.bind(name.as_str(), module.to_owned()),
            None => self.bind(top, top.to_owned()),
        }
        named(module)
    }

    /// Takes in `from module import a as b, c`.
    pub(in crate::scan) fn import_from(&mut self, module: &str, aliases: &[Alias]) -> Vec<Found> {
        if self.module(module).is_none() {
            return Vec::new();
        }
        let mut found = named(module);
        for alias in aliases {
            let dotted = format!("{module}.{}", alias.name);
            found.extend(named(&dotted));
            let name = alias.asname.as_ref().unwrap_or(&alias.name);
            self.bind(name.as_str(), dotted);
        }
        found
    }

    fn module(&mut self, module: &str) -> Option<&'static str> {
        let top = module.split('.').next()?;
        let top = INDEX.tops.get(top)?;
        self.tops.insert(top);
        Some(top)
    }

    fn bind(&mut self, name: &str, dotted: String) {
        self.aliases.insert(name.to_owned(), dotted);
    }

    /// The rules that a call meets.
    pub(in crate::scan) fn call(&self, call: &ExprCall, notebook: bool) -> Vec<Found> {
        let mut found = Vec::new();
        if self.tops.is_empty() {
            return found;
        }
        self.callee(call, notebook, &mut found);
        for keyword in &call.arguments.keywords {
            let Some(name) = &keyword.arg else { continue };
            if !INDEX.may_know(name.as_str()) {
                continue;
            }
            let rules = INDEX.keywords.get(name.as_str()).into_iter().flatten();
            let fitting =
                rules.filter(|rule| self.imports_one_of(rule) && is_given_to(rule, &keyword.value));
            found.extend(fitting.map(|rule| Found {
                rule,
                used: shown_keyword(name.as_str(), &keyword.value),
            }));
        }
        found
    }

    fn callee(&self, call: &ExprCall, notebook: bool, found: &mut Vec<Found>) {
        let (last, receiver) = match &*call.func {
            Expr::Attribute(attribute) => (attribute.attr.as_str(), Some(&*attribute.value)),
            Expr::Name(name) => match self.aliases.get(name.id.as_str()) {
                Some(dotted) => (dotted.rsplit('.').next().unwrap_or(dotted), None),
                None => return,
            },
            _ => return,
        };
        let holds = |rule: &Rule| rule.tests.iter().all(|test| test.holds(call, notebook));
        if INDEX.may_know(last) {
            for rule in INDEX.called.get(last).into_iter().flatten() {
                let used = match (rule.kind, receiver) {
                    (Kind::Method, Some(receiver)) => {
                        let is_of = rule
                            .receiver
                            .is_none_or(|asked| is_attribute(receiver, asked));
                        (is_of && self.imports_one_of(rule)).then(|| match rule.receiver {
                            Some(before) => format!(".{before}.{last}()"),
                            None => format!(".{last}()"),
                        })
                    }
                    (Kind::Call, _) => self
                        .resolve(&call.func)
                        .filter(|dotted| is_named(rule, dotted))
                        .map(|dotted| format!("{dotted}()")),
                    _ => None,
                };
                if let Some(used) = used.filter(|_| holds(rule)) {
                    found.push(Found { rule, used });
                }
            }
        }
        // a name is known by its import already, unless its module alone was imported
        if receiver.is_some() && last.starts_with(char::is_uppercase) {
            found.extend(
                self.resolve(&call.func)
                    .iter()
                    .flat_map(|dotted| named(dotted)),
            );
        }
    }

    fn imports_one_of(&self, rule: &Rule) -> bool {
        rule.heads.iter().any(|head| self.tops.contains(head))
    }

    /// The dotted name that an expression stands for: `pd.read_excel` is `pandas.read_excel`.
    fn resolve(&self, expr: &Expr) -> Option<String> {
        const MAX_PARTS: usize = 8;
        let mut parts = Vec::new();
        let mut expr = expr;
        while parts.len() < MAX_PARTS {
            match expr {
                Expr::Attribute(attribute) => {
                    parts.push(attribute.attr.as_str());
                    expr = &attribute.value;
                }
                Expr::Name(name) => {
                    parts.push(self.aliases.get(name.id.as_str())?);
                    parts.reverse();
                    return Some(parts.join("."));
                }
                _ => return None,
            }
        }
        None
    }
}

/// The rules about names that an import or a call meets.
fn named(dotted: &str) -> Vec<Found> {
    let top = dotted.split('.').next().unwrap_or(dotted);
    let rules = INDEX.named.get(top).into_iter().flatten().copied();
    rules
        .filter(|rule| is_named(rule, dotted))
        .map(|rule| Found {
            rule,
            used: dotted.to_owned(),
        })
        .collect()
}

fn is_attribute(expr: &Expr, name: &str) -> bool {
    matches!(expr, Expr::Attribute(attribute) if attribute.attr.as_str() == name)
}

fn is_given_to(rule: &Rule, value: &Expr) -> bool {
    if rule.tests.is_empty() {
        return is_given(value);
    }
    rule.tests.iter().all(|test| test.holds_for_value(value))
}

/// `device_map=`, `report_to="wandb"`.
fn shown_keyword(name: &str, value: &Expr) -> String {
    match value {
        Expr::StringLiteral(literal) if literal.value.len() < 40 => {
            format!("{name}=\"{}\"", literal.value.to_str())
        }
        Expr::BooleanLiteral(literal) => {
            format!("{name}={}", if literal.value { "True" } else { "False" })
        }
        _ => format!("{name}="),
    }
}
