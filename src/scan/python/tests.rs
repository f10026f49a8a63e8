//! Tables over single texts: contexts, labels, markers, recovery, and hostile input.

mod random;

use std::fmt::Write as _;

use super::super::facts::Origin;
use super::super::{Import, ImportContext};
use super::read;

fn origin() -> Origin<'static> {
    Origin {
        file: "a.py",
        cell: None,
        base: ImportContext::Runtime,
        definitions: true,
    }
}

fn shown(import: &Import) -> String {
    let labels = import.labels.iter().fold(String::new(), |mut all, label| {
        write!(all, " {label:?}").unwrap();
        all
    });
    let marker = import.marker.as_ref().map(|marker| format!(" [{marker}]"));
    let text = format!(
        "{} {} {:?}{labels}{}",
        import.site.line,
        import.module,
        import.context,
        marker.unwrap_or_default()
    );
    text.to_lowercase()
}

/// Imports of `x` and the like, as `line module context labels [marker]`.
fn imports(text: &str) -> Vec<String> {
    let facts = read(text, &origin());
    facts.imports.iter().map(shown).collect()
}

fn codes(text: &str) -> Vec<String> {
    let facts = read(text, &origin());
    let diagnostics = facts.diagnostics.iter();
    diagnostics
        .map(|diagnostic| {
            let line = diagnostic.site.as_ref().map_or(0, |site| site.line);
            format!("{}:{line}", diagnostic.code.0)
        })
        .collect()
}

#[test]
fn conditions_become_markers() {
    let cases = [
        ("sys.version_info >= (3, 8)", r#"python_version >= "3.8""#),
        ("sys.version_info > (3, 8)", r#"python_version >= "3.8""#),
        ("sys.version_info <= (3, 8)", r#"python_version < "3.8""#),
        (
            "sys.version_info < (3, 8, 1)",
            r#"python_full_version < "3.8.1""#,
        ),
        ("(3, 8) <= sys.version_info", r#"python_version >= "3.8""#),
        ("sys.version_info[:2] > (3, 8)", r#"python_version > "3.8""#),
        (
            "sys.version_info[:2] == (3, 8)",
            r#"python_version == "3.8""#,
        ),
        ("sys.version_info[0] == 2", r#"python_version < "3""#),
        ("sys.version_info.major >= 3", r#"python_version >= "3""#),
        ("sys.version_info.minor < 9", r#"python_version < "3.9""#),
        (
            "not sys.version_info >= (3, 8)",
            r#"python_version < "3.8""#,
        ),
        ("six.PY2", r#"python_version < "3""#),
        ("sys.platform == 'win32'", r#"sys_platform == "win32""#),
        (
            "sys.platform.startswith('linux')",
            r#"sys_platform == "linux""#,
        ),
        (
            "sys.platform in ('linux', 'darwin')",
            r#"sys_platform == "linux" or sys_platform == "darwin""#,
        ),
        (
            "sys.platform not in ('linux', 'darwin')",
            r#"sys_platform != "linux" and sys_platform != "darwin""#,
        ),
        ("os.name != 'nt'", r#"os_name != "nt""#),
        (
            "platform.system() == 'Darwin'",
            r#"platform_system == "darwin""#,
        ),
        (
            "platform.machine() == 'arm64'",
            r#"platform_machine == "arm64""#,
        ),
        (
            "sys.platform == 'linux' and sys.version_info < (3, 9)",
            r#"sys_platform == "linux" and python_version < "3.9""#,
        ),
        (
            "(3, 7) <= sys.version_info < (3, 9)",
            r#"python_version >= "3.7" and python_version < "3.9""#,
        ),
        (
            "not (sys.platform == 'linux' or os.name == 'nt')",
            r#"sys_platform != "linux" and os_name != "nt""#,
        ),
    ];
    for (condition, marker) in cases {
        let found = imports(&format!("if {condition}:\n    import x\n"));
        assert_eq!(found, [format!("2 x runtime [{marker}]")], "{condition}");
    }
}

#[test]
fn conditions_that_are_no_markers() {
    let cases = [
        ("sys.version_info == (3, 8)", "conditional"),
        ("sys.platform == name", "conditional"),
        ("sys.platform == 'a\"b'", "conditional"),
        ("sys.platform == 'linux' or flag", "conditional"),
        ("torch.cuda.is_available()", "conditional"),
        ("flag", "conditional"),
        ("True", ""),
        ("1", ""),
        ("__name__ == '__main__'", ""),
    ];
    for (condition, label) in cases {
        let found = imports(&format!("if {condition}:\n    import x\n"));
        assert_eq!(
            found,
            [format!("2 x runtime {label}").trim_end()],
            "{condition}"
        );
    }
}

#[test]
fn branches_negate_what_went_before() {
    let text = "
if sys.platform == 'win32':
    import a
elif sys.platform == 'darwin':
    import b
else:
    import c
    if sys.version_info < (3, 9):
        import d
";
    let linux = r#"sys_platform != "win32" and sys_platform != "darwin""#;
    assert_eq!(
        imports(text),
        [
            r#"3 a runtime [sys_platform == "win32"]"#.to_owned(),
            r#"5 b runtime [sys_platform != "win32" and sys_platform == "darwin"]"#.to_owned(),
            format!("7 c runtime [{linux}]"),
            format!(r#"9 d runtime [{linux} and python_version < "3.9"]"#),
        ]
    );
}

#[test]
fn guards() {
    let cases: &[(&str, &[&str])] = &[
        ("try:\n  import x\nexcept:\n  pass", &["2 x optional"]),
        (
            "try:\n  import x\nexcept (ValueError, ImportError):\n  pass",
            &["2 x optional"],
        ),
        (
            "try:\n  import x\nexcept ModuleNotFoundError as e:\n  pass",
            &["2 x optional"],
        ),
        (
            "try:\n  import x\nexcept ValueError:\n  pass",
            &["2 x runtime"],
        ),
        (
            "try:\n  import x\nexcept ImportError:\n  raise RuntimeError('install x')",
            &["2 x runtime"],
        ),
        (
            "try:\n  import x\nexcept ImportError:\n  sys.exit(1)",
            &["2 x runtime"],
        ),
        (
            "try:\n  import x\nexcept ImportError:\n  import y",
            &["2 x optional", "4 y runtime conditional"],
        ),
        (
            "try:\n  f()\nexcept ImportError:\n  pass\nelse:\n  import x",
            &["6 x optional"],
        ),
        ("try:\n  f()\nfinally:\n  import x", &["4 x runtime"]),
        ("if is_torch_available():\n  import x", &["2 x optional"]),
        (
            "if not is_torch_available():\n  import y\nelse:\n  import x",
            &["2 y runtime conditional", "4 x optional"],
        ),
        ("if XFORMERS_AVAILABLE:\n  import x", &["2 x optional"]),
        (
            "HAS = find_spec('x') is not None\nif HAS:\n  import x",
            &["1 x optional dynamic", "3 x optional"],
        ),
        (
            "try:\n  import x\nexcept ImportError:\n  x = None\nif x is not None:\n  import x.y",
            &["2 x optional", "6 x.y optional"],
        ),
        (
            "if find_spec('x') is None:\n  import y",
            &["1 x optional dynamic", "2 y runtime conditional"],
        ),
        ("if typing.TYPE_CHECKING:\n  import x", &["2 x typing"]),
        (
            "if not TYPE_CHECKING:\n  import x\nelse:\n  import y",
            &["2 x runtime", "4 y typing"],
        ),
        ("if False:\n  import x", &["2 x typing"]),
        (
            "def f():\n  try:\n    import x\n  except ImportError:\n    pass",
            &["3 x optional deferred"],
        ),
        (
            "class A:\n  import x\n  f = lambda: __import__('y')",
            &["2 x runtime", "3 y runtime dynamic deferred"],
        ),
        (
            "m = __import__('x') if flag else None",
            &["1 x runtime dynamic conditional"],
        ),
        (
            "match a:\n  case 1:\n    import x",
            &["3 x runtime conditional"],
        ),
        ("x = pytest.importorskip('x')", &["1 x optional dynamic"]),
        ("import x  # pinsmith: ignore\nimport y", &["2 y runtime"]),
        (
            "from x import (  # pinsmith: ignore\n  a,\n)\nimport y",
            &["4 y runtime"],
        ),
        (
            "for i in a:\n  import x\nwhile True:\n  import y",
            &["2 x runtime", "4 y runtime"],
        ),
        (
            "async def f():\n  async with a:\n    import x",
            &["3 x runtime deferred"],
        ),
        (
            "from .a import b\nfrom .. import c\nimport_module('.d', 'e')",
            &[],
        ),
        (
            "import a.b as c, d; import e",
            &["1 a.b runtime", "1 d runtime", "1 e runtime"],
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(imports(text), *expected, "{text}");
    }
}

#[test]
fn what_only_running_would_tell_is_a_note() {
    assert_eq!(codes("import_module(name)"), ["SCAN009:1"]);
    assert_eq!(
        codes("x\nimport_module(f'{a}.b')\n__import__(c)"),
        ["SCAN009:2"]
    );
    assert_eq!(codes("exec('import x')"), ["SCAN009:1"]);
    assert_eq!(codes("exec('x = 1')"), [""; 0]);
    assert_eq!(codes("importlib.util.find_spec(name)"), [""; 0]);
}

#[test]
fn errors_are_one_warning_and_lose_nothing() {
    let cases: &[(&str, &[&str], &[&str])] = &[
        (
            "import a\nprint 'x'\nimport b",
            &["1 a runtime", "3 b runtime"],
            &["SCAN004:2"],
        ),
        ("import a\nprint >>f, x\n", &["1 a runtime"], &["SCAN004:2"]),
        (
            "try:\n  import a\nexcept ImportError, e:\n  pass",
            &["2 a optional"],
            &["SCAN004:3"],
        ),
        (
            "import a\nexec 'x' in d\nimport b",
            &["1 a runtime", "3 b runtime"],
            &["SCAN004:2"],
        ),
        (
            "import a\nx = `y`\nimport b",
            &["1 a runtime", "3 b runtime"],
            &["SCAN004:2"],
        ),
        (
            "import a\nraise E, 'x'\nimport b",
            &["1 a runtime", "3 b runtime"],
            &["SCAN004:2"],
        ),
        (
            "import a\nx = 0777\nimport b",
            &["1 a runtime", "3 b runtime"],
            &["SCAN004:2"],
        ),
        (
            "import a\nx = 10L\nimport b",
            &["1 a runtime", "3 b runtime"],
            &["SCAN004:2"],
        ),
        (
            "import a\nif x <> 1: pass\nimport b",
            &["1 a runtime", "3 b runtime"],
            &["SCAN004:2"],
        ),
        (
            "import a\nfoo(\nimport b\nfrom c import d\n",
            &["1 a runtime", "3 b runtime", "4 c runtime"],
            &["SCAN003:2"],
        ),
        (
            "<<<<<<< HEAD\nimport a\n=======\nimport b\n>>>>>>> x\n",
            &["2 a runtime", "4 b runtime"],
            &["SCAN003:1"],
        ),
        (
            "import a\n  import b\n",
            &["1 a runtime", "2 b runtime"],
            &["SCAN003:2"],
        ),
        (
            "import a,\nimport b\n",
            &["1 a runtime", "2 b runtime"],
            &["SCAN003:1"],
        ),
        ("import\nimport b\n", &["2 b runtime"], &["SCAN003:1"]),
        (
            "x = '''\nimport a\n'''\n)\nimport b\n",
            &["5 b runtime"],
            &["SCAN003:4"],
        ),
        (
            "import a\n'''\nimport b\n",
            &["1 a runtime", "3 b runtime"],
            &["SCAN003:2"],
        ),
        (
            "{% if x %}\nimport a\n{% endif %}\n",
            &["2 a runtime"],
            &["SCAN003:1"],
        ),
    ];
    for (text, expected, diagnostics) in cases {
        assert_eq!(imports(text), *expected, "{text}");
        assert_eq!(codes(text), *diagnostics, "{text}");
    }
}

#[test]
fn depth_does_not_overflow_the_stack() {
    let around = |middle: &str| format!("import a\n{middle}\nimport b\n");
    let mut nested_blocks = String::new();
    for depth in 0..2_000 {
        writeln!(nested_blocks, "{}if x:", " ".repeat(depth)).unwrap();
    }
    let cases = [
        format!("x = {}1{}", "(".repeat(10_000), ")".repeat(10_000)),
        format!("x = {}1{}", "[".repeat(900), "]".repeat(900)),
        format!("x = a{}", ".b".repeat(5_000)),
        format!("x = a{}", "()".repeat(5_000)),
        format!("x = 1{}", " + 1".repeat(5_000)),
        format!("x = {}1", "-".repeat(15_000)),
        format!("x = {}1", "not ".repeat(5_000)),
        format!("x = {}1", "lambda: ".repeat(5_000)),
        format!("x = {}1", "1 if 1 else ".repeat(5_000)),
        format!("x = 1{}", " ** 1".repeat(5_000)),
        format!("x = f'{}{}'", "{x:".repeat(900), "}".repeat(900)),
        format!("{nested_blocks}{}pass", " ".repeat(2_000)),
        format!(
            "match x:\n case {}y{}: pass",
            "(".repeat(900),
            ")".repeat(900)
        ),
        format!("x: {}int{}", "list[".repeat(900), "]".repeat(900)),
        format!("if a: pass\n{}", "elif a: pass\n".repeat(5_000)),
    ];
    for case in cases {
        let found = imports(&around(&case));
        let start: String = case.chars().take(40).collect();
        assert_eq!(
            found.first().map(String::as_str),
            Some("1 a runtime"),
            "{start}"
        );
        let last = found.last().unwrap();
        assert!(last.ends_with(" b runtime"), "{start}: {last}");
    }
}

#[test]
fn odd_texts_are_read() {
    assert_eq!(imports(""), [""; 0]);
    assert_eq!(
        imports("import a\u{c}\nimport b"),
        ["1 a runtime", "2 b runtime"]
    );
    let long = format!("import a\nx = '{}'\nimport b", "y".repeat(2_000_000));
    assert_eq!(imports(&long), ["1 a runtime", "3 b runtime"]);
    assert_eq!(
        imports("import a\r\nimport b\rimport c\n"),
        ["1 a runtime", "2 b runtime", "3 c runtime"]
    );
    assert_eq!(
        imports("import \u{43c}\u{43e}\u{434}"),
        ["1 \u{43c}\u{43e}\u{434} runtime"]
    );
}
