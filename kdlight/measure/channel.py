"""The line between a job of a sweep and the process that started it.

The job tells how far it is, and when it waits for another job's artifact: its share of the machine
is then lent to others, and it gets one before it goes on: any, or the same if it has begun on the
GPUs of that. Lines of JSON over two pipes, whose
numbers stand in the environment; a command typed by hand has no such line and tells nothing. The
first rank of a stage tells its planner, which passes it on.
"""

import json
import os
import signal
import sys
import threading
from contextlib import suppress
from typing import Any, TextIO

VARIABLE = "KDLIGHT_CHANNEL"
FACTS = "[kdlight-facts] "  # begins the line that a rank prints for its planner


class Channel:
    """The job's end. Started without a line it is silent.

    Args:
        grants: number of the pipe on which the job hears that it has a share again.
        out: where facts are written to.
        mark: what begins each line of them.
    """

    def __init__(
        self, grants: int | None = None, out: TextIO | None = None, mark: str = ""
    ) -> None:
        self._out, self._mark, self._shares = out, mark, grants is not None
        self._granted = threading.Semaphore(0)
        self._lock = threading.Lock()
        if grants is not None:
            threading.Thread(target=self._listen, args=(grants,), daemon=True).start()

    def tell(self, **facts: Any) -> None:
        """Sends facts on; nobody there is no error."""
        if self._out:
            with self._lock, suppress(OSError, ValueError):
                self._out.write(f"{self._mark}{json.dumps(facts)}\n")
                self._out.flush()

    def lend(self) -> None:
        """Gives this job's share away: it waits."""
        self.tell(waits=True, bound=_is_bound())

    def take_back(self) -> None:
        """Waits until there is a share for this job again."""
        if self._shares:
            self.tell(waits=False)
            self._granted.acquire()

    def _listen(self, number: int) -> None:
        with os.fdopen(number) as grants:
            for line in grants:
                if gpus := line.strip():
                    os.environ["CUDA_VISIBLE_DEVICES"] = gpus
                self._granted.release()
        # The sweep is gone: nobody would stop this job any more.
        os.kill(os.getpid(), signal.SIGTERM)
        self._granted.release()


def _is_bound() -> bool:
    """Whether this process has begun on GPUs, which it cannot leave for others."""
    torch = sys.modules.get("torch")
    return torch is not None and bool(torch.cuda.is_initialized())


_current: Channel | None = None


def channel() -> Channel:
    """The line of this process; its children must not use it."""
    global _current
    if _current is None:
        _current = _opened()
    return _current


def tell_planner() -> None:
    """Makes this process, a rank, tell its planner by what it prints."""
    global _current
    _current = Channel(out=sys.stdout, mark=FACTS)


def _opened() -> Channel:
    ends = os.environ.pop(VARIABLE, None)
    if ends is None:
        return Channel()
    read, write = map(int, ends.split(","))
    for number in (read, write):
        os.set_inheritable(number, False)
    return Channel(read, os.fdopen(write, "w"))
