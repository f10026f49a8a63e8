#!/usr/bin/env python3
"""Times `pinsmith scan` against other readers of imports on the same tree, in paired runs.

usage: scan.py TREE [--pinsmith BINARY] [--ruff BINARY] [--deptry BINARY] [--runs N] [--cpus LIST]

TREE is a folder with Python files, such as an unpacked wheel. Each run starts every program once,
one after the other, so that whatever else the machine does falls on all of them alike; the first
run only warms the caches. pinsmith runs with an empty cache and with one that it filled before. A ratio is the median of the ratios of the single runs, not the ratio of
the medians.

    wall     seconds from start to end of the whole process
    cpu      seconds of user and system time, of all threads
    memory   largest resident set, in MB
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def commands(args, tree):
    kept = tempfile.mkdtemp()
    # a function makes a command of its own for each run
    found = {
        "pinsmith, first run": lambda: [args.pinsmith, "scan", tree, "--cache-dir", tempfile.mkdtemp()],
        "pinsmith, later runs": lambda: [args.pinsmith, "scan", tree, "--cache-dir", kept],
    }
    if args.ruff:
        found["ruff analyze graph"] = lambda: [args.ruff, "analyze", "graph", tree]
    if args.deptry:
        # its own cost of reading a project file is next to nothing
        config = Path(tempfile.mkdtemp()) / "pyproject.toml"
        config.write_text('[project]\nname = "x"\nversion = "1"\ndependencies = []\n')
        found["deptry"] = lambda: [args.deptry, tree, "--config", str(config)]
    return found


def run(command, cpus):
    start = time.perf_counter()
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: os.sched_setaffinity(0, cpus),
    )
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    # deptry ends with 1 when it finds something, and it does
    if process.returncode not in (0, 1):
        sys.exit(f"{command[0]} ended with {process.returncode}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("tree")
    parser.add_argument("--pinsmith", default="target/release/pinsmith")
    parser.add_argument("--ruff")
    parser.add_argument("--deptry")
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--cpus", default="0,1")
    args = parser.parse_args()
    files = [path for path in Path(args.tree).rglob("*.py") if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    cpus = {int(number) for number in args.cpus.split(",")}
    print(f"{len(files)} Python files, {size / 1e6:.1f} MB, {len(cpus)} CPUs, {args.runs} runs\n")

    programs = commands(args, args.tree)
    taken = {name: [] for name in programs}
    for number in range(args.runs + 1):
        for name, command in programs.items():
            measured = run(command(), cpus)
            if number:
                taken[name].append(measured)

    print("| program | wall, s | CPU, s | memory, MB | first run's share of wall, of CPU | later runs' share |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, runs in taken.items():
        wall, cpu, memory = (statistics.median(column) for column in zip(*runs))
        shares = []
        for own in ("pinsmith, first run", "pinsmith, later runs"):
            pairs = list(zip(taken[own], runs))
            of = [statistics.median(own[at] / other[at] for own, other in pairs) for at in (0, 1)]
            shares.append(f"{of[0]:.2f}, {of[1]:.2f}")
        print(f"| {name} | {wall:.3f} | {cpu:.3f} | {memory:.0f} | {shares[0]} | {shares[1]} |")


if __name__ == "__main__":
    main()
