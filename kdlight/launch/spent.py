"""How long a build took before it was stopped."""

from contextlib import suppress

from kdlight.artifacts.place import Place


def spent_before(place: Place) -> float:
    """Seconds of the parts of a build up to their last checkpoints; notes that a part begins."""
    note = place.note  # its own time is when a part began
    seconds = 0.0
    with suppress(OSError, ValueError):  # nothing was begun, or its note was cut short
        began = note.stat().st_mtime
        saved = [path.stat().st_mtime for path in place.working.rglob("*")]
        seconds = float(note.read_text()) + max(0.0, max(saved, default=began) - began)
    with suppress(OSError):  # of a full disk the stage speaks
        place.building.mkdir(parents=True, exist_ok=True)
        note.write_text(str(seconds))
    return seconds
