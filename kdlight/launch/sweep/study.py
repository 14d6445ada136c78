"""Optuna's study: where trials are kept, and which were best."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kdlight.types import UserError, first_line

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

NOTES = "overrides"


def best(study: "Study", objectives: Sequence[str]) -> list[dict[str, Any]]:
    """The best trial; with several objectives all that none beats in every one."""
    trials: list[FrozenTrial] = sorted(study.best_trials, key=lambda trial: trial.values[0])
    return [
        {
            "trial": trial.number,
            "overrides": trial.user_attrs[NOTES],
            "values": dict(zip(objectives, trial.values, strict=True)),
        }
        for trial in (trials if len(objectives) > 1 else trials[:1])
    ]


def open_study(
    storage: str, name: str, objectives: Mapping[str, str], sampler: Any, pruner: Any, about: str
) -> "Study":
    """A study, new or as it was left.

    Args:
        storage: a database's URL, or a path that ends in `.log` for a journal file.
        name: of the study there.
        objectives: directions by key.
        sampler: says what to try next.
        pruner: says what to stop early; None for nothing, which Optuna itself takes for its median.
        about: identity of what is searched.

    Raises:
        UserError: if the storage cannot be used, or its study of that name is another search's.
    """
    import optuna
    from optuna.storages import JournalStorage, RDBStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    directions: list[Any] = list(objectives.values())
    try:
        place = (
            JournalStorage(JournalFileBackend(storage))
            if storage.endswith(".log")
            else RDBStorage(storage)
        )
        study = optuna.create_study(
            storage=place, study_name=name, directions=directions, sampler=sampler,
            pruner=pruner or optuna.pruners.NopPruner(), load_if_exists=True,
        )  # fmt: skip
    except Exception as error:  # of many database drivers
        raise UserError(f"hydra.sweeper.storage={storage}: {first_line(error)}") from error
    another = "give this search another name, hydra.sweeper.study=NAME."
    known = study.user_attrs.get("objectives")
    if known not in (None, dict(objectives)):
        raise UserError(f"The study {name} in {storage} has the objectives {known}: {another}")
    if study.user_attrs.get("about") not in (None, about):
        raise UserError(
            f"The study {name} in {storage} is of other settings, other data or other values to "
            f"choose from: {another}"
        )
    study.set_user_attr("objectives", dict(objectives))
    study.set_user_attr("about", about)
    return study
