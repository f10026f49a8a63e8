//! The text of a configuration becomes a [`Config`]; pure.

use jiff::Timestamp;
use pinsmith_resolver::{PackageName, Platform, PythonVersion};
use toml_edit::{Document, Item, Key, TableLike, Value};

use super::{AS_OF_FORMS, CONFIG_FILE, Config, ModulePattern, as_of_at, codes};
use crate::diagnostic::{Code, Diagnostic, Site};
use crate::escape::visible;
use crate::scan::ModuleName;

/// Every key of the schema.
pub(super) const KEYS: [&str; 9] = [
    "accelerators",
    "as-of",
    "exclude",
    "groups",
    "ignore",
    "modules",
    "platforms",
    "private",
    "python",
];

/// Keys that a tree has no say in, with what the user can do instead.
const NOT_FOR_TREES: [(&str, &str); 13] = [
    (
        "accelerator-table",
        "pass `--accelerator-table` yourself, if you trust it",
    ),
    ("index-url", "pass `--index-url` yourself, if you trust it"),
    (
        "extra-index-url",
        "pass `--extra-index-url` yourself, if you trust it",
    ),
    ("index-for", "pass `--index-for` yourself, if you trust it"),
    (
        "find-links",
        "pass `--find-links` yourself, if you trust it",
    ),
    ("trusted-host", "set it in pip's configuration of your own"),
    ("index", "pass `--index-url` yourself, if you trust it"),
    ("keyring", "set it in pip's configuration of your own"),
    ("token", "keep credentials in netrc"),
    ("accept", "pass `--accept` yourself, if you trust it"),
    (
        "allow-build",
        "pass `--allow-build` yourself, if you trust it",
    ),
    ("command", "run it yourself"),
    ("tables", "say what provides a module under `modules`"),
];

/// Longest piece of the file in a message, in characters.
const SHOWN: usize = 60;

/// Reads the text of a `pinsmith.toml`, or of a `pyproject.toml` with a table `[tool.pinsmith]`.
///
/// Nothing makes it fail: what is wrong is left out, with a diagnostic.
///
/// ```
/// use pinsmith::config::read_config;
/// let config = read_config("[tool.pinsmith]\nplatforms = ['linux-x86_64']\n", "pyproject.toml");
/// assert_eq!(config.platforms[0].as_str(), "linux-x86_64");
/// ```
pub fn read_config(text: &str, file: &'static str) -> Config {
    let mut reader = Reader {
        text,
        file,
        out: Config::default(),
    };
    match Document::parse(text) {
        Ok(document) => {
            let root = document.as_item();
            let item = match file {
                CONFIG_FILE => Some(root),
                _ => root.get("tool").and_then(|tool| tool.get("pinsmith")),
            };
            if let Some(item) = item {
                reader.out.file = Some(file);
                reader.table(item);
            }
        }
        // a pyproject.toml that is none is reported where its requirements are read
        Err(error) if file == CONFIG_FILE => {
            let start = error.span().map_or(0, |span| span.start);
            let message = format!("this is no TOML: {}", visible(error.message().trim()));
            let help = "correct the file; nothing of it was used";
            reader.warn(codes::UNREADABLE, reader.line_at(start), message, help);
        }
        Err(_) => {}
    }
    reader.out
}

struct Reader<'a> {
    text: &'a str,
    file: &'static str,
    out: Config,
}

impl Reader<'_> {
    fn table(&mut self, item: &Item) {
        let Some(table) = item.as_table_like() else {
            let line = self.line(item);
            let message = "`tool.pinsmith` is not a table";
            let help = "write `[tool.pinsmith]` and its keys below";
            return self.warn(codes::BAD_VALUE, line, message, help);
        };
        for (key, item) in table.iter() {
            match key {
                "python" => {
                    self.out.python_site = Some(self.site(self.key_line(table, key)));
                    self.out.python = self.list(key, item, "a Python version such as 3.11", |t| {
                        t.parse::<PythonVersion>().ok()
                    });
                }
                "platforms" => {
                    let names = Platform::ALL.map(Platform::as_str).join(", ");
                    let expected = format!("a platform ({names})");
                    self.out.platforms = self.list(key, item, &expected, |text| text.parse().ok());
                }
                "accelerators" => {
                    let expected = "an accelerator (cpu, cu128, rocm6.4, xpu, mps, auto, index)";
                    self.out.accelerators = self.list(key, item, expected, accelerator);
                }
                "exclude" => {
                    self.out.exclude = self.list(key, item, "a pattern", |text| {
                        (!text.is_empty()).then(|| text.to_owned())
                    });
                }
                "ignore" => {
                    let found = self.list(key, item, "a module name", |t| ModuleName::new(t));
                    self.out.ignore = found.into_iter().collect();
                }
                "private" => {
                    let expected = "a module name, or the start of one such as corp_*";
                    self.out.private = self.list(key, item, expected, ModulePattern::new);
                }
                "groups" => {
                    self.out.groups = self.list(key, item, "the name of a group", |text| {
                        (!text.is_empty()).then(|| text.to_owned())
                    });
                }
                "as-of" => self.as_of(item),
                "modules" => self.modules(item),
                _ => self.other(key, self.key_line(table, key)),
            }
        }
    }

    /// One value or a list of values, each once.
    fn list<T: PartialEq>(
        &mut self,
        key: &str,
        item: &Item,
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Vec<T> {
        let mut found = Vec::new();
        let values: Vec<&Value> = match item.as_value() {
            Some(Value::Array(array)) => array.iter().collect(),
            Some(value) => vec![value],
            None => {
                let help = format!("write `{key} = [...]`");
                self.not(key, &item.to_string(), expected, self.line(item), help);
                return found;
            }
        };
        for value in values {
            let line = self.span_line(value.span());
            let Some(text) = value.as_str() else {
                // 3.10 would be 3.1
                let help = format!("put it in quotes: `{key} = [\"...\"]`");
                self.not(key, value.to_string().trim(), expected, line, help);
                continue;
            };
            match parse(text) {
                Some(parsed) if found.contains(&parsed) => {}
                Some(parsed) => found.push(parsed),
                None => self.not(key, text, expected, line, "it was left out".to_owned()),
            }
        }
        found
    }

    fn as_of(&mut self, item: &Item) {
        let text = match item.as_value() {
            Some(Value::String(text)) => text.value().clone(),
            Some(Value::Datetime(date)) => date.value().to_string(),
            _ => item.to_string(),
        };
        // any instant will do to see whether the form is right
        if as_of_at(&text, Timestamp::UNIX_EPOCH).is_some() {
            self.out.as_of = Some(text);
        } else {
            let line = self.line(item);
            self.not("as-of", &text, "a day", line, AS_OF_FORMS.to_owned());
        }
    }

    fn modules(&mut self, item: &Item) {
        let expected = "a table of MODULE = \"DISTRIBUTION\"";
        let Some(table) = item.as_table_like() else {
            let help = "write `modules = { cv2 = \"opencv-python-headless\" }`".to_owned();
            let line = self.line(item);
            return self.not("modules", item.to_string().trim(), expected, line, help);
        };
        self.module_table(table, "");
    }

    /// A dotted key is a table in TOML: `google.cloud = "x"`.
    fn module_table(&mut self, table: &dyn TableLike, above: &str) {
        for (key, item) in table.iter() {
            let module = format!("{above}{key}");
            let line = self.key_line(table, key);
            if let Some(below) = item.as_table_like() {
                self.module_table(below, &format!("{module}."));
                continue;
            }
            let name = item.as_str().and_then(|text| text.parse().ok());
            let parsed: Option<(ModuleName, PackageName)> = ModuleName::new(&*module).zip(name);
            if let Some((module, name)) = parsed {
                let site = self.site(line);
                self.out.modules.insert(module, (name, site));
            } else {
                let shown = format!("{module} = {}", item.to_string().trim());
                let help = "it was left out".to_owned();
                self.not("modules", &shown, "MODULE = \"DISTRIBUTION\"", line, help);
            }
        }
    }

    fn other(&mut self, key: &str, line: u32) {
        let plain = |key: &str| key.replace('_', "-").trim_end_matches('s').to_owned();
        let shown = shown(key);
        let mut refused = NOT_FOR_TREES.iter();
        if let Some((_, help)) = refused.find(|(other, _)| plain(other) == plain(key)) {
            let message = format!("`{shown}` is not for the scanned tree to decide");
            return self.warn(codes::NOT_FOR_TREES, line, message, *help);
        }
        let meant = KEYS.iter().find(|known| plain(known) == plain(key));
        let help = match meant {
            Some(known) => format!("write `{known}`"),
            None => format!("the keys are {}", KEYS.join(", ")),
        };
        let message = format!("the configuration has no key `{shown}`");
        self.warn(codes::UNKNOWN_KEY, line, message, help);
    }

    fn not(&mut self, key: &str, value: &str, expected: &str, line: u32, help: String) {
        let message = format!("`{}` under `{key}` is not {expected}", shown(value));
        self.warn(codes::BAD_VALUE, line, message, help);
    }

    fn warn(&mut self, code: Code, line: u32, message: impl Into<String>, help: impl Into<String>) {
        let diagnostic = Diagnostic::warning(code, message);
        let diagnostic = diagnostic.at(self.site(line)).help(help);
        self.out.diagnostics.push(diagnostic);
    }

    fn site(&self, line: u32) -> Site {
        Site {
            file: self.file.to_owned(),
            line,
            cell: None,
        }
    }

    fn line(&self, item: &Item) -> u32 {
        self.span_line(item.span())
    }

    fn key_line(&self, table: &dyn TableLike, key: &str) -> u32 {
        self.span_line(table.key(key).and_then(Key::span))
    }

    fn span_line(&self, span: Option<std::ops::Range<usize>>) -> u32 {
        span.map_or(0, |span| self.line_at(span.start))
    }

    fn line_at(&self, position: usize) -> u32 {
        let before = self.text.as_bytes().get(..position).unwrap_or_default();
        u32::try_from(memchr::memchr_iter(b'\n', before).count() + 1).unwrap_or(u32::MAX)
    }
}

/// `cpu`, `cu128`, `rocm6.4`, `xpu`, `mps`, `auto`, `index`.
fn accelerator(text: &str) -> Option<String> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_one = match text {
        "cpu" | "xpu" | "mps" | "auto" | "index" => true,
        _ => {
            let cuda = text.strip_prefix("cu").is_some_and(digits);
            let rocm = text.strip_prefix("rocm");
            cuda || rocm.is_some_and(|version| version.split('.').all(digits))
        }
    };
    is_one.then(|| text.to_owned())
}

fn shown(text: &str) -> String {
    let text = visible(text);
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into_owned(),
    }
}
