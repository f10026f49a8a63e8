//! `pinsmith scan`: what is imported, from where, which distribution, how sure.

use super::accelerators::table;
use super::args::{GlobalArgs, ScanArgs};
use super::json::{ScanJson, to_text};
use super::lookup::look_up;
use super::report::report;
use super::source::{Purpose, Source};
use super::terminal::Terminal;
use super::typed::typed;
use super::world::{OpenIndex, detect_host, location};
use super::{Done, Failure};
use crate::diagnostic::Diagnostic;
use crate::index::UploadTimes;
use crate::requirements::codes;

pub(super) fn run(
    args: &ScanArgs,
    global: &GlobalArgs,
    terminal: Terminal,
) -> Result<Done, Failure> {
    let purpose = Purpose {
        python: args.python,
        accelerators: args.accelerator.clone(),
    };
    let mut source = Source::read_again(&args.source, purpose, global, terminal)?;
    if args.lookup {
        let host = detect_host(args.python, source.tree.root(), global);
        let location = location(&args.index, global, &host, source.tree.root())?;
        let index = OpenIndex::new(
            &args.index,
            None,
            UploadTimes::Useful,
            global,
            (location, table(None)?),
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
    // the report itself says what is undeclared, and what nobody knows
    let said =
        |found: &&Diagnostic| found.code == codes::UNDECLARED || found.code == codes::UNRESOLVED;
    terminal.most_diagnostics(source.diagnostics().filter(|found| !said(found)));
    terminal.next(&match args.source.path.to_str() {
        Some(".") | None => "pinsmith lock".to_owned(),
        Some(path) => format!("pinsmith lock {}", typed(path)),
    });
    Ok(Done::Yes)
}
