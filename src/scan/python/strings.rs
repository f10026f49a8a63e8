//! Names that stand for literal strings, as far as dynamic imports take modules from them:
//! `for name in ["torch", "jax"]: import_module(name)`.

use std::collections::BTreeMap;
use std::rc::Rc;

use ruff_python_ast::{Comprehension, Expr, InterpolatedStringElement, Operator};

/// Longest list that is followed.
const MOST: usize = 200;

/// Strings by the names that hold them.
pub(super) type Strings = Rc<BTreeMap<String, Literal>>;

/// What a name holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Literal {
    /// What iterating over it yields: items of a list, keys of a dictionary.
    pub(super) items: Vec<String>,
    /// What an index may yield: items of a list, values of a dictionary.
    pub(super) values: Vec<String>,
}

impl Literal {
    fn list(items: Vec<String>) -> Self {
        Self {
            values: items.clone(),
            items,
        }
    }
}

/// The strings that an expression holds; `None` when it is no literal with strings in it.
pub(super) fn literal(expression: &Expr, known: &Strings) -> Option<Literal> {
    let text = |one: &Expr| Some(one.as_string_literal_expr()?.value.to_str().to_owned());
    let texts = |many: &[Expr]| {
        let found: Vec<String> = many.iter().take(MOST).filter_map(text).collect();
        (!found.is_empty()).then(|| Literal::list(found))
    };
    match expression {
        Expr::List(list) => texts(&list.elts),
        Expr::Tuple(tuple) => texts(&tuple.elts),
        Expr::Set(set) => texts(&set.elts),
        Expr::Dict(dictionary) => {
            let items = dictionary.items.iter().take(MOST);
            let keys = items.clone().filter_map(|item| text(item.key.as_ref()?));
            let values = items.filter_map(|item| text(&item.value));
            let found = Literal {
                items: keys.collect(),
                values: values.collect(),
            };
            (!found.items.is_empty() || !found.values.is_empty()).then_some(found)
        }
        Expr::Name(name) => known.get(name.id.as_str()).cloned(),
        _ => None,
    }
}

/// Binds what is assigned to a name.
pub(super) fn assign(target: &Expr, value: &Expr, known: &mut Strings) {
    match (target, literal(value, known)) {
        (Expr::Name(name), Some(found)) => {
            Rc::make_mut(known).insert(name.id.to_string(), found);
        }
        _ => forget(target, known),
    }
}

/// Binds what iterating yields to the names of the target.
pub(super) fn bind(target: &Expr, iterated: &Expr, known: &mut Strings) {
    let (holder, method) = match iterated {
        Expr::Call(call) => match &*call.func {
            Expr::Attribute(method) => (&*method.value, method.attr.as_str()),
            _ => return forget(target, known),
        },
        other => (other, ""),
    };
    let Some(found) = literal(holder, known) else {
        forget(target, known);
        return;
    };
    let mut set = |target: &Expr, items: &[String]| {
        if let Expr::Name(name) = target {
            let items = Literal::list(items.to_vec());
            Rc::make_mut(known).insert(name.id.to_string(), items);
        }
    };
    match (method, target) {
        ("" | "keys", _) => set(target, &found.items),
        ("values", _) => set(target, &found.values),
        ("items", Expr::Tuple(pair)) => {
            if let [key, value] = pair.elts.as_slice() {
                set(key, &found.items);
                set(value, &found.values);
            }
        }
        _ => {}
    }
}

/// What a name held before counts no more.
pub(super) fn forget(target: &Expr, known: &mut Strings) {
    match target {
        Expr::Name(name) if known.contains_key(name.id.as_str()) => {
            Rc::make_mut(known).remove(name.id.as_str());
        }
        Expr::Tuple(tuple) => tuple.elts.iter().for_each(|one| forget(one, known)),
        _ => {}
    }
}

/// The same for the loops of a comprehension.
pub(super) fn bind_all(loops: &[Comprehension], known: &mut Strings) {
    for one in loops {
        bind(&one.target, &one.iter, known);
    }
}

/// Modules that an argument may name.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Named {
    /// Their names.
    pub(super) modules: Vec<String>,
    /// Whether one of them is chosen, rather than all imported in turn.
    pub(super) chosen: bool,
}

/// The modules that the argument of `import_module` may name; `None` when only running it would tell.
pub(super) fn named(argument: &Expr, known: &Strings) -> Option<Named> {
    match argument {
        Expr::Name(_) => {
            let found = literal(argument, known)?;
            Some(Named {
                modules: found.items,
                chosen: false,
            })
        }
        Expr::Subscript(subscript) => chosen(&subscript.value, known),
        Expr::Call(call) => match &*call.func {
            Expr::Attribute(method) if method.attr.as_str() == "get" => {
                chosen(&method.value, known)
            }
            _ => None,
        },
        Expr::FString(text) => match text.value.elements().next()? {
            InterpolatedStringElement::Literal(first) => package_of(&first.value),
            InterpolatedStringElement::Interpolation(_) => None,
        },
        Expr::BinOp(sum) if sum.op == Operator::Add => {
            package_of(sum.left.as_string_literal_expr()?.value.to_str())
        }
        _ => None,
    }
}

fn chosen(holder: &Expr, known: &Strings) -> Option<Named> {
    let found = literal(holder, known)?;
    Some(Named {
        modules: found.values,
        chosen: true,
    })
}

/// `package.` before what is not known: the package is imported whatever follows.
fn package_of(start: &str) -> Option<Named> {
    let (package, _) = start.rsplit_once('.')?;
    (!package.is_empty()).then(|| Named {
        modules: vec![package.to_owned()],
        chosen: false,
    })
}
