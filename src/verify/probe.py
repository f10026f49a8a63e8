# Imports what it is told to and says how that went, one JSON object a line; runs on Python 2.7 and
# on any Python 3. It ends at the first failure, since what follows one is not to be trusted.
import sys
sys.path[:] = [entry for entry in sys.path if entry]
import json
import os
import traceback

with open(sys.argv[1]) as wanted:
    wanted = json.load(wanted)
sys.argv = ['']
sys.path[:0] = wanted.get('path', [])

# what imported code prints must not be taken for an answer
answers = os.fdopen(os.dup(1), 'w')
os.dup2(2, 1)


def say(**answer):
    sys.stdout.flush()
    sys.stderr.flush()
    answers.write(json.dumps(answer) + '\n')
    answers.flush()


def take(module, name):
    found = __import__(module, {}, {}, [name], 0)
    try:
        getattr(found, name)
    except AttributeError:
        if module + '.' + name not in sys.modules:
            place = getattr(found, '__file__', None) or 'unknown location'
            raise ImportError("cannot import name '%s' from '%s' (%s)" % (name, module, place))


def in_full(error, line):
    """The message as Python 3 has it: Python 2 names a part without the module that lacks it, which the line does."""
    words = (line or '').replace(',', ' ').split()
    if words[:1] != ['from'] or words[2:3] != ['import'] or words[1].startswith('.'):
        return error
    before, name = error.rsplit(' ', 1)
    if before == 'cannot import name':
        return "cannot import name '%s' from '%s' (unknown location)" % (name, words[1])
    if before == 'No module named' and words[1].endswith('.' + name):
        return 'No module named ' + words[1]
    return error


def attempt(probe):
    """Imports one module and takes its names; how it failed, or nothing."""
    name = None
    try:
        __import__(str(probe['module']))
        for name in probe['names']:
            take(str(probe['module']), str(name))
    except BaseException:
        kind, error, trace = sys.exc_info()
        lines = traceback.format_exception_only(kind, error)
        frames = traceback.extract_tb(trace)[-1:]
        if sys.version_info[0] == 2 and kind is ImportError and frames:
            lines = ['ImportError: %s\n' % in_full(str(error), frames[0][3])]
        where = ['%s:%s' % (frame[0], frame[1]) for frame in frames]
        return {'error': ''.join(lines)[:4000], 'name': name, 'where': where}


# Applications of Django import under settings, which a project has and an environment does not. Where one asks for
# them, Django's defaults with its usual applications count from then on, and the import is tried again.
USUAL = ['contenttypes', 'auth', 'sessions', 'sites', 'messages', 'staticfiles', 'admin']


def asks_for_settings(failed):
    error = failed['error']
    signs = ('ImproperlyConfigured', 'AppRegistryNotReady', 'DJANGO_SETTINGS_MODULE')
    return 'django.conf' in sys.modules and any(sign in error for sign in signs)


def has(module, part):
    """Whether a package has a part of that name; neither is imported."""
    for folder in sys.path:
        path = os.path.join(folder, *(module.split('.') + [part]))
        if os.path.isfile(path + '.py') or os.path.isfile(os.path.join(path, '__init__.py')):
            return True


def configure():
    from django.conf import settings
    tops = sorted(set(str(probe['module']).split('.')[0] for probe in wanted['probes']))
    apps = ['django.contrib.' + name for name in USUAL if has('django.contrib', name)]
    apps += [top for top in tops if top != 'django' and has(top, 'models')]
    database = {'ENGINE': 'django.db.backends.sqlite3', 'NAME': ':memory:'}
    settings.configure(SECRET_KEY='none', INSTALLED_APPS=apps, DATABASES={'default': database})
    import django
    if hasattr(django, 'setup'):
        django.setup()


configured = False
for probe in wanted['probes']:
    say(begin=probe['id'])
    failed = attempt(probe)
    if failed and not configured and asks_for_settings(failed):
        configured = True
        try:
            configure()
            failed = attempt(probe)
        except BaseException:
            # it stays as it failed
            pass
    if failed:
        say(end=probe['id'], **failed)
        os._exit(0)
    say(end=probe['id'], configured=configured)
os._exit(0)
