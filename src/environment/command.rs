//! Commands under names that tell them apart.

use std::collections::{BTreeMap, BTreeSet};

use super::CommandSpec;
use super::build::visible_site;
use crate::escape;
use crate::requirements::{EntryPoint, Manifest};
use crate::scan::Scan;

/// Longest name that is made of what a command's words say, in bytes.
const MAX_NAME: usize = 40;

/// The project's entry points, and the commands of the README under short names: the program's file
/// without its ending. Of several commands of one file the first has that name; the others also tell
/// in what they differ, as `train-finetune_shakespeare` and `sample-cpu`.
pub(super) fn commands(scan: &Scan, manifest: &Manifest) -> Vec<CommandSpec> {
    let mut names = BTreeSet::new();
    let mut commands = Vec::new();
    for point in &manifest.entry_points {
        if names.insert(point.name.clone()) {
            commands.push(CommandSpec {
                name: point.name.clone(),
                run: entry_point(point, scan),
                site: Some(visible_site(&point.site)),
            });
        }
    }
    let mut alike: BTreeMap<&str, Vec<&[String]>> = BTreeMap::new();
    for command in &scan.commands {
        let runs = alike.entry(stem(&command.run)).or_default();
        runs.push(&command.run);
    }
    for command in &scan.commands {
        let stem = stem(&command.run);
        let plain = stem.to_owned();
        let telling = difference(stem, &command.run, &alike[stem]);
        let telling = telling.map(|said| format!("{stem}-{said}"));
        let numbered = (2..).map(|number| format!("{stem}-{number}"));
        let mut wanted = [plain].into_iter().chain(telling).chain(numbered);
        let Some(name) = wanted.find(|name| names.insert(name.clone())) else {
            continue;
        };
        let words = command.run.iter();
        commands.push(CommandSpec {
            name,
            run: words
                .map(|word| escape::visible(word).into_owned())
                .collect(),
            site: Some(visible_site(&command.site)),
        });
    }
    commands.sort();
    commands
}

/// The script or module that a command runs, without folder and ending.
fn stem(run: &[String]) -> &str {
    let script = run.iter().find(|word| is_script(word));
    let module = run.windows(2).find(|pair| pair[0] == "-m");
    let stem = match (script, module) {
        (Some(script), _) => script.trim_end_matches(".py").rsplit('/').next(),
        (None, Some(pair)) => pair[1].rsplit('.').next(),
        (None, None) => None,
    };
    stem.filter(|stem| !stem.is_empty() && stem.chars().all(is_plain))
        .unwrap_or("run")
}

fn is_script(word: &str) -> bool {
    word.rsplit('.').next() == Some("py")
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

/// What only this command of those with one stem says, the first such thing; else the first two
/// that the first command does not say.
fn difference(stem: &str, run: &[String], alike: &[&[String]]) -> Option<String> {
    let own = says(stem, run);
    let others: Vec<BTreeSet<String>> = alike
        .iter()
        .filter(|other| **other != run)
        .map(|other| says(stem, other).into_iter().collect())
        .collect();
    let unique = own
        .iter()
        .find(|said| others.iter().all(|other| !other.contains(*said)));
    if let Some(said) = unique {
        return Some(said.clone());
    }
    let first = others.first()?;
    let new: Vec<&str> = own
        .iter()
        .filter(|said| !first.contains(*said))
        .map(String::as_str)
        .take(2)
        .collect();
    (!new.is_empty()).then(|| new.join("-"))
}

/// What the words of a command say, in their order: the folder of the script, values of options,
/// options without one, files.
fn says(stem: &str, run: &[String]) -> Vec<String> {
    let mut said = Vec::new();
    let mut words = run.iter().skip(1).peekable();
    while let Some(word) = words.next() {
        let Some(option) = word.strip_prefix("--") else {
            if is_script(word) && word.trim_end_matches(".py").ends_with(stem) {
                let mut folders = word.rsplit('/').skip(1);
                said.extend(folders.next().and_then(|folder| short(stem, folder)));
            } else if !word.starts_with('-') {
                said.extend(short(stem, word));
            }
            continue;
        };
        let (option, value) = if let Some((option, value)) = option.split_once('=') {
            (option, Some(value))
        } else {
            let value = words.next_if(|next| !next.starts_with('-') && !is_script(next));
            (option, value.map(String::as_str))
        };
        said.extend(match value {
            None => short(stem, option),
            // a number or a truth says nothing without the option
            Some(value) if value.len() < 6 && !value.contains(char::is_alphabetic) => {
                short(stem, &format!("{option}-{value}"))
            }
            Some(value @ ("true" | "True" | "false" | "False")) => {
                short(stem, &format!("{option}-{value}"))
            }
            Some(value) => short(stem, value),
        });
    }
    said
}

/// A word as a part of a name: without folders, ending and the stem itself.
fn short(stem: &str, word: &str) -> Option<String> {
    let last = word.trim_end_matches('/').rsplit('/').next()?;
    let last = match last.rsplit_once('.') {
        Some((before, ending))
            if ending.len() <= 4 && !ending.starts_with(|c: char| c.is_ascii_digit()) =>
        {
            before
        }
        _ => last,
    };
    let last = match last.strip_prefix(stem) {
        Some(rest) if rest.starts_with(['_', '-']) => rest,
        _ => last,
    };
    let text: String = last
        .chars()
        .map(|c| if is_plain(c) { c } else { '-' })
        .collect();
    let text = text.trim_matches(['-', '_']);
    (!text.is_empty() && text != stem && text.len() <= MAX_NAME).then(|| text.to_owned())
}

/// What an entry point's script does, for an environment that does not have the project installed.
fn entry_point(point: &EntryPoint, scan: &Scan) -> Vec<String> {
    let package = point.module.split('.').next().unwrap_or_default();
    let begins = [format!("src/{package}/"), format!("src/{package}.py")];
    let mut files = scan.source_files.iter();
    let in_src = files.any(|file| begins.iter().any(|begin| file.starts_with(begin)));
    let search = if in_src {
        "sys.path.insert(0, 'src'); "
    } else {
        ""
    };
    let (first, rest) = point.object.split_once('.').unwrap_or((&point.object, ""));
    let dot = if rest.is_empty() { "" } else { "." };
    let program = format!(
        "import sys; {search}from {} import {first}; sys.exit({first}{dot}{rest}())",
        point.module
    );
    vec!["python".to_owned(), "-c".to_owned(), program]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::{Command, Site};

    fn names(lines: &[&str]) -> Vec<String> {
        let command = |(line, text): (u32, &&str)| Command {
            run: text.split_whitespace().map(str::to_owned).collect(),
            site: Site {
                file: "README.md".to_owned(),
                line,
                cell: None,
            },
        };
        let scan = Scan {
            commands: (1..).zip(lines).map(command).collect(),
            ..Scan::default()
        };
        let mut found = commands(&scan, &Manifest::default());
        found.sort_by_key(|command| command.site.as_ref().map(|site| site.line));
        found.into_iter().map(|command| command.name).collect()
    }

    #[test]
    fn commands_of_one_file_are_named_by_their_difference() {
        let found = names(&[
            "python data/shakespeare_char/prepare.py",
            "python train.py config/train_shakespeare_char.py",
            "python sample.py --out_dir=out-shakespeare-char",
            "python train.py config/train_shakespeare_char.py --device=cpu --compile=False",
            "python sample.py --out_dir=out-shakespeare-char --device=cpu",
            "python data/openwebtext/prepare.py",
            "torchrun --standalone --nproc_per_node=8 train.py config/train_gpt2.py",
            "torchrun --nproc_per_node=8 --nnodes=2 --node_rank=0 train.py",
            "torchrun --nproc_per_node=8 --nnodes=2 --node_rank=1 train.py",
            "python train.py config/eval_gpt2.py",
            "python -m pkg.train --resume checkpoints/v1.5",
            "python -m pkg.train --resume",
            "python -m pkg.train",
        ]);
        let expected = [
            "prepare",
            "train",
            "sample",
            "train-cpu",
            "sample-cpu",
            "prepare-openwebtext",
            "train-standalone",
            "train-node_rank-0",
            "train-node_rank-1",
            "train-eval_gpt2",
            "train-v1-5",
            "train-resume",
            "train-pkg-train",
        ];
        assert_eq!(found, expected);
    }
}
