//! Runs the cases of `fixtures/scan/implied.tsv`: for each rule, code that meets it and code that
//! does not.

use std::collections::BTreeSet;

use super::super::{ScanOptions, Tree, scan};
use super::{ImpliedNeed, Kind, RULES, Rule};

/// Everything that a small tree needs, by the file that holds the text.
fn needs(rule: &Rule, text: &str) -> Vec<ImpliedNeed> {
    let folder = tempfile::tempdir().unwrap();
    let text = text.replace("\\n", "\n");
    let in_notebook = rule.key[2].contains("@notebook");
    let (name, text) = match rule.kind {
        Kind::Program => ("run.sh", text),
        Kind::Magic => ("a.ipynb", notebook(&text)),
        _ if in_notebook => ("a.ipynb", notebook(&text)),
        _ => ("a.py", text),
    };
    std::fs::write(folder.path().join(name), text).unwrap();
    scan(&Tree::new(folder.path()).unwrap(), &ScanOptions::default()).implied
}

fn notebook(source: &str) -> String {
    let cell = serde_json::json!({"cell_type": "code", "source": source});
    serde_json::json!({"nbformat": 4, "cells": [cell]}).to_string()
}

fn fires(rule: &Rule, text: &str) -> bool {
    let is_it = |need: &ImpliedNeed| {
        need.needs == rule.needs && need.instead == rule.instead && !need.used.is_empty()
    };
    needs(rule, text).iter().any(is_it)
}

#[test]
fn every_rule_has_its_case() {
    let cases = include_str!("../../../fixtures/scan/implied.tsv");
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for line in cases.lines() {
        let columns: Vec<&str> = line.split('\t').collect();
        let [kind, pattern, argument, yes, no] = columns[..] else {
            panic!("not five columns: {line}");
        };
        let key = [kind, pattern, argument];
        let rule = RULES.iter().find(|rule| rule.key == key);
        let Some(rule) = rule else {
            wrong.push(format!("no rule for {key:?}"));
            continue;
        };
        seen.insert(key);
        if !fires(rule, yes) {
            wrong.push(format!("{key:?} does not fire for {yes}"));
        }
        if fires(rule, no) {
            wrong.push(format!("{key:?} fires for {no}"));
        }
    }
    let unseen = RULES.iter().filter(|rule| !seen.contains(&rule.key));
    wrong.extend(unseen.map(|rule| format!("no case for {:?}", rule.key)));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn rules_are_sorted_and_whole() {
    let lines = include_str!("../../data/implied-needs.tsv").lines();
    assert_eq!(RULES.len(), lines.count());
    assert!(RULES.is_sorted_by(|a, b| a.key < b.key));
}
