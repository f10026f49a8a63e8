#!/usr/bin/env python3
"""Records, as facts, which wheel tags PyPA's `packaging` gives for a dozen targets.

    python benches/tags.py > fixtures/targets/tags.toml

Needs `packaging` from the package index; tests read the recorded file and need nothing. `packaging`
lists all tags with a platform first and those for `any` platform after them, each time by Python and
ABI, and within one by platform; the script checks that, and records the three lists.
"""

import itertools

import packaging
from packaging import tags

TARGETS = [
    ("2.7", "linux-x86_64", (2, 17)),
    ("3.6", "linux-x86_64", (2, 17)),
    ("3.7", "macos-x86_64", (10, 15)),
    ("3.8", "windows-x86_64", (0, 0)),
    ("3.9", "linux-aarch64", (2, 28)),
    ("3.10", "linux-x86_64", (2, 28)),
    ("3.11", "linux-x86_64", (2, 35)),
    ("3.11", "macos-arm64", (14, 0)),
    ("3.11", "windows-x86_64", (0, 0)),
    ("3.12", "macos-x86_64", (13, 0)),
    ("3.13", "macos-arm64", (26, 0)),
    ("3.13", "linux-aarch64", (2, 39)),
    ("3.14", "linux-x86_64", (2, 35)),
    ("3.15", "windows-x86_64", (0, 0)),
]


def manylinux(floor, arch):
    """PEP 600: every glibc from the floor down, each followed by its older names."""
    oldest = 5 if arch == "x86_64" else 17
    for minor in range(floor[1], oldest - 1, -1):
        yield f"manylinux_2_{minor}_{arch}"
        legacy = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}.get(minor)
        if legacy:
            yield f"{legacy}_{arch}"
    yield f"linux_{arch}"


def platforms(name, floor):
    system, arch = name.split("-")
    if system == "windows":
        return ["win_amd64"]
    if system == "macos":
        return list(tags.mac_platforms(floor, arch))
    from packaging import _manylinux

    # the functions that ask the machine, answered for the target
    _manylinux._get_glibc_version.cache_clear()
    _manylinux._get_glibc_version = lambda: _manylinux._GLibCVersion(*floor)
    _manylinux._have_compatible_abi = lambda executable, archs: True
    _manylinux._is_compatible = lambda arch, version: version <= floor
    found = [*_manylinux.platform_tags([arch]), f"linux_{arch}"]
    assert found == list(manylinux(floor, arch)), (name, found)
    return found


class Answer:
    """So that each target can patch the function anew."""

    @staticmethod
    def cache_clear():
        pass


def main():
    from packaging import _manylinux

    print("# Wheel tags by target, best first; recorded by benches/tags.py")
    print(f'# with packaging {packaging.__version__}.')
    for python, platform, floor in TARGETS:
        version = tuple(int(part) for part in python.split("."))
        names = platforms(platform, floor)
        _manylinux._get_glibc_version = Answer()
        abis = {"2.7": ["cp27mu"], "3.6": ["cp36m"], "3.7": ["cp37m"]}.get(python, [f"cp{version[0]}{version[1]}"])
        interpreter = f"cp{version[0]}{version[1]}"
        every = [
            *tags.cpython_tags(version, abis, names),
            *tags.compatible_tags(version, interpreter, names),
        ]
        pairs = [(t.interpreter, t.abi, t.platform) for t in every]
        native = [pair for pair in pairs if pair[2] != "any"]
        anywhere = [pair for pair in pairs if pair[2] == "any"]
        assert pairs == native + anywhere
        pythons = list(dict.fromkeys(pair[:2] for pair in native))
        product = [(*pair, name) for pair, name in itertools.product(pythons, names)]
        assert product == native, f"no product: {python} {platform}"
        lines = lambda values: "".join(f'  "{value}",\n' for value in values)
        joined = lambda values: lines(" ".join(row) for row in itertools.batched(values, 8))
        print(f'\n[[target]]\npython = "{python}"\nplatform = "{platform}"\nfloor = {list(floor)}')
        print(f"pythons = [\n{joined('-'.join(pair) for pair in pythons)}]")
        print(f"platforms = [\n{joined(names)}]")
        print(f"any = [\n{joined('-'.join(pair[:2]) for pair in anywhere)}]")


if __name__ == "__main__":
    main()
