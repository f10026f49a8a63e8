#!/usr/bin/env python3
"""How many of HG2.9K's snippets does `pinsmith repair` give an environment that they import in?

    git clone https://github.com/dockerizeme/dockerizeme   # or any copy of it
    cargo build --release
    benches/hard-gists.py COPY WORK [--number 120] [--first 0] [--seed 20261126] [--accept] [--jobs 1]

Draws snippets of `hard-gists` with a fixed seed, copies each into a folder of its own under WORK, runs
`pinsmith repair --verify --keep` there, and then executes the import statements of the snippet, and nothing else of it,
in the environment that was left (benches/run-imports.py). Results are kept one a file in WORK/results, so that a run
that was broken off goes on where it was; WORK/cache keeps pages, files and built wheels. With --report the table
is printed and nothing is run. --accept takes distributions that pinsmith only suggests, as a person would with `--accept NAME`.
"""

import argparse
import collections
import json
import os
import random
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent


def git(copy, *arguments):
    return subprocess.run(["git", "-C", copy, *arguments], check=True, capture_output=True).stdout


def draw(copy, number, seed):
    listed = git(copy, "ls-tree", "--name-only", "HEAD:hard-gists").decode().split()
    return random.Random(seed).sample(sorted(listed), number)


def run(command, limit, folder):
    """Runs a command in a process group of its own, which is ended with it."""
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    ) as process:
        try:
            out, err = process.communicate(timeout=limit)
            return process.returncode, out.decode("utf-8", "replace"), err.decode("utf-8", "replace")
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return None, "", f"no end within {limit} s"


def repair(options, tree, accepted):
    command = [options.pinsmith, "repair", str(tree), "--verify", "--keep", "--format", "json", "--stats"]
    command += ["--cache-dir", str(options.work / "cache"), "--timeout", "60", "--rounds", str(options.rounds)]
    if options.uv == "no":
        command += ["--installer", "pip"]
    for name in accepted:
        command += ["--accept", name]
    started = time.monotonic()
    status, out, err = run(command, options.limit, tree)
    result = {"status": status, "seconds": round(time.monotonic() - started, 1), "stderr": err[-4000:]}
    try:
        result["report"] = json.loads(out)
    except ValueError:
        result["report"] = None
    return result


def suggested(report):
    """Distributions that pinsmith names to be looked at and taken with `--accept`."""
    findings = (report or {}).get("findings", [])
    texts = [found.get("help") or "" for found in findings] + [(report or {}).get("next_step") or ""]
    return sorted({name for text in texts for name in re.findall(r"`--accept ([^` ]+)`", text)})


def measure(options, name):
    kept = options.work / "results" / f"{name}.json"
    if kept.exists():
        return json.loads(kept.read_text())
    tree = options.work / "trees" / name
    shutil.rmtree(tree, ignore_errors=True)
    tree.mkdir(parents=True)
    (tree / "snippet.py").write_bytes(git(options.copy, "show", f"HEAD:hard-gists/{name}/snippet.py"))
    result = repair(options, tree, [])
    report = result["report"]
    accepted = suggested(report) if options.accept else []
    tried = set()
    while set(accepted) - tried and report and not report["holds"] and len(tried) < 6:
        clean(report)
        tried.update(accepted)
        result = repair(options, tree, sorted(tried))
        report = result["report"]
        accepted = suggested(report)
    result["accepted"] = sorted(tried)
    result["imports"] = None
    venv = (report or {}).get("kept")
    if venv:
        command = [f"{venv}/bin/python", str(HERE / "run-imports.py"), str(tree / "snippet.py")]
        status, out, err = run(command, 300, "/")
        try:
            result["imports"] = json.loads(out.strip().splitlines()[-1])
        except (ValueError, IndexError):
            result["imports"] = {"failed": [f"ended with status {status}: {err[-300:]}"], "executed": 0}
    elif report and not report["packages"] and report["python"]:
        result["imports"] = {"failed": ["no environment was left"], "executed": 0}
    clean(report)
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps(result, indent=1))
    return result


def clean(report):
    venv = (report or {}).get("kept")
    if venv and "pinsmith-repair-" in venv:
        shutil.rmtree(Path(venv).parent.parent, ignore_errors=True)


def of_another_system(result):
    """Whether the snippet needs a distribution that exists for another system only, or that comes with this one."""
    findings = (result["report"] or {}).get("findings", [])
    return any(found["code"] == "REPAIR007" and re.search("only|comes with", found["message"]) for found in findings)


def of_programs(options, name):
    """Modules that the program brings along in which a snippet runs, such as Cinema 4D."""
    command = [options.pinsmith, "scan", str(options.work / "trees" / name), "--format", "json"]
    status, out, err = run(command, 60, "/")
    imports = json.loads(out)["imports"] if status == 0 else []
    return {one["module"] for one in imports if one["kind"] == "host"}


def missing_everywhere(options, name, result):
    """Modules of the snippet that no index has: nobody knows them, and no project has their name."""
    findings = (result["report"] or {}).get("findings", [])
    modules = set()
    for found in findings:
        if found["code"] in ("REQ022", "REQ031"):
            modules.update(re.findall(r"provide `([\w.]+)`", found["message"]))
        if found["code"] == "REQ023":
            modules.update(re.findall(r"^`([\w.]+)` comes from a repository", found["message"]))
    failed = " ".join((result["imports"] or {}).get("failed", []))
    if "No module named" in failed:
        hosted = of_programs(options, name)
        modules |= hosted
        text = (options.work / "trees" / name / "snippet.py").read_text("utf-8", "replace")
        parts = {part for top in hosted for part in re.findall(rf"(?:from|import)\s+({top}\.\w+)", text)}
        others = {part for part in parts if exists(options, part.split(".")[0]) and not holds(options, part)}
        if others:
            return sorted(others)
    own = ["a file beside it"] if "relative import" in failed else []
    return own + sorted(module for module in modules if not exists(options, module.split(".")[0]))


def exists(options, name):
    """Whether the index of pip has a project of this name; the answer is kept."""
    kept = options.work / "projects.json"
    known = json.loads(kept.read_text()) if kept.exists() else {}
    name = re.sub(r"[-_.]+", "-", name).lower()
    if name not in known:
        command = [sys.executable, "-m", "pip", "index", "versions", "--pre", name]
        known[name] = subprocess.run(command, capture_output=True).returncode == 0
        kept.write_text(json.dumps(known, indent=1, sort_keys=True))
    return known[name]


def holds(options, module):
    """Whether the project that is called like a program's module has the part that is imported: the project `maya` is about
    dates, and has no `maya.cmds`. Where its newest release is
    compiled or cannot be read, it counts as having it; the answer is kept."""
    kept = options.work / "parts.json"
    known = json.loads(kept.read_text()) if kept.exists() else {}
    top, part = module.split(".")
    if module not in known:
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", "-d", folder, top]
            try:
                subprocess.run(command, capture_output=True, timeout=60)
            except subprocess.TimeoutExpired:
                pass
            wheels = [zipfile.ZipFile(wheel).namelist() for wheel in Path(folder).glob("*.whl")]
        files = wheels[0] if wheels else []
        # what is compiled may have parts that no file is named after
        unsure = not files or any(file.endswith((".so", ".pyd")) for file in files)
        known[module] = unsure or any(re.match(rf"{top}/{part}[./]", file) for file in files)
        kept.write_text(json.dumps(known, indent=1, sort_keys=True))
    return known[module]


def cause(result):
    report, imports = result["report"], result["imports"]
    if result["status"] is None:
        return "no end in time"
    if report is None:
        last = (result["stderr"].strip().splitlines() or ["nothing was said"])[0]
        return "refused: " + re.sub(r"`[^`]*`", "X", last)[:80]
    unknown = any(found["code"] in ("REQ022", "REQ031", "REQ023") for found in report["findings"])
    if report["unsolved"]:
        return "no set of releases fits"
    failed = " ".join((imports or {}).get("failed", []))
    rounds = report["rounds"]
    if rounds and not rounds[-1]["modules"] and rounds[-1]["failures"]:
        return "a build fails"
    if unknown and re.search("No module named", failed):
        return "a module that nobody knows"
    for word, text in [
        ("cannot open shared object", "a library of the system"),
        ("No module named", "a module is missing"),
        ("cannot import name", "a name is missing"),
        ("has no attribute", "an attribute is missing"),
        ("SyntaxError", "another Python"),
        ("ImproperlyConfigured", "it wants settings"),
        ("SettingsNotConfigured", "it wants settings"),
        ("DISPLAY", "it wants a screen"),
        ("display", "it wants a screen"),
    ]:
        if word in failed:
            return text
    return "another error" if failed else "unclear"


IMPORT_ERRORS = ("ImportError", "ModuleNotFoundError", "SyntaxError")


def table(options, names, results):
    known = [(name, result) for name, result in zip(names, results) if result]
    absent = {name: missing_everywhere(options, name, result) for name, result in known}
    counted = [(name, result) for name, result in known if not absent[name]]
    def good(result):
        imports = result["imports"]
        return imports is not None and not imports["failed"]
    def strict(result):
        return good(result) and not result["imports"].get("configured")
    def published(result):
        imports = result["imports"]
        return imports is not None and not any(error in text for text in imports["failed"] for error in IMPORT_ERRORS)
    def share(fits, whole):
        part = sum(1 for _, result in whole if fits(result))
        return f"{part} of {len(whole)} ({100 * part / max(1, len(whole)):.1f} %)"
    here = [(name, result) for name, result in counted if not of_another_system(result)]
    unaided = lambda result: good(result) and not result.get("accepted")
    print(f"snippets measured                          {len(known)} of {len(names)}")
    print(f"with a module that no index has            {len(known) - len(counted)}")
    print(f"every import executes, of the others       {share(good, counted)}")
    print(f"  without settings for Django              {share(strict, counted)}")
    print(f"  without anything accepted by name        {share(unaided, counted)}")
    print(f"  no ImportError or SyntaxError            {share(published, counted)}")
    print(f"the same but for other systems' modules    {share(good, here)}")
    print(f"every import executes, of all              {share(good, known)}")
    print(f"  no ImportError or SyntaxError            {share(published, known)}")
    seconds = [result["seconds"] for _, result in known]
    rounds = [len(result["report"]["rounds"]) for _, result in known if result["report"]]
    if seconds:
        print(f"seconds with installation, median          {statistics.median(seconds):.1f}")
    if rounds:
        print(f"rounds, mean                               {statistics.mean(rounds):.2f}")
    pythons = collections.Counter(r["report"]["python"] for _, r in known if r["report"])
    print("Pythons                                    " + ", ".join(f"{key}: {n}" for key, n in sorted(pythons.items(), key=str)))
    causes = collections.Counter(cause(result) for _, result in counted if not good(result))
    print("\nwhy the others do not")
    for text, number in causes.most_common():
        print(f"  {number:3}  {text}")
    if options.verbose:
        for name, result in known:
            mark = "ok" if good(result) else f"no  {cause(result)}"
            if absent[name]:
                mark += f"  (absent: {', '.join(absent[name])})"
            failed = "; ".join((result["imports"] or {}).get("failed", []))[:160]
            print(f"{name:34} {mark}  {failed}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("copy", help="a copy of dockerizeme/dockerizeme, bare or not")
    parser.add_argument("work", type=Path, help="where results, cache and trees are kept")
    parser.add_argument("--number", type=int, default=120)
    parser.add_argument("--seed", type=int, default=20261126)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--limit", type=int, default=900, help="seconds that one repair may take")
    parser.add_argument("--first", type=int, default=0, help="leave so many of the drawn ones out")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--accept", action="store_true", help="take what is only suggested")
    parser.add_argument("--uv", choices=["auto", "no"], default="auto")
    parser.add_argument("--pinsmith", default=str(HERE.parent / "target/release/pinsmith"))
    parser.add_argument("--report", action="store_true", help="only print what is known")
    parser.add_argument("--again", help="measure those again whose cause holds this word")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    options.work, options.pinsmith = options.work.absolute(), os.path.abspath(options.pinsmith)
    names = draw(options.copy, options.number, options.seed)[options.first :]
    results = options.work / "results"
    if options.again:
        for name in names:
            kept = results / f"{name}.json"
            if kept.exists() and options.again in cause(json.loads(kept.read_text())):
                kept.unlink()
    if options.report:
        files = [results / f"{name}.json" for name in names]
        return table(options, names, [json.loads(file.read_text()) if file.exists() else None for file in files])
    def one(name):
        result = measure(options, name)
        report = result["report"] or {}
        print(f"{name:34} {result['seconds']:7.1f} s  {report.get('python')}  {report.get('holds')}", flush=True)
        return result
    with ThreadPoolExecutor(options.jobs) as pool:
        table(options, names, list(pool.map(one, names)))


if __name__ == "__main__":
    main()
