#!/usr/bin/env python3
"""How far pinsmith's answers are from the optimum, level by level, by an exact solver (OR-tools CP-SAT).

usage: optimum.py [--seconds 60] [--levels 4] [--neighbours] UNIVERSE...
       optimum.py --record COMMAND [--rounds 40] ...     COMMAND is `record ...` (benches/record.rs) without its READ_FILE

A UNIVERSE is what `cargo run --release --example record` writes, or `... -p pinsmith-resolver --example universe tight|usual SEED PROJECTS` (format:
resolver/src/universe.rs), with `pin` lines. Versions, specifiers and lags are judged here by `packaging` and by own code.
Needs `ortools` and `packaging`.

Levels, each compared with those above it held at pinsmith's values: root max (in steps of 90 days), root sum, rest max
(steps), rest sum, packages. A level is near enough within max(5 %, 7 days); steps have to be equal.

A release that was not read is taken to require nothing, so the bound holds for the whole index, whatever was read:
`bound` is a proof, `best` is an answer only where `unread` is 0. With --record the releases that the optimum would take unread
are read and all is solved again, until the optimum is made of read releases alone or the bound is near enough; nothing else is asked of the index.

With --neighbours an unread release between two read ones is taken to require what both require, which is likely, not proved:
boto3 and botocore have a release a day, and each of them requires the same names.
"""
import argparse, collections, functools, math, shlex, subprocess, tempfile
from datetime import datetime
from ortools.sat.python import cp_model
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

STEP = 90
INTERFACE = "pinsmith-numpy-interface"      # a pseudo-package of pinsmith's own rules; in no answer
LEVELS = ["root max", "root sum", "rest max", "rest sum", "packages"]
Release = collections.namedtuple("Release", "uploaded sdist yanked state requires")


def read(text):
    roots, projects, pins, current = [], {}, {}, None
    for line in text.splitlines():
        kind, _, words = line.partition(" ")
        if kind == "require":
            roots.append(Requirement(words))
        elif kind == "project":
            current = projects.setdefault(canonicalize_name(words), {})
        elif kind == "release":
            version, uploaded, *rest = words.split()
            uploaded = None if uploaded == "?" else datetime.fromisoformat(uploaded).timestamp()
            state = next((r for r in rest if r in ("unread", "unusable")), "read")
            release = current[Version(version)] = Release(uploaded, "sdist" in rest, "yanked" in rest, state, [])
        elif kind in ("requires", "needs"):
            line, _, extra = words.partition(" ; extra == ")
            release.requires.append((parsed(line), canonicalize_name(extra.strip('"')) if extra else None))
        elif kind == "pin":
            name, version, lag = words.split()
            pins[canonicalize_name(name)] = (Version(version), None if lag == "?" else int(lag))
    if any(line.name == INTERFACE for p in projects.values() for r in p.values() for line, _ in r.requires):
        projects[INTERFACE] = {Version(v): Release(0, False, False, "read", []) for v in ("1", "2")}
    return roots, projects, pins


parsed = functools.lru_cache(None)(Requirement)


def assume_neighbours(releases):
    """What the nearest read releases on both sides require: the same line, or the name where the lines differ."""
    def alike(older, newer):
        lines = [line for line in older.requires if line in newer.requires]
        named = {line.name for line, extra in lines if extra is None}
        both = {l.name for l, e in older.requires if e is None} & {l.name for l, e in newer.requires if e is None}
        return lines + [(parsed(name), None) for name in sorted(both - named)]

    ordered = sorted(releases)
    was_read = [v for v in ordered if releases[v].state == "read"]
    for older, newer in zip(was_read, was_read[1:]):
        between = [v for v in ordered if older < v < newer and releases[v].state == "unread"]
        for version in between:
            releases[version].requires.extend(alike(releases[older], releases[newer]))


class Project:
    """The releases of a project that count, and their lags."""

    def __init__(self, releases):
        self.releases = releases
        wheels = [v for v, r in releases.items() if not r.sdist and not r.yanked]
        usable = [v for v, r in releases.items() if not r.yanked]
        abandoned = wheels and (releases[max(usable)].uploaded or 0) - (releases[max(wheels)].uploaded or 0) > 365 * 86400
        self.reserves = {v for v, r in releases.items() if r.sdist} if wheels and not abandoned else set()
        usual = [v for v in usable if v not in self.reserves]
        finals = [v for v in usual if not v.is_prerelease] or usual
        self.usual = set(v for v in usual if not v.is_prerelease)
        self.needed, self.finals = set(), {v for v in usable if not v.is_prerelease}
        earliest, lag = math.inf, {}
        for version in sorted(releases, reverse=True):
            uploaded = releases[version].uploaded
            own = None if earliest is None or uploaded is None else min(earliest, uploaded)
            earliest = own if version in finals else earliest
            lag[version] = own
        newest = lag[max(finals)] if finals else None
        self.lag = {v: 0 if own is None or newest is None else int(max(0, newest - own) // 86400) for v, own in lag.items()}

    @functools.lru_cache(None)
    def fitting(self, specifier):
        return frozenset(v for v, r in self.releases.items() if not r.yanked and specifier.contains(v, prereleases=True))

    def note(self, specifier):
        """A requirement that fits no usual release admits others."""
        fitting = self.fitting(specifier)
        if not fitting & self.usual:
            fitting = fitting & self.finals or fitting
            self.needed |= fitting - self.reserves or fitting


class Universe:
    def __init__(self, text):
        self.roots, projects, self.pins = read(text)
        if arg.neighbours:
            for releases in projects.values():
                assume_neighbours(releases)
        self.projects = {name: Project(releases) for name, releases in projects.items()}
        self.root_names = sorted({canonicalize_name(r.name) for r in self.roots})
        lines = [line for line in self.roots] + [
            line for p in self.projects.values() for r in p.releases.values() for line, _ in r.requires]
        for line in lines:
            if canonicalize_name(line.name) in self.projects:
                self.projects[canonicalize_name(line.name)].note(line.specifier)
        for name, (version, lag) in self.pins.items():
            if lag is not None and self.projects[name].lag[version] != lag:
                print(f"    {name} {version}: lag {lag} by pinsmith, {self.projects[name].lag[version]} here")
        self.fixed = set()      # what a chosen root requires exactly: its lag is the root's doing
        for root in self.root_names:
            for line, extra in self.projects[root].releases[self.pins[root][0]].requires if root in self.pins else []:
                on = canonicalize_name(line.name)
                if extra is None and on in self.projects and len(self.projects[on].fitting(line.specifier)) == 1:
                    self.fixed.add(on)
        self.build()

    def build(self):
        model = self.model = cp_model.CpModel()
        self.take, self.extras, self.some = {}, {}, {}
        for name, project in self.projects.items():
            states = sorted(v for v in project.usual | project.needed if project.releases[v].state != "unusable")
            self.take[name] = {v: model.new_bool_var(f"{name} {v}") for v in states}
            model.add_at_most_one(self.take[name].values())
        for name, states in self.take.items():
            for version, taken in states.items():
                for line, extra in self.projects[name].releases[version].requires:
                    if extra is None:
                        self.require(line, [taken], name)
                    elif (name, extra) in self.wanted_extras():
                        self.require(line, [taken, self.extra(name, extra)], name)
        for line in self.roots:
            self.require(line, [], None)

    @functools.lru_cache(None)
    def wanted_extras(self):
        lines = self.roots + [l for p in self.projects.values() for r in p.releases.values() for l, _ in r.requires]
        return {(canonicalize_name(l.name), canonicalize_name(extra)) for l in lines for extra in l.extras}

    def extra(self, name, extra):
        if (name, extra) not in self.extras:
            self.extras[name, extra] = self.model.new_bool_var(f"{name}[{extra}]")
        return self.extras[name, extra]

    def require(self, line, given, by):
        on = canonicalize_name(line.name)
        fitting = frozenset(v for v in self.projects[on].fitting(line.specifier) if v in self.take[on]) if on in self.projects and not line.url else frozenset()
        if (on, fitting) not in self.some:
            self.some[on, fitting] = some = self.model.new_bool_var(f"{line}")
            self.model.add_bool_or([self.take[on][v] for v in sorted(fitting)] + [some.negated()])
        if on != by or line.specifier:
            self.model.add_bool_or([self.some[on, fitting]] + [g.negated() for g in given])
        for extra in line.extras:
            self.model.add_bool_or([self.extra(on, canonicalize_name(extra))] + [g.negated() for g in given])

    def oldest(self, name, days):
        return min(v for v in self.take[name] if self.projects[name].lag[v] <= days)

    def names(self, level):
        if level == "packages":
            return [n for n in self.take if n != INTERFACE]
        rest = [n for n in self.projects if n not in self.root_names and n not in self.fixed]
        return self.root_names if level.startswith("root") else rest

    def value(self, level):
        found = [self.projects[n].lag[self.pins[n][0]] for n in self.names(level) if n in self.pins]
        if level == "packages":
            return len(found)
        return math.ceil(max(found, default=0) / STEP) if level.endswith("max") else sum(found)

    def cost(self, level):
        """The level's value as an expression."""
        chosen = [(self.projects[n].lag[v], taken) for n in self.names(level) for v, taken in self.take[n].items()]
        if level == "packages":
            return sum(taken for _, taken in chosen)
        if level.endswith("sum"):
            return sum(lag * taken for lag, taken in chosen)
        steps = self.model.new_int_var(0, 10_000, level)
        for lag, taken in chosen:
            self.model.add(steps >= math.ceil(lag / STEP)).only_enforce_if(taken)
        return steps

    def compare(self, seconds, levels):
        """Level, pinsmith's value, bound, best found, the releases of the best that were not read."""
        unread = [(n, v, t) for n, states in self.take.items() for v, t in states.items()
                  if self.projects[n].releases[v].state == "unread"]
        hint = {(n, v) for n, (v, _) in self.pins.items()}
        for n, states in self.take.items():
            for v, t in states.items():
                self.model.add_hint(t, (n, v) in hint)
        for level in LEVELS[:levels]:
            own, cost = self.value(level), self.cost(level)
            # of equally good answers the one with the fewest unread releases
            self.model.minimize(cost * 100_000 + sum(t for *_, t in unread))
            solver = cp_model.CpSolver()
            solver.parameters.max_time_in_seconds = seconds
            solver.parameters.num_workers = 2
            solver.parameters.random_seed = 1
            status = solver.solve(self.model)
            if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
                yield level, own, math.nan, math.nan, solver.status_name(status)
                return
            bound, best = math.ceil(solver.best_objective_bound) // 100_000, round(solver.objective_value) // 100_000
            yield level, own, bound, best, [(n, v) for n, v, t in unread if solver.value(t)]
            # the next level is compared at pinsmith's value of this one
            self.model.add(cost <= own)


def near_enough(level, own, bound):
    return own <= bound + (0 if level.endswith("max") else max(0.05 * bound, 7) if level != "packages" else 0.05 * bound)


def show(name, rows):
    for level, own, bound, best, unread in rows:
        remark = unread if isinstance(unread, str) else "yes" if near_enough(level, own, bound) else "NO"
        print(f"{name:28} {level:9} {own:8} {bound:7} {best:7} {len(unread):6}  {remark}", flush=True)


def refine(command):
    """Reads what the optimum needs, round by round."""
    wanted, text = [], subprocess.run(shlex.split(command), stdout=subprocess.PIPE, text=True, check=True).stdout
    for number in range(arg.rounds):
        universe = Universe(text)
        rows = list(universe.compare(arg.seconds, arg.levels))
        more = [one for level, own, bound, _, unread in rows if not near_enough(level, own, bound) for one in unread if not isinstance(unread, str)]
        if arg.neighbours:      # with the oldest of three years all between are known
            more += [(n, universe.oldest(n, 3 * 365)) for n in dict.fromkeys(n for n, _ in more)]
        more = [one for one in dict.fromkeys(more) if one not in wanted]
        print(f"    round {number}: {len(more)} more to read, " + ", ".join(f"{l} {o}/{b}" for l, o, b, *_ in rows), flush=True)
        if not more:
            return text, rows
        wanted += more
        with tempfile.NamedTemporaryFile("w", suffix=".read") as file:
            file.writelines(f"{name} {version}\n" for name, version in wanted)
            file.flush()
            text = subprocess.run([*shlex.split(command), file.name], stdout=subprocess.PIPE, text=True, check=True).stdout
    return text, list(Universe(text).compare(arg.seconds, arg.levels))


parser = argparse.ArgumentParser(usage=__doc__)
parser.add_argument("universes", nargs="*")
parser.add_argument("--record")
parser.add_argument("--keep", help="where the universe that --record ended with is written")
parser.add_argument("--neighbours", action="store_true")
parser.add_argument("--rounds", type=int, default=40)
parser.add_argument("--seconds", type=float, default=60)
parser.add_argument("--levels", type=int, default=5)
arg = parser.parse_args()
print(f"{'universe':28} {'level':9} {'pinsmith':>8} {'bound':>7} {'best':>7} {'unread':>6}  near enough")
if arg.record:
    text, rows = refine(arg.record)
    if arg.keep:
        open(arg.keep, "w").write(text)
    show(arg.record.split("/")[-1], rows)
for path in arg.universes:
    universe = Universe(open(path).read())
    if universe.pins:
        show(path.split("/")[-1], universe.compare(arg.seconds, arg.levels))
    else:
        print(f"{path:28} no answer")
