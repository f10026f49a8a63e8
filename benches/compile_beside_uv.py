#!/usr/bin/env python3
"""Feeds pinsmith's pins into `uv pip compile` and compares the sets.

    python benches/compile_beside_uv.py --pinsmith target/debug/pinsmith --uv uv

A set that pinsmith calls an answer must be one for uv as well: given every pin as an exact
requirement, uv has to return the same set, neither more nor fewer. Needs a package index, the one
that pip uses here; prints SKIPPED where none answers. With `--roots FILE` (may be given again) other
requirements files than the three small ones below.
"""

import argparse
import pathlib
import re
import subprocess
import sys
import tempfile

CASES = {
    "science": "scikit-learn\npandas\nmatplotlib\n",
    "service": "fastapi[standard]\nhttpx\nsqlalchemy>=2\n",
    "language": "transformers\ndatasets\nsentencepiece\n",
}


def pins(text):
    found = re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", text, re.MULTILINE)
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in found}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pinsmith", default="target/debug/pinsmith")
    parser.add_argument("--uv", default="uv")
    parser.add_argument("--python", default="3.11")
    parser.add_argument("--index-url", help="for uv, where it does not know the index of pip")
    parser.add_argument("--roots", action="append", type=pathlib.Path, default=[])
    args = parser.parse_args()
    cases = {path.stem: path.read_text() for path in args.roots} or CASES
    wrong = 0
    for name, roots in cases.items():
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "in.txt").write_text(roots)
            target = ["--python-version", args.python, "--python-platform", "x86_64-manylinux_2_35"]
            ours = subprocess.run(
                [pathlib.Path(args.pinsmith).resolve(), "compile", "in.txt", "--no-header", *target],
                cwd=folder, capture_output=True, text=True,
            )
            if ours.returncode:
                if re.search(r"IDX00\d|cannot be reached|no package index", ours.stderr):
                    print("SKIPPED: no package index answered")
                    return 0
                print(f"{name}: pinsmith has no answer\n{ours.stderr}")
                wrong += 1
                continue
            (folder / "pins.txt").write_text(ours.stdout)
            index = ["--index-url", args.index_url] if args.index_url else []
            theirs = subprocess.run(
                [args.uv, "pip", "compile", "in.txt", "pins.txt", "--no-header", "--quiet", *target, *index],
                cwd=folder, capture_output=True, text=True,
            )
            if theirs.returncode:
                print(f"{name}: uv refuses the set\n{theirs.stderr}")
                wrong += 1
                continue
            ours, theirs = pins(ours.stdout), pins(theirs.stdout)
            differ = sorted(pin for pin in ours.keys() | theirs.keys() if ours.get(pin) != theirs.get(pin))
            for pin in differ:
                print(f"{name}: {pin} is {ours.get(pin)} here and {theirs.get(pin)} with uv")
            print(f"{name}: {len(ours)} pins, {'the same with uv' if not differ else 'different'}")
            wrong += bool(differ)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
