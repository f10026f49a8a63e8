//! `pinsmith scan`: what is imported, from where, which distribution, how sure.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::args::{GlobalArgs, ScanArgs};
use super::json::{ScanJson, to_text};
use super::lookup::look_up;
use super::source::{Source, count};
use super::terminal::Terminal;
use super::world::{OpenIndex, detect_host, location, typed};
use super::{Done, Failure};
use crate::escape::visible;
use crate::index::UploadTimes;
use crate::requirements::{Confidence, Manifest, MappedImport, ModuleKind};
use crate::scan::{ImportContext, Scan};

pub(super) fn run(
    args: &ScanArgs,
    global: &GlobalArgs,
    terminal: Terminal,
) -> Result<Done, Failure> {
    let mut source = Source::read(&args.source, args.python, terminal)?;
    if args.lookup {
        let host = detect_host(args.python, source.tree.root(), global);
        let location = location(&args.index, global, &host, source.tree.root())?;
        let index = OpenIndex::new(
            &args.index,
            None,
            UploadTimes::Useful,
            global,
            location,
            terminal,
        )?;
        look_up(&mut source, &args.source, &index.index, None);
        index.finish();
    }
    if terminal.json() {
        let text = to_text(&ScanJson::new(&source.scan, &source.manifest))?;
        terminal.result(&text)?;
        return Ok(Done::Yes);
    }
    terminal.result(&report(&source.scan, &source.manifest))?;
    terminal.diagnostics(source.diagnostics());
    terminal.next(&match args.source.path.to_str() {
        Some(".") | None => "pinsmith lock".to_owned(),
        Some(path) => format!("pinsmith lock {}", typed(path)),
    });
    Ok(Done::Yes)
}

/// Grouped by context, then by distribution, then what has none.
fn report(scan: &Scan, manifest: &Manifest) -> String {
    let files = [
        count(scan.files.python, "Python file"),
        count(scan.files.notebook, "notebook"),
    ];
    let mut text = format!("{}\n", files.join(", "));
    let contexts = [
        (ImportContext::Runtime, "runtime"),
        (ImportContext::NotebookOnly, "notebooks only"),
        (ImportContext::Optional, "optional"),
        (ImportContext::Test, "tests"),
        (ImportContext::Build, "building"),
        (ImportContext::Typing, "type checking"),
    ];
    for (context, title) in contexts {
        let rows = distribution_rows(manifest, context);
        section(&mut text, title, &rows);
    }
    let of_kind = |kind| {
        let imports = manifest.imports.iter();
        let matching = imports.filter(move |import| import.kind == kind);
        matching
            .map(|import| {
                let suggestion = import.suggestion.as_ref();
                let perhaps = suggestion.map(|found| format!("perhaps {}", found.name));
                [
                    import.module.to_string(),
                    perhaps.unwrap_or_default(),
                    String::new(),
                    sites(&[import]),
                ]
            })
            .collect::<Vec<_>>()
    };
    section(&mut text, "unresolved", &of_kind(ModuleKind::Unresolved));
    section(
        &mut text,
        "provided by the host program",
        &of_kind(ModuleKind::Host),
    );
    let unseen: Vec<_> = manifest
        .requirements
        .iter()
        .filter(|requirement| {
            let name = &requirement.requirement.name;
            let provides = |import: &MappedImport| import.distribution.as_ref() == Some(name);
            !manifest.imports.iter().any(provides)
        })
        .map(|requirement| {
            let origin = requirement.origins.first();
            let place = origin.map_or_else(String::new, |origin| origin.site.to_string());
            let group = requirement.group.clone().unwrap_or_default();
            [
                requirement.requirement.to_string(),
                String::new(),
                group,
                place,
            ]
        })
        .collect();
    section(&mut text, "declared, never imported", &unseen);
    text
}

/// Distribution, its modules, confidence, places.
fn distribution_rows(manifest: &Manifest, context: ImportContext) -> Vec<[String; 4]> {
    let mut by_distribution = BTreeMap::<String, Vec<&MappedImport>>::new();
    for import in &manifest.imports {
        if let (ModuleKind::ThirdParty, Some(name)) = (import.kind, &import.distribution)
            && import.context == context
        {
            by_distribution
                .entry(name.to_string())
                .or_default()
                .push(import);
        }
    }
    let rows = by_distribution.into_iter().map(|(name, imports)| {
        let modules: Vec<&str> = imports
            .iter()
            .map(|import| import.module.as_str())
            .collect();
        let surest = imports.iter().map(|import| import.confidence).min();
        let marker = imports.iter().find_map(|import| import.marker.as_deref());
        let name = marker.map_or(name.clone(), |marker| format!("{name} ; {marker}"));
        let shown = surest.map_or("", confidence_word).to_owned();
        [name, modules.join(", "), shown, sites(&imports)]
    });
    rows.collect()
}

fn confidence_word(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Declared => "declared",
        Confidence::Curated => "curated",
        Confidence::Table => "table",
        Confidence::Verified => "verified",
        Confidence::None => "",
    }
}

/// The first place, and how many more there are.
fn sites(imports: &[&MappedImport]) -> String {
    let mut sites: Vec<_> = imports.iter().flat_map(|import| &import.sites).collect();
    sites.sort();
    sites.dedup();
    match sites.as_slice() {
        [] => String::new(),
        [only] => only.to_string(),
        [first, rest @ ..] => format!("{first} and {} more", rest.len()),
    }
}

fn section(text: &mut String, title: &str, rows: &[[String; 4]]) {
    if rows.is_empty() {
        return;
    }
    let mut widths = [0; 4];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count().min(40));
        }
    }
    let _ = writeln!(text, "\n{title}");
    for row in rows {
        let mut line = String::from(" ");
        for (width, cell) in widths.iter().zip(row) {
            if *width > 0 {
                let _ = write!(line, " {:width$} ", visible(cell));
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
}
