//! Install lines of Dockerfiles, shell scripts and prose.

use std::fmt::Write as _;

use super::decode::decode;
use super::walk::{Script, ScriptKind};
use super::{InstallLine, Site, Tree, shell};

/// Everything that a script installs; a file that cannot be read installs nothing.
pub(super) fn read(tree: &Tree, script: &Script) -> Vec<InstallLine> {
    let Ok(bytes) = tree.read(&script.path) else {
        return Vec::new();
    };
    // most scripts install nothing
    if ["pip", "conda", "mamba", "uv"]
        .iter()
        .all(|program| memchr::memmem::find(&bytes, program.as_bytes()).is_none())
    {
        return Vec::new();
    }
    let text = decode(&bytes).text;
    let commands = match script.kind {
        ScriptKind::Shell => text,
        ScriptKind::Dockerfile => run_commands(&text),
        ScriptKind::Prose => quoted_commands(&text),
    };
    let installed = shell::installed(&commands).into_iter();
    installed
        .map(|installed| {
            let site = Site {
                file: script.path.clone(),
                line: installed.line.saturating_add(1),
                cell: None,
            };
            installed.line_at(site, script.kind == ScriptKind::Prose)
        })
        .collect()
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
            Some((word, rest)) if word.eq_ignore_ascii_case("run") => without_options(rest),
            _ => "",
        };
        continued = command.ends_with('\\');
        // writing to a string cannot fail
        let _ = writeln!(commands, "{command}");
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

/// The lines of prose that are an install command; the others are left empty.
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
        ) && words.any(|word| matches!(word, "install" | "add"));
        let counts = continued || is_install;
        continued = counts && command.ends_with('\\');
        let _ = writeln!(commands, "{}", if counts { command } else { "" });
    }
    commands
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(commands: &str) -> Vec<String> {
        let installed = shell::installed(commands).into_iter();
        installed
            .map(|installed| format!("{}@{}", installed.requirement, installed.line + 1))
            .collect()
    }

    #[test]
    fn dockerfiles_run_commands() {
        let text = "FROM python\nENV pip install no\nRUN --mount=type=cache pip install a==1\n\
            run apt-get install -y git && \\\n  # a remark\n  pip3 install \\\n  b 'c>2'\n\
            RUN [\"pip\", \"install\", \"d\"]\nCOPY . .\n";
        assert_eq!(names(&run_commands(text)), ["a==1@3", "b@4", "c>2@4"]);
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
}
