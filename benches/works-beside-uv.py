#!/usr/bin/env python3
"""Installs pinsmith's and uv's answers to the same requirements and imports every root, on a CPU.

    python benches/works-beside-uv.py CASES WORK NAMES... --pinsmith target/release/pinsmith --uv uv --until 2026-11-20

Each folder of CASES has `req.in` and `python`. Both answers are installed by uv into a fresh environment each; each root is
imported in a process of its own, under the name that its files have. Prints a table; with it the last line of
each failure. Needs a package index, the one that pip uses here, and gigabytes: environments are removed again, uv's cache in WORK stays.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess

# what only requires the distribution that has the module
MODULES = {"apache-airflow": "airflow"}

IMPORT = r"""
import importlib, importlib.metadata as metadata, sys
name = sys.argv[1]
tops = set()
for file in metadata.distribution(name).files or []:
    top = file.parts[0]
    if top.endswith(".py") and len(file.parts) == 1 and top.isidentifier() is False:
        top = top[:-3]
    elif len(file.parts) < 2 or not file.name.endswith(".py"):
        continue
    if top.isidentifier() and top not in ("tests", "test", "docs", "examples", "benchmarks"):
        tops.add(top)
own = name.replace("-", "_").lower()
best = sorted(tops, key=lambda top: (top.lower() != own, top.lower() not in own, top))
importlib.import_module(best[0] if best else sys.argv[2])
"""


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def roots(requirements):
    lines = requirements.read_text().splitlines()
    return [normal(re.match(r"[\w.-]+", line)[0]) for line in lines if re.match(r"\w", line)]


def run(command, **keywords):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **keywords)
    return done.returncode, done.stdout, done.stderr


def answer(tool, case, out, args):
    requirements, python = case / "req.in", (case / "python").read_text().strip()
    if tool == "pinsmith":
        command = [args.pinsmith, "compile", requirements, "--python", python, "--as-of", args.until, "-o", out]
        command += ["--cache-dir", args.work / "cache-pinsmith"]
    else:
        command = [args.uv, "pip", "compile", requirements, "--python-version", python, "-o", out]
        command += ["--exclude-newer", args.until, "--cache-dir", args.work / "cache-uv"]
    code, _, errors = run(command)
    return python, None if code == 0 else last(errors)


def last(text):
    """The line that names what failed, else the last one."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    named = [line for line in lines if re.search(r"Failed to (build|download)|No solution|distutils.errors", line)]
    return (named or lines or ["no message"])[-1 if not named else 0][:160]


def tried(tool, case, args):
    name = f"{case.name}.{tool}"
    pins, environment = args.work / f"{name}.txt", args.work / name
    python, problem = answer(tool, case, pins, args)
    if problem:
        return f"| {case.name} | {tool} | no answer | | {problem} |"
    count = len(re.findall(r"^[\w.-]+==", pins.read_text(), re.MULTILINE))
    cache = ["--cache-dir", args.work / "cache-uv"]
    shutil.rmtree(environment, ignore_errors=True)
    run([args.uv, "venv", "--python", python, environment, *cache])
    interpreter = environment / "bin" / "python"
    install = [args.uv, "pip", "install", "--python", interpreter, "--no-deps", "-r", pins, *cache]
    code, _, errors = run(install, timeout=args.limit)
    if code != 0:
        shutil.rmtree(environment, ignore_errors=True)
        return f"| {case.name} | {tool} | {count} | not installed | {last(errors)} |"
    failures = []
    wanted = roots(case / "req.in")
    for root in wanted:
        try:
            command = [interpreter, "-I", "-c", IMPORT, root, MODULES.get(root, root.replace("-", "_"))]
            code, _, errors = run(command, cwd="/", timeout=900, env=surroundings(args))
        except subprocess.TimeoutExpired:
            code, errors = 1, "no end within 900 s"
        if code != 0:
            failures.append(f"{root}: {last(errors)}")
    shutil.rmtree(environment)
    return f"| {case.name} | {tool} | {count} | {len(wanted) - len(failures)}/{len(wanted)} | {'; '.join(failures)} |"


def surroundings(args):
    home = args.work / "home"
    home.mkdir(exist_ok=True)
    return {"HOME": str(home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "CUDA_VISIBLE_DEVICES": ""}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", type=pathlib.Path)
    parser.add_argument("work", type=pathlib.Path)
    parser.add_argument("names", nargs="+")
    parser.add_argument("--pinsmith", type=pathlib.Path, required=True)
    parser.add_argument("--uv", default="uv")
    parser.add_argument("--until", required=True)
    parser.add_argument("--limit", type=int, default=1800, help="seconds that an installation may take")
    args = parser.parse_args()
    args.work, args.pinsmith = args.work.resolve(), args.pinsmith.resolve()
    args.work.mkdir(parents=True, exist_ok=True)
    print("| case | answer of | packages | roots that import | what fails |\n| --- | --- | --- | --- | --- |")
    for name in args.names:
        for tool in ("pinsmith", "uv"):
            print(tried(tool, args.cases / name, args), flush=True)


if __name__ == "__main__":
    main()
