//! What is left out, and that it makes no difference.

use proptest::prelude::*;

use super::super::same;
use super::{Short, shorten};

/// What is left of a text; `None` when the lexer is not sure of it.
fn left(text: &str) -> Option<String> {
    match shorten(text, false) {
        Short::Cut(left, _) => Some(left),
        Short::Whole => Some(text.to_owned()),
        Short::Unsure => None,
    }
}

#[test]
fn functions_that_cannot_matter_are_left_out() {
    check(&[
        ("def f():\n    return 1\n", "pass\n"),
        (
            "x = 1\nasync def f():\n    return 1\nx = 2\n",
            "x = 1\npass\nx = 2\n",
        ),
        // neighbours become one, decorated ones keep their header
        (
            "class A:\n    def f(self):\n        pass\n\n    # b\n    def g(self):\n        pass\n\n    @c\n    def h(self): # d\n        pass\n",
            "class A:\n    pass\n    @c\n    def h(self): # d\n        pass\n",
        ),
        // within one that matters
        (
            "def f():\n    def g():\n        x = 1\n    import a\n",
            "def f():\n    pass\n    import a\n",
        ),
        (
            "def f():\n    def g():\n        import a\n",
            "def f():\n    def g():\n        import a\n",
        ),
        // headers that matter
        (
            "def f(a=find_spec('b')):\n    return 1\n",
            "def f(a=find_spec('b')):\n    pass\n",
        ),
        // docstrings that matter
        (
            "def f():\n    '''\n    >>> import a\n    '''\n    x = 1\n    return x\n",
            "def f():\n    '''\n    >>> import a\n    '''\n    pass\n",
        ),
        (
            "def f():\n    def g():\n        '''\n        >>> import a\n        '''\n        return 1\n",
            "def f():\n    def g():\n        '''\n        >>> import a\n        '''\n        pass\n",
        ),
        (
            "def f():\n    class A:\n        '''\n        >>> import a\n        '''\n        pass\n    pass\n",
            "def f():\n    class A:\n        '''\n        >>> import a\n        '''\n        pass\n    pass\n",
        ),
        ("def f():\n    '''import a'''\n    return 1\n", "pass\n"),
        (
            "def f():\n    x = 1\n    '''\n    >>> import a\n    '''\n",
            "pass\n",
        ),
    ]);
}

#[test]
fn what_matters_in_a_function_is_kept() {
    check(&[
        // strings and comments do not matter, fields of formatted strings do
        ("def f():\n    return 'import a' # import b\n", "pass\n"),
        ("def f():\n    return f'import {a} {{'\n", ""),
        (
            "def f():\n    return f'{exec(a)}'\n",
            "def f():\n    return f'{exec(a)}'\n",
        ),
        // `sys.path` matters, `sys.exit` does not
        ("def f():\n    sys.exit(1)\n", "pass\n"),
        (
            "def f():\n    sys.path.append(1)\n",
            "def f():\n    sys.path.append(1)\n",
        ),
        (
            "def f():\n    global a\n    a = None\n",
            "def f():\n    global a\n    a = None\n",
        ),
        // what matters where something is imported
        ("def f(x):\n    x.to_excel('a.xlsx')\n", "pass\n"),
        (
            "def f(x):\n    x.to_excel('a.xlsx')\nimport pandas\n",
            "def f(x):\n    x.to_excel('a.xlsx')\nimport pandas\n",
        ),
        (
            "import transformers as t\ndef f(x):\n    return t.TFAutoModel(x)\ndef g(x):\n    return t.Tokens\n",
            "import transformers as t\ndef f(x):\n    return t.TFAutoModel(x)\npass\n",
        ),
        (
            "from pandas import read_html as r\ndef f(x):\n    return r(x)\n",
            "",
        ),
        ("def f(x):\n    x.run()\n", "pass\n"),
        (
            "def f(x):\n    x.run('pip')\n",
            "def f(x):\n    x.run('pip')\n",
        ),
        (
            "def f():\n    os.environ['HF_HUB_ENABLE_HF_TRANSFER'] = '1'\n",
            "def f():\n    os.environ['HF_HUB_ENABLE_HF_TRANSFER'] = '1'\n",
        ),
        (
            "def f():\n    return os.environ['TOKEN']\ndef g():\n    return 1\n",
            "def f():\n    return os.environ['TOKEN']\npass\n",
        ),
        (
            "def f():\n    return getenv('TOKEN')\n",
            "def f():\n    return getenv('TOKEN')\n",
        ),
        // line ends and continuations
        (
            "def f():\r\n    return \\\r\n        1\r\nimport a\r\n",
            "pass\nimport a\r\n",
        ),
        (
            "def f(a, /, *, b=[\n1, # )\n]) -> {}:\n    return (a\n, b)",
            "pass\n",
        ),
        (
            "if a:\n    def f(): return 1\nelse:\n    def f():\n        return 2\n",
            "if a:\n    def f(): return 1\nelse:\n    pass\n",
        ),
    ]);
}

/// Compares what is left of each text; nothing expected means that all of it is.
fn check(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        let found = left(text);
        if expected.is_empty() {
            assert_eq!(found, None, "{text}");
        } else {
            assert_eq!(found.as_deref(), Some(*expected), "{text}");
            assert!(same::check(text), "{text}");
        }
    }
}

#[test]
fn nothing_is_left_out_of_what_is_odd() {
    let cases = [
        // Python 2
        "print 'a'",
        "print >>f, a",
        "print a",
        "exec 'a' in b",
        "raise A, 'b'",
        "if a: raise A, 'b'",
        "x = 0777",
        "x = 10L",
        "x = `a`",
        "x = a <> b",
        "x = ur'a'",
        "x = lambda (a, b): a",
        "def g(a, (b, c)):\n        pass",
        "try:\n        pass\n    except A, e:\n        pass",
        // errors
        "x = (",
        "x = )",
        "x = (]",
        "x = 'a",
        "x = '''a",
        "x =",
        "x.",
        "x = a b",
        "x = 1 a",
        "x = f(a, b=)",
        "x = {{a}} {{b}}",
        "<<<<<<< HEAD",
        "=======",
        ">>>>>>> b",
        "$x = 1",
        "x = a ? b : c",
        "if x\n        y",
        "if x:\n    y",
        "x = 1\n      y = 2",
        "\tx = 1",
        "x: y:\n        z",
        "x = 1 \\ ",
        "('''>>> import a''')",
        "'>>> import a'; x = 1",
        // not known to be well
        "x = f'{a['b']}'",
        "x = f'{'",
        "x = \u{e9}",
        "x = 1\u{c}",
    ];
    for case in cases {
        let text = format!("import a\ndef f():\n    {case}\n");
        assert_eq!(left(&text), None, "{case}");
        same::check(&text);
    }
    for (start, end) in [
        ("(", ")"),
        ("-", "1"),
        ("lambda: ", "1"),
        ("a.", "b"),
        ("[", "]"),
    ] {
        let text = format!(
            "def f():\n    return {}{}\n",
            start.repeat(300),
            end.repeat(300)
        );
        assert_eq!(left(&text), None, "{text}");
    }
}

/// Sources that are mostly right, with all that the collector looks at.
fn source() -> impl Strategy<Value = String> {
    let line = prop::sample::select(vec![
        "import a",
        "import a.b as c, d",
        "from b import (\n  c,\n    d,  # pinsmith: ignore\n)",
        "from .e import f",
        "'''text\n>>> import g\n'''",
        "'''text'''",
        "x = 1",
        "x = None",
        "x = False",
        "x = x",
        "y = x",
        "y = not x",
        "z = is_a_available()",
        "z = find_spec('h')",
        "x = HAS_B and y",
        "global x",
        "x = [1, 2,\n3]",
        "import_module('i')",
        "import_module(x)",
        "exec('import j')",
        "f'{exec(x)} {y}'",
        "f'{x}'",
        "root = os.path.dirname(__file__)",
        "sys.path.append(root)",
        "sys.path.insert(0, os.path.join(root, 'lib'))",
        "Model.from_pretrained('k/l', revision='m')",
        "Extension('n', [])",
        "# a comment",
        "",
        "raise ImportError",
        "@decorated\ndef p(): pass",
        "def q(o=find_spec('r')): return 1",
        "x = (lambda: find_spec('s'))",
        "return x",
        "pass; import t",
        "print(x)",
        "x = y if y else None",
        "import pandas as pd",
        "from pandas import read_excel as r, DataFrame",
        "import transformers",
        "pd.read_excel('a.xlsx')",
        "r(x)",
        "x.to_excel(y)",
        "transformers.TFAutoModel()",
        "f(device_map='auto')",
        "os.getenv('X')",
        "y = environ.get('Y')",
        "os.environ['Z']",
        "os.system('pip install w')",
        "os.environ['HF_HUB_ENABLE_HF_TRANSFER'] = '1'",
    ]);
    let header = prop::sample::select(vec![
        "def f():",
        "def f(self, *, x=None) -> 'A':",
        "def f(x=find_spec('u')):",
        "async def f(): # comment",
        "@decorated\ndef f(\n  a, b,\n):",
        "class A:",
        "class A(B, metaclass=C):",
        "if x:",
        "if y and not x:",
        "if sys.version_info < (3, 8):",
        "if TYPE_CHECKING:",
        "for i in x:",
        "while x:",
        "with suppress(ImportError):",
        "with a as b, c:",
    ]);
    let leaf = (line, Just(Vec::new())).prop_map(render);
    leaf.prop_recursive(5, 40, 6, move |inner| {
        let body = prop::collection::vec(inner.clone(), 1..6);
        let tried = (body.clone(), body.clone()).prop_map(|(body, handler)| {
            let handler = render(("except ImportError as e:", handler));
            render(("try:", body)) + "\n" + &handler
        });
        let either = (body.clone(), body.clone()).prop_map(|(body, other)| {
            render(("if is_v_available():", body)) + "\n" + &render(("else:", other))
        });
        prop_oneof![
            4 => (header.clone(), body).prop_map(render),
            1 => tried,
            1 => either,
        ]
    })
}

/// A statement with its block.
fn render((header, body): (&str, Vec<String>)) -> String {
    let mut text = header.to_owned();
    for statement in &body {
        for line in statement.split('\n') {
            text.push_str("\n    ");
            text.push_str(line);
        }
    }
    if !body.is_empty() {
        text.push_str("\n    pass");
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn leaving_out_makes_no_difference(parts in prop::collection::vec(source(), 1..8)) {
        same::check(&parts.join("\n"));
    }
}
