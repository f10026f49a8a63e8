use proptest::prelude::*;

use super::load::Loader;
use super::*;
use crate::scan::ReadError;

const FILES: [&str; 8] = [
    "requirements.txt",
    "pyproject.toml",
    "setup.cfg",
    "setup.py",
    "environment.yml",
    "Pipfile",
    "script.py",
    "requirements/dev.in",
];

fn load(file: &str, bytes: &[u8]) -> Declared {
    let mut read = |path: &str| {
        if path == file {
            Ok(bytes.to_vec())
        } else {
            Err(ReadError::Outside(path.to_owned()))
        }
    };
    let mut loader = Loader::new(&mut read);
    loader.load(file, line::Role::default());
    loader.out
}

/// Nothing that a reader returns may change a terminal or add a line to a file.
fn is_clean(declared: &Declared) -> bool {
    let all = declared.requirements.iter().chain(&declared.constraints);
    let texts = all
        .map(|entry| entry.requirement.to_string())
        .chain(declared.diagnostics.iter().map(|d| d.message.clone()))
        .chain(declared.indexes.iter().map(|index| index.url.clone()));
    texts
        .flat_map(|text| text.chars().collect::<Vec<_>>())
        .all(|c| !text::is_unsafe(c))
}

/// Pieces that the formats are made of, so that random texts get past the first line.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[ -~]{0,12}",
        "\\PC{0,6}",
        any::<char>().prop_map(|c| c.to_string()),
        prop::sample::select(vec![
            "\n",
            "\\\n",
            "-r ",
            "-c ",
            "-e ",
            "--index-url ",
            "numpy",
            "torch==1.0",
            " ; ",
            "@ ",
            "git+https://u:p@h.test/a/b.git",
            "#egg=x",
            "${T}",
            "[project]\n",
            "dependencies = [",
            "]\n",
            "\"numpy>=1\"",
            "[dependency-groups]\n",
            "a = [{include-group = \"a\"}]\n",
            "[tool.poetry.dependencies]\n",
            "x = \"^1.2 || ~3\"\n",
            "[tool.uv.sources]\n",
            "x = { git = \"https://h.test/x\" }\n",
            "install_requires =\n    a\n",
            "[options]\n",
            "from setuptools import setup\n",
            "setup(install_requires=",
            "extras_require={",
            ")",
            "open('requirements.txt').read().splitlines()",
            "a = a + a\n",
            "dependencies:\n",
            "  - numpy=1.2\n",
            "  - pip:\n    - foo\n",
            "&a [*a]",
            "{{{{",
            "((((",
            "# /// script\n",
            "# ///\n",
            "# dependencies = [\"rich\"]\n",
            "\u{1b}[31m",
            "\u{202e}",
            "\r",
        ])
        .prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_a_reader_panic_or_speak_out_of_line(text in pieces()) {
        for file in FILES {
            prop_assert!(is_clean(&load(file, text.as_bytes())), "{file}");
        }
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for file in FILES {
            prop_assert!(is_clean(&load(file, &bytes)), "{file}");
        }
    }
}

#[test]
fn names_that_end_with_punctuation_are_refused() {
    for text in [
        "numpy->=1",
        "0-\u{2d2d}",
        "a. ; x",
        "a[b-]>=1",
        "a[b, c_ ]",
        "a-(>=1)",
        "a-",
    ] {
        let declared = load("requirements.txt", text.as_bytes());
        assert!(declared.requirements.is_empty(), "{text}");
        assert_eq!(declared.diagnostics.len(), 1, "{text}");
    }
}

#[test]
fn hostile_depth_and_growth_end() {
    let brackets = "[".repeat(60_000);
    let markers = format!("a ; {}os_name == 'x'{}", "(".repeat(2000), ")".repeat(2000));
    let doubling: String = std::iter::once("a = ['x']\n".to_owned())
        .chain((0..200).map(|_| "a = a + a\n".to_owned()))
        .chain(["setup(install_requires=a)\n".to_owned()])
        .collect();
    let nested: String = (0..2000).map(|_| "a = {'x': a, 'y': a}\n").collect();
    let yaml = format!("dependencies: {}", "[".repeat(5000));
    let laughs = "a: &a [x]\n".to_owned() + &"b: &a [*a, *a]\n".repeat(64);
    let minus = format!("setup(x={}1)", "-".repeat(60_000));
    for text in [
        &brackets, &markers, &doubling, &nested, &yaml, &laughs, &minus,
    ] {
        for file in FILES {
            load(file, text.as_bytes());
        }
    }
}
