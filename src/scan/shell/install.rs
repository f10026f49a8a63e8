//! What the commands of pip, uv and conda install.

/// The requirements that a command installs, each with whether conda does it.
pub(super) fn installed(words: &[String]) -> Vec<(String, bool)> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    arguments(&words)
}

/// The folders that a command installs from: `.`, `./CLIP[extra]`.
pub(super) fn folders(words: &[String]) -> Vec<&str> {
    let installs = words
        .iter()
        .any(|word| word == "install" || word == "develop");
    let first = words.first().map(String::as_str).unwrap_or_default();
    let program = first.rsplit('/').next().unwrap_or(first);
    if !installs || !(is_pip(program) || is_python(program) || program == "uv") {
        return Vec::new();
    }
    if words.iter().any(|word| word == "setup.py") {
        return vec!["."];
    }
    let after = words.iter().skip_while(|word| *word != "install");
    let pairs = after.clone().zip(after.skip(1));
    let paths = pairs.filter(|(before, word)| {
        let editable = matches!(before.as_str(), "-e" | "--editable");
        let path = word.starts_with(['.', '/']) || word.contains('/') || editable;
        path && !word.contains("://")
    });
    let paths = paths.map(|(_, word)| word.split('[').next().unwrap_or(word));
    paths.collect()
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
