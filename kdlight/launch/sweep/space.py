"""From the values that are swept, as Hydra writes them, to what Optuna draws from."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import product
from math import prod
from random import Random
from typing import TYPE_CHECKING, Any, TypeVar

from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep

from kdlight.types import UserError

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

T = TypeVar("T")
TRIED = 16  # trials, to see whether a choice is possible in any


def space(overrides: Iterable[Override]) -> dict[str, "BaseDistribution"]:
    """What is to be searched, by key.

    `interval(a, b)` is drawn evenly, `tag(log, interval(a, b))` evenly in its logarithm,
    `int(interval(a, b))` as whole numbers, `range(a, b, step)` in steps; a list or `choice(...)`
    value by value.

    Raises:
        UserError: if nothing is swept.
    """
    found = {o.get_key_element(): _drawn(o) for o in overrides if o.is_sweep_override()}
    if not found:
        raise UserError(
            "A search needs values to choose from, such as "
            "'optimizer.lr=tag(log,interval(1e-4,1e-2))' or 'student.encoder.hidden=64,128,256'."
        )
    return found


def _drawn(override: Override) -> "BaseDistribution":
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    values: Any = override.value()
    if isinstance(values, IntervalSweep):
        low, high, log = values.start or 0, values.end or 0, "log" in values.tags
        if isinstance(low, int) and isinstance(high, int):
            return IntDistribution(low, high, log=log)
        return FloatDistribution(float(low), float(high), log=log)
    if isinstance(values, RangeSweep):
        numbers = list(values.range())
        if all(isinstance(number, int) for number in numbers):
            return IntDistribution(numbers[0], numbers[-1], step=int(values.step))
        return FloatDistribution(numbers[0], numbers[-1], step=float(values.step))
    return CategoricalDistribution([str(value) for value in override.sweep_string_iterator()])


def chosen(parameters: dict[str, Any]) -> list[str]:
    """The overrides of a trial; six digits are enough."""
    texts = {k: f"{v:.6g}" if isinstance(v, float) else v for k, v in parameters.items()}
    return [f"{key}={text}" for key, text in texts.items()]


def first_trial(plan: Callable[[list[str]], T], distributions: Mapping[str, Any]) -> T:
    """The plan of a trial, if each choice of a list is possible beside some of the others.

    Of very many combinations only some are tried, and a choice that none of them tells of passes.

    Args:
        plan: from the overrides of a trial to its plan; raises if it cannot be.
        distributions: what is searched, by key.

    Raises:
        UserError: why the first choice is refused that is.
    """
    values = {k: getattr(d, "choices", None) or (d.low,) for k, d in distributions.items()}
    plans: list[T] = []
    seen: set[tuple[str, Any]] = set()
    refusals: list[UserError] = []
    for key, value in ((k, value) for k, choices in values.items() for value in choices):
        if (key, value) in seen:
            continue
        own = {**values, key: (value,)}
        said: list[UserError] = []
        for trial in _some(own):
            try:
                plans.append(plan(chosen(trial)))
            except UserError as error:
                said.append(error)
            else:
                seen |= set(trial.items())
                break
        else:
            refusals.append(said[0])
            if prod(map(len, own.values())) <= TRIED:
                raise said[0]
    if not plans:
        raise refusals[0]
    return plans[0]


def _some(values: Mapping[str, Sequence[Any]]) -> Iterator[dict[str, Any]]:
    """All combinations if they are few, else some of them, drawn evenly and each time alike."""
    if prod(map(len, values.values())) <= TRIED:
        yield from (dict(zip(values, drawn, strict=True)) for drawn in product(*values.values()))
        return
    yield {key: choices[0] for key, choices in values.items()}
    random = Random(0)
    for _ in range(TRIED - 1):
        yield {key: random.choice(choices) for key, choices in values.items()}
