#!/usr/bin/env python3
"""pinsmith beside uv on one index: wall time, memory, requests and bytes, as a Markdown table.

usage: index.py PINSMITH CASE_DIR... [--index URL] [--log FILE] [--warm-up] [--uv uv] [--runs 5] [--resolution newest]

A CASE_DIR holds req.in and python (a version such as 3.11). Without --index both tools ask the index that pip on this
machine uses. --log names the request log of a recording or replaying index, one line a request (METHOD PATH STATUS
BYTES, no redirects): with it the requests and bytes of both tools are counted on the server's side, and a bare client fetches
what pinsmith fetched, which is the floor of that server. --warm-up lets both tools run once first, so that a recording index has
everything that either asks for.

Cells are medians over runs in which the tools take turns; ratios are medians of the paired ratios pinsmith/uv.
cold: empty cache. second: the same again. offline: the same with --offline. changed: offline, without the last
requirement, so that the answer is another one and has to be worked out.
Where a tool has no answer its exit code stands in place of its time, and there is no ratio.
"""
import argparse, glob, os, platform, shutil, statistics, subprocess, sys, tempfile, time
from urllib.parse import urlparse

parser = argparse.ArgumentParser(usage=__doc__)
parser.add_argument("binary")
parser.add_argument("cases", nargs="+")
parser.add_argument("--index")
parser.add_argument("--log")
parser.add_argument("--warm-up", action="store_true")
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


def commands(case, cache, phase):
    python = open(f"{case}/python").read().strip()
    requirements = f"{case}/req.in"
    if phase == "changed":
        lines = [line for line in open(requirements).read().splitlines() if line.strip()]
        requirements = f"{cache}/fewer.in"
        with open(requirements, "w") as fewer:
            fewer.write("\n".join(lines[:-1]) + "\n")
    index = ["--index-url", arg.index] if arg.index else []
    ours = [arg.binary, "compile", requirements, "--python", python, "--platform", "linux-x86_64", "--no-progress",
            "--resolution", arg.resolution, "--cache-dir", f"{cache}/ours", *index]
    theirs = [arg.uv, "pip", "compile", requirements, "--python-version", python, "-q", "--no-header", "--no-annotate",
              "--python-platform", "x86_64-manylinux_2_35", "--cache-dir", f"{cache}/theirs", *index]
    # a search through many interpreters would cost uv seconds
    path = interpreter(python)
    theirs += ["-p", path] if path else []
    offline = ["--offline"] if phase in ("offline", "changed") else []
    return ours + offline, theirs + offline


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
    phases = {"cold": [], "second": [], "offline": [], "changed": []}
    seen, floors = {}, []
    for run in range(arg.runs + arg.warm_up):
        with tempfile.TemporaryDirectory() as cache:
            for phase, times in phases.items():
                pair = []
                for tool, command in zip(("ours", "theirs"), commands(case, cache, phase)):
                    since = log_size()
                    pair.append(measured(command))
                    seen[phase, tool] = traffic(since)
                if arg.warm_up and run == 0:
                    continue
                times.append(pair)
                if phase == "cold":
                    floors.append(floor(seen["cold", "ours"][0]))
    for phase, pairs in phases.items():
        print(row(os.path.basename(case.rstrip("/")), phase, pairs, seen), flush=True)
    if floors and floors[0]:
        name = os.path.basename(case.rstrip("/"))
        print(f"| {name} | bare client, as cold | {statistics.median(floors):.2f} | | | | | |", flush=True)


def row(name, phase, pairs, seen):
    """One line of the table."""
    median = lambda values: statistics.median(values)
    ours, theirs = zip(*pairs)

    def seconds(runs):
        codes = {code for _, _, code in runs} - {0}
        return f"exit {max(codes)}" if codes else f"{median([time for time, _, _ in runs]):.2f}"

    answered = not any(code for _, _, code in ours + theirs)
    ratio = f"**{median([a[0] / b[0] for a, b in pairs]):.2f}**" if answered else "-"
    memory = f"{median([m for _, m, _ in ours]):.0f} / {median([m for _, m, _ in theirs]):.0f}"
    cells = [name, phase, seconds(ours), seconds(theirs), ratio, memory]
    if arg.log:
        (our_paths, our_bytes), (their_paths, their_bytes) = seen[phase, "ours"], seen[phase, "theirs"]
        cells += [f"{len(our_paths)} / {len(their_paths)}", f"{our_bytes / 1e6:.1f} / {their_bytes / 1e6:.1f}"]
    else:
        cells += ["-", "-"]
    return "| " + " | ".join(cells) + " |"


version = lambda command: subprocess.run(command, capture_output=True, text=True).stdout.split("\n")[0].strip()
load = os.getloadavg()[0]
print(f"{version([arg.binary, '--version'])}, {version([arg.uv, '--version'])}, {platform.machine()}, {os.cpu_count()} cores, "
      f"load {load:.1f}, {time.strftime('%Y-%m-%d', time.gmtime())}, {arg.runs} paired runs, --resolution {arg.resolution}, "
      f"{'replayed' if arg.log else 'given' if arg.index else 'live'} index\n")
print("| case | run | pinsmith s | uv s | ratio | peak MB | requests | MB |\n| --- | --- | --- | --- | --- | --- | --- | --- |")
for case in arg.cases:
    measure(case)
