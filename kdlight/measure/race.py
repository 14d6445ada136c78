"""Contenders that work in turn, a block at a time, so that noise meets all of them alike."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from statistics import median

Times = dict[str, list[float]]


class Paused(Iterator[None]):
    """Work that goes on only inside `next`, from one call of its `pause` to the following.

    It runs in a thread of its own, so that a loop which cannot be taken apart, such as a
    trainer's, can be timed block by block.

    Args:
        work: is called with `pause`; the first `next` runs it up to the first pause.
    """

    def __init__(self, work: Callable[[Callable[[], None]], object]) -> None:
        self._go, self._back = threading.Semaphore(0), threading.Semaphore(0)
        self._error: BaseException | None = None
        self._over = False
        self._thread = threading.Thread(target=self._run, args=(work,), daemon=True)

    def __next__(self) -> None:
        if self._over:
            raise StopIteration
        if self._thread.ident is None:
            self._thread.start()
        self._go.release()
        self._back.acquire()
        if self._error is not None:
            raise self._error
        if self._over:
            raise StopIteration

    def _run(self, work: Callable[[Callable[[], None]], object]) -> None:
        self._go.acquire()
        try:
            work(self._pause)
        except BaseException as error:  # raised again where `next` was called
            self._error = error
        self._over = True
        self._back.release()

    def _pause(self) -> None:
        self._back.release()
        self._go.acquire()


def race(
    contenders: Mapping[str, Iterator[object]],
    rounds: int,
    warmup: int = 1,
    clock: Callable[[], float] = time.perf_counter,
) -> Times:
    """Seconds of each block by contender; every round another one is the first.

    Args:
        contenders: each does one block of the same work a `next`.
        rounds: timed blocks of each.
        warmup: blocks of each that are not timed.
        clock: seconds; `time.process_time` counts those of the processor alone, which other
            processes disturb less, and is right for work of one thread that waits for nothing.
    """
    names = list(contenders)
    times: Times = {name: [] for name in names}
    for number in range(warmup + rounds):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            start = clock()
            next(contenders[name])
            if number >= warmup:
                times[name].append(clock() - start)
    return times


def ratio(times: Times, first: str, second: str) -> float:
    """How many times as long the first takes: the median over the rounds."""
    return median(a / b for a, b in zip(times[first], times[second], strict=True))
