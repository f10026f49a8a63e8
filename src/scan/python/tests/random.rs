//! Texts that nobody wrote.

use proptest::prelude::*;

use super::{origin, read};
use crate::scan::decode::decode;
use crate::scan::notebook;

/// Pieces that make random texts look like Python and notebooks.
fn scrap() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "import a",
        "from b import (",
        "c, d",
        ")",
        "(",
        "[",
        "{",
        "}",
        "'",
        "\"\"\"",
        "'''",
        "\n",
        "\n    ",
        "\r\n",
        ":",
        "try:",
        "except ImportError:",
        "if sys.version_info < (3,",
        "8):",
        "\\",
        "\\\n",
        "%%bash\n",
        "%time ",
        "!pip install x",
        "?",
        "`",
        "f'{",
        "}'",
        "print ",
        "#",
        ";",
        "\0",
        "\u{feff}",
        "\u{e9}",
        "lambda:",
        "match x:",
        "case",
        "def f(",
        "->",
        "**",
        ",",
        "async ",
        "# pinsmith: ignore",
        ">>> import e",
        "f\"\"\"{",
        "!r}",
        "\t",
        "<<EOF\n",
        "\u{c}",
        "class ",
        "import_module(",
        "'x')",
        "with ",
        "as ",
        "*",
        "@",
        "0777",
        "=",
        "==",
        "else:",
        "elif ",
    ]);
    prop::collection::vec(pieces, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        let text = decode(bytes).text;
        read(&text, &origin());
        notebook::read(&text, "a.ipynb");
    }

    #[test]
    fn scraps_never_panic(text in scrap()) {
        let text = format!("import os\n{text}");
        for import in read(&text, &origin()).imports {
            prop_assert!(import.site.line as usize <= text.len() + 1);
        }
        let cell = serde_json::json!({"cell_type": "code", "source": text});
        let json = serde_json::json!({"nbformat": 4, "metadata": {}, "cells": [cell]});
        notebook::read(&json.to_string(), "a.ipynb");
    }
}
