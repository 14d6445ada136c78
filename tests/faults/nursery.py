"""A process that has loaded the big libraries and forks commands, each a process of its own.

`python nursery.py`, one JSON request a line on standard input, one JSON answer a line:
`{"start": {...}}` forks a command (see `_command`) and answers its process id;
`{"poll": pid}` answers its exit status (negative: the signal that ended it) or null.
"""

import contextlib
import ctypes
import importlib
import json
import os
import resource
import signal
import sys
from pathlib import Path

from kdlight.artifacts.fingerprint import VERSIONS

FILE_EVENTS = frozenset({"open", "os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.symlink"})


def preload():
    """Loads what every command loads, and starts nothing."""
    from kdlight.launch.prepare import prepare

    prepare()
    import torch
    import transformers

    names = ("kdlight.run", "kdlight.launch.job", "kdlight.launch.table")
    names += tuple(f"kdlight.stages.{kind}" for kind in VERSIONS)
    for name in names:
        importlib.import_module(name)
    for name in ("AutoTokenizer", "AutoModel", "BertTokenizer"):
        getattr(transformers, name)
    torch.set_num_threads(1)


def cut_at(count, folder):
    """Kills this process before its `count`-th change or opening of a file below `folder`."""
    prefix, left = str(folder), count

    def hook(event, args):
        nonlocal left
        if event in FILE_EVENTS and str(args[0]).startswith(prefix):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def cut_when(pattern, folder):
    """Kills this process at its first change or opening of a file while `pattern` is there."""

    def hook(event, args):
        below = event in FILE_EVENTS and str(args[0]).startswith(str(folder))
        if below and next(folder.glob(pattern), None):
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def give_up_power():
    """Makes the rights of files hold for root too, by giving up all capabilities."""
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    none = (ctypes.c_uint32 * 6)()
    if ctypes.CDLL(None, use_errno=True).capset(header, none):
        raise OSError(ctypes.get_errno(), "capset")


def _command(
    folder, overrides, log, cut=None, until=None, powerless=False, file_size=None, settings=None
):
    """Runs `python -m kdlight.run overrides` in `folder`; its words go to the file `log`."""
    os.setsid()
    os.chdir(folder)
    words = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(words, stream)
    sys.argv = ["kdlight", *overrides]
    os.environ.update(settings or {})
    if powerless:
        give_up_power()
    if file_size is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))
    if cut is not None:
        cut_at(cut, Path(folder) / "outputs")
    if until is not None:
        cut_when(until, Path(folder) / "outputs/artifacts")
    from kdlight import run

    return run.main()


ALIVE = set()  # each leads a session, with all that it starts


def _start(request):
    pid = os.fork()
    if pid:
        ALIVE.add(pid)
        return pid
    status = 70
    try:
        sys.stdin.close()
        status = _command(**request)
    except SystemExit as end:
        status = int(end.code or 0)
    except BaseException:
        import traceback

        traceback.print_exc()
    with contextlib.suppress(OSError):
        sys.stdout.flush(), sys.stderr.flush()
    os._exit(status)


def _poll(pid):
    done, status = os.waitpid(pid, os.WNOHANG)
    ALIVE.discard(done)
    return os.waitstatus_to_exitcode(status) if done else None


def main():
    answers = os.fdopen(os.dup(1), "w")  # commands get other streams
    preload()
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        answer = _start(request["start"]) if "start" in request else _poll(request["poll"])
        print(json.dumps(answer), file=answers, flush=True)
    for pid in ALIVE:  # the tests are over, or were ended
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
