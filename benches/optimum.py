#!/usr/bin/env python3
"""How far pinsmith's answers are from the optimum, level by level, by an exact solver (OR-tools CP-SAT).

usage: optimum.py [--seconds 60] UNIVERSE...

Each UNIVERSE is a text file with lines `root NAME`, `release NAME VERSION DAY REQUIREMENT...` (no spaces within a
requirement, markers already evaluated) and pinsmith's answer as `pin NAME VERSION`; `cargo run --release -p
pinsmith-resolver --example generated SEED PROJECTS` prints one. Needs `ortools` and `packaging`.

Levels, each with those above it held at the optimum for the bound and at pinsmith's value for the comparison:
root max (in steps of 90 days), root sum, rest max (steps), rest sum. A level is near enough within max(5 %, 7 days).
"""
import argparse, collections, math
from ortools.sat.python import cp_model
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

STEP = 90


def read(path):
    roots, releases, pins = [], collections.defaultdict(dict), {}
    for line in open(path):
        kind, *words = line.split()
        if kind == "root":
            roots.append(canonicalize_name(words[0]))
        elif kind == "release":
            name, version, day, *requires = words
            releases[canonicalize_name(name)][Version(version)] = (int(day), [Requirement(r) for r in requires])
        elif kind == "pin":
            pins[canonicalize_name(words[0])] = Version(words[1])
    return roots, releases, pins


def lags(versions):
    """Days behind the newest, by effective dates: the earliest day of any release at or above."""
    earliest, out = math.inf, {}
    for version in sorted(versions, reverse=True):
        earliest = min(earliest, versions[version][0])
        out[version] = earliest
    newest = out[max(out)]
    return {version: max(0, newest - day) for version, day in out.items()}


class Universe:
    def __init__(self, path):
        self.roots, self.releases, self.pins = read(path)
        self.lag = {name: lags(versions) for name, versions in self.releases.items()}
        fits = lambda r, version: r.specifier.contains(version, prereleases=True)
        self.fixed = set()      # what a chosen root requires exactly: its lag is the root's doing
        for root in self.roots:
            for r in self.releases[root][self.pins[root]][1]:
                if sum(fits(r, v) for v in self.releases[canonicalize_name(r.name)]) == 1:
                    self.fixed.add(canonicalize_name(r.name))
        self.model = cp_model.CpModel()
        self.take = {n: {v: self.model.new_bool_var(f"{n} {v}") for v in vs} for n, vs in self.releases.items()}
        for name, states in self.take.items():
            self.model.add_at_most_one(states.values())
            for version, taken in states.items():
                for r in self.releases[name][version][1]:
                    on = canonicalize_name(r.name)
                    self.model.add_bool_or([t for v, t in self.take.get(on, {}).items() if fits(r, v)] + [taken.negated()])
        for root in self.roots:
            self.model.add_bool_or(list(self.take[root].values()))

    def names(self, level):
        rest = [n for n in self.releases if n not in self.roots and n not in self.fixed]
        return self.roots if level.startswith("root") else rest

    def value(self, level):
        found = [self.lag[n][self.pins[n]] for n in self.names(level) if n in self.pins]
        return math.ceil(max(found, default=0) / STEP) if level.endswith("max") else sum(found)

    def cost(self, level):
        """The level's value as an expression."""
        chosen = [(self.lag[n][v], taken) for n in self.names(level) for v, taken in self.take[n].items()]
        if level.endswith("sum"):
            return sum(lag * taken for lag, taken in chosen)
        steps = self.model.new_int_var(0, 10_000, level)
        for lag, taken in chosen:
            self.model.add(steps >= math.ceil(lag / STEP)).only_enforce_if(taken)
        return steps

    def compare(self, seconds):
        for level in ["root max", "root sum", "rest max", "rest sum"]:
            own, cost = self.value(level), self.cost(level)
            self.model.minimize(cost)
            solver = cp_model.CpSolver()
            solver.parameters.max_time_in_seconds = seconds
            solver.parameters.num_workers = 2
            status = solver.solve(self.model)
            assert status in (cp_model.OPTIMAL, cp_model.FEASIBLE), solver.status_name(status)
            yield level, own, round(solver.best_objective_bound), round(solver.objective_value)
            # the next level is compared at pinsmith's value of this one
            self.model.add(cost <= own)


parser = argparse.ArgumentParser(usage=__doc__)
parser.add_argument("universes", nargs="+")
parser.add_argument("--seconds", type=float, default=60)
arg = parser.parse_args()
print(f"{'universe':28} {'level':9} {'pinsmith':>8} {'bound':>7} {'best':>7}  near enough")
for path in arg.universes:
    universe = Universe(path)
    if not universe.pins:
        print(f"{path:28} no answer")
        continue
    for level, own, bound, best in universe.compare(arg.seconds):
        slack = 0 if level.endswith("max") else max(0.05 * bound, 7)
        print(f"{path:28} {level:9} {own:8} {bound:7} {best:7}  {'yes' if own <= bound + slack else 'NO'}", flush=True)
