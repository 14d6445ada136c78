"""A stop by Ctrl-C, SIGTERM or a terminal that is gone, at whatever moment."""

import signal
from types import FrameType, TracebackType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stop:
    """Answers these signals with a KeyboardInterrupt, and remembers that one came.

    Libraries may turn the interrupt into an error of their own; `asked` tells it from a fault.
    A signal that the shell wants ignored stays so (Ctrl-C for a command in the background, the end
    of the terminal under `nohup`).
    """

    def __init__(self) -> None:
        self.asked = False

    def __enter__(self) -> "Stop":
        self._before = {number: signal.getsignal(number) for number in SIGNALS}
        for number, handler in self._before.items():
            if handler is not signal.SIG_IGN:
                signal.signal(number, self._ask)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self.asked = True
        raise KeyboardInterrupt
