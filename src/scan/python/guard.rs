//! What a condition says about the imports under it: typing, probes, versions and platforms.

use std::collections::BTreeSet;

use ruff_python_ast::{BoolOp, CmpOp, Expr, ExprCompare, Number, UnaryOp};

use super::dotted;
use super::marker::{Marker, Operator};

/// What holds inside a branch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Effect {
    /// Only a type checker goes there.
    pub(super) typing: bool,
    /// It is asked before whether a module is there.
    pub(super) optional: bool,
    /// It depends on something else.
    pub(super) conditional: bool,
    /// It runs in some environments only.
    pub(super) marker: Option<Marker>,
}

/// What holds in the two branches of a condition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Branches {
    /// When it is true.
    pub(super) then: Effect,
    /// When it is false.
    pub(super) otherwise: Effect,
}

impl Effect {
    pub(super) fn conditional() -> Self {
        Self {
            conditional: true,
            ..Self::default()
        }
    }

    fn typing() -> Self {
        Self {
            typing: true,
            ..Self::default()
        }
    }

    fn optional() -> Self {
        Self {
            optional: true,
            ..Self::default()
        }
    }

    fn marker(marker: Marker) -> Self {
        Self {
            marker: Some(marker),
            ..Self::default()
        }
    }

    /// Both effects at once.
    pub(super) fn and(self, other: Self) -> Self {
        let (marker, lost) = match (self.marker, other.marker) {
            (Some(left), Some(right)) => {
                let both = left.and(right);
                let lost = both.is_none();
                (both, lost)
            }
            (left, right) => (left.or(right), false),
        };
        Self {
            typing: self.typing || other.typing,
            optional: self.optional || other.optional,
            conditional: self.conditional || other.conditional || lost,
            marker,
        }
    }

    /// One effect or the other, it is not known which.
    fn or(self, other: Self) -> Self {
        let pure = |effect: &Self| !effect.conditional && !effect.typing && !effect.optional;
        let only_markers = pure(&self) && pure(&other);
        let marker = match (self.marker, other.marker) {
            (Some(left), Some(right)) if only_markers => left.or(right),
            _ => None,
        };
        Self {
            typing: self.typing && other.typing,
            optional: self.optional || other.optional,
            conditional: marker.is_none(),
            marker,
        }
    }
}

/// Reads a condition; `probes` are names that earlier code set by a probe.
pub(super) fn branches(test: &Expr, probes: &BTreeSet<String>) -> Branches {
    branches_within(test, probes, 0)
}

/// Conditions nested deeper than this are not looked into.
const MAX_DEPTH: usize = 16;

fn branches_within(test: &Expr, probes: &BTreeSet<String>, depth: usize) -> Branches {
    let unknown = Branches {
        then: Effect::conditional(),
        otherwise: Effect::conditional(),
    };
    if depth > MAX_DEPTH {
        return unknown;
    }
    match test {
        Expr::UnaryOp(not) if not.op == UnaryOp::Not => {
            let inner = branches_within(&not.operand, probes, depth + 1);
            Branches {
                then: inner.otherwise,
                otherwise: inner.then,
            }
        }
        Expr::BoolOp(operation) => {
            let parts = operation.values.iter();
            let mut parts = parts.map(|part| branches_within(part, probes, depth + 1));
            let Some(first) = parts.next() else {
                return unknown;
            };
            parts.fold(first, |left, right| match operation.op {
                BoolOp::And => Branches {
                    then: left.then.and(right.then),
                    otherwise: left.otherwise.or(right.otherwise),
                },
                BoolOp::Or => Branches {
                    then: left.then.or(right.then),
                    otherwise: left.otherwise.and(right.otherwise),
                },
            })
        }
        Expr::BooleanLiteral(literal) => constant(literal.value),
        Expr::NumberLiteral(literal) => match &literal.value {
            Number::Int(value) => constant(value.as_u64() != Some(0)),
            _ => unknown,
        },
        Expr::Compare(compare) => compared(compare, probes).unwrap_or(unknown),
        _ if last_name(test) == Some("TYPE_CHECKING") => Branches {
            then: Effect::typing(),
            otherwise: Effect::default(),
        },
        _ if is_probe(test, probes) => probed(),
        _ => match environment_call(test) {
            Some(marker) => marked(marker),
            None => unknown,
        },
    }
}

fn constant(value: bool) -> Branches {
    // What never runs is at most there for type checkers.
    let mut branches = Branches {
        then: Effect::default(),
        otherwise: Effect::typing(),
    };
    if !value {
        std::mem::swap(&mut branches.then, &mut branches.otherwise);
    }
    branches
}

fn probed() -> Branches {
    Branches {
        then: Effect::optional(),
        otherwise: Effect::conditional(),
    }
}

fn marked(marker: Marker) -> Branches {
    Branches {
        otherwise: Effect::marker(marker.negated()),
        then: Effect::marker(marker),
    }
}

/// Whether an expression asks if a module is there.
pub(super) fn is_probe(expr: &Expr, probes: &BTreeSet<String>) -> bool {
    match expr {
        Expr::Call(call) => last_name(&call.func).is_some_and(|name| {
            matches!(name, "find_spec" | "find_loader") || is_availability_name(name)
        }),
        _ => last_name(expr).is_some_and(|name| {
            probes.contains(name)
                || is_availability_name(name)
                || name.trim_start_matches('_').starts_with("HAS_")
                || name.trim_start_matches('_').starts_with("HAVE_")
        }),
    }
}

/// `is_torch_available`, `XFORMERS_AVAILABLE`, `wandb_installed`; not `is_available`, which asks
/// for a device.
fn is_availability_name(name: &str) -> bool {
    let name = name.trim_start_matches('_').to_ascii_lowercase();
    let name = name.strip_prefix("is_").unwrap_or(&name);
    ["_available", "_installed"]
        .iter()
        .filter_map(|suffix| name.strip_suffix(suffix))
        .any(|subject| !subject.is_empty() && subject != "is")
}

/// The last part of a name or attribute chain.
pub(super) fn last_name(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Name(name) => Some(name.id.as_str()),
        Expr::Attribute(attribute) => Some(attribute.attr.as_str()),
        _ => None,
    }
}

fn compared(compare: &ExprCompare, probes: &BTreeSet<String>) -> Option<Branches> {
    let mut left = &*compare.left;
    let mut all: Option<Marker> = None;
    for (op, right) in compare.ops.iter().zip(&compare.comparators) {
        if compare.ops.len() == 1 {
            if dotted(left).as_deref() == Some("__name__") {
                return Some(Branches {
                    then: Effect::default(),
                    otherwise: Effect::conditional(),
                });
            }
            if is_probe(left, probes) && right.is_none_literal_expr() {
                let branches = probed();
                return Some(match op {
                    CmpOp::Is | CmpOp::Eq => Branches {
                        then: branches.otherwise,
                        otherwise: branches.then,
                    },
                    _ => branches,
                });
            }
        }
        let marker = comparison(left, *op, right)?;
        all = match all {
            None => Some(marker),
            Some(before) => Some(before.and(marker)?),
        };
        left = right;
    }
    all.map(marked)
}

fn comparison(left: &Expr, op: CmpOp, right: &Expr) -> Option<Marker> {
    if let CmpOp::In | CmpOp::NotIn = op {
        return membership(left, op, right);
    }
    let operator = match op {
        CmpOp::Lt => Operator::Less,
        CmpOp::LtE => Operator::LessEqual,
        CmpOp::Gt => Operator::Greater,
        CmpOp::GtE => Operator::GreaterEqual,
        CmpOp::Eq => Operator::Equal,
        CmpOp::NotEq => Operator::NotEqual,
        _ => return None,
    };
    match (subject(left), subject(right)) {
        (Some(subject), None) => against(subject, operator, right),
        (None, Some(subject)) => against(subject, operator.mirrored(), left),
        _ => None,
    }
}

fn membership(left: &Expr, op: CmpOp, right: &Expr) -> Option<Marker> {
    let elements = match right {
        Expr::Tuple(tuple) => &tuple.elts,
        Expr::List(list) => &list.elts,
        Expr::Set(set) => &set.elts,
        _ => return None,
    };
    let mut any: Option<Marker> = None;
    for element in elements {
        let marker = against(subject(left)?, Operator::Equal, element)?;
        any = match any {
            None => Some(marker),
            Some(before) => Some(before.or(marker)?),
        };
    }
    any.map(|marker| match op {
        CmpOp::NotIn => marker.negated(),
        _ => marker,
    })
}

/// What stands on the changing side of a comparison.
#[derive(Clone, Copy)]
enum Subject {
    /// `sys.version_info`
    VersionInfo,
    /// `sys.version_info[:2]`
    VersionPrefix,
    /// `sys.version_info[0]`
    Major,
    /// `sys.version_info[1]`
    Minor,
    /// A string that PEP 508 knows too.
    Text(&'static str),
}

fn subject(expr: &Expr) -> Option<Subject> {
    if let Expr::Subscript(subscript) = expr {
        if !is_version_info(&subscript.value) {
            return None;
        }
        return match &*subscript.slice {
            Expr::Slice(slice) => {
                let upper = slice.upper.as_deref().and_then(integer);
                (slice.lower.is_none() && slice.step.is_none() && upper == Some(2))
                    .then_some(Subject::VersionPrefix)
            }
            index => part(integer(index)?),
        };
    }
    if is_version_info(expr) {
        return Some(Subject::VersionInfo);
    }
    let (callee, is_call) = match expr {
        Expr::Call(call) if call.arguments.is_empty() => (&*call.func, true),
        other => (other, false),
    };
    let name = dotted(callee)?;
    let variable = match (name.as_str(), is_call) {
        ("sys.version_info.major", false) => return Some(Subject::Major),
        ("sys.version_info.minor", false) => return Some(Subject::Minor),
        ("sys.platform", false) => "sys_platform",
        ("os.name", false) => "os_name",
        ("sys.implementation.name", false) => "implementation_name",
        ("platform.system", true) => "platform_system",
        ("platform.machine", true) => "platform_machine",
        ("platform.python_implementation", true) => "platform_python_implementation",
        _ => return None,
    };
    Some(Subject::Text(variable))
}

fn part(index: u64) -> Option<Subject> {
    match index {
        0 => Some(Subject::Major),
        1 => Some(Subject::Minor),
        _ => None,
    }
}

fn is_version_info(expr: &Expr) -> bool {
    matches!(
        dotted(expr).as_deref(),
        Some("sys.version_info" | "version_info")
    )
}

fn against(subject: Subject, operator: Operator, value: &Expr) -> Option<Marker> {
    match subject {
        Subject::Text(variable) => {
            let text = value.as_string_literal_expr()?.value.to_str();
            matches!(operator, Operator::Equal | Operator::NotEqual)
                .then(|| Marker::atom(variable, operator, text))?
        }
        Subject::Major => major(operator, integer(value)?),
        Subject::Minor => {
            // Python 2 has no say where minors are compared alone.
            let version = format!("3.{}", integer(value)?);
            Marker::atom("python_version", operator, &version)
        }
        Subject::VersionPrefix => match version(value)?.as_slice() {
            [major] => whole(operator, &[*major]),
            [major, minor] => Marker::atom("python_version", operator, &format!("{major}.{minor}")),
            _ => None,
        },
        Subject::VersionInfo => whole(operator, &version(value)?),
    }
}

/// `sys.version_info[0] == 3` and the like: only 2 and 3 exist.
fn major(operator: Operator, value: u64) -> Option<Marker> {
    let (operator, value) = match (operator, value) {
        (Operator::Equal, 3) | (Operator::NotEqual | Operator::Greater, 2) => {
            (Operator::GreaterEqual, "3")
        }
        (Operator::NotEqual | Operator::Less, 3) | (Operator::Equal | Operator::LessEqual, 2) => {
            (Operator::Less, "3")
        }
        (Operator::GreaterEqual, 3) => (Operator::GreaterEqual, "3"),
        _ => return None,
    };
    Marker::atom("python_version", operator, value)
}

/// `sys.version_info` against a tuple: it has five parts, so it never equals a shorter tuple and
/// is greater than its own prefix.
fn whole(operator: Operator, version: &[u64]) -> Option<Marker> {
    let operator = match operator {
        Operator::Less | Operator::LessEqual => Operator::Less,
        Operator::Greater | Operator::GreaterEqual => Operator::GreaterEqual,
        _ => return None,
    };
    match version {
        [major] => Marker::atom("python_version", operator, &major.to_string()),
        [major, minor] => Marker::atom("python_version", operator, &format!("{major}.{minor}")),
        [major, minor, patch, ..] => {
            let version = format!("{major}.{minor}.{patch}");
            Marker::atom("python_full_version", operator, &version)
        }
        [] => None,
    }
}

fn version(expr: &Expr) -> Option<Vec<u64>> {
    let elements = match expr {
        Expr::Tuple(tuple) => &tuple.elts,
        Expr::List(list) => &list.elts,
        _ => return None,
    };
    elements.iter().take(3).map(integer).collect()
}

fn integer(expr: &Expr) -> Option<u64> {
    match &expr.as_number_literal_expr()?.value {
        Number::Int(value) => value.as_u64(),
        _ => None,
    }
}

/// `sys.platform.startswith("win")`, `six.PY2`.
fn environment_call(expr: &Expr) -> Option<Marker> {
    if let Expr::Call(call) = expr {
        if dotted(&call.func).as_deref() != Some("sys.platform.startswith") {
            return None;
        }
        let [argument] = &*call.arguments.args else {
            return None;
        };
        let platform = match argument.as_string_literal_expr()?.value.to_str() {
            "win" | "win32" => "win32",
            "linux" => "linux",
            "darwin" => "darwin",
            "cygwin" => "cygwin",
            _ => return None,
        };
        return Marker::atom("sys_platform", Operator::Equal, platform);
    }
    match last_name(expr)? {
        "PY2" => Marker::atom("python_version", Operator::Less, "3"),
        "PY3" => Marker::atom("python_version", Operator::GreaterEqual, "3"),
        _ => None,
    }
}

/// Whether a value says that a module is there: a probe, possibly compared or combined.
pub(super) fn is_guard(value: &Expr, probes: &BTreeSet<String>) -> bool {
    is_probe(value, probes) || {
        let Branches { then, otherwise } = branches(value, probes);
        then.optional || otherwise.optional
    }
}
