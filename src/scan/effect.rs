//! Whether importing a module does more than define things; pure.
//!
//! It is a judgement by names, made without running anything: what assigns, defines and registers
//! is quiet, what opens, downloads, parses the command line or is called for itself is not.

use ruff_python_ast::visitor::{Visitor, walk_expr};
use ruff_python_ast::{Decorator, Expr, ExprCall, ModModule, PySourceType, Stmt};
use ruff_python_parser::{Parsed, parse_unchecked_source};
use ruff_text_size::Ranged;

/// What a module does when it is imported, besides defining things.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// The line, from 1.
    pub line: u32,
    /// What it does, in lower case: "calls `main`".
    pub what: String,
}

/// Calls that stand for themselves and only set something up, by the last part of their names.
const QUIET: [&str; 25] = [
    "add",
    "addHandler",
    "addLevelName",
    "append",
    "basicConfig",
    "captureWarnings",
    "extend",
    "filterwarnings",
    "getLogger",
    "insert",
    "manual_seed",
    "seed",
    "setLevel",
    "set_float32_matmul_precision",
    "set_printoptions",
    "set_start_method",
    "set_verbosity",
    "set_verbosity_error",
    "setdefault",
    "setrecursionlimit",
    "simplefilter",
    "update",
    "use",
    "set_option",
    "freeze_support",
];

/// Calls that reach out of the process or take long wherever they stand, by the last part of their names.
const LOUD: [&str; 37] = [
    "Popen",
    "call",
    "check_call",
    "check_output",
    "cuda",
    "download",
    "exec",
    "exit",
    "fit",
    "from_pretrained",
    "getoutput",
    "hf_hub_download",
    "imread",
    "init_process_group",
    "input",
    "load_dataset",
    "load_model",
    "loadtxt",
    "login",
    "makedirs",
    "mkdir",
    "open",
    "parse_args",
    "parse_known_args",
    "popen",
    "post",
    "read_csv",
    "read_excel",
    "read_json",
    "read_parquet",
    "sleep",
    "snapshot_download",
    "system",
    "train",
    "unlink",
    "urlopen",
    "urlretrieve",
];

/// The first thing that a module does when it is imported besides defining things; `None` when
/// there is none.
///
/// ```
/// use pinsmith::scan::effect_of_import;
/// assert_eq!(effect_of_import("import torch\nx = torch.device('cpu')\ndef f(): open('a')\n"), None);
/// assert_eq!(effect_of_import("if __name__ == '__main__':\n    main()\n"), None);
/// assert_eq!(effect_of_import("import os\nmain()\n").unwrap().what, "calls `main`");
/// assert_eq!(effect_of_import("args = parser.parse_args()").unwrap().what, "calls `parser.parse_args`");
/// ```
pub fn effect_of_import(text: &str) -> Option<Effect> {
    let parsed: Parsed<ModModule> = parse_unchecked_source(text, PySourceType::Python);
    let line = |offset: usize| {
        let before = text.as_bytes().get(..offset).unwrap_or_default();
        let breaks = memchr::memchr_iter(b'\n', before).count();
        u32::try_from(breaks + 1).unwrap_or(u32::MAX)
    };
    if let Some(error) = parsed.errors().first() {
        return Some(Effect {
            line: line(error.location.start().to_usize()),
            what: "is no Python that can be parsed".to_owned(),
        });
    }
    let (offset, what) = of_body(&parsed.syntax().body)?;
    Some(Effect {
        line: line(offset),
        what,
    })
}

type Found = Option<(usize, String)>;

fn of_body(body: &[Stmt]) -> Found {
    body.iter().find_map(of_statement)
}

fn of_statement(statement: &Stmt) -> Found {
    let at = statement.start().to_usize();
    match statement {
        Stmt::Expr(expression) => match expression.value.as_ref() {
            Expr::Call(call) if !is_quiet(call) => Some((at, called(call))),
            value => of_expression(value),
        },
        Stmt::FunctionDef(function) => of_decorators(&function.decorator_list),
        Stmt::ClassDef(class) => {
            of_decorators(&class.decorator_list).or_else(|| of_body(&class.body))
        }
        Stmt::Assign(assign) => of_expression(&assign.value),
        Stmt::AnnAssign(assign) => assign.value.as_deref().and_then(of_expression),
        Stmt::AugAssign(assign) => of_expression(&assign.value),
        Stmt::If(branch) => {
            let is_main = mentions_main(&branch.test);
            let first = (!is_main).then(|| of_body(&branch.body)).flatten();
            let mut others = branch.elif_else_clauses.iter();
            first.or_else(|| others.find_map(|clause| of_body(&clause.body)))
        }
        Stmt::Try(tried) => {
            let handlers = tried.handlers.iter();
            let mut handlers = handlers.filter_map(|handler| handler.as_except_handler());
            of_body(&tried.body)
                .or_else(|| handlers.find_map(|handler| of_body(&handler.body)))
                .or_else(|| of_body(&tried.orelse))
                .or_else(|| of_body(&tried.finalbody))
        }
        Stmt::For(each) => of_expression(&each.iter).or_else(|| of_body(&each.body)),
        Stmt::While(_) => Some((at, "has a `while` loop".to_owned())),
        Stmt::With(_) => Some((at, "has a `with` block".to_owned())),
        Stmt::Raise(_) => Some((at, "raises an exception".to_owned())),
        _ => None,
    }
}

fn of_decorators(decorators: &[Decorator]) -> Found {
    let mut decorators = decorators.iter();
    decorators.find_map(|decorator| of_expression(&decorator.expression))
}

/// A loud call anywhere in an expression that is evaluated at once.
fn of_expression(expression: &Expr) -> Found {
    let mut visitor = Loud(None);
    visitor.visit_expr(expression);
    visitor.0
}

struct Loud(Found);

impl Visitor<'_> for Loud {
    fn visit_expr(&mut self, expression: &Expr) {
        match expression {
            // its body is not evaluated
            Expr::Lambda(_) => {}
            Expr::Call(call) if self.0.is_none() && is_loud(call) => {
                self.0 = Some((call.start().to_usize(), called(call)));
            }
            _ => walk_expr(self, expression),
        }
    }
}

fn mentions_main(test: &Expr) -> bool {
    match test {
        Expr::Compare(compare) => {
            matches!(compare.left.as_ref(), Expr::Name(name) if name.id.as_str() == "__name__")
        }
        Expr::BoolOp(both) => both.values.iter().any(mentions_main),
        _ => false,
    }
}

fn is_quiet(call: &ExprCall) -> bool {
    let name = dotted(&call.func);
    let last = name.rsplit('.').next().unwrap_or_default();
    QUIET.contains(&last) || last.starts_with("register") || last.starts_with("set_")
}

fn is_loud(call: &ExprCall) -> bool {
    let name = dotted(&call.func);
    let (before, last) = name.rsplit_once('.').unwrap_or(("", &name));
    LOUD.contains(&last)
        || matches!(before, "requests" | "subprocess" | "wandb" | "socket")
        || last == "load" && matches!(before, "torch" | "np" | "numpy" | "pickle" | "joblib")
}

fn called(call: &ExprCall) -> String {
    let name = dotted(&call.func);
    if name.is_empty() {
        "calls something".to_owned()
    } else {
        format!("calls `{name}`")
    }
}

fn dotted(expression: &Expr) -> String {
    match expression {
        Expr::Name(name) => name.id.to_string(),
        Expr::Attribute(attribute) => {
            let value = dotted(&attribute.value);
            if value.is_empty() {
                attribute.attr.to_string()
            } else {
                format!("{value}.{}", attribute.attr)
            }
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::effect_of_import;

    #[test]
    fn what_importing_does_is_told() {
        let cases = [
            ("\"\"\"doc\"\"\"\nfrom a import b\nX = {'a': 1}\n", ""),
            ("import logging\nlogger = logging.getLogger(__name__)\n", ""),
            ("import warnings\nwarnings.filterwarnings('ignore')\n", ""),
            ("import sys\nsys.path.insert(0, '..')\n", ""),
            (
                "try:\n    import a\nexcept ImportError:\n    a = None\n",
                "",
            ),
            (
                "class A(B):\n    x = field(default=1)\n    def f(self): open('x')\n",
                "",
            ),
            ("f = lambda: open('x')\n", ""),
            ("if __name__ == '__main__' and True:\n    run()\n", ""),
            (
                "app = Flask(__name__)\n@app.route('/')\ndef f(): pass\n",
                "",
            ),
            (
                "@registry.register('x')\nclass A: pass\nregister_model(A)\n",
                "",
            ),
            ("torch.set_default_dtype(torch.float32)\n", ""),
            (
                "if torch.cuda.is_available():\n    device = 'cuda'\nelse:\n    main()\n",
                "4 calls `main`",
            ),
            (
                "args = argparse.ArgumentParser().parse_args()\n",
                "1 calls `parse_args`",
            ),
            ("x = [open(p) for p in paths]\n", "1 calls `open`"),
            (
                "m = AutoModel.from_pretrained('a')\n",
                "1 calls `AutoModel.from_pretrained`",
            ),
            ("import os\nos.system('rm -rf /')\n", "2 calls `os.system`"),
            ("x = subprocess.run(['ls'])\n", "1 calls `subprocess.run`"),
            ("class A:\n    data = np.load('x')\n", "2 calls `np.load`"),
            ("while True:\n    pass\n", "1 has a `while` loop"),
            ("with torch.no_grad():\n    x = 1\n", "1 has a `with` block"),
            ("print 'hello'\n", "1 is no Python that can be parsed"),
            ("raise SystemExit\n", "1 raises an exception"),
        ];
        for (text, expected) in cases {
            let found = effect_of_import(text);
            let found = found.map_or(String::new(), |one| format!("{} {}", one.line, one.what));
            assert_eq!(found, expected, "{text}");
        }
    }
}
