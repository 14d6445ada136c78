"""A stop by Ctrl-C, SIGTERM or a terminal that is gone, at whatever moment."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
AGAIN_SECONDS = 0.05


_open: list["Stop"] = []


def heed() -> None:
    """Answers a stop that was swallowed, as some libraries do with all that ends an import.

    Raises:
        KeyboardInterrupt: if one came.
    """
    if any(stop.asked for stop in _open):
        raise KeyboardInterrupt


class Stop:
    """Answers these signals with a KeyboardInterrupt, and remembers that one came.

    Libraries may turn the interrupt into an error of their own; `asked` tells it from a fault.
    Where Python can only drop it, in `__del__` for instance, it comes again; one that a library
    has swallowed is answered at the next `heed`.
    A signal that the shell wants ignored stays so (Ctrl-C for a command in the background, the end
    of the terminal under `nohup`).
    """

    def __init__(self) -> None:
        self.asked = False

    def __enter__(self) -> "Stop":
        _open.append(self)
        self._before = {number: signal.getsignal(number) for number in SIGNALS}
        for number, handler in self._before.items():
            if handler is not signal.SIG_IGN:
                signal.signal(number, self._ask)
        self._alarm = signal.getsignal(signal.SIGALRM)
        self._dropped, sys.unraisablehook = sys.unraisablehook, self._again
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _open.remove(self)
        sys.unraisablehook = self._dropped
        if signal.getsignal(signal.SIGALRM) == self._ask:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, self._alarm)
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _again(self, dropped: "sys.UnraisableHookArgs") -> None:
        if not (self.asked and dropped.exc_type is KeyboardInterrupt):
            self._dropped(dropped)
            return
        signal.signal(signal.SIGALRM, self._ask)
        signal.setitimer(signal.ITIMER_REAL, AGAIN_SECONDS)  # now, it would be dropped once more

    def _ask(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self.asked = True
        raise KeyboardInterrupt


@contextmanager
def put_off() -> Iterator[None]:
    """A stop that comes within the block is answered after it."""
    answers = {number: signal.getsignal(number) for number in SIGNALS}
    if threading.current_thread() is not threading.main_thread():
        answers = {}
    came: list[int] = []
    for number, answer in answers.items():
        if callable(answer):
            signal.signal(number, lambda number, _: came.append(number))
    try:
        yield
    finally:
        for number, answer in answers.items():
            signal.signal(number, answer)
        for each in came:
            signal.raise_signal(each)
