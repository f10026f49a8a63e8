//! The commands of Dockerfiles, Makefiles, shell scripts and prose.

use std::fmt::Write as _;

use super::decode::decode;
use super::facts::Facts;
use super::shell::Session;
use super::walk::{Script, ScriptKind};
use super::{Command, ImportContext, Site, Tree, command, gpu};

/// What a script tells; a file that cannot be read tells nothing.
pub(super) fn read(tree: &Tree, script: &Script) -> Facts {
    let mut facts = Facts::default();
    let Ok(bytes) = tree.read(&script.path) else {
        return facts;
    };
    let text = decode(bytes).text;
    facts.hardware = gpu::in_text(&text, &script.path);
    let commands = match script.kind {
        ScriptKind::Shell => text,
        ScriptKind::Dockerfile => run_commands(&text),
        ScriptKind::Makefile => recipes(&text),
        ScriptKind::Yaml => items(&text),
        ScriptKind::Prose => quoted_commands(&text),
    };
    let site = |line: u32| Site {
        file: script.path.clone(),
        line: line.saturating_add(1),
        cell: None,
    };
    let mut session = Session::default();
    let seen = session.run(&commands, script.kind == ScriptKind::Prose, site);
    facts.install_lines = seen.installed;
    facts.artifacts = seen.artifacts;
    let implied = seen.implied.into_iter();
    let needs = implied.map(|(found, line)| found.at(ImportContext::Runtime, None, site(line)));
    facts.implied = needs.collect();
    facts
        .install_lines
        .extend(session.finish(&seen.path_entries));
    facts.path_entries = seen.path_entries;
    facts
}

/// The commands by which prose runs the files of a tree, which come in order.
pub(super) fn commands(tree: &Tree, script: &Script, files: &[String]) -> Vec<Command> {
    if script.kind != ScriptKind::Prose {
        return Vec::new();
    }
    let Ok(bytes) = tree.read(&script.path) else {
        return Vec::new();
    };
    let has_file = |file: &str| {
        files
            .binary_search_by(|known| known.as_str().cmp(file))
            .is_ok()
    };
    command::in_prose(&decode(bytes).text, &script.path, has_file)
}

/// Reads a text as every kind of script.
#[cfg(any(test, fuzzing))]
pub(super) fn check(text: &str) {
    let site = |line: u32| Site {
        file: "script".to_owned(),
        line,
        cell: None,
    };
    let mut session = Session::default();
    let kinds = [run_commands(text), recipes(text), quoted_commands(text)];
    for commands in kinds.iter().map(String::as_str).chain([text]) {
        session.run(commands, false, site);
    }
    session.finish(&[]);
    command::in_prose(text, "README.md", |_| true);
}

/// What a Dockerfile runs, each command on its own line; the other lines are left empty.
fn run_commands(text: &str) -> String {
    let mut commands = String::new();
    let mut continued = false;
    for line in text.lines() {
        let trimmed = line.trim();
        if continued && trimmed.starts_with('#') {
            commands.push_str("\\\n");
            continue;
        }
        let command = match trimmed.split_once(char::is_whitespace) {
            _ if continued => trimmed,
            Some((word, rest)) if is_run(word) => without_options(rest),
            _ => "",
        };
        continued = command.ends_with('\\');
        let command = exec_form(command).unwrap_or_else(|| command.to_owned());
        // writing to a string cannot fail
        let _ = writeln!(commands, "{command}");
    }
    commands
}

fn is_run(word: &str) -> bool {
    let words = ["run", "cmd", "entrypoint"];
    words.iter().any(|run| word.eq_ignore_ascii_case(run))
}

/// `["pip", "install", "x"]` as a command line.
fn exec_form(command: &str) -> Option<String> {
    let words: Vec<String> = command
        .starts_with('[')
        .then(|| serde_json::from_str(command).ok())??;
    let quoted = words
        .iter()
        .map(|word| format!("'{}'", word.replace('\'', "")));
    Some(quoted.collect::<Vec<_>>().join(" "))
}

/// The commands of a Makefile; the other lines are left empty.
fn recipes(text: &str) -> String {
    let mut commands = String::new();
    for line in text.lines() {
        let command = line.strip_prefix('\t').unwrap_or_default();
        let _ = writeln!(
            commands,
            "{}",
            command.trim_start_matches(['@', '-', '+', ' '])
        );
    }
    commands
}

/// The items of lists, which are commands in some files; the other lines are left empty.
fn items(text: &str) -> String {
    let mut commands = String::new();
    for line in text.lines() {
        let item = line.trim().strip_prefix("- ").unwrap_or_default().trim();
        let item = item.strip_prefix("command:").unwrap_or(item).trim();
        let quoted = |quote| item.strip_prefix(quote)?.strip_suffix(quote);
        let item = quoted('"').or_else(|| quoted('\'')).unwrap_or(item);
        let _ = writeln!(commands, "{item}");
    }
    commands
}

/// `--mount=type=cache pip install x` is `pip install x`.
fn without_options(mut command: &str) -> &str {
    command = command.trim_start();
    while command.starts_with("--") {
        let (_, rest) = command.split_once(char::is_whitespace).unwrap_or_default();
        command = rest.trim_start();
    }
    command
}

/// The lines of prose that install or download something; the others are left empty.
fn quoted_commands(text: &str) -> String {
    let mut commands = String::new();
    let mut continued = false;
    for line in text.lines() {
        let command = line
            .trim()
            .trim_start_matches(['$', '>', '!', '%'])
            .trim_start();
        let mut words = command.split_whitespace();
        let program = words.next().unwrap_or_default();
        let is_install = matches!(
            program,
            "pip" | "pip3" | "python" | "python3" | "conda" | "mamba" | "uv" | "sudo"
        ) && words.any(|word| matches!(word, "install" | "add" | "download"));
        let is_download = match program {
            "wget" | "curl" | "gdown" => true,
            "git" => command.starts_with("git clone "),
            "huggingface-cli" | "hf" | "kaggle" => command.contains(" download "),
            _ => false,
        };
        let counts = continued || is_install || is_download;
        continued = counts && command.ends_with('\\');
        let _ = writeln!(commands, "{}", if counts { command } else { "" });
    }
    commands
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(commands: &str) -> Vec<String> {
        let site = |line| Site {
            file: String::new(),
            line: line + 1,
            cell: None,
        };
        let seen = Session::default().run(commands, false, site);
        let installed = seen.installed.into_iter();
        installed
            .map(|line| format!("{}@{}", line.requirement, line.site.line))
            .collect()
    }

    #[test]
    fn dockerfiles_run_commands() {
        let text = "FROM python\nENV pip install no\nRUN --mount=type=cache pip install a==1\n\
            run apt-get install -y git && \\\n  # a remark\n  pip3 install \\\n  b 'c>2'\n\
            RUN [\"pip\", \"install\", \"d\"]\nCOPY . .\n";
        assert_eq!(
            names(&run_commands(text)),
            ["a==1@3", "b@4", "c>2@4", "d@8"]
        );
    }

    #[test]
    fn prose_quotes_commands() {
        let text = "# Install\nYou can pip install nothing here.\n\n```\n$ pip install a b==2\n\
            python -m pip install git+https://github.com/o/r\n```\nuse `pip install c`\n";
        assert_eq!(
            names(&quoted_commands(text)),
            ["a@5", "b==2@5", "git+https://github.com/o/r@6"]
        );
    }

    #[test]
    fn lists_of_commands_have_items() {
        let text = "build:\n  python_packages:\n    - torch\n  run:\n    - pip install a\n\
            \x20   - command: pip install b\n    - \"pip install 'c>1'\"\n";
        assert_eq!(names(&items(text)), ["a@5", "b@6", "c>1@7"]);
    }

    #[test]
    fn makefiles_have_recipes() {
        let text = "pip install no\nall: x\n\t@pip install a\n\t-uv pip install b\n";
        assert_eq!(names(&recipes(text)), ["a@3", "b@4"]);
    }
}
