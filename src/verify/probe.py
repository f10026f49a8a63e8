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


for probe in wanted['probes']:
    name = None
    say(begin=probe['id'])
    try:
        __import__(str(probe['module']))
        for name in probe['names']:
            take(str(probe['module']), str(name))
    except BaseException:
        kind, error, trace = sys.exc_info()
        lines = traceback.format_exception_only(kind, error)
        frames = traceback.extract_tb(trace)[-1:]
        where = ['%s:%s' % (frame[0], frame[1]) for frame in frames]
        say(end=probe['id'], error=''.join(lines)[:4000], name=name, where=where)
        os._exit(0)
    say(end=probe['id'])
os._exit(0)
