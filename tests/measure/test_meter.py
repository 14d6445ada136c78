"""Progress of long work."""

import pytest

from kdlight.measure.meter import Meter, duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")],
)
def test_durations_in_words(seconds, text):
    assert duration(seconds) == text


def test_a_resumed_meter_counts_its_own_rate(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("kdlight.measure.meter.time.monotonic", lambda: now[0])
    with Meter("work", total=1000, unit="rows", done=400) as meter:
        now[0] += 10
        meter.advance(50)
        assert meter.done == 450
        assert meter.rate == pytest.approx(5)


def test_a_line_every_fifteen_seconds(monkeypatch, caplog):
    now = [0.0]
    monkeypatch.setattr("kdlight.measure.meter.time.monotonic", lambda: now[0])
    monkeypatch.setattr("sys.stderr.isatty", lambda: False, raising=False)
    caplog.set_level("INFO", logger="kdlight")
    for quiet in (False, True):
        with Meter("fills", total=1000, unit="rows", quiet=quiet) as meter:
            for _ in range(4):
                now[0] += 10
                meter.advance(100)
    lines = [record.getMessage() for record in caplog.records]
    assert [line.rsplit(", ", 2)[0] for line in lines] == [
        "fills: 200 of 1,000 rows",
        "fills: 400 of 1,000 rows",
    ]
    assert "10/s, about 1 min 20 s left" in lines[0]
