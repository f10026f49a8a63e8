"""Executes the import statements of a file, and nothing else of it; prints which of them fail as JSON.

Runs under Python 2.7 and 3. Imports anywhere in the file count, those of functions too. A `try` around imports is kept
as it stands as far as it imports: where every way out of it fails, it fails. A handler that
ends the program or raises again makes its imports needed. Where an import asks for the settings of a Django project, it is
tried again under Django's defaults, as `pinsmith verify` does, and the answer says so.
"""

import ast
import json
import os
import sys

IMPORTS = (ast.Import, ast.ImportFrom)
TRY = tuple(getattr(ast, name) for name in ("Try", "TryExcept", "TryStar") if hasattr(ast, name))


def has_import(node):
    return any(isinstance(inner, IMPORTS) for inner in ast.walk(node))


def gives_up(handler):
    for node in ast.walk(handler):
        if isinstance(node, ast.Raise):
            return True
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in ("exit", "_exit", "quit", "abort"):
                return True
    return False


def guards_import(handler):
    kind = handler.type
    if kind is None:
        return True
    names = [getattr(part, "id", getattr(part, "attr", "")) for part in ast.walk(kind)]
    return any(name in ("ImportError", "ModuleNotFoundError", "Exception", "BaseException") for name in names)


def units(nodes):
    """Statements that import, and `try` statements around some, in order."""
    for node in nodes:
        if isinstance(node, IMPORTS):
            yield [[node]]
        elif isinstance(node, TRY) and any(has_import(child) for child in node.body):
            handlers = [handler for handler in node.handlers if guards_import(handler)]
            optional = [handler for handler in handlers if not has_import(handler) and not gives_up(handler)]
            ways = [flat(node.body)]
            ways += [flat(handler.body) for handler in handlers if has_import(handler)]
            if optional:
                ways.append([])
            yield ways
            for unit in units(getattr(node, "orelse", []) + getattr(node, "finalbody", [])):
                yield unit
        else:
            for unit in units(ast.iter_child_nodes(node)):
                yield unit


def flat(nodes):
    return [node for root in nodes for node in ast.walk(root) if isinstance(node, IMPORTS)]


def execute(statements, name, scope):
    for statement in statements:
        module = ast.parse("")
        module.body = [statement]
        exec(compile(ast.fix_missing_locations(module), name, "exec", 0, True), scope)


def asks_for_settings(errors):
    signs = ("ImproperlyConfigured", "AppRegistryNotReady", "DJANGO_SETTINGS_MODULE")
    return "django.conf" in sys.modules and any(sign in error for error in errors for sign in signs)


def configure(tops):
    from django.conf import settings

    def has(module, part):
        paths = [os.path.join(folder, *(module.split(".") + [part])) for folder in sys.path]
        return any(os.path.isfile(path + ".py") or os.path.isfile(os.path.join(path, "__init__.py")) for path in paths)

    usual = ["contenttypes", "auth", "sessions", "sites", "messages", "staticfiles", "admin"]
    apps = ["django.contrib." + name for name in usual if has("django.contrib", name)]
    apps += [top for top in sorted(tops) if top != "django" and has(top, "models")]
    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
    settings.configure(SECRET_KEY="none", INSTALLED_APPS=apps, DATABASES={"default": database})
    import django

    if hasattr(django, "setup"):
        django.setup()


def attempt(ways, path, scope):
    """How every way out of a unit failed; nothing when one of them works."""
    errors = []
    for way in ways:
        try:
            execute([node for node in way if getattr(node, "module", "") != "__future__"], path, scope)
            return []
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            line = way[0].lineno if way else 0
            errors.append("line %d: %s: %s" % (line, type(error).__name__, str(error)[:300]))
    return errors


def main():
    path = sys.argv[1]
    with open(path, "rb") as file:
        text = file.read()
    sys.path[:] = [entry for entry in sys.path if entry and os.path.abspath(entry) != os.path.dirname(os.path.abspath(__file__))]
    sys.argv = [path]
    real = os.dup(1)
    os.dup2(2, 1)
    failed, executed = [], 0
    try:
        tree = ast.parse(text, path)
    except SyntaxError as error:
        failed.append("SyntaxError: %s" % error)
        tree = ast.parse("")
    scope = {"__name__": "imports"}
    tops = set()
    for node in flat([tree]):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
        tops.update(name.split(".")[0] for name in names if name)
    configured = False
    for ways in units(tree.body):
        errors = attempt(ways, path, scope)
        if errors and not configured and asks_for_settings(errors):
            configured = True
            try:
                configure(tops)
                errors = attempt(ways, path, scope)
            except BaseException:
                pass
        executed += not errors
        failed += errors[:1]
    answer = {"failed": failed, "executed": executed, "configured": configured}
    os.write(real, (json.dumps(answer) + "\n").encode("utf-8"))
    os._exit(0)


main()
