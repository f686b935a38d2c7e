"""What the trial store holds, how large it is, and which experiment still names it."""

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.plan.search_record import SearchRecord
from dnn_sweep.core.plan.trial import Trial, TrialPlan
from dnn_sweep.core.training.results import TrialResult
from dnn_sweep.datasets.file_lock import FileLock, held
from dnn_sweep.datasets.trial_store import TrialStoreDataset

Model = TypeVar("Model", bound=BaseModel)

TRIALS = "06_models/trials"
LOCKS = "06_models/*/.lock"
SEARCHES = "06_models/*/search.json"
SERVED = ("07_model_output/*/served_plan.json",)
PLANS = (
    "05_model_input/*/trial_plan.json",
    "05_model_input/*/screening_plan.json",
    "06_models/*/finals_plan.json",
    *SERVED,
)


@dataclass(frozen=True)
class StoredTrial:
    """A folder of the trial store.

    Args:
        result: ``None`` if the trial is damaged.
        used_by: Experiments whose present plans name the trial, at whatever learning rate.
        served_by: Experiments that serve its network.
    """

    folder: Path
    result: TrialResult | None
    used_by: tuple[str, ...]
    served_by: tuple[str, ...]

    @property
    def size(self) -> int:
        """Bytes of its files."""
        return sum(each.stat().st_size for each in self.folder.iterdir())

    @property
    def network_size(self) -> int:
        """Bytes of its network."""
        return sum(each.stat().st_size for each in self.folder.glob("*.keras"))

    @property
    def has_spare_network(self) -> bool:
        """Whether it keeps a network that no experiment serves."""
        kept = self.result is not None and self.result.keeps_network
        return kept and not self.served_by


def list_trials(data: Path) -> list[StoredTrial]:
    """List what is stored below a project's folder ``data``.

    Raises:
        SweepError: If a plan cannot be read, so that nobody knows what it names.
    """
    users, servers = _named(data, PLANS), _named(data, SERVED)
    searchers = _searched(data)
    store, found = TrialStoreDataset(str(data / TRIALS)).load(), []
    for folder in sorted((data / TRIALS).glob("[!.]*/")):
        result = store.get(folder.name)
        key = "" if result is None else _family(result.trial)
        light = result and replace(result, outputs=result.outputs[:0])
        used = dict.fromkeys((*users.get(key, ()), *searchers.get(folder.name, ())))
        found.append(StoredTrial(folder, light, tuple(used), servers.get(key, ())))
    return found


def planned_elsewhere(data: Path, plan: TrialPlan, experiment: str) -> set[str]:
    """Ids of those trials of an experiment's plan that the plans of others name as well.

    Raises:
        SweepError: If one of these cannot be read, so that nobody knows what it names.
    """
    users = _named(data, PLANS)
    named = {trial.id: set(users.get(_family(trial), ())) for trial in plan.trials}
    return {trial_id for trial_id, own in named.items() if own - {experiment}}


def delete_trials(data: Path, trials: Iterable[StoredTrial]) -> None:
    """Delete trials, damaged or not."""

    def delete() -> None:
        for each in trials:
            shutil.rmtree(each.folder)

    _unless_running(data, delete)


def delete_networks(data: Path, trials: Iterable[StoredTrial]) -> None:
    """Delete the networks of trials; those of version 0.1 are stored anew without theirs."""
    dataset = TrialStoreDataset(str(data / TRIALS))
    names = [each.folder.name for each in trials]

    def delete() -> None:
        dataset.release_networks(names)
        store = dataset.load()
        for result in (store[name] for name in names if store.has_network(name)):
            dataset.save(replace(result.discard_network(), replaces=True))

    _unless_running(data, delete)


def _unless_running(data: Path, change: Callable[[], None]) -> None:
    locks = (FileLock(each) for each in sorted(data.glob(LOCKS)))
    with held(locks, "a command that deletes trials") as busy:
        if busy is not None:
            raise SweepError(
                f"a run is writing ({busy.note()}), and may need these trials; nothing was "
                "deleted. Wait until it has ended"
            )
        change()


def _named(data: Path, patterns: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The experiments that name trials, by what these have in common at all learning rates."""
    found: dict[str, tuple[str, ...]] = {}
    for file in sorted(each for pattern in patterns for each in data.glob(pattern)):
        for trial in _read(file, TrialPlan).trials:
            key, experiment = _family(trial), file.parent.name
            if experiment not in found.get(key, ()):
                found[key] = (*found.get(key, ()), experiment)
    return found


def _searched(data: Path) -> dict[str, tuple[str, ...]]:
    """The experiments whose searches have trained a trial, by its id."""
    found: dict[str, tuple[str, ...]] = {}
    for file in sorted(data.glob(SEARCHES)):
        record = _read(file, SearchRecord)
        for name in (each for proposal in record.proposals for each in proposal.trials):
            found[name] = (*found.get(name, ()), file.parent.name)
    return found


def _read(file: Path, model: type[Model]) -> Model:
    """Read a plan or a record.

    Raises:
        SweepError: If it cannot be read.
    """
    try:
        return model.model_validate_json(file.read_text())
    except (OSError, ValidationError, ValueError) as error:
        raise SweepError(
            f"{file} cannot be read, so what it needs is not known; run its experiment again, "
            f"or delete the file ({str(error).splitlines()[0]})"
        ) from error


def _family(trial: Trial) -> str:
    """A key of all trials that differ from this one by their learning rates alone.

    A screening also tries rates that no plan lists, beyond the edges.
    """
    fields = {name: getattr(trial, name) for name in Trial.model_fields}
    return Trial(**fields | {"learning_rate": 0.0, "schedule": None}).id
