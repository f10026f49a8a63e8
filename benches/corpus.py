#!/usr/bin/env python3
"""Scores `pinsmith scan` on checkouts of real repositories against a truth file.

usage: corpus.py CHECKOUTS TRUTH.json [--pinsmith BINARY] [--set development|held-back|all] [-v] [--time]

CHECKOUTS holds one folder a repository, called OWNER__NAME. TRUTH.json maps OWNER/NAME to
  imports_third_party   modules that a distribution provides,
  imports_excluded      modules that do not count, with the reason,
  import_to_dist        the distributions (or `git+URL`) that are right for a module,
  imports_core_hard     the modules without which the main code does not start,
  declared, declared_optional, invisible_runtime_candidates   distributions that are no mistake.

recall     share of imported modules for which a right distribution is predicted
core       the same over the core modules
precision  share of predicted distributions that are right for some module, declared, or invisible
source     predicted distributions that come from the wrong place: an index name where only a
           repository is right

Predicted are the distributions of imports in the contexts runtime, optional, notebook-only and
test; names that only a declaration mentions do not count. What has only a repository as its source
counts as predicted when its address is shown, because nothing is locked without a pinned commit.

Held back are the repositories on every third place by name, starting with the third, and the last
but one. They are looked at only after the work on the others is done.
"""

import argparse
import json
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

CONTEXTS = {"runtime", "optional", "notebook-only", "test"}


def normalized(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def repository(url):
    """`owner/name` of a repository address, whatever surrounds it."""
    found = re.search(r"://[^/]+/([^/#@]+/[^/#@]+)", url)
    return found and found[1].lower().removesuffix(".git")


def held_back(names):
    ordered = sorted(names, key=str.lower)
    return set(ordered[2::3] + ordered[-2:-1])


def scan(binary, folder):
    started = time.monotonic()
    done = subprocess.run(
        [binary, "scan", str(folder), "--format", "json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=600,
    )
    elapsed = time.monotonic() - started
    if done.returncode != 0:
        sys.exit(f"{folder}: exit {done.returncode}: {done.stderr.decode()[-400:]}")
    return json.loads(done.stdout), elapsed


def predictions(result):
    """Distribution or `git+URL` -> modules, and the address behind a name that has one."""
    found, urls = {}, {}
    for requirement in result["requirements"]:
        if requirement.get("url"):
            urls[normalized(requirement["name"])] = requirement["url"]
    for item in result["imports"]:
        if item["context"] not in CONTEXTS or item["kind"] in ("stdlib", "local", "host"):
            continue
        if item["distribution"]:
            found.setdefault(normalized(item["distribution"]), set()).add(item["module"])
            continue
        address = [a for a in item["alternatives"] if a.startswith("git+")]
        if address:
            found.setdefault(address[0], set()).add(item["module"])
    return found, urls


def score(truth, result):
    predicted, urls = predictions(result)
    right = {module: names for module, names in (truth.get("import_to_dist") or {}).items()}
    excluded = set(truth.get("imports_excluded") or {})

    def answers(names):
        """Every form in which one of the right distributions may be predicted."""
        forms = {normalized(name) for name in names if "://" not in name}
        repositories = {repository(name) for name in names if "://" in name}
        forms |= {p for p in predicted if "://" in p and repository(p) in repositories}
        forms |= {name for name, url in urls.items() if repository(url) in repositories}
        return forms

    def has(module):
        return bool(answers(right.get(module, [module])) & set(predicted))

    imports = [m for m in truth["imports_third_party"] if m not in excluded]
    core = [m for m in truth["imports_core_hard"] if m not in excluded]
    allowed = set().union(*(answers(names) for names in right.values())) if right else set()
    for key in ("declared", "declared_optional", "invisible_runtime_candidates"):
        for name in truth.get(key) or []:
            allowed.add(normalized(name if isinstance(name, str) else name[0]))
    wrong_source = []
    for module, names in right.items():
        if names and "://" in names[0]:
            wanted = {repository(name) for name in names if "://" in name}
            listed = {normalized(name) for name in names if "://" not in name}
            for name, modules in predicted.items():
                hit = any(m == module or m.startswith(module + ".") for m in modules)
                address = urls.get(name, name)
                ok = repository(address) in wanted if "://" in address else name in listed
                if hit and not ok:
                    wrong_source.append(f"{module}={name}")
    return {
        "imports": len(imports), "found": sum(map(has, imports)),
        "core": len(core), "core_found": sum(map(has, core)),
        "predicted": len(predicted), "right": len(set(predicted) & allowed),
        "missed": [m for m in imports if not has(m)],
        "extra": [f"{p} ({','.join(sorted(predicted[p]))})"
                  for p in sorted(set(predicted) - allowed)],
        "source": wrong_source,
    }


def share(part, whole):
    return f"{100 * part / whole:5.1f} %" if whole else "    -  "


def total(title, rows):
    def of(key):
        return sum(row[key] for row in rows)
    print(f"{title}: {len(rows)} repositories, {of('imports')} imports"
          f"  recall {share(of('found'), of('imports'))} ({of('found')}/{of('imports')})"
          f"  core {share(of('core_found'), of('core'))}"
          f"  precision {share(of('right'), of('predicted'))} ({of('right')}/{of('predicted')})"
          f"  wrong source {sum(len(row['source']) for row in rows)}")


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("checkouts", type=Path)
    parser.add_argument("truth", type=Path)
    parser.add_argument("--pinsmith", default="pinsmith")
    parser.add_argument("--set", choices=["development", "held-back", "all"], default="development")
    parser.add_argument("--time", action="store_true", help="print the wall time of each")
    parser.add_argument("-v", action="store_true", help="print what is missed and what is extra")
    options = parser.parse_args()
    truth = json.loads(options.truth.read_text())
    apart = held_back(truth)
    sets = {"development": sorted(set(truth) - apart), "held-back": sorted(apart)}
    chosen = sets if options.set == "all" else {options.set: sets[options.set]}
    for title, names in chosen.items():
        rows, times = [], []
        for name in names:
            result, elapsed = scan(options.pinsmith, options.checkouts / name.replace("/", "__"))
            row = score(truth[name], result)
            rows.append(row)
            times.append(elapsed)
            clock = f"  {elapsed:6.2f} s" if options.time else ""
            print(f"{name:48} recall {row['found']:3}/{row['imports']:<3}"
                  f" precision {row['right']:3}/{row['predicted']:<3}{clock}")
            if options.v:
                for key in ("missed", "extra", "source"):
                    for item in row[key]:
                        print(f"    {key} {item}")
        total(title, rows)
        if options.time and times:
            print(f"{title}: {sum(times):.2f} s in all, median {statistics.median(times):.2f} s")


if __name__ == "__main__":
    main()
