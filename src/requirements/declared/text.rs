//! Text from outside, made fit to be read and to be shown.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// Longest piece of foreign text in a message.
const SHOWN: usize = 120;

/// Decodes a declaration file; the flag tells that the bytes were no valid text.
///
/// A byte order mark decides; `pip freeze > requirements.txt` in PowerShell writes UTF-16 with one.
pub(crate) fn decode(bytes: &[u8]) -> (String, bool) {
    if let Some((encoding, length)) = Encoding::for_bom(bytes) {
        let rest = bytes.get(length..).unwrap_or_default();
        let (text, bad) = encoding.decode_without_bom_handling(rest);
        return (text.into_owned(), bad);
    }
    let zeros = |offset: usize| {
        bytes
            .iter()
            .skip(offset)
            .step_by(2)
            .take(8)
            .all(|&b| b == 0)
    };
    let encoding = match bytes.len() {
        8.. if zeros(1) => UTF_16LE,
        8.. if zeros(0) => UTF_16BE,
        _ => UTF_8,
    };
    match encoding.decode_without_bom_handling_and_without_replacement(bytes) {
        Some(text) => (text.into_owned(), false),
        None => (
            WINDOWS_1252
                .decode_without_bom_handling(bytes)
                .0
                .into_owned(),
            true,
        ),
    }
}

/// Foreign text for a message: short, without credentials, control and direction characters.
pub(crate) fn shown(text: &str) -> String {
    let (text, _) = without_credentials(text);
    let mut out = String::new();
    for (count, c) in text.chars().enumerate() {
        if count == SHOWN {
            out.push('…');
            break;
        }
        if is_unsafe(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

/// Whether a character could change how the text around it is shown or read.
pub(crate) fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

/// The text with `user:password@` taken out of every URL in it, and whether there was any.
///
/// The user alone of an ssh URL (`git+ssh://git@host/`) is no secret and stays; so does userinfo
/// made of variables alone, which stand for themselves.
pub(crate) fn without_credentials(text: &str) -> (String, bool) {
    let mut out = String::new();
    let mut rest = text;
    let mut found = false;
    while let Some(at) = rest.find("://") {
        let (head, tail) = rest.split_at(at + 3);
        out.push_str(head);
        let end = tail
            .find(|c: char| matches!(c, '/' | '?' | '#') || c.is_whitespace())
            .unwrap_or(tail.len());
        let (authority, after) = tail.split_at(end);
        match authority.rsplit_once('@') {
            Some((user, host)) => {
                let kept = harmless_user(head, user);
                found |= kept != user;
                if !kept.is_empty() {
                    out.push_str(kept);
                    out.push('@');
                }
                out.push_str(host);
            }
            None => out.push_str(authority),
        }
        rest = after;
    }
    out.push_str(rest);
    (out, found)
}

fn harmless_user<'a>(scheme: &str, user: &'a str) -> &'a str {
    let variables_only = user.split(':').all(|part| {
        part.starts_with("${") && part.ends_with('}') && part.matches('$').count() == 1
    });
    if variables_only {
        user
    } else if scheme.ends_with("ssh://") {
        user.split(':').next().unwrap_or_default()
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_taken_out() {
        for (text, expected) in [
            (
                "https://u:p@index.test/simple/",
                "https://index.test/simple/",
            ),
            ("https://token@index.test/x", "https://index.test/x"),
            ("git+ssh://git@git.test/a/b", "git+ssh://git@git.test/a/b"),
            ("git+ssh://git:pw@git.test/a", "git+ssh://git@git.test/a"),
            (
                "https://${TOKEN}@git.test/a@main",
                "https://${TOKEN}@git.test/a@main",
            ),
            ("https://u:${T}@git.test/a", "https://git.test/a"),
            ("a @ https://x:y@h", "a @ https://h"),
            ("https://u:p@h/a https://u:p@h/b", "https://h/a https://h/b"),
            ("no url @ all", "no url @ all"),
        ] {
            assert_eq!(without_credentials(text).0, expected);
        }
    }

    #[test]
    fn odd_encodings_are_read() {
        let utf16: Vec<u8> = "numpy==1.0\n"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        let marked: Vec<u8> = [vec![0xFF, 0xFE], utf16.clone()].concat();
        for bytes in [b"\xEF\xBB\xBFnumpy==1.0\n".to_vec(), utf16, marked] {
            assert_eq!(decode(&bytes), ("numpy==1.0\n".to_owned(), false));
        }
        assert_eq!(decode(b"# caf\xE9\n"), ("# café\n".to_owned(), true));
    }

    #[test]
    fn shown_text_is_harmless() {
        assert_eq!(shown("a\u{1b}[31m\u{202e}"), "a\\u{1b}[31m\\u{202e}");
        assert_eq!(shown(&"x".repeat(500)).chars().count(), 121);
    }
}
