//! Shell text, taken apart into commands; nothing is run.

pub(super) mod download;
mod install;
mod session;

pub(super) use self::session::Session;

/// A command without operators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Command {
    /// Program and arguments, unquoted, without what comes before the program.
    words: Vec<String>,
    /// `NAME=value` before the program, or as all there is.
    assignments: Vec<(String, String)>,
    /// Line from 0 within the text, where its command line starts.
    line: u32,
    /// After a shell operator, or in a line that no shell accepts.
    weak: bool,
}

/// The commands of a shell text, in order.
fn commands(text: &str) -> Vec<Command> {
    let mut all = Vec::new();
    let mut heredoc: Option<String> = None;
    let mut physical = (0_u32..).zip(text.lines());
    while let Some((line, first)) = physical.next() {
        if let Some(end) = &heredoc {
            if first.trim() == end {
                heredoc = None;
            }
            continue;
        }
        let mut command = first.trim_end().to_owned();
        while let Some(stripped) = command.strip_suffix('\\') {
            command = format!("{stripped} ");
            let Some((_, more)) = physical.next() else {
                break;
            };
            command.push_str(more.trim());
        }
        heredoc = heredoc_end(&command);
        let words = words(&command);
        let is_broken = words.iter().any(|word| matches!(word, Word::Broken));
        let mut weak = is_broken;
        for simple in words.split(|word| matches!(word, Word::Operator | Word::Broken)) {
            all.extend(simple_command(simple, line, weak));
            weak = true;
        }
    }
    all
}

/// A word of a command line, or what separates commands.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Word {
    /// Text after quotes were taken off.
    Text(String),
    /// `&&`, `||`, `|`, `;` or `&`.
    Operator,
    /// A redirection; its target is the next word.
    Redirect,
    /// A parenthesis that no simple command has.
    Broken,
}

/// Splits one logical line.
fn words(line: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut chars = line.chars().peekable();
    let mut word: Option<String> = None;
    while let Some(c) = chars.next() {
        match c {
            '\'' | '"' => {
                let word = word.get_or_insert_default();
                while let Some(inner) = chars.next() {
                    match inner {
                        _ if inner == c => break,
                        '\\' if c == '"' => word.extend(chars.next()),
                        _ => word.push(inner),
                    }
                }
            }
            '\\' => word.get_or_insert_default().extend(chars.next()),
            '{' | '`' => {
                // Notebook interpolation and command substitution stay one word.
                let close = if c == '{' { '}' } else { '`' };
                let word = word.get_or_insert_default();
                word.push(c);
                for inner in chars.by_ref() {
                    word.push(inner);
                    if inner == close {
                        break;
                    }
                }
            }
            '#' if word.is_none() => break,
            ' ' | '\t' => words.extend(word.take().map(Word::Text)),
            '$' if chars.peek() == Some(&'(') => {
                let word = word.get_or_insert_default();
                word.push('$');
                for inner in chars.by_ref() {
                    word.push(inner);
                    if inner == ')' {
                        break;
                    }
                }
            }
            '&' if chars.peek() == Some(&'>') => {
                words.extend(word.take().map(Word::Text));
                words.push(Word::Redirect);
                chars.next();
            }
            '&' | '|' | ';' => {
                words.extend(word.take().map(Word::Text));
                words.push(Word::Operator);
                while chars.next_if_eq(&c).is_some() {}
            }
            '<' | '>' => redirect(c, &mut word, &mut words, &mut chars),
            '(' | ')' => {
                words.extend(word.take().map(Word::Text));
                words.push(Word::Broken);
            }
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word.map(Word::Text));
    words
}

/// `foo>=1` is a redirection to the shell, but its author meant the version.
fn redirect(
    c: char,
    word: &mut Option<String>,
    words: &mut Vec<Word>,
    chars: &mut std::iter::Peekable<std::str::Chars<'_>>,
) {
    let next = chars.peek().copied().unwrap_or(' ');
    let names_something = word.as_deref().is_some_and(|word| {
        word.starts_with(|c: char| c.is_ascii_alphabetic()) || word.contains(['>', '<', '='])
    });
    if names_something && (next == '=' || next.is_ascii_digit()) {
        word.get_or_insert_default().push(c);
        return;
    }
    // A number right before it is a file descriptor.
    let descriptor = word.take().filter(|word| word.parse::<u8>().is_err());
    words.extend(descriptor.map(Word::Text));
    words.push(Word::Redirect);
    while chars
        .next_if(|next| matches!(next, '<' | '>' | '&' | '|' | '-'))
        .is_some()
    {}
}

fn heredoc_end(command: &str) -> Option<String> {
    let (_, after) = command.split_once("<<")?;
    let after = after.trim_start_matches('-').trim_start();
    let word: String = after
        .trim_start_matches(['\'', '"', '\\'])
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect();
    (!word.is_empty() && !after.starts_with('<')).then_some(word)
}

/// One simple command; `None` for nothing at all.
fn simple_command(words: &[Word], line: u32, weak: bool) -> Option<Command> {
    let mut command = Command {
        words: Vec::new(),
        assignments: Vec::new(),
        line,
        weak,
    };
    let mut is_target = false;
    for word in words {
        match word {
            Word::Redirect => is_target = true,
            Word::Text(_) if is_target => is_target = false,
            Word::Text(text) => {
                if !command.words.is_empty() {
                    command.words.push(text.clone());
                } else if let Some((name, value)) = assignment(text) {
                    command.assignments.push((name, value));
                } else if text == "export" || !is_wrapper(text) {
                    command.words.push(text.clone());
                }
            }
            Word::Operator | Word::Broken => {}
        }
    }
    if command.words.first().is_some_and(|word| word == "export") {
        let exported = command.words.drain(..).filter_map(|word| assignment(&word));
        command.assignments.extend(exported.collect::<Vec<_>>());
    }
    (!command.words.is_empty() || !command.assignments.is_empty()).then_some(command)
}

/// `NAME=value`
fn assignment(word: &str) -> Option<(String, String)> {
    let (name, value) = word.split_once('=')?;
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_name.then(|| (name.to_owned(), value.to_owned()))
}

/// What may stand before a program without changing which one it is.
fn is_wrapper(word: &str) -> bool {
    matches!(
        word,
        "sudo"
            | "time"
            | "command"
            | "exec"
            | "env"
            | "nohup"
            | "then"
            | "do"
            | "else"
            | "yes"
            | "-H"
            | "-E"
            | "!"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        let all = commands(text).into_iter().flat_map(|command| {
            let installed = install::installed(&command.words);
            let weak = if command.weak { "?" } else { "" };
            let shown = installed.into_iter().map(move |(requirement, conda)| {
                let conda = if conda { "conda:" } else { "" };
                format!("{conda}{requirement}{weak}@{}", command.line)
            });
            shown.collect::<Vec<_>>()
        });
        all.collect()
    }

    #[test]
    fn install_lines() {
        let cases: &[(&str, &[&str])] = &[
            ("pip install einops", &["einops@0"]),
            ("pip3 install -U -q a b", &["a@0", "b@0"]),
            ("pip install a \\\n  b", &["a@0", "b@0"]),
            ("pip install a &&\\\npip install b", &["a@0", "b?@0"]),
            ("pip install foo | grep (", &["foo?@0"]),
            ("pip install foo 2>&1 | tail -n 1", &["foo@0"]),
            ("pip install foo > log.txt", &["foo@0"]),
            ("pip install foo>=1.0 bar<2", &["foo>=1.0@0", "bar<2@0"]),
            (
                "pip install 'foo >= 1' \"bar[x]==2\"",
                &["foo >= 1@0", "bar[x]==2@0"],
            ),
            (
                "{sys.executable} -m pip install 'git+https://github.com/o/r.git'",
                &["git+https://github.com/o/r.git@0"],
            ),
            ("/usr/bin/python3.10 -m pip install x", &["x@0"]),
            (
                "pip install -r requirements.txt -c c.txt torch --index-url https://index.test/simple torchvision",
                &["torch@0", "torchvision@0"],
            ),
            ("pip install -qr requirements.txt x", &["x@0"]),
            (
                "pip install -e git+https://github.com/o/r#egg=r -e .",
                &["git+https://github.com/o/r#egg=r@0"],
            ),
            ("pip install . ./x ../y /z x.whl .[dev]", &[]),
            (
                "pip install torch=={v} $X numpy # comment",
                &["torch@0", "numpy@0"],
            ),
            ("pip install torch==$V torch-$V", &["torch@0"]),
            ("pip -q install x", &["x@0"]),
            ("pip uninstall -y x; pip download y", &[]),
            ("apt-get update && pip install x", &["x?@0"]),
            ("sudo -H pip install x", &["x@0"]),
            ("FOO=1 pip install x", &["x@0"]),
            ("uv pip install x\nuv add y", &["x@0", "y@1"]),
            (
                "conda install -y -c pytorch faiss-gpu=1.7 python>=3.8",
                &["conda:faiss-gpu=1.7@0", "conda:python>=3.8@0"],
            ),
            ("echo pip install x", &[]),
            ("cat <<EOF > f\npip install x\nEOF\npip install y", &["y@3"]),
            ("if true; then pip install x; fi", &["x?@0"]),
            (
                "pip install --find-links https://index.test/x.html a",
                &["a@0"],
            ),
            ("pip install 'a", &["a@0"]),
            ("pip install $(cat x) b", &["b@0"]),
        ];
        for (text, expected) in cases {
            assert_eq!(names(text), *expected, "{text}");
        }
    }
}
