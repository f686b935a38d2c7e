"""Who trains what: trials that wait, by what they can share, and the programs that train them."""

import threading
from collections import Counter, deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from dnn_sweep.core.engines.stacked.structure import Structure, differing_scalars, structure_of
from dnn_sweep.core.trials import Trial

# A screening of three rates would leave two seats of five empty, and its further rates four, if
# only trials of one kind could sit together. To compute every activation for all costs less
# (15 % of a model-epoch) up to about this many replicates in the finals.
UNIFORM_REPLICATES = 8


@dataclass(frozen=True)
class Group:
    """Trials that can train in one program.

    Args:
        structure: What they share.
        activations: Names of the activations that occur.
        mixed: Whether a cohort may have several activations in one layer.
        scalars: Names of the optimizer's arguments whose values differ between the trials.
        together: How many can sit in one cohort, at most. No part of what a program is.
    """

    structure: Structure
    activations: tuple[str, ...]
    mixed: bool
    scalars: tuple[str, ...]
    together: int = field(compare=False)


@dataclass
class Waiting:
    """Trials that can sit in one cohort: of one group and, unless it is mixed, alike.

    Args:
        group: Their group.
        example: One of them.
        trials: Those that have not begun.
        workers: How many workers train them now.
    """

    group: Group
    example: Trial
    trials: deque[Trial]
    workers: int = 0


class Board:
    """Hands out trials to workers; safe to use from several threads.

    Args:
        trials: All trials, in order.
        finished: Ids of those that are trained already. They are not handed out, but groups are
            formed as if they were: a sweep that is resumed trains the rest in the programs that
            it would have trained it in.
        always_mixed: Whether every cohort may be mixed, as suits a GPU.
        replicates: Trials of one kind to form groups for, where the same programs are to train
            another stage of the sweep; ``None`` for as many as there are.
    """

    def __init__(
        self,
        trials: Sequence[Trial],
        finished: Collection[str] = (),
        *,
        always_mixed: bool,
        replicates: int | None = None,
    ) -> None:
        self._lock = threading.Lock()
        self._queues: list[Waiting] = []
        by_structure: dict[Structure, list[Trial]] = {}
        for trial in trials:
            by_structure.setdefault(structure_of(trial), []).append(trial)
        for structure, members in by_structure.items():
            alike: dict[tuple[str, ...], list[Trial]] = {}
            for trial in members:
                alike.setdefault(_activations(trial), []).append(trial)
            names = tuple(sorted({name for signature in alike for name in signature}))
            # Cohorts of one kind each are faster, unless that leaves networks alone.
            few = 2 if replicates is None else UNIFORM_REPLICATES
            mixed = always_mixed or (replicates or len(members) // len(alike)) < few
            scalars = differing_scalars(members)
            kinds = [members] if mixed else list(alike.values())
            together = max(len(kind) for kind in kinds)
            if replicates:
                together = replicates * len(alike) if mixed else replicates
            group = Group(structure, names, mixed, scalars, together)
            for kind in kinds:
                missing = deque(trial for trial in kind if trial.id not in finished)
                self._queues.append(Waiting(group, kind[0], missing))

    @property
    def kinds(self) -> int:
        """How many queues there are, empty ones too."""
        return len(self._queues)

    def next_queue(self) -> Waiting | None:
        """Where a worker that has nothing to do should help; ``None`` where nobody waits."""
        with self._lock:
            open_queues = [queue for queue in self._queues if queue.trials]
            if not open_queues:
                return None
            busy = Counter[Group]()
            for queue in self._queues:
                busy[queue.group] += queue.workers
            # Different programs first, so that they are compiled side by side.
            chosen = min(open_queues, key=lambda queue: (busy[queue.group], -len(queue.trials)))
            chosen.workers += 1
            return chosen

    def take(self, queue: Waiting, count: int) -> list[Trial]:
        """Take trials off a queue, ``count`` at most."""
        with self._lock:
            return [queue.trials.popleft() for _ in range(min(count, len(queue.trials)))]

    def leave(self, queue: Waiting) -> None:
        """Stop helping with a queue."""
        with self._lock:
            queue.workers -= 1


def _activations(trial: Trial) -> tuple[str, ...]:
    return tuple(layer.activation for layer in trial.network.hidden)
