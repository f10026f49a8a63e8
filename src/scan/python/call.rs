//! What single calls tell.

use ruff_python_ast::{Expr, ExprCall};
use ruff_text_size::Ranged;

use super::super::{ImportContext, Label, OpaqueLoad, artifact, variable};
use super::collect::Collector;
use super::guard::last_name;
use super::paths::path_of;
use super::{dotted, last_part, strings, words};

/// The calls that [`Collector::call`] looks at, by the last part of their names. Those of `sys.path`
/// are known by `sys`; artifacts and implied needs have lists of their own.
pub(super) const WATCHED: [&str; 10] = [
    "import_module",
    "__import__",
    "find_spec",
    "find_loader",
    "importorskip",
    "exec",
    "Extension",
    "CppExtension",
    "CUDAExtension",
    "SYCLExtension",
];

/// Calls that run a command, which matters where one of [`PROGRAMS`] is named.
pub(super) const RUNS: [&str; 8] = [
    "system",
    "popen",
    "Popen",
    "call",
    "check_call",
    "check_output",
    "getoutput",
    "run",
];

/// Programs that install or fetch.
pub(super) const PROGRAMS: [&str; 8] = [
    "pip", "conda", "mamba", "uv", "git", "wget", "curl", "gdown",
];

impl Collector<'_> {
    pub(super) fn call(&mut self, call: &ExprCall) {
        let found = self.names.call(call, self.origin.cell.is_some());
        self.implied(found, call.range());
        let is_watched = match &*call.func {
            Expr::Name(name) => words::is_watched(&name.id),
            Expr::Attribute(attribute) => {
                let edits_path = matches!(attribute.attr.as_str(), "append" | "insert");
                words::is_watched(&attribute.attr)
                    || (edits_path && self.folders.is_some())
                    || last_name(&attribute.value).is_some_and(words::is_watched)
            }
            _ => false,
        };
        if !is_watched {
            return;
        }
        let Some(name) = dotted(&call.func) else {
            return;
        };
        match last_part(&name) {
            "import_module" | "__import__" => self.dynamic(call, None),
            "find_spec" | "find_loader" | "importorskip" => {
                self.dynamic(call, Some(ImportContext::Optional));
            }
            "exec" if name == "exec" => self.executed(call),
            "append" if name == "sys.path.append" => self.path_entry(call, 0),
            "insert" if name == "sys.path.insert" => self.path_entry(call, 1),
            "system" | "popen" | "Popen" | "call" | "check_call" | "check_output" | "getoutput"
            | "run" => self.commands(call),
            "Extension" | "CppExtension" | "CUDAExtension" | "SYCLExtension" => {
                self.extension(call);
            }
            _ => {}
        }
        let line = self.lines.number(call.range().start().to_usize());
        let artifact = artifact::in_call(&name, call, || self.origin.site(line));
        let opaque = artifact::opaque(&name, call);
        let opaque =
            opaque.filter(|_| self.origin.base == ImportContext::Runtime && artifact.is_none());
        self.facts
            .opaque_loads
            .extend(opaque.map(|call| OpaqueLoad {
                call,
                site: self.origin.site(line),
            }));
        self.facts.artifacts.extend(artifact);
        if self.origin.base == ImportContext::Runtime {
            let variable = variable::in_call(&name, call, || self.origin.site(line));
            self.facts.variables.extend(variable);
        }
    }

    fn dynamic(&mut self, call: &ExprCall, at_least: Option<ImportContext>) {
        let Some(argument) = call.arguments.find_argument_value("name", 0) else {
            return;
        };
        match argument.as_string_literal_expr() {
            Some(literal) => {
                let before = self.facts.imports.len();
                self.push(literal.value.to_str(), Vec::new(), call.range(), at_least);
                for import in self.facts.imports.iter_mut().skip(before) {
                    import.labels.insert(Label::Dynamic);
                }
            }
            None => self.indirect(argument, call, at_least),
        }
    }

    /// A dynamic import of what a literal list or dictionary names, or of a package's part.
    fn indirect(&mut self, argument: &Expr, call: &ExprCall, at_least: Option<ImportContext>) {
        let strings = self.strings.clone().unwrap_or_default();
        let Some(named) = strings::named(argument, &strings) else {
            if at_least.is_none() {
                self.opaque(call);
            }
            return;
        };
        let chosen = named.chosen.then_some(ImportContext::Optional);
        let before = self.facts.imports.len();
        for module in named.modules {
            self.push(&module, Vec::new(), call.range(), at_least.max(chosen));
        }
        for import in self.facts.imports.iter_mut().skip(before) {
            import.labels.insert(Label::Dynamic);
        }
    }

    /// `os.system("pip install x")`, `subprocess.run([sys.executable, "-m", "pip", "install", "x"])`
    fn commands(&mut self, call: &ExprCall) {
        let Some(text) = call.arguments.args.first().and_then(command_line) else {
            return;
        };
        if !PROGRAMS.iter().any(|word| text.contains(word)) {
            return;
        }
        let line = self.lines.number(call.range().start().to_usize());
        let weak = self.state.conditional || self.state.optional;
        let origin = self.origin;
        let seen = self
            .session
            .run_apart(&text, weak, |after| origin.site(line + after));
        self.facts.install_lines.extend(seen.installed);
        self.facts.artifacts.extend(seen.artifacts);
    }

    /// `exec` of a text that is not known, or that imports.
    fn executed(&mut self, call: &ExprCall) {
        let literal = call.arguments.args.first();
        let literal = literal.and_then(|argument| argument.as_string_literal_expr());
        if literal.is_none_or(|literal| literal.value.to_str().contains("import")) {
            self.opaque(call);
        }
    }

    fn opaque(&mut self, call: &ExprCall) {
        let line = self.lines.number(call.range().start().to_usize());
        self.opaque.first_line.get_or_insert(line);
    }

    fn path_entry(&mut self, call: &ExprCall, position: usize) {
        let argument = call.arguments.args.get(position);
        let folders = self.folders.as_ref();
        let path = folders.and_then(|folders| path_of(argument?, folders));
        self.facts.path_entries.extend(path);
    }

    /// `CUDAExtension("name", ...)` of a build file.
    fn extension(&mut self, call: &ExprCall) {
        let name = call.arguments.find_argument_value("name", 0);
        let name = name.and_then(|name| name.as_string_literal_expr());
        let name = name.map(|name| name.value.to_str().to_owned());
        self.facts.extensions.extend(name);
    }
}

/// The command line of a text, or of a list of words; words that are not literal are variables.
fn command_line(argument: &Expr) -> Option<String> {
    let words = match argument {
        Expr::StringLiteral(text) => return Some(text.value.to_str().to_owned()),
        Expr::List(list) => &list.elts,
        Expr::Tuple(tuple) => &tuple.elts,
        _ => return None,
    };
    let words = words.iter().map(|word| match word {
        Expr::StringLiteral(text) => format!("'{}'", text.value.to_str().replace('\'', "")),
        other if dotted(other).is_some_and(|name| name == "sys.executable") => "python".to_owned(),
        _ => "$WORD".to_owned(),
    });
    Some(words.collect::<Vec<_>>().join(" "))
}
