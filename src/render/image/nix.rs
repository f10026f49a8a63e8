//! `flake.nix`: the files of the lock as fixed-output fetches, installed without a network.

use std::fmt::Write as _;

use pinsmith_resolver::Platform;

use super::system_names::{Names, others};
use super::{Body, Recipe};
use crate::environment::BUILT_FROM_SOURCE;

pub(super) fn render(recipe: &Recipe<'_>) -> Result<Body, String> {
    let target = recipe.target;
    let system = match target.target.platform {
        Platform::LinuxX86_64 => "x86_64-linux",
        Platform::LinuxAarch64 => "aarch64-linux",
        Platform::MacosArm64 => "aarch64-darwin",
        Platform::MacosX86_64 => "x86_64-darwin",
        Platform::WindowsX86_64 | Platform::WindowsArm64 => {
            return Err("nix does not run on Windows".to_owned());
        }
    };
    let (major, minor) = target.target.python.minor_pair();
    let (nixpkgs, revision) = nixpkgs(major, minor)?;
    let names = others(recipe, |names: &Names| names.nix);
    let mut libraries = " stdenv.cc.cc.lib zlib".to_owned();
    for name in names.run.iter().filter(|name| **name != "stdenv.cc.cc.lib") {
        let _ = write!(libraries, " {name}");
    }
    let mut builders = String::new();
    for name in &names.build {
        let _ = write!(builders, " pkgs.{name}");
    }
    let mut variables = String::new();
    for (name, value) in &recipe.spec.variables.set {
        let _ = writeln!(variables, "        {name} = {};", string(value));
    }
    let driver = if recipe.gpu() {
        " + \":/run/opengl-driver/lib\""
    } else {
        ""
    };
    let text = TEMPLATE
        .replace("@nixpkgs@", &nixpkgs)
        .replace("@system@", system)
        .replace("@python@", &format!("python{major}{minor}"))
        .replace("@lock@", &target.lock)
        .replace("@requirements@", &target.requirements)
        .replace("@libraries@", &libraries)
        .replace("@builders@", &builders)
        .replace("@driver@", driver)
        // last, so that a person's values are never searched
        .replace("@variables@", &variables);
    let mut not_expressible = vec![
        revision,
        format!(
            "the exact release of Python {}: nixpkgs has one of each minor version",
            recipe.python()
        ),
    ];
    let gaps = &recipe.spec.gaps;
    if gaps.iter().any(|gap| gap.rule == BUILT_FROM_SOURCE) {
        let what = "what a package without a wheel is built with, for nix builds without a network";
        not_expressible.push(what.to_owned());
    }
    not_expressible.extend(names.unknown);
    not_expressible.extend(recipe.driver());
    not_expressible.extend(recipe.beyond());
    Ok(Body {
        text,
        not_expressible,
    })
}

/// Tags of nixpkgs, which never move, each with the last minor version of Python 3 for which it is asked.
///
/// nixpkgs drops a Python soon after its end of life, so an old one needs an old tag. From general
/// knowledge of its releases, each a release before the one that dropped that Python.
const TAGS: [(u8, &str); 7] = [
    (6, "21.05"),
    (7, "22.11"),
    (8, "23.11"),
    (9, "24.05"),
    (10, "24.11"),
    (13, "25.05"),
    (14, "25.11"),
];

/// The nixpkgs that has this Python, and what is left open about it.
fn nixpkgs(major: u8, minor: u8) -> Result<(String, String), String> {
    if (major, minor) < (3, 6) {
        return Err(format!(
            "no tag of nixpkgs is known here to have a Python {major}.{minor} with `venv`"
        ));
    }
    let tag = TAGS.iter().find(|(last, _)| (3, minor) <= (major, *last));
    Ok(match tag {
        Some((_, tag)) => (
            format!("github:NixOS/nixpkgs?ref=refs/tags/{tag}"),
            format!(
                "the commit of nixpkgs, which nix writes into flake.lock; tag {tag} has Python {major}.{minor}"
            ),
        ),
        None => (
            "github:NixOS/nixpkgs/nixos-unstable".to_owned(),
            format!(
                "the revision of nixpkgs, which nix writes into flake.lock; none is known here to have Python {major}.{minor}"
            ),
        ),
    })
}

const TEMPLATE: &str = r#"{
  inputs.nixpkgs.url = "@nixpkgs@";

  outputs = { self, nixpkgs }:
    let
      pkgs = nixpkgs.legacyPackages.@system@;
      python = pkgs.@python@;
      lock = builtins.fromTOML (builtins.readFile ./@lock@);
      files = builtins.concatMap
        (package: (package.wheels or [ ]) ++ (if package ? sdist then [ package.sdist ] else [ ]))
        lock.packages;
      wheelhouse = pkgs.linkFarm "wheelhouse" (map
        (file: rec {
          name = file.name or (baseNameOf file.url);
          path = pkgs.fetchurl { inherit name; inherit (file) url; inherit (file.hashes) sha256; };
        })
        files);
      environment = pkgs.runCommand "environment" { nativeBuildInputs = [ python@builders@ ]; } ''
        python -m venv $out
        $out/bin/python -m pip install --no-index --find-links ${wheelhouse} \
          --no-deps --require-hashes -r ${./@requirements@}
      '';
    in
    {
      packages.@system@.default = environment;
      devShells.@system@.default = pkgs.mkShell {
        packages = [ environment ];
        LD_LIBRARY_PATH = pkgs.lib.makeLibraryPath (with pkgs; [@libraries@ ])@driver@;
@variables@      };
    };
}
"#;

/// A string in nix: neither quotes nor `${` come through.
fn string(text: &str) -> String {
    let escaped = text.replace('\\', r"\\").replace('"', "\\\"");
    format!("\"{}\"", escaped.replace('$', "\\$"))
}
