//! Records what a resolution sees of an index, as a universe with pins (`resolver/src/universe.rs` tells the format).
//!
//! ```text
//! usage: record INDEX_URL CACHE_DIR AS_OF CASE_DIR [READ_FILE]
//! ```
//!
//! The folder of a case holds `req.in` and `python`. The last file names more releases to read, a name and a version on
//! each line, as `benches/optimum.py` asks for them.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "that is what it does"
)]

use std::error::Error;
use std::path::Path;

use pinsmith::index::{Index, IndexSettings, Location, LocationFlags, location};
use pinsmith_resolver::{
    Options, PythonVersion, Recorder, Request, Target, parse_requirement, pin_lines, resolve,
};

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        [index, cache, as_of, case] => record(index, cache, as_of, case, None),
        [index, cache, as_of, case, read] => record(index, cache, as_of, case, Some(read)),
        _ => Err("usage: record INDEX_URL CACHE_DIR AS_OF CASE_DIR [READ_FILE]".into()),
    }
}

fn record(index: &str, cache: &str, as_of: &str, case: &str, read: Option<&str>) -> Outcome<()> {
    let case = Path::new(case);
    let python: PythonVersion = std::fs::read_to_string(case.join("python"))?
        .trim()
        .parse()?;
    let target = Target::linux_x86_64((python.major, python.minor));
    let mut request = Request::default();
    for line in std::fs::read_to_string(case.join("req.in"))?.lines() {
        if !line.trim().is_empty() && !line.starts_with('#') {
            request.roots.push(parse_requirement(line)?.requirement);
        }
    }
    let options = Options {
        as_of: Some(as_of.parse()?),
        ..Options::default()
    };
    let index = Index::open(IndexSettings::new(at(index)?, Some(cache.into())))?;
    let recorder = Recorder::new(&index);
    let answer = resolve(&request, &target, &recorder, &options);
    let read_by_resolver = recorder.releases_read();
    if let Some(read) = read {
        for line in std::fs::read_to_string(read)?.lines() {
            if let Some((name, version)) = line.split_once(' ') {
                recorder.read(&name.parse()?, &version.parse()?, &target, &options)?;
            }
        }
    }
    print!("{}", recorder.text(&request, &target, &options));
    print!("{}", answer.as_ref().map(pin_lines).unwrap_or_default());
    eprintln!("{read_by_resolver} releases read, {:?}", index.stats());
    Ok(())
}

fn at(index: &str) -> Outcome<Location> {
    let flags = LocationFlags {
        index_url: Some(index.to_owned()),
        ..LocationFlags::default()
    };
    let nowhere = std::env::temp_dir();
    Ok(location::discover_here(
        &flags,
        &nowhere,
        &|| None,
        &|_, _| None,
    )?)
}
