//! The parts of a cell that are `IPython` and not Python, and what they stand for.

use super::super::lines::{Lines, Piece, Shape};

/// A cell, taken apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Prepared {
    /// Python with the lines of the cell; what is no Python is `pass` or blank.
    pub(super) python: String,
    /// Shell text.
    pub(super) shell: Vec<ShellText>,
    /// Other magics, as `load_ext tensorboard`, with their lines from 1.
    pub(super) magics: Vec<(u32, String)>,
}

/// Shell text in a cell.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ShellText {
    /// Without the escape character.
    pub(super) text: String,
    /// Line of the cell where it starts, from 1.
    pub(super) line: u32,
    /// Stands under a condition.
    pub(super) conditional: bool,
    /// Changes the notebook itself, as `%cd` does; a shell of its own changes nothing.
    pub(super) stays: bool,
}

/// Cell magics whose body runs as Python.
const PYTHON_CELLS: [&str; 16] = [
    "capture", "debug", "heat", "memit", "mprun", "profile", "prun", "px", "pypy", "python",
    "python3", "scalene", "snakeviz", "time", "timeit", "wandb",
];
/// Cell magics whose body is a shell script.
const SHELL_CELLS: [&str; 6] = ["!", "bash", "sh", "shell", "sx", "system"];
/// Line magics whose argument runs as Python.
const PYTHON_LINES: [&str; 7] = ["time", "timeit", "prun", "memit", "lprun", "mprun", "debug"];
/// Line magics that are programs of the shell.
const PROGRAMS: [&str; 6] = ["pip", "pip3", "conda", "mamba", "micromamba", "uv"];

/// Takes a cell apart as `IPython` does: escapes count only where a statement starts.
pub(super) fn prepare(source: &str) -> Prepared {
    let lines = Lines::new(source);
    let mut prepared = Prepared::default();
    let mut all = lines.iter().peekable();
    // Cell magics come first; one may wrap another.
    while let Some((number, line)) = all.peek().copied() {
        let Some(magic) = line.trim_end().strip_prefix("%%") else {
            if !line.trim().is_empty() {
                break;
            }
            prepared.blank();
            all.next();
            continue;
        };
        let mut words = magic.split_ascii_whitespace();
        let name = words.next().unwrap_or_default();
        let is_shell = SHELL_CELLS.contains(&name)
            || name == "script" && words.next().is_some_and(|program| program.ends_with("sh"));
        if is_shell {
            prepared.shell.push(ShellText {
                text: from_line(source, &lines, number + 1).to_owned(),
                line: number + 1,
                conditional: false,
                stays: false,
            });
            return prepared;
        }
        if !PYTHON_CELLS.contains(&name) {
            prepared.magics.push((number, name.to_owned()));
            return prepared;
        }
        prepared.blank();
        all.next();
    }
    if let Some((number, _)) = all.peek() {
        statements(source, &lines, *number, &mut prepared);
    }
    prepared
}

fn from_line<'a>(source: &'a str, lines: &Lines<'_>, number: u32) -> &'a str {
    let start = lines.start(number).unwrap_or(source.len());
    source.get(start..).unwrap_or_default()
}

/// Copies statement after statement, with the escapes among them replaced.
fn statements(source: &str, lines: &Lines<'_>, first: u32, prepared: &mut Prepared) {
    let mut number = first;
    // Once a bracket never closes, every line is a statement: looking again would take forever.
    let mut closed = true;
    let mut blocks = Blocks::default();
    while lines.start(number).is_some() {
        let line = lines.text(number);
        let code = line.trim_start_matches([' ', '\t']);
        let indent = line.get(..line.len() - code.len()).unwrap_or_default();
        let conditional = blocks.statement(indent.len(), code);
        let first = number;
        if let Some(escape) = escape(code) {
            number = after_continuation(lines, first);
            prepared.escaped(&escape, (indent, conditional), lines, first..number);
            continue;
        }
        let after = closed.then(|| after_statement(source, lines, first));
        let after = after.flatten();
        closed = after.is_some();
        number = after.unwrap_or(first + 1);
        for number in first..number {
            prepared.python.push_str(lines.text(number));
            prepared.blank();
        }
    }
}

/// The blocks that a statement is in: the indentation of each, and whether something decides if it runs.
#[derive(Default)]
struct Blocks(Vec<(usize, bool)>);

impl Blocks {
    /// Goes to the next statement; true when something decides whether that runs.
    fn statement(&mut self, indent: usize, code: &str) -> bool {
        let code = code.trim_end();
        if code.is_empty() || code.starts_with('#') {
            return false;
        }
        while self.0.last().is_some_and(|(around, _)| *around >= indent) {
            self.0.pop();
        }
        let around = self.0.last().map(|(_, conditional)| *conditional);
        let conditional = around.unwrap_or(indent > 0);
        if code.ends_with(':') {
            let certain = matches!(code, "if True:" | "if 1:") || code.starts_with("with ");
            self.0.push((indent, conditional || !certain));
        }
        conditional
    }
}

/// The line after the one that a backslash no longer continues.
fn after_continuation(lines: &Lines<'_>, first: u32) -> u32 {
    let mut number = first;
    while lines.text(number).trim_end().ends_with('\\') {
        number += 1;
    }
    number + 1
}

/// The line after a Python statement; `None` if a bracket never closes.
fn after_statement(source: &str, lines: &Lines<'_>, first: u32) -> Option<u32> {
    let start = lines.start(first).unwrap_or(source.len());
    let mut shape = Shape::new(source.get(start..).unwrap_or_default());
    let mut depth = 0_u32;
    while let Some(piece) = shape.next_piece() {
        match piece {
            Piece::Open => depth += 1,
            Piece::Close => depth = depth.saturating_sub(1),
            Piece::LineEnd if depth == 0 => {
                return Some(lines.number(start + shape.at()).max(first + 1));
            }
            _ => {}
        }
    }
    (depth == 0).then(|| lines.number(source.len()) + 1)
}

/// What a line that is no Python stands for.
#[derive(Debug, PartialEq, Eq)]
enum Escape<'a> {
    /// A shell command, which starts with these words.
    Shell(&'a str),
    /// Python after a magic.
    Python(&'a str),
    /// A magic that is neither.
    Magic(&'a str),
    /// Nothing that counts.
    Nothing,
}

fn escape(code: &str) -> Option<Escape<'_>> {
    let code = code.trim_end();
    match code.chars().next()? {
        '%' => Some(line_magic(code.trim_start_matches('%').trim_start())),
        '!' => Some(Escape::Shell(code.trim_start_matches('!').trim_start())),
        '?' | '/' | ',' | ';' => Some(Escape::Nothing),
        _ if is_help(code) => Some(Escape::Nothing),
        _ => assigned(code).or_else(|| automagic(code)),
    }
}

fn line_magic(magic: &str) -> Escape<'_> {
    let name = magic.split([' ', '\t']).next().unwrap_or_default();
    let argument = magic.get(name.len()..).unwrap_or_default().trim_start();
    if PROGRAMS.contains(&name) {
        Escape::Shell(magic)
    } else if matches!(name, "sx" | "system" | "sh") {
        Escape::Shell(argument)
    } else if PYTHON_LINES.contains(&name) {
        let statement = if name == "time" {
            argument
        } else {
            without_options(argument)
        };
        // `%time !pip install x` wraps one escape in another.
        escape(statement).unwrap_or(Escape::Python(statement))
    } else {
        Escape::Magic(magic)
    }
}

/// `-n 10 -r3 -o f(x)` without its options.
fn without_options(argument: &str) -> &str {
    let mut rest = argument;
    while let Some(option) = rest.strip_prefix('-') {
        let length = option.find([' ', '\t']).unwrap_or(option.len());
        let takes_value =
            length == 1 && option.starts_with(['n', 'r', 't', 'f', 'm', 'l', 's', 'T', 'D', 'u']);
        rest = option.get(length..).unwrap_or_default().trim_start();
        if takes_value && !rest.starts_with('-') {
            let length = rest.find([' ', '\t']).unwrap_or(rest.len());
            rest = rest.get(length..).unwrap_or_default().trim_start();
        }
    }
    rest
}

/// `torch?`, `np.*load*?`
fn is_help(code: &str) -> bool {
    code.ends_with('?')
        && code
            .chars()
            .all(|c| c.is_alphanumeric() || "_.*?%".contains(c))
}

/// `files = !ls` and `text = %sql ...`
fn assigned(code: &str) -> Option<Escape<'_>> {
    let (target, value) = code.split_once('=')?;
    let is_target = !target.trim().is_empty()
        && target
            .chars()
            .all(|c| c.is_alphanumeric() || "_., *[]'\"()\t".contains(c));
    let value = value.trim_start();
    if !is_target {
        return None;
    }
    if let Some(command) = value.strip_prefix('!') {
        return Some(Escape::Shell(command.trim_start_matches('!').trim_start()));
    }
    let magic = value.strip_prefix('%')?;
    let is_magic = magic.starts_with(|c: char| c.is_alphabetic() || c == '_');
    is_magic.then_some(Escape::Nothing)
}

/// `pip install x` without any escape, which `IPython` takes for a magic.
fn automagic(code: &str) -> Option<Escape<'_>> {
    let mut words = code.split_ascii_whitespace();
    let is_program = PROGRAMS.contains(&words.next()?);
    let is_install = words.any(|word| word == "install" || word == "add");
    let is_python = code.contains(['=', '(']) && !code.contains(" install ");
    (is_program && is_install && !is_python).then_some(Escape::Shell(code))
}

impl Prepared {
    fn blank(&mut self) {
        self.python.push('\n');
    }

    /// Replaces the lines of an escape.
    fn escaped(
        &mut self,
        escape: &Escape<'_>,
        (indent, conditional): (&str, bool),
        lines: &Lines<'_>,
        numbers: std::ops::Range<u32>,
    ) {
        self.python.push_str(indent);
        let first = numbers.start;
        let mut rest = numbers.skip(1);
        match escape {
            Escape::Python(statement) if !statement.is_empty() => {
                self.python.push_str(statement);
                self.blank();
                for number in rest.by_ref() {
                    self.python.push_str(lines.text(number));
                    self.blank();
                }
                return;
            }
            Escape::Shell(command) => {
                let mut text = (*command).to_owned();
                for number in rest.clone() {
                    text.push('\n');
                    text.push_str(lines.text(number));
                }
                self.shell.push(ShellText {
                    text,
                    line: first,
                    conditional,
                    stays: false,
                });
            }
            Escape::Magic(magic) if magic.starts_with("cd ") => self.shell.push(ShellText {
                text: (*magic).to_owned(),
                line: first,
                conditional: false,
                stays: true,
            }),
            Escape::Magic(magic) => self.magics.push((first, (*magic).to_owned())),
            Escape::Python(_) | Escape::Nothing => {}
        }
        // A block must not lose its only statement.
        self.python.push_str("pass");
        self.blank();
        rest.for_each(|_| self.blank());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn python(source: &str) -> String {
        prepare(source).python.trim_end().to_owned()
    }

    fn shell(source: &str) -> Vec<String> {
        let pieces = prepare(source).shell.into_iter();
        pieces
            .map(|piece| {
                format!(
                    "{}{}:{}",
                    piece.line,
                    if piece.conditional { "?" } else { "" },
                    piece.text
                )
            })
            .collect()
    }

    #[test]
    fn python_keeps_its_lines() {
        let cases = [
            ("import a", "import a"),
            ("!ls\nimport a", "pass\nimport a"),
            ("if x:\n    !ls\nimport a", "if x:\n    pass\nimport a"),
            ("f = !ls\nimport a", "pass\nimport a"),
            ("a, *b = %sql x\nimport a", "pass\nimport a"),
            ("y = 5 %z", "y = 5 %z"),
            ("y = x != z", "y = x != z"),
            ("x = (1\n  %z)\nimport a", "x = (1\n  %z)\nimport a"),
            ("x = 1 \\\n  %z", "x = 1 \\\n  %z"),
            (
                "s = '''\n!ls\n%x\n'''\nimport a",
                "s = '''\n!ls\n%x\n'''\nimport a",
            ),
            ("!echo it's (\nimport a", "pass\nimport a"),
            ("!pip install a \\\n  b\nimport a", "pass\n\nimport a"),
            (
                "torch?\n?torch\ntorch.nn??\nimport a",
                "pass\npass\npass\nimport a",
            ),
            ("%time import a", "import a"),
            ("%timeit -n 10 -r3 import a", "import a"),
            ("%time !ls", "pass"),
            ("%matplotlib inline\nimport a", "pass\nimport a"),
            ("%%time\nimport a", "\nimport a"),
            ("\n%%capture out\n%%time\nimport a", "\n\n\nimport a"),
            ("%%bash\nimport a", ""),
            ("%%html\n<a>", ""),
            ("%%writefile x.py\nimport a", ""),
            ("foo(\n!ls\nimport a", "foo(\npass\nimport a"),
            ("print('%s' %x)", "print('%s' %x)"),
            ("pip install x\nimport a", "pass\nimport a"),
            ("pip = 3", "pip = 3"),
            ("a\r\n!ls\r\nb", "a\npass\nb"),
            ("/f x\n,f y\n;f z", "pass\npass\npass"),
            ("", ""),
        ];
        for (source, expected) in cases {
            assert_eq!(python(source), expected, "{source}");
        }
    }

    #[test]
    fn shell_text_is_found() {
        let cases: &[(&str, &[&str])] = &[
            ("!pip install a", &["1:pip install a"]),
            ("! pip install a", &["1:pip install a"]),
            ("!!pip install a", &["1:pip install a"]),
            ("x\n%pip install a", &["2:pip install a"]),
            ("if x:\n  !pip install a", &["2?:pip install a"]),
            ("!pip install a \\\n  b", &["1:pip install a \\\n  b"]),
            ("%%bash\npip install a\nls", &["2:pip install a\nls"]),
            ("%%script bash\nls", &["2:ls"]),
            ("out = !pip install a", &["1:pip install a"]),
            ("pip install a", &["1:pip install a"]),
            ("%time !pip install a", &["1:pip install a"]),
            ("%sx ls", &["1:ls"]),
            ("%conda install a", &["1:conda install a"]),
            ("s = '''\n!pip install a\n'''", &[]),
        ];
        for (source, expected) in cases {
            assert_eq!(shell(source), *expected, "{source}");
        }
    }
}
