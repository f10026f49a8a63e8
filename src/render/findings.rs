//! Findings for machines that show them beside the code: SARIF 2.1.0 and GitHub's annotations.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::diagnostic::{Diagnostic, Severity};
use crate::escape::visible;

/// Findings as a SARIF 2.1.0 log (OASIS), with one run and one rule a code.
///
/// A finding in a notebook has no line, since SARIF counts those of the file; its message names
/// the cell.
pub fn sarif<'d>(findings: impl IntoIterator<Item = &'d Diagnostic>) -> String {
    let mut rules: BTreeMap<&str, Option<&str>> = BTreeMap::new();
    let mut results = Vec::new();
    for finding in findings {
        let help = finding.help.as_deref();
        rules.entry(finding.code.0).or_insert(help);
        results.push(result(finding));
    }
    let rules: Vec<Value> = rules
        .into_iter()
        .map(|(code, help)| match help {
            Some(help) => json!({"id": code, "help": {"text": visible(help)}}),
            None => json!({"id": code}),
        })
        .collect();
    let log = json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "pinsmith", "rules": rules}},
            "results": results,
        }],
    });
    format!("{log:#}\n")
}

fn result(finding: &Diagnostic) -> Value {
    let mut text = visible(&finding.message).into_owned();
    let mut result = json!({"ruleId": finding.code.0, "level": level(finding.severity)});
    if let Some(site) = &finding.site {
        let mut place = json!({"artifactLocation": {"uri": uri(&site.file)}});
        match site.cell {
            Some(_) => {
                let _ = write!(text, " (at {})", visible(&site.to_string()));
            }
            None if site.line > 0 => place["region"] = json!({"startLine": site.line}),
            None => {}
        }
        result["locations"] = json!([{ "physicalLocation": place }]);
    }
    if let Some(help) = &finding.help {
        let _ = write!(text, "; {}", visible(help));
    }
    result["message"] = json!({"text": text});
    result
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    }
}

/// A root-relative path as a relative reference (RFC 3986).
fn uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(char::from(byte));
            }
            byte => {
                let _ = write!(uri, "%{byte:02X}");
            }
        }
    }
    uri
}

/// Findings as GitHub's workflow commands, which annotate a pull request.
///
/// ```
/// use pinsmith::diagnostic::{Code, Diagnostic};
/// use pinsmith::render::github;
/// let finding = Diagnostic::error(Code("CHECK002"), "100 % missing");
/// assert_eq!(github([&finding]), "::error title=CHECK002::100 %25 missing\n");
/// ```
pub fn github<'d>(findings: impl IntoIterator<Item = &'d Diagnostic>) -> String {
    let mut text = String::new();
    for finding in findings {
        let command = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info => "notice",
        };
        let mut properties = Vec::new();
        let mut message = visible(&finding.message).into_owned();
        if let Some(site) = &finding.site {
            properties.push(format!("file={}", property(&site.file)));
            match site.cell {
                Some(_) => {
                    let _ = write!(message, " (at {})", visible(&site.to_string()));
                }
                None if site.line > 0 => properties.push(format!("line={}", site.line)),
                None => {}
            }
        }
        properties.push(format!("title={}", property(finding.code.0)));
        if let Some(help) = &finding.help {
            let _ = write!(message, "; {}", visible(help));
        }
        let message = message.replace('%', "%25");
        let _ = writeln!(text, "::{command} {}::{message}", properties.join(","));
    }
    text
}

/// A value between `,` and `::`.
fn property(text: &str) -> String {
    visible(text)
        .replace('%', "%25")
        .replace(':', "%3A")
        .replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Code;
    use crate::scan::Site;

    fn findings() -> Vec<Diagnostic> {
        let at = |file: &str, line, cell| Site {
            file: file.to_owned(),
            line,
            cell,
        };
        vec![
            Diagnostic::error(Code("CHECK002"), "`six` has no pin")
                .at(at("a,b: c%\n.py", 3, None))
                .help("run `pinsmith lock`"),
            Diagnostic::warning(Code("CHECK003"), "::error::injected\r\n::stop-commands::x")
                .at(at("n.ipynb", 2, Some(4))),
            Diagnostic::info(Code("CHECK010"), "changed").at(at("pylock.toml", 0, None)),
        ]
    }

    #[test]
    fn annotations_stay_on_their_line() {
        insta::assert_snapshot!(github(&findings()), @r"
        ::error file=a%2Cb%3A c%25\u{a}.py,line=3,title=CHECK002::`six` has no pin; run `pinsmith lock`
        ::warning file=n.ipynb,title=CHECK003::::error::injected\u{d}\u{a}::stop-commands::x (at n.ipynb#cell4:2)
        ::notice file=pylock.toml,title=CHECK010::changed
        ");
    }

    /// What the schema of SARIF 2.1.0 requires of the parts that are written, and nothing besides
    /// them, since it forbids additional keys.
    #[test]
    fn sarif_has_the_shape_of_its_schema() {
        let log: Value = serde_json::from_str(&sarif(&findings())).unwrap();
        let keys =
            |value: &Value| -> Vec<String> { value.as_object().unwrap().keys().cloned().collect() };
        assert_eq!(keys(&log), ["$schema", "runs", "version"]);
        assert_eq!(log["version"], "2.1.0");
        let run = &log["runs"][0];
        assert_eq!(keys(run), ["results", "tool"]);
        let driver = &run["tool"]["driver"];
        assert_eq!(keys(driver), ["name", "rules"]);
        let rules: Vec<&str> = driver["rules"]
            .as_array()
            .unwrap()
            .iter()
            .map(|rule| rule["id"].as_str().unwrap())
            .collect();
        assert_eq!(rules, ["CHECK002", "CHECK003", "CHECK010"]);
        for result in run["results"].as_array().unwrap() {
            assert_eq!(keys(result), ["level", "locations", "message", "ruleId"]);
            assert_eq!(keys(&result["message"]), ["text"]);
            assert!(
                ["none", "note", "warning", "error"].contains(&result["level"].as_str().unwrap())
            );
            assert!(rules.contains(&result["ruleId"].as_str().unwrap()));
            let place = &result["locations"][0]["physicalLocation"];
            let uri = place["artifactLocation"]["uri"].as_str().unwrap();
            assert!(url::Url::parse("file:///tree/").unwrap().join(uri).is_ok());
            assert!(!uri.contains([' ', ':', '\n']));
            assert!(
                place
                    .get("region")
                    .is_none_or(|region| region["startLine"].as_u64() >= Some(1))
            );
        }
        assert_eq!(
            run["results"][1]["locations"][0]["physicalLocation"].get("region"),
            None
        );
    }
}
