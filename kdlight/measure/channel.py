"""The line between a job of a sweep and the process that started it.

The job tells how far it is, and when it waits for another job's artifact: its share of the machine
is then lent to others, and given back before it goes on. Lines of JSON over two pipes, whose
numbers stand in the environment; a command typed by hand has no such line and tells nothing.
"""

import json
import os
import signal
import threading
from contextlib import suppress
from functools import cache
from typing import Any

VARIABLE = "KDLIGHT_CHANNEL"


class Channel:
    """The job's end. Started without a line it is silent.

    Args:
        ends: numbers of the pipe to read from and of the one to write to.
    """

    def __init__(self, ends: tuple[int, int] | None) -> None:
        self._out = os.fdopen(ends[1], "w", buffering=1) if ends else None
        self._granted = threading.Semaphore(0)
        self._lock = threading.Lock()
        if ends:
            threading.Thread(target=self._listen, args=(ends[0],), daemon=True).start()

    def tell(self, **facts: Any) -> None:
        """Sends facts on; nobody there is no error."""
        if self._out:
            with self._lock, suppress(OSError, ValueError):
                self._out.write(json.dumps(facts) + "\n")

    def lend(self) -> None:
        """Gives this job's share away: it waits."""
        self.tell(waits=True)

    def take_back(self) -> None:
        """Waits until there is a share for this job again."""
        if self._out:
            self.tell(waits=False)
            self._granted.acquire()

    def _listen(self, number: int) -> None:
        with os.fdopen(number) as grants:
            for _ in grants:
                self._granted.release()
        # The sweep is gone: nobody would stop this job any more.
        os.kill(os.getpid(), signal.SIGTERM)
        self._granted.release()


@cache
def channel() -> Channel:
    """The line of this process; its children must not use it."""
    ends = os.environ.pop(VARIABLE, None)
    if ends is None:
        return Channel(None)
    read, write = map(int, ends.split(","))
    for number in (read, write):
        os.set_inheritable(number, False)
    return Channel((read, write))
