//! The bytes of a Python file become text: byte-order marks, PEP 263 cookies and guesses.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// Text, and what had to be assumed to get it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Decoded {
    /// The text, without byte-order mark and with NUL replaced by a space.
    pub(super) text: String,
    /// Why Python itself would refuse the file, with the line of the first bad byte.
    pub(super) problem: Option<(u32, String)>,
}

/// Decodes Python source as CPython would (PEP 263), and reads on where CPython refuses.
///
/// Line numbers are those of the file in every case.
pub(super) fn decode(bytes: Vec<u8>) -> Decoded {
    if is_plain(&bytes) {
        return match String::from_utf8(bytes) {
            Ok(text) => Decoded {
                text,
                problem: None,
            },
            Err(error) => decode_odd(error.as_bytes()),
        };
    }
    decode_odd(&bytes)
}

/// Whether bytes that are UTF-8 are the text, as nearly all are: no mark, no NUL, no other
/// encoding declared.
fn is_plain(bytes: &[u8]) -> bool {
    let is_utf8 = |(_, label): (u32, String)| encoding_for(&label) == Some(UTF_8);
    bytes.first().is_none_or(u8::is_ascii)
        && memchr::memchr(0, bytes).is_none()
        && cookie(bytes).is_none_or(is_utf8)
}

fn decode_odd(bytes: &[u8]) -> Decoded {
    if let Some(rest) = bytes.strip_prefix(b"\xef\xbb\xbf") {
        return utf8_or_lossy(rest, None);
    }
    if let Some(encoding) = utf16(bytes) {
        let name = encoding.name();
        let problem = format!("is {name}, which Python does not accept as source encoding");
        return decoded(encoding.decode(bytes).0, Some((1, problem)));
    }
    let Some((line, label)) = cookie(bytes) else {
        return utf8_or_lossy(bytes, None);
    };
    match encoding_for(&label) {
        Some(encoding) if encoding == UTF_8 => utf8_or_lossy(bytes, Some(&label)),
        Some(encoding) => {
            let (text, malformed) = encoding.decode_without_bom_handling(bytes);
            let problem =
                malformed.then(|| (line, format!("is not valid {label}, as it declares")));
            decoded(text, problem)
        }
        None => {
            let problem = format!("declares the unknown encoding `{label}`");
            let text = utf8_or_lossy(bytes, None).text;
            decoded(Cow::Owned(text), Some((line, problem)))
        }
    }
}

/// UTF-8 if it is that, else Latin-1 with a problem.
fn utf8_or_lossy(bytes: &[u8], declared: Option<&str>) -> Decoded {
    match std::str::from_utf8(bytes) {
        Ok(text) => decoded(Cow::Borrowed(text), None),
        Err(error) => {
            let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let line = memchr::memchr_iter(b'\n', before).count() + 1;
            let problem = match declared {
                Some(label) => format!("is not valid {label}, as it declares"),
                None => "is not UTF-8 and declares no other encoding".to_owned(),
            };
            let line = u32::try_from(line).unwrap_or(u32::MAX);
            // Every byte is a character of windows-1252, so nothing is lost or moved.
            let (text, _) = WINDOWS_1252.decode_without_bom_handling(bytes);
            decoded(text, Some((line, problem)))
        }
    }
}

fn decoded(text: Cow<'_, str>, problem: Option<(u32, String)>) -> Decoded {
    // A NUL ends the source for some parsers, and CPython refuses it: to us it is a blank.
    let text = if memchr::memchr(0, text.as_bytes()).is_some() {
        text.replace('\0', " ")
    } else {
        text.into_owned()
    };
    Decoded { text, problem }
}

/// UTF-16 by its mark, or by every second byte of the first hundreds being NUL.
fn utf16(bytes: &[u8]) -> Option<&'static Encoding> {
    if bytes.starts_with(b"\xff\xfe") {
        return Some(UTF_16LE);
    }
    if bytes.starts_with(b"\xfe\xff") {
        return Some(UTF_16BE);
    }
    let head = bytes.get(..bytes.len().min(512)).unwrap_or_default();
    let nul = |parity: usize| {
        let places = head.iter().skip(parity).step_by(2);
        places.filter(|byte| **byte == 0).count()
    };
    let enough = head.len() / 2 * 9 / 10;
    if head.len() < 8 {
        None
    } else if nul(1) >= enough && nul(0) == 0 {
        Some(UTF_16LE)
    } else if nul(0) >= enough && nul(1) == 0 {
        Some(UTF_16BE)
    } else {
        None
    }
}

/// The PEP 263 cookie with its line: in the first two lines, after a `#`, and on the second
/// only when the first is blank or a comment.
fn cookie(bytes: &[u8]) -> Option<(u32, String)> {
    for (number, line) in (1..).zip(bytes.split(|byte| *byte == b'\n').take(2)) {
        let line = line.trim_ascii();
        if let Some(comment) = line.strip_prefix(b"#") {
            if let Some(label) = label(comment) {
                return Some((number, label));
            }
        } else if !line.is_empty() {
            return None;
        }
    }
    None
}

fn label(comment: &[u8]) -> Option<String> {
    let at = memchr::memmem::find_iter(comment, b"coding").find_map(|at| {
        let rest = comment.get(at + b"coding".len()..)?;
        rest.strip_prefix(b":").or_else(|| rest.strip_prefix(b"="))
    })?;
    let name = at.trim_ascii_start();
    let end = name
        .iter()
        .position(|byte| !(byte.is_ascii_alphanumeric() || b"-_.".contains(byte)))
        .unwrap_or(name.len());
    let label = std::str::from_utf8(name.get(..end)?).ok()?;
    (!label.is_empty()).then(|| label.to_owned())
}

/// Python's name of an encoding, with the aliases that the WHATWG list lacks.
fn encoding_for(label: &str) -> Option<&'static Encoding> {
    let name = label.to_ascii_lowercase().replace('_', "-");
    let alias = match name.as_str() {
        // Emacs writes `utf-8-unix` and `latin-1-unix`, and CPython goes along.
        name if matches!(name, "utf8" | "utf-8" | "ascii" | "us-ascii" | "646")
            || name.starts_with("utf-8-") =>
        {
            "utf-8"
        }
        name if matches!(name, "l1" | "iso8859-1" | "cp819" | "8859")
            || name.starts_with("latin-1")
            || name.starts_with("iso-latin-1") =>
        {
            "latin1"
        }
        "latin-2" => "latin2",
        "cp949" | "uhc" | "ms949" | "euckr" => "euc-kr",
        "cp932" | "ms932" | "shiftjis" | "sjis" | "s-jis" | "shift-jis" => "shift_jis",
        "eucjp" | "ujis" => "euc-jp",
        "cp936" | "ms936" | "euc-cn" | "euccn" => "gbk",
        "cp950" | "ms950" | "big5-tw" => "big5",
        "mac-roman" | "macroman" => "macintosh",
        other => return Encoding::for_label(other.as_bytes()),
    };
    Encoding::for_label(alias.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings() {
        let utf16: Vec<u8> = "import a\nimport b\n"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        let cases: &[(&[u8], &str, Option<u32>)] = &[
            (b"\xef\xbb\xbfimport a", "import a", None),
            (b"import a", "import a", None),
            (b"", "", None),
            (
                b"# -*- coding: latin-1 -*-\n# \xe9",
                "# -*- coding: latin-1 -*-\n# \u{e9}",
                None,
            ),
            (
                b"#!/x\n# vim: set fileencoding=cp1252 :\n\xe9",
                "#!/x\n# vim: set fileencoding=cp1252 :\n\u{e9}",
                None,
            ),
            (
                b"x = 1\n# coding: latin-1\n\xe9",
                "x = 1\n# coding: latin-1\n\u{e9}",
                Some(3),
            ),
            (b"a\n\xe9\n", "a\n\u{e9}\n", Some(2)),
            (
                b"# coding: big5\n# \xa4\xa4\n",
                "# coding: big5\n# \u{4e2d}\n",
                None,
            ),
            (
                b"# coding: utf8\n\xe9\n",
                "# coding: utf8\n\u{e9}\n",
                Some(2),
            ),
            (b"# coding: ascii\n", "# coding: ascii\n", None),
            (b"# coding: klingon\nx", "# coding: klingon\nx", Some(1)),
            (b"a\0b", "a b", None),
            (&utf16, "import a\nimport b\n", Some(1)),
        ];
        for (bytes, text, line) in cases {
            let decoded = decode(bytes.to_vec());
            assert_eq!(decoded.text, *text);
            assert_eq!(decoded.problem.map(|(line, _)| line), *line, "{text}");
        }
    }

    #[test]
    fn utf16_with_mark() {
        let bytes = [0xff, 0xfe, b'a', 0, b'\n', 0];
        assert_eq!(decode(bytes.to_vec()).text, "a\n");
    }
}
