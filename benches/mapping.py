#!/usr/bin/env python3
"""Checks the mapping tables against an index: does each distribution really hold its module?

usage: mapping.py [--policy] [--namespaces] [--table FILE] [--rows N] [--index URL] [--cache DIR] [-v]

Needs the network: the live index, `--index` or the one that pip uses on this machine. Without one it says `skipped` and
ends with status 3. No wheel is downloaded whole: its file list is read out of the end of the file by byte ranges. Where the
newest release has no wheel an older one counts, else the file list of its sdist.

--policy      every row of src/data/import-policy.tsv that names a distribution of the index, alternatives included
--namespaces  every name of src/data/namespace-distributions.txt: it must hold a module below its namespace
--table FILE  rows of src/data/modules.tsv; FILE ranks them, one MODULE or DISTRIBUTION a line or column, best first
--rows N      how many of them, 500 unless told

Each row is one of
  holds     the module is in the newest release that has a wheel (or in its sdist)
  older     it was in a release of the last ones, but the newest no longer has it
  meta      no module at all, but a requirement of it holds the module
  MISSING   neither: the row is wrong, or the file list says nothing (extension modules built elsewhere)
  ABSENT    the index has no such project, or no file of it can be read
The status is 1 when there is a MISSING or ABSENT row that is not listed in KNOWN below with its reason.
"""
import argparse, io, itertools, json, os, re, struct, subprocess, sys, tarfile, threading, urllib.error, urllib.parse, urllib.request, zipfile
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from pathlib import Path

DATA = Path(__file__).resolve().parent.parent / "src" / "data"
ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
LARGEST_SDIST = 60_000_000

# rows that cannot be checked this way, with the reason
KNOWN = {
    ("cutlass", "nvidia-cutlass-dsl"): "a .pth file adds a folder that a required wheel fills",
    ("crcmod", "crcmod"): "its sdist holds one folder a Python version",
    ("jupyter", "jupyter"): "jupyter-core holds it, which this needs at the second remove",
    ("pyinotify", "pyinotify"): "its sdist holds one folder a Python version",
    ("sagemaker_core", "sagemaker-core"): "moved to sagemaker.core, which the old name went with",
    ("acme.Actor", "dm-acme"): "a class, as in `from acme import Actor`",
    ("acme.EnvironmentLoop", "dm-acme"): "a class, as in `from acme import EnvironmentLoop`",
    ("distutils", "setuptools"): "a .pth file puts setuptools/_distutils in its place",
    ("mpl_toolkits.axes_grid", "matplotlib"): "left with an old release; no other distribution ever had it",
    ("pkg_resources", "setuptools"): "left with 82, which the requirement is bounded by",
    ("pyg_lib", "pyg-lib"): "on the PyG index only, as the policy says",
    ("tensorrt", "tensorrt-cu13"): "its releases are source stubs of the wheels on another index",
    ("tensorrt_llm", "tensorrt-llm"): "its releases are source stubs of the wheels on another index, as the policy says",
}


def normalized(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def configured_index():
    """The index of pip's configuration, else the default that this Python's pip carries."""
    try:
        for line in subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True).stdout.splitlines():
            if re.match(r"(global|install|:env:)\.index-url=", line):
                return line.split("=", 1)[1].strip("'\"")
        from pip._internal.models.index import PyPI
        return PyPI.simple_url
    except Exception:
        return None


def fetch(url, headers=None):
    for attempt in range(4):
        try:
            with urllib.request.urlopen(urllib.request.Request(url, headers=headers or {}), timeout=60) as reply:
                return reply.status, reply.url, reply.headers, reply.read()
        except urllib.error.HTTPError as error:
            if error.code < 500 and error.code != 429:
                return error.code, url, error.headers, b""
        except (OSError, ValueError):
            pass
    return 0, url, {}, b""


class Ranges(io.RawIOBase):
    """A remote file, read by ranges; what follows a range is taken along."""

    def __init__(self, url):
        self.url, self.at, self.parts = url, 0, []
        status, _, headers, body = fetch(url, {"Range": "bytes=-65536"})
        if status == 206:
            self.size = int(headers["Content-Range"].rsplit("/", 1)[1])
            self.parts.append((self.size - len(body), body))
        elif status == 200:
            self.size = len(body)
            self.parts.append((0, body))
        else:
            raise OSError(f"status {status}")

    def seekable(self): return True
    def readable(self): return True
    def tell(self): return self.at

    def seek(self, offset, whence=0):
        self.at = offset + (0, self.at, self.size)[whence]
        return self.at

    def readinto(self, buffer):
        wanted = min(len(buffer), self.size - self.at)
        for start, body in self.parts:
            if start <= self.at and self.at + wanted <= start + len(body):
                buffer[:wanted] = body[self.at - start:self.at - start + wanted]
                self.at += wanted
                return wanted
        end = min(self.size, self.at + max(wanted, 65536))
        status, _, _, body = fetch(self.url, {"Range": f"bytes={self.at}-{end - 1}"})
        if status != 206:
            raise OSError(f"status {status}")
        self.parts.append((self.at, body))
        return self.readinto(buffer) if wanted else 0


class Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.files = []

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "a" and "href" in attributes:
            url = attributes["href"].split("#")[0]
            self.files.append({"url": url, "filename": urllib.parse.unquote(url.rsplit("/", 1)[-1]), "yanked": "data-yanked" in attributes})


class Index:
    def __init__(self, url, cache):
        self.url, self.cache = url.rstrip("/") + "/", cache
        self.lock, self.memory = threading.Lock(), {}

    def remembered(self, key, work):
        with self.lock:
            own = self.memory.setdefault(key, threading.Lock())
        with own:
            path = self.cache / (re.sub(r"[^A-Za-z0-9.-]", "_", key)[-180:] + ".json")
            if path.exists():
                return json.loads(path.read_text())
            value = work()
            path.write_text(json.dumps(value))
            return value

    def files(self, name):
        """Files of a project, newest version first; None when there is no such project."""
        def ask():
            status, url, headers, body = fetch(f"{self.url}{name}/", {"Accept": ACCEPT})
            if status != 200:
                return None
            if "json" in headers.get("Content-Type", ""):
                files = json.loads(body)["files"]
            else:
                page = Links()
                page.feed(body.decode(errors="replace"))
                files = page.files
            return [{"name": f["filename"], "url": urllib.parse.urljoin(url, f["url"]), "size": f.get("size")} for f in files if not f.get("yanked")]
        files = self.remembered(f"page-{name}", ask)
        return files and sorted(files, key=lambda file: version_key(file["name"], name), reverse=True)

    def listing(self, file):
        """Paths in a file and, for a wheel, what it requires; None when it cannot be read."""
        def ask():
            try:
                if file["name"].endswith(".whl"):
                    archive = zipfile.ZipFile(io.BufferedReader(Ranges(file["url"])))
                    metadata = [name for name in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", name)]
                    text = archive.read(metadata[0]).decode(errors="replace") if metadata else ""
                    return {"paths": archive.namelist(), "requires": re.findall(r"(?m)^Requires-Dist: *([A-Za-z0-9._-]+)", text)}
                if (file["size"] or 0) > LARGEST_SDIST:
                    return None
                status, _, _, body = fetch(file["url"])
                if status != 200:
                    return None
                if file["name"].endswith(".zip"):
                    names = zipfile.ZipFile(io.BytesIO(body)).namelist()
                else:
                    names = tarfile.open(fileobj=io.BytesIO(body)).getnames()
                return {"paths": [name.split("/", 1)[-1] for name in names], "requires": []}
            except Exception as error:
                return {"paths": [], "requires": [], "error": str(error)}
        return self.remembered(f"list-{file['name']}", ask)


def version_key(filename, project):
    stem = re.sub(r"\.(whl|tar\.gz|tar\.bz2|zip|tgz)$", "", filename)
    version = stem.split("-")[1] if filename.endswith(".whl") and stem.count("-") > 1 else stem[len(project) + 1:]
    release = re.match(r"(?:\d+!)?(\d+(?:\.\d+)*)(.*)", version)
    if not release:
        return (0, [], version)
    final = not re.search(r"a|b|rc|dev", release[2].split("+")[0])
    return (1 if final else 0, [int(part) for part in release[1].split(".")], release[2])


def holds(paths, module):
    """Whether files of these names make `import module` work, in one of its spellings."""
    if "|" in module:
        return any(holds(paths, one) for one in module.split("|"))
    path = module.replace(".", "/")
    # a .pth file may add any folder of the wheel
    anywhere = any(re.fullmatch(r"[^/]+\.pth", name) for name in paths)
    binary = re.compile(rf"(?:^|/){re.escape(path)}(?:\.[^/]*)?\.(?:so|pyd|py|pyx|pyi?)$")
    prefixes = ("", "src/", "lib/", "python/")
    for name in paths:
        name = re.sub(r"^[^/]+\.data/(?:purelib|platlib)/", "", name)
        if any(name.startswith(f"{prefix}{path}/") for prefix in prefixes) or f"/src/{path}/" in name or anywhere and f"/{path}/" in name:
            return True
        if binary.search(name) and (anywhere or name.count("/") == path.count("/") or name.startswith(prefixes[1:])):
            return True
    return False


def check(index, name, module, depth=0):
    files = index.files(name)
    if not files:
        return "ABSENT", "no such project"
    seen, listed, problem = [], False, ""
    by_version = {}
    for file in files:
        if re.search(r"\.(whl|tar\.gz|zip|tar\.bz2|tgz)$", file["name"]):
            by_version.setdefault(tuple(map(str, version_key(file["name"], name))), []).append(file)
    wheels = [group for group in by_version.values() if any(f["name"].endswith(".whl") for f in group)]
    tries = [sorted((f for f in group if f["name"].endswith(".whl")), key=lambda f: "linux" not in f["name"])[0] for group in wheels]
    tries = tries[:1] + tries[3:12:4]
    newest = next(iter(by_version.values()), [])
    if not any(f["name"].endswith(".whl") for f in newest):
        # the newest release has no wheel: its sdist says more than an old wheel
        tries = [file for file in files if re.search(r"\.(tar\.gz|zip|tar\.bz2|tgz)$", file["name"])][:1] + tries
    for number, file in enumerate(tries):
        listing = index.listing(file)
        if listing is None or listing.get("error"):
            problem = problem or f"{file['name']}: {(listing or {}).get('error', 'not read')}"
            continue
        listed = True
        if holds(listing["paths"], module):
            return ("holds" if number == 0 else "older"), file["name"]
        if number == 0:
            seen = sorted({path.split("/")[0] for path in listing["paths"] if not re.search(r"\.(dist-info|data)/", path)})[:6]
            if depth == 0:
                for requirement in dict.fromkeys(map(normalized, listing["requires"])):
                    if requirement != name and check(index, requirement, module, 1)[0] == "holds":
                        return "meta", f"through {requirement}"
    if not listed:
        return "ABSENT", problem or "no readable file"
    return "MISSING", f"{tries[0]['name']} has {', '.join(seen)}"


def rows(arg):
    if arg.policy:
        for line in (DATA / "import-policy.tsv").read_text().splitlines():
            module, policy, name, others, *_ = line.split("\t") + [""] * 4
            if policy in ("never", "host", "host-beside", "manual") or "*" in module:
                continue
            names = [] if policy == "git-only" else [name]
            names += [other for other in others.split(";") if other and "://" not in other]
            for position, name in enumerate(names):
                yield ("policy" if position == 0 else "alternative"), normalized(name), module
    if arg.namespaces:
        stems = [line.split("\t") for line in (DATA / "import-policy.tsv").read_text().splitlines() if line.split("\t")[0].endswith(".*")]
        for name in (DATA / "namespace-distributions.txt").read_text().split():
            fitting = [(row[0], row[2]) for row in stems if name.startswith(row[2].rstrip("*"))]
            prefix, stem = max(fitting, key=lambda row: len(row[1]))
            words = name[len(stem) - 1:].split("-")
            # the hyphens stand for dots or for underscores
            spellings = [
                "".join(word + sign for word, sign in zip(words, signs + ("",)))
                for signs in itertools.product("_.", repeat=len(words) - 1)
            ]
            yield "namespace", name, "|".join(f"{prefix[:-2]}.{spelling}" for spelling in spellings)
    if arg.table:
        table = {}
        for line in (DATA / "modules.tsv").read_text().splitlines():
            module, name, *_ = line.split("\t") + [""]
            table[module] = normalized(name or module)
        by_name = {}
        for module, name in table.items():
            by_name.setdefault(name, []).append(module)
        chosen = {}
        for word in re.split(r"[\s,]+", Path(arg.table).read_text()):
            for module in [word] if word in table else by_name.get(normalized(word), []):
                if len(chosen) < arg.rows:
                    chosen[module] = table[module]
        for module, name in chosen.items():
            yield "table", name, module


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--policy", action="store_true")
    parser.add_argument("--namespaces", action="store_true")
    parser.add_argument("--table", metavar="FILE")
    parser.add_argument("--rows", type=int, default=500)
    parser.add_argument("--index")
    parser.add_argument("--cache", type=Path, default=Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "pinsmith-bench-mapping")
    parser.add_argument("-v", action="store_true")
    arg = parser.parse_args()
    url = arg.index or configured_index()
    if not url or not fetch(url.rstrip("/") + "/pip/", {"Accept": ACCEPT})[3]:
        print("skipped: there is no index that can be asked")
        return 3
    arg.cache.mkdir(parents=True, exist_ok=True)
    index = Index(url, arg.cache)
    work = list(dict.fromkeys(rows(arg)))
    with ThreadPoolExecutor(12) as pool:
        results = list(pool.map(lambda row: check(index, row[1], row[2]), work))
    counts, bad = {}, 0
    for (kind, name, module), (verdict, why) in zip(work, results):
        counts.setdefault(kind, {}).setdefault(verdict, []).append(module)
        known = KNOWN.get((module, name))
        if verdict.isupper() and not known:
            bad += kind != "alternative"
        if arg.v or verdict not in ("holds", "meta"):
            print(f"{verdict:8} {kind:12} {module} <- {name}: {known or why}")
    for kind, verdicts in counts.items():
        print(f"{kind}: " + ", ".join(f"{len(modules)} {verdict}" for verdict, modules in sorted(verdicts.items())))
    return 1 if bad else 0


sys.exit(main())
