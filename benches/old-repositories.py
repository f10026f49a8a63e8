#!/usr/bin/env python3
"""Old AI repositories before and after `pinsmith repair`: do they install, and do their imports work?

    cargo build --release
    benches/old-repositories.py CLONES WORK [NAME ...]

CLONES holds a clone of each repository with its history, in a folder named owner+name. Before: what its own instructions
say, with the newest Python that this machine has, today. After: `pinsmith repair --verify`. In both the third-party
modules that its code imports at run time are imported one by one. Results are kept in WORK/results and
not measured twice. Time and requests are those of `pinsmith repair --stats` without installing anything, with an empty
cache and with a full one.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent

# what each repository tells people to install; None where it tells nothing that pip could do
REPOSITORIES = {
    "karpathy+neuraltalk": ["-r", "requirements.txt"],
    "williamleif+GraphSAGE": ["-r", "requirements.txt"],
    "keithito+tacotron": ["-r", "requirements.txt"],
    "tkipf+gcn": ["-r", "requirements.txt"],
    "carpedm20+DCGAN-tensorflow": ["tensorflow", "scipy", "pillow", "tqdm"],
    "denisyarats+pytorch_sac_ae": None,
    "bmild+nerf": None,
    "facebookresearch+mae": ["timm==0.3.2", "torch", "torchvision"],
    "facebookresearch+detr": ["-r", "requirements.txt"],
    "harvardnlp+annotated-transformer": ["-r", "requirements.txt"],
    "karpathy+minGPT": ["."],
    "facebookresearch+DiT": None,
}

PROBE = """
import importlib, json, sys
failed = {}
for name in json.loads(sys.argv[1]):
    try:
        importlib.import_module(name)
    except BaseException as error:
        failed[name] = "%s: %s" % (type(error).__name__, str(error)[:200])
sys.stderr.flush()
print("\\n" + json.dumps(failed))
"""


def run(command, folder, limit=1800, **more):
    try:
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=limit, **more)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, -1, "", f"no end within {limit} s")


def modules(options, tree):
    out = run([options.pinsmith, "scan", str(tree), "--format", "json"], "/").stdout
    imports = json.loads(out)["imports"]
    wanted = [one for one in imports if one["kind"] in ("third-party", "unresolved") and one["context"] == "runtime"]
    return sorted({one["module"] for one in wanted})


def imported(python, names):
    done = run([str(python), "-c", PROBE, json.dumps(names)], "/", 600)
    try:
        failed = json.loads(done.stdout.strip().splitlines()[-1])
    except (ValueError, IndexError):
        return 0, {"": f"ended with status {done.returncode}"}
    return len(names) - len(failed), failed


def before(options, tree, names, told):
    if told is None:
        return {"installs": None, "imported": None}
    venv = options.work / "before"
    shutil.rmtree(venv, ignore_errors=True)
    made = run([options.uv, "venv", "-q", "--python", options.python, str(venv)], "/")
    if made.returncode != 0:
        sys.exit(f"no environment of Python {options.python} can be made: {made.stderr.strip()}")
    done = run([options.uv, "pip", "install", "-q", "--python", str(venv / "bin/python"), *told], tree)
    result = {"installs": done.returncode == 0, "said": done.stderr[-600:]}
    result["imported"], result["failed"] = imported(venv / "bin/python", names) if result["installs"] else (0, {})
    shutil.rmtree(venv, ignore_errors=True)
    return result


def cost(options, tree):
    cache = options.work / "cost"
    shutil.rmtree(cache, ignore_errors=True)
    found = {}
    for name in ("cold", "warm"):
        command = [options.pinsmith, "repair", str(tree), "--format", "json", "--stats", "--cache-dir", str(cache)]
        started = time.monotonic()
        done = run(command, "/")
        found[name] = {"seconds": round(time.monotonic() - started, 2)}
        try:
            found[name]["requests"] = json.loads(done.stdout)["stats"]["requests"]
        except (ValueError, KeyError, TypeError):
            found[name]["requests"] = None
    shutil.rmtree(cache, ignore_errors=True)
    return found


def after(options, tree):
    command = [options.pinsmith, "repair", str(tree), "--verify", "--format", "json", "--cache-dir", str(options.work / "cache")]
    done = run(command, "/")
    try:
        report = json.loads(done.stdout)
    except ValueError:
        return {"installs": False, "said": done.stderr[-600:]}
    last = max(report["rounds"], key=lambda one: one["imported"], default=None)
    return {
        "installs": bool(last and last["modules"]),
        "holds": report["holds"],
        "python": report["python"],
        "rounds": len(report["rounds"]),
        "imported": last and last["imported"],
        "modules": last and last["modules"],
        "failures": last and last["failures"],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clones", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--pinsmith", default=str(HERE.parent / "target/release/pinsmith"))
    parser.add_argument("--uv", default=shutil.which("uv") or "uv")
    parser.add_argument("--python", default="3.13")
    options = parser.parse_args()
    options.clones, options.work = options.clones.absolute(), options.work.absolute()
    (options.work / "results").mkdir(parents=True, exist_ok=True)
    rows = []
    for name in options.names or REPOSITORIES:
        kept = options.work / "results" / f"{name}.json"
        if not kept.exists():
            tree = options.clones / name
            names = modules(options, tree)
            result = {"modules": len(names), "before": before(options, tree, names, REPOSITORIES[name])}
            result["after"] = after(options, tree)
            result["cost"] = cost(options, tree)
            kept.write_text(json.dumps(result, indent=1))
        rows.append((name, json.loads(kept.read_text())))
    print(f"{'repository':34} {'before':>18}  {'after':>22} {'rounds':>6} {'cold s':>7} {'warm s':>7} {'requests':>8}")
    for name, result in rows:
        old, new, paid = result["before"], result["after"], result["cost"]
        if old["installs"] is None:
            told = "no pip command"
        elif not old["installs"]:
            told = "does not install"
        else:
            told = f"{old['imported']} of {result['modules']} import"
        works = f"{new.get('imported')} of {new.get('modules')}, Python {new.get('python')}" if new["installs"] else "does not install"
        print(f"{name:34} {told:>18}  {works:>22} {new.get('rounds', ''):>6} {paid['cold']['seconds']:7} {paid['warm']['seconds']:7} {str(paid['cold']['requests']):>8}")
    cold = [result["cost"]["cold"]["seconds"] for _, result in rows]
    warm = [result["cost"]["warm"]["seconds"] for _, result in rows]
    print(f"median seconds without installation: {statistics.median(cold):.1f} cold, {statistics.median(warm):.1f} warm")


if __name__ == "__main__":
    main()
