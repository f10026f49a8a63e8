//! Commands that prose shows: how the authors run their code.

use std::collections::BTreeSet;

use super::{Command, Site};

/// Most commands that are kept of one file.
const MOST: usize = 20;

/// The commands of a README that run a program of the tree, each once, in order.
///
/// Only lines that are a command from their first word on count, and only those that mean the same
/// without a shell: no pipes, variables, redirections or patterns. `has_file` tells whether the
/// tree has a file.
pub(super) fn in_prose(text: &str, file: &str, has_file: impl Fn(&str) -> bool) -> Vec<Command> {
    let mut found: Vec<Command> = Vec::new();
    let mut seen = BTreeSet::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let mut command = prompt_removed(line).to_owned();
        if !PROGRAMS
            .iter()
            .any(|program| starts_with_word(&command, program))
        {
            continue;
        }
        while let Some(head) = command.trim_end().strip_suffix('\\') {
            let Some((_, next)) = lines.next() else { break };
            command = format!("{head} {}", next.trim());
        }
        let Some(run) = words(&command) else { continue };
        if found.len() < MOST && runs_the_tree(&run, &has_file) && seen.insert(run.clone()) {
            let line = u32::try_from(number).unwrap_or(u32::MAX).saturating_add(1);
            let site = Site {
                file: file.to_owned(),
                line,
                cell: None,
            };
            found.push(Command { run, site });
        }
    }
    found
}

/// Programs that run code of a repository.
const PROGRAMS: [&str; 8] = [
    "accelerate",
    "deepspeed",
    "gradio",
    "python",
    "python3",
    "streamlit",
    "torchrun",
    "uvicorn",
];

fn prompt_removed(line: &str) -> &str {
    line.trim()
        .trim_start_matches(['$', '>', '!', '%'])
        .trim_start()
}

fn starts_with_word(text: &str, word: &str) -> bool {
    text.strip_prefix(word)
        .is_some_and(|rest| rest.starts_with([' ', '\t']))
}

/// The words of a command; `None` when a shell would make something else of it.
fn words(command: &str) -> Option<Vec<String>> {
    let command = command.split(" #").next().unwrap_or(command);
    let special = |c: char| c.is_control() || "|&;<>()$`*?[]{}~\"'\\\u{2026}".contains(c);
    if command.replace('\t', " ").contains(special) || command.contains("...") {
        return None;
    }
    let words: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
    (words.len() > 1).then_some(words)
}

/// Whether one of the words is a Python file of the tree, or `-m` names a module of it.
fn runs_the_tree(run: &[String], has_file: &impl Fn(&str) -> bool) -> bool {
    let module = |module: &str| {
        let path = module.replace('.', "/");
        has_file(&format!("{path}.py")) || has_file(&format!("{path}/__main__.py"))
    };
    let script = |word: &str| {
        let word = word.trim_start_matches("./");
        word.rsplit('.').next() == Some("py") && has_file(word)
    };
    run.iter().any(|word| script(word))
        || run
            .windows(2)
            .any(|pair| pair[0] == "-m" && module(&pair[1]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_readme_shows() {
        let text = "# Run\npython is great\n```\n$ python train.py --lr 1e-3 \\\n   --config c.yaml # slow\n\
            python3 -m pkg.eval --all\npython missing.py\npython train.py > log\npython train.py {args}\n\
            accelerate launch train.py\npip install x\n   torchrun --nproc_per_node 8 ./train.py\n```\n\
            python3 -m pkg.eval --all\n";
        let files = ["train.py", "pkg/eval.py"];
        let found = in_prose(text, "README.md", |file| files.contains(&file));
        let found: Vec<String> = found
            .iter()
            .map(|command| format!("{} @{}", command.run.join(" "), command.site.line))
            .collect();
        assert_eq!(
            found,
            [
                "python train.py --lr 1e-3 --config c.yaml @4",
                "python3 -m pkg.eval --all @6",
                "accelerate launch train.py @10",
                "torchrun --nproc_per_node 8 ./train.py @12",
            ]
        );
    }
}
