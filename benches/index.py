#!/usr/bin/env python3
"""pinsmith beside uv on one index: wall time, memory, requests and bytes, as a Markdown table.

usage: index.py PINSMITH CASE_DIR... [--index URL] [--log FILE] [--uv uv] [--runs 5] [--resolution newest]

A CASE_DIR holds req.in and python (a version such as 3.11). Without --index both tools ask the index that pip on this
machine uses. --log names the request log of a recording or replaying index, one line a request (METHOD PATH STATUS
BYTES, no redirects): with it the requests and bytes of both tools are counted on the server's side, and a bare client fetches
what pinsmith fetched, which is the floor of that server.

Cells are medians over runs in which the tools take turns; ratios are medians of the paired ratios pinsmith/uv.
cold: empty cache. second: the same again. offline: the same with --offline.
"""
import argparse, glob, os, platform, shutil, statistics, subprocess, sys, tempfile, time
from urllib.parse import urlparse

parser = argparse.ArgumentParser(usage=__doc__)
parser.add_argument("binary")
parser.add_argument("cases", nargs="+")
parser.add_argument("--index")
parser.add_argument("--log")
parser.add_argument("--uv", default="uv")
parser.add_argument("--runs", type=int, default=5)
parser.add_argument("--resolution", default="newest")
arg = parser.parse_args()


def measured(command):
    """Seconds, peak memory in MB and exit code of a command; the time ends when the process does."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return time.perf_counter() - started, usage.ru_maxrss / 1024, process.returncode


def log_size():
    return os.path.getsize(arg.log) if arg.log else 0


def traffic(since):
    """Requests (path only) and bytes that the server's log has beyond an offset."""
    if not arg.log:
        return [], 0
    with open(arg.log) as log:
        log.seek(since)
        rows = [line.split() for line in log if len(line.split()) == 4]
    return [row[1] for row in rows], sum(int(row[3]) for row in rows)


def interpreter(python):
    found = sorted(glob.glob(os.path.expanduser(f"~/.pyenv/versions/{python}.*/bin/python")))
    return found[-1] if found else shutil.which(f"python{python}")


def commands(case, cache):
    python = open(f"{case}/python").read().strip()
    index = ["--index-url", arg.index] if arg.index else []
    ours = [arg.binary, "compile", f"{case}/req.in", "--python", python, "--platform", "linux-x86_64", "--no-progress",
            "--resolution", arg.resolution, "--cache-dir", f"{cache}/ours", *index]
    theirs = [arg.uv, "pip", "compile", f"{case}/req.in", "--python-version", python, "-q", "--no-header", "--no-annotate",
              "--python-platform", "x86_64-manylinux_2_35", "--cache-dir", f"{cache}/theirs", *index]
    # a search through many interpreters would cost uv seconds
    path = interpreter(python)
    return ours, theirs + (["-p", path] if path else [])


def floor(paths):
    """Seconds that curl needs for the same requests, fifty at a time."""
    if not paths or not shutil.which("curl"):
        return None
    origin = "{0.scheme}://{0.netloc}".format(urlparse(arg.index))
    with tempfile.NamedTemporaryFile("w", suffix=".curl") as config:
        config.writelines(f'url = "{origin}{path}"\noutput = "/dev/null"\n' for path in paths)
        config.flush()
        headers = ["-H", "Accept: application/vnd.pypi.simple.v1+json", "-H", "Accept-Encoding: gzip"]
        return measured(["curl", "-s", "--parallel", "--parallel-max", "50", *headers, "-K", config.name])[0]


def measure(case):
    """One row a phase."""
    phases = {"cold": [], "second": [], "offline": []}
    seen, floors = {}, []
    for _ in range(arg.runs):
        with tempfile.TemporaryDirectory() as cache:
            for phase, times in phases.items():
                pair = []
                for tool, command in zip(("ours", "theirs"), commands(case, cache)):
                    since = log_size()
                    pair.append(measured(command + (["--offline"] if phase == "offline" else [])))
                    seen[phase, tool] = traffic(since)
                times.append(pair)
                if phase == "cold":
                    floors.append(floor(seen["cold", "ours"][0]))
    name = os.path.basename(case.rstrip("/"))
    median = lambda values: statistics.median(values)
    for phase, pairs in phases.items():
        ours, theirs = zip(*pairs)
        if any(code for _, _, code in ours + theirs):
            print(f"| {name} | {phase} | exit codes {sorted({c for _, _, c in ours})} and {sorted({c for _, _, c in theirs})} | | | | | |")
            continue
        ratio = median([a[0] / b[0] for a, b in pairs])
        cells = [name, phase, f"{median([t for t, _, _ in ours]):.2f}", f"{median([t for t, _, _ in theirs]):.2f}", f"**{ratio:.2f}**",
                 f"{median([m for _, m, _ in ours]):.0f} / {median([m for _, m, _ in theirs]):.0f}"]
        if arg.log:
            (our_paths, our_bytes), (their_paths, their_bytes) = seen[phase, "ours"], seen[phase, "theirs"]
            cells += [f"{len(our_paths)} / {len(their_paths)}", f"{our_bytes / 1e6:.1f} / {their_bytes / 1e6:.1f}"]
        else:
            cells += ["-", "-"]
        print("| " + " | ".join(cells) + " |", flush=True)
    if floors and floors[0]:
        print(f"| {name} | bare client, as cold | {median(floors):.2f} | | | | | |", flush=True)


version = lambda command: subprocess.run(command, capture_output=True, text=True).stdout.split("\n")[0].strip()
load = os.getloadavg()[0]
print(f"{version([arg.binary, '--version'])}, {version([arg.uv, '--version'])}, {platform.machine()}, {os.cpu_count()} cores, "
      f"load {load:.1f}, {time.strftime('%Y-%m-%d', time.gmtime())}, {arg.runs} paired runs, --resolution {arg.resolution}, "
      f"{'replayed' if arg.log else 'given' if arg.index else 'live'} index\n")
print("| case | run | pinsmith s | uv s | ratio | peak MB | requests | MB |\n| --- | --- | --- | --- | --- | --- | --- | --- |")
for case in arg.cases:
    measure(case)
