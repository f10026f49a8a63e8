//! What must come of a row of `acceptance.jsonl`.

use std::collections::BTreeMap;

use pinsmith_resolver::{Version, VersionSpecifiers, parse_requirement};
use serde_json::Value;

use super::index::Index;
use super::{Row, Run};

/// Whether a row comes out as expected; the difference otherwise.
pub(super) fn check(index: &Index, row: &Row) -> Result<(), String> {
    let run = Run::new(index, &row.id, &row.requirements);
    let targets: Vec<&Value> = match &row.target {
        Value::Array(all) => all.iter().collect(),
        one => vec![one],
    };
    let output = run.lock(&targets, &[]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    let stdout = String::from_utf8_lossy(&output.stdout);
    // quotes are set around requirements
    let told = format!("{stderr}\n{stdout}")
        .replace("\\\"", "\"")
        .replace('`', "");
    let expect = &row.expect;
    for word in texts(&expect["not_say"]) {
        if told.contains(&word) {
            return Err(format!("says `{word}`:\n{told}"));
        }
    }
    for say in texts(&expect["say"]) {
        if !told.contains(&say) {
            return Err(format!("does not say `{say}`:\n{told}"));
        }
    }
    if let Some(warning) = expect["warning"].as_str() {
        names_all(&told, warning)?;
    }
    if let Some(keep) = expect["keep"].as_str()
        && !told.contains(&format!("keep {keep}"))
    {
        return Err(format!("does not say to keep {keep}:\n{told}"));
    }
    if expect["error"].is_string() {
        return match output.status.code() {
            Some(1) => Ok(()),
            other => Err(format!("ended with {other:?}, not 1:\n{told}")),
        };
    }
    // a warning alone does not say that there is an answer
    if expect["versions"].is_null() && expect["warning"].is_string() && !expect["keep"].is_string()
    {
        return Ok(());
    }
    if !output.status.success() {
        return Err(format!("has no answer:\n{told}"));
    }
    let answer: Value = serde_json::from_str(&stdout).map_err(|error| error.to_string())?;
    answers(&answer, row, &told, index)?;
    // the same with one more requirement: `VERSION is ...`
    if let Some(with) = expect["with_torchvision"].as_str() {
        let version = with.split(' ').next().unwrap_or_default();
        let mut requirements = row.requirements.clone();
        requirements.push("torchvision".to_owned());
        let run = Run::new(index, &format!("{}-more", row.id), &requirements);
        let output = run.lock(&targets, &[]);
        let answer: Value = serde_json::from_slice(&output.stdout)
            .map_err(|_| String::from_utf8_lossy(&output.stderr).into_owned())?;
        Packages::of(&answer["targets"][0]).has("torchvision", version)?;
    }
    Ok(())
}

/// Names of packages and modules, and numbers, in a warning.
fn names_all(told: &str, warning: &str) -> Result<(), String> {
    const PLAIN: [&str; 8] = [
        "both",
        "own",
        "the",
        "and",
        "one",
        "module",
        "two",
        "distributions",
    ];
    for word in warning.split([' ', '(', ')', ',', ':']) {
        if word.len() > 2 && !PLAIN.contains(&word) && !told.contains(word) {
            return Err(format!("does not name {word}:\n{told}"));
        }
    }
    Ok(())
}

fn answers(answer: &Value, row: &Row, told: &str, index: &Index) -> Result<(), String> {
    let expect = &row.expect;
    let targets = answer["targets"].as_array().ok_or("no targets")?;
    let packages = Packages::of(&targets[0]);
    for (name, version) in entries(&expect["versions"]) {
        packages.has(&name, &version)?;
    }
    let wanted = match &row.target {
        Value::Array(all) => all.clone(),
        one => vec![one.clone()],
    };
    for (position, versions) in expect["versions_per_target"]
        .as_array()
        .into_iter()
        .flatten()
        .enumerate()
    {
        let same = |target: &&Value| {
            ["platform", "accelerator"]
                .iter()
                .all(|key| target[key] == wanted[position][key])
        };
        let target = targets.iter().find(same).ok_or("a target is missing")?;
        for (name, version) in entries(versions) {
            Packages::of(target).has(&name, &version)?;
        }
    }
    for pattern in texts(&expect["absent"]) {
        let start = pattern.trim_end_matches('*');
        let matches = |name: &&&str| {
            if start == pattern {
                **name == start
            } else {
                name.starts_with(start)
            }
        };
        if let Some(found) = packages.0.keys().find(|name| matches(name)) {
            return Err(format!("{found} is there"));
        }
    }
    places(row, &packages, index)?;
    for (name, version) in entries(&expect["never"]) {
        let version = version.split([' ', ',']).next().unwrap_or_default();
        if packages.has(&name, version).is_ok() {
            return Err(format!("{name} {version} was taken"));
        }
    }
    for (name, specifier) in entries(&expect["specifiers"]) {
        let specifier: VersionSpecifiers = specifier.parse().unwrap();
        let version = packages.version(&name)?;
        if !specifier.contains(&version) {
            return Err(format!("{name} is {version}"));
        }
    }
    let first = parse_requirement(&row.requirements[0])
        .unwrap()
        .requirement
        .name;
    let main = packages.0.get(first.as_ref()).copied();
    if let Some(wanted) = expect["index"].as_str() {
        let place = if wanted == "PyPI" { "main" } else { wanted };
        let found = main.ok_or("not there")?["index"]
            .as_str()
            .unwrap_or_default();
        if found != index.server.url(&format!("/{place}/simple/")) {
            return Err(format!("comes from {found}"));
        }
    }
    if let Some(file) = expect["file"].as_str() {
        let found = main.ok_or("not there")?["files"][0]["filename"].as_str();
        let any = packages
            .0
            .values()
            .any(|one| one["files"][0]["filename"] == file);
        if !any {
            return Err(format!("{found:?} was chosen, not {file}"));
        }
    }
    if let Some(floor) = expect["driver_min"].as_str()
        && !told.contains(&format!("driver {floor}"))
    {
        return Err(format!("names no driver {floor}:\n{told}"));
    }
    if let Some(note) = expect["note"].as_str() {
        names_all(told, note)?;
    }
    files(row, main, index)
}

/// Where packages come from.
fn places(row: &Row, packages: &Packages<'_>, index: &Index) -> Result<(), String> {
    let expect = &row.expect;
    for name in texts(&expect["present"]) {
        packages.version(&name)?;
    }
    for (name, place) in entries(&expect["from"]) {
        let url = packages.url(&name)?;
        if !url.starts_with(&index.server.url(&place)) {
            return Err(format!("{name} comes from {url}"));
        }
    }
    if let Some(world) = expect["triton_from"].as_str() {
        let triton = "pytorch-triton-rocm";
        let (url, served) = (packages.url(triton)?, packages.0[triton]["index"].as_str());
        if !url.starts_with(&index.files_of(world))
            || served != Some(&index.server.url(&format!("/{world}/simple/")))
        {
            return Err(format!("{triton} comes from {url}, of {served:?}"));
        }
    }
    Ok(())
}

/// What is expected of the first requirement's file: its digest and its host.
fn files(row: &Row, main: Option<&Value>, index: &Index) -> Result<(), String> {
    let expect = &row.expect;
    let file = main.map(|one| &one["files"][0]);
    let text = |key: &str| file.and_then(|file| file[key].as_str()).unwrap_or_default();
    let digest = text("sha256");
    if expect["hash"].is_string() {
        // the index gives none: it must be that of the file
        let path = text("url").split('/').skip(3).collect::<Vec<_>>().join("/");
        let bytes = Index::bytes(&format!("/{path}"));
        if digest != crate::support::index::sha256(&bytes) {
            return Err(format!("has the digest `{digest}`, not that of its file"));
        }
    }
    let prefix = expect["sha256_prefix"].as_str().unwrap_or_default();
    if !digest.starts_with(prefix) {
        return Err(format!("has the digest {digest}, not {prefix}..."));
    }
    for other in texts(&expect["not_sha256_prefixes"]) {
        if digest.starts_with(&other) {
            return Err(format!("has the digest {digest} of another build"));
        }
    }
    // two servers stand for the two hosts; both are in the lock
    if expect["url_host"].is_string() {
        let world = expect["index"].as_str().unwrap_or_default();
        let folder = index.folder.path().join(&row.id);
        let lock = std::fs::read_to_string(folder.join("pylock.toml"));
        let lock = lock.map_err(|error| error.to_string())?;
        let page = index.server.url(&format!("/{world}/simple/"));
        for place in [index.files_of(world), page] {
            if !lock.contains(&place) {
                return Err(format!("does not record {place}:\n{lock}"));
            }
        }
        if index.files_of(world).starts_with(&index.server.url("/")) {
            return Err("the two hosts are one".to_owned());
        }
    }
    Ok(())
}

/// The packages of one target by name.
pub(super) struct Packages<'a>(pub(super) BTreeMap<&'a str, &'a Value>);

impl<'a> Packages<'a> {
    pub(super) fn of(target: &'a Value) -> Self {
        let all = target["packages"].as_array().into_iter().flatten();
        Self(
            all.filter_map(|one| Some((one["name"].as_str()?, one)))
                .collect(),
        )
    }

    fn version(&self, name: &str) -> Result<Version, String> {
        let found = self
            .0
            .get(name)
            .ok_or_else(|| format!("{name} is not there"))?;
        Ok(found["version"]
            .as_str()
            .unwrap_or_default()
            .parse()
            .unwrap())
    }

    /// Where the best file of a package is.
    fn url(&self, name: &str) -> Result<&'a str, String> {
        let found = self.0.get(name);
        let found = found.ok_or_else(|| format!("{name} is not there"))?;
        Ok(found["files"][0]["url"].as_str().unwrap_or_default())
    }

    fn has(&self, name: &str, version: &str) -> Result<(), String> {
        let found = self.version(name)?;
        if Ok(&found) != version.parse().as_ref() {
            return Err(format!("{name} is {found}, not {version}"));
        }
        Ok(())
    }
}

fn texts(value: &Value) -> Vec<String> {
    let all = value.as_array().into_iter().flatten();
    all.filter_map(|text| Some(text.as_str()?.to_owned()))
        .collect()
}

fn entries(value: &Value) -> Vec<(String, String)> {
    let all = value.as_object().into_iter().flatten();
    all.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}
