//! Shell text, read for the distributions it installs; nothing is run.

use super::{InstallLine, InstallTool, Site};

/// Something that a shell command installs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Installed {
    /// As written, unquoted, without options.
    pub(super) requirement: String,
    /// Line from 0 within the text, where its command starts.
    pub(super) line: u32,
    /// By conda or one of its kind, whose names differ from those of the Python index.
    pub(super) conda: bool,
    /// After a shell operator, or in a line that no shell accepts.
    pub(super) weak: bool,
}

impl Installed {
    /// As evidence; `weak` when where it stands makes it so.
    pub(super) fn line_at(self, site: Site, weak: bool) -> InstallLine {
        InstallLine {
            requirement: self.requirement,
            site,
            weak: weak || self.weak,
            tool: if self.conda {
                InstallTool::Conda
            } else {
                InstallTool::Pip
            },
        }
    }
}

/// Everything that a shell text installs, in order.
pub(super) fn installed(text: &str) -> Vec<Installed> {
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
            for (requirement, conda) in simple_command(simple) {
                all.push(Installed {
                    requirement,
                    line,
                    conda,
                    weak,
                });
            }
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

/// The requirements of one simple command, each with whether conda installs it.
fn simple_command(words: &[Word]) -> Vec<(String, bool)> {
    let mut texts = Vec::new();
    let mut is_target = false;
    for word in words {
        match word {
            Word::Redirect => is_target = true,
            Word::Text(_) if is_target => is_target = false,
            Word::Text(text) => texts.push(text.as_str()),
            Word::Operator | Word::Broken => {}
        }
    }
    let is_prefix = |word: &&str| {
        let is_assignment = word.split_once('=').is_some_and(|(name, _)| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        });
        let is_wrapper = matches!(
            *word,
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
        );
        is_assignment || is_wrapper
    };
    let start = texts.iter().position(|word| !is_prefix(word));
    let Some(command) = start.and_then(|start| texts.get(start..)) else {
        return Vec::new();
    };
    arguments(command)
}

/// Which program it is, and what it is asked to install.
fn arguments(command: &[&str]) -> Vec<(String, bool)> {
    let Some((program, rest)) = command.split_first() else {
        return Vec::new();
    };
    let program = program.rsplit('/').next().unwrap_or(program);
    match (program, rest) {
        (_, ["-m", module, rest @ ..]) if is_python(program) => {
            let mut inner = vec![*module];
            inner.extend(rest);
            arguments(&inner)
        }
        ("uv", ["pip", rest @ ..]) => pip(rest),
        ("uv", ["add", rest @ ..]) => pip_requirements(rest),
        ("conda" | "mamba" | "micromamba", _) => conda(rest),
        _ if is_pip(program) => pip(rest),
        _ => Vec::new(),
    }
}

fn is_python(program: &str) -> bool {
    program.starts_with("python")
        || program == "{sys.executable}"
        || program == "$PYTHON"
        || program == "py"
}

fn is_pip(program: &str) -> bool {
    let version = program.strip_prefix("pip");
    version.is_some_and(|version| version.chars().all(|c| c.is_ascii_digit() || c == '.'))
}

fn pip(arguments: &[&str]) -> Vec<(String, bool)> {
    let command = arguments.iter().position(|word| !word.starts_with('-'));
    match command.and_then(|at| arguments.get(at..)) {
        Some(["install", rest @ ..]) => pip_requirements(rest),
        _ => Vec::new(),
    }
}

/// Options of `pip install` and `uv add` that take the next word.
const WITH_VALUE: [&str; 40] = [
    "--abi",
    "--build",
    "--cache-dir",
    "--cert",
    "--client-cert",
    "--config-settings",
    "--constraint",
    "--default-index",
    "--exists-action",
    "--extra-index-url",
    "--find-links",
    "--global-option",
    "--implementation",
    "--index",
    "--index-strategy",
    "--index-url",
    "--install-option",
    "--keyring-provider",
    "--log",
    "--no-binary",
    "--only-binary",
    "--platform",
    "--prefix",
    "--progress-bar",
    "--proxy",
    "--python",
    "--python-version",
    "--report",
    "--requirement",
    "--resume-retries",
    "--retries",
    "--root",
    "--root-user-action",
    "--src",
    "--target",
    "--timeout",
    "--torch-backend",
    "--trusted-host",
    "--upgrade-strategy",
    "--use-feature",
];

fn pip_requirements(arguments: &[&str]) -> Vec<(String, bool)> {
    let mut requirements = Vec::new();
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let requirement = match *word {
            "--editable" => words.next().copied(),
            "--" => None,
            long if long.starts_with("--editable=") => long.split_once('=').map(|(_, value)| value),
            long if WITH_VALUE.contains(&long) => {
                words.next();
                None
            }
            long if long.starts_with("--") => None,
            short if short.starts_with('-') => match short_option(short) {
                Short::Alone => None,
                Short::TakesNext { editable } => words.next().copied().filter(|_| editable),
            },
            requirement => Some(requirement),
        };
        requirements.extend(
            requirement
                .and_then(pip_requirement)
                .map(|text| (text, false)),
        );
    }
    requirements
}

/// What a cluster of short options such as `-qU` or `-qr` does with the next word.
enum Short {
    Alone,
    TakesNext { editable: bool },
}

fn short_option(cluster: &str) -> Short {
    let letters = cluster.trim_start_matches('-');
    match letters.find(['r', 'c', 'e', 'i', 'f', 't', 'b', 'C']) {
        Some(at) if at + 1 == letters.len() => Short::TakesNext {
            editable: letters.ends_with('e'),
        },
        _ => Short::Alone,
    }
}

/// A requirement that names a distribution: no local path, no whole variable.
fn pip_requirement(word: &str) -> Option<String> {
    let word = word.trim();
    if word.contains("://") || word.starts_with("git+") {
        let is_known = !word.contains(['$', '{', '`']);
        return is_known.then(|| word.to_owned());
    }
    if word.starts_with(|c: char| !c.is_ascii_alphanumeric())
        || word.split_once(" @").is_none() && word.contains(['/', '\\'])
        || [".whl", ".tar.gz", ".zip"]
            .iter()
            .any(|archive| word.ends_with(archive))
    {
        return None;
    }
    // `torch=={version}` still names torch.
    let known = match word.find(['$', '{', '`']) {
        Some(at) => {
            let before = word.get(..at)?;
            before
                .split(['=', '<', '>', '!', '~', '[', ' '])
                .next()
                .filter(|name| name.len() < at)?
        }
        None => word,
    };
    let is_plain = known.chars().all(|c| c.is_ascii_graphic() || c == ' ');
    (is_plain && !known.is_empty()).then(|| known.to_owned())
}

fn conda(arguments: &[&str]) -> Vec<(String, bool)> {
    let takes_value = |option: &str| {
        matches!(
            option,
            "-c" | "--channel"
                | "-n"
                | "--name"
                | "-p"
                | "--prefix"
                | "--file"
                | "-f"
                | "--solver"
                | "--repodata-fn"
        )
    };
    let mut words = arguments.iter();
    if !matches!(words.next(), Some(&("install" | "create"))) {
        return Vec::new();
    }
    let mut specs = Vec::new();
    while let Some(word) = words.next() {
        if takes_value(word) {
            words.next();
        } else if word.starts_with(|c: char| c.is_ascii_alphanumeric())
            && !word.contains(['$', '{', '`', '/', '\\'])
        {
            specs.push(((*word).to_owned(), true));
        }
    }
    specs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        let all = installed(text).into_iter();
        all.map(|item| {
            let weak = if item.weak { "?" } else { "" };
            let conda = if item.conda { "conda:" } else { "" };
            format!("{conda}{}{weak}@{}", item.requirement, item.line)
        })
        .collect()
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
