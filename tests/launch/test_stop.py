"""A stop is answered wherever the signal falls."""

import contextlib
import signal
import sys
import time

import pytest

from kdlight.launch.stop import Stop, heed, put_off


class Dying:
    """Python drops whatever is raised while an object is taken away."""

    def __del__(self):
        signal.raise_signal(signal.SIGTERM)
        time.sleep(0)


def dies_while_it_is_stopped():
    Dying()
    for _ in range(500):
        time.sleep(0.01)


def test_where_python_drops_the_interrupt_it_comes_again(capfd):
    with pytest.raises(KeyboardInterrupt), Stop() as stop:
        dies_while_it_is_stopped()
    assert stop.asked
    assert capfd.readouterr().err == ""


def test_a_stop_that_a_library_swallows_is_answered_at_the_next_place():
    heed()
    with Stop() as stop:
        heed()
        with contextlib.suppress(BaseException):  # as some do around an import
            signal.raise_signal(signal.SIGTERM)
        assert stop.asked
        with pytest.raises(KeyboardInterrupt):
            heed()
    heed()


def test_other_dropped_errors_go_where_they_went(monkeypatch):
    seen = []
    monkeypatch.setattr(sys, "unraisablehook", seen.append)

    class Broken:
        def __del__(self):
            raise ValueError("broken")

    with Stop() as stop:
        Broken()
    assert [str(one.exc_value) for one in seen] == ["broken"]
    assert not stop.asked


def test_everything_is_as_it_was_before():
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)
    before = sys.unraisablehook, [signal.getsignal(number) for number in signals]
    with pytest.raises(KeyboardInterrupt), Stop():
        dies_while_it_is_stopped()
    assert (sys.unraisablehook, [signal.getsignal(number) for number in signals]) == before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def stopped_before(what):
    with put_off():
        signal.raise_signal(signal.SIGTERM)
        what()


def test_a_stop_is_put_off():
    done = []
    with pytest.raises(KeyboardInterrupt), Stop() as stop:
        stopped_before(lambda: done.append("to its end"))
    assert stop.asked
    assert done == ["to its end"]
    with put_off():
        pass
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
