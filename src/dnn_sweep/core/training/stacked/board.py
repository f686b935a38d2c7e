"""Who trains what: trials that wait, by what they can share, and the programs that train them."""

import threading
from collections import Counter, deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from dnn_sweep.core.plan.trial import Trial
from dnn_sweep.core.training.stacked.structure import Structure, differing_scalars, structure_of

# A screening of three rates would leave two seats of five empty, and its further rates four, if
# only trials of one kind could sit together. To compute every activation for all costs less
# (15 % of a model-epoch) as long as a program has fewer than about so many finals of each kind.
UNIFORM_TRIALS = 8

# How many optimizers to train side by side in one program, told all trials of one network.
Joining = Callable[[Sequence[Trial]], int]


@dataclass(frozen=True)
class Section:
    """Seats of a program that one optimizer updates.

    Args:
        structure: What their trials share.
        scalars: Names of the optimizer's arguments whose values differ between the trials.
        example: One of the trials. No part of what a program is.
    """

    structure: Structure
    scalars: tuple[str, ...]
    example: Trial = field(compare=False)


@dataclass(frozen=True)
class Group:
    """Trials that can train in one program.

    Args:
        sections: One an optimizer; their structures differ in nothing else.
        activations: Names of the activations that occur.
        mixed: Whether a cohort may have several activations in one layer.
        together: How many can sit in one section, at most. No part of what a program is.
    """

    sections: tuple[Section, ...]
    activations: tuple[str, ...]
    mixed: bool
    together: int = field(compare=False)

    @property
    def structure(self) -> Structure:
        """What all share; of the optimizer, the first section's."""
        return self.sections[0].structure


@dataclass
class Waiting:
    """Trials that can sit in one cohort: of one group and, unless it is mixed, alike.

    Args:
        group: Their group.
        trials: Those that have not begun, by section.
        workers: How many workers train them now.
    """

    group: Group
    trials: Mapping[Section, deque[Trial]]
    workers: int = 0

    @property
    def count(self) -> int:
        """How many have not begun."""
        return sum(len(each) for each in self.trials.values())


class Board:
    """Hands out trials to workers; safe to use from several threads.

    Args:
        trials: All trials, in order.
        finished: Ids of those that are trained already. They are not handed out, but groups are
            formed as if they were: a sweep that is resumed trains the rest in the programs that
            it would have trained it in.
        always_mixed: Whether every cohort may be mixed, as suits a GPU.
        joining: How many optimizers share a program; by default each has its own.
        finals: The trials of the stage that most of a sweep is trained in, if it has several:
            groups are formed for these, so that the same programs train every stage.
    """

    def __init__(
        self,
        trials: Sequence[Trial],
        finished: Collection[str] = (),
        *,
        always_mixed: bool,
        joining: Joining = lambda trials: 1,
        finals: Sequence[Trial] = (),
    ) -> None:
        self._lock = threading.Lock()
        self._queues: list[Waiting] = []
        missing: dict[Structure, list[Trial]] = {}
        for trial in trials:
            if trial.id not in finished:
                missing.setdefault(structure_of(trial), []).append(trial)
        for sections in _sections(finals or trials, joining):
            planned = [(s.structure, each) for s, members in sections.items() for each in members]
            alike = Counter((structure, _activations(each)) for structure, each in planned)
            kinds = tuple(dict.fromkeys(signature for _, signature in alike))
            names = tuple(sorted({name for signature in kinds for name in signature}))
            # Cohorts of one kind each are faster, unless that leaves seats empty.
            few = UNIFORM_TRIALS if finals else 2
            mixed = always_mixed or len(planned) // len(kinds) < few
            together = max(map(len, sections.values()) if mixed else alike.values())
            group = Group(tuple(sections), names, mixed, together)
            for kind in (None,) if mixed else kinds:
                waiting = {
                    section: deque(
                        trial
                        for trial in missing.get(section.structure, ())
                        if kind in (None, _activations(trial))
                    )
                    for section in sections
                }
                self._queues.append(Waiting(group, waiting))
        if sum(queue.count for queue in self._queues) != sum(map(len, missing.values())):
            raise ValueError("the finals hold no trial like some of these")

    @property
    def kinds(self) -> int:
        """How many queues there are, empty ones too."""
        return len(self._queues)

    def next_queue(self) -> Waiting | None:
        """Where a worker that has nothing to do should help; ``None`` where nobody waits."""
        with self._lock:
            open_queues = [queue for queue in self._queues if queue.count]
            if not open_queues:
                return None
            busy = Counter[Group]()
            for queue in self._queues:
                busy[queue.group] += queue.workers
            # Different programs first, so that they are compiled side by side.
            chosen = min(open_queues, key=lambda queue: (busy[queue.group], -queue.count))
            chosen.workers += 1
            return chosen

    def take(self, queue: Waiting, free: Mapping[Section, int]) -> dict[Section, list[Trial]]:
        """Take trials off a queue, at most so many for each section."""
        taken = {}
        with self._lock:
            for section, count in free.items():
                waiting = queue.trials[section]
                taken[section] = [waiting.popleft() for _ in range(min(count, len(waiting)))]
        return taken

    def leave(self, queue: Waiting) -> None:
        """Stop helping with a queue."""
        with self._lock:
            queue.workers -= 1


def _sections(trials: Sequence[Trial], joining: Joining) -> list[dict[Section, list[Trial]]]:
    """Trials by the program that trains them, and in it by section."""
    networks: dict[Structure, dict[Structure, list[Trial]]] = {}
    for trial in trials:
        structure = structure_of(trial)
        by_optimizer = networks.setdefault(structure.without_optimizer, {})
        by_optimizer.setdefault(structure, []).append(trial)
    programs: list[dict[Section, list[Trial]]] = []
    for by_optimizer in networks.values():
        count = -(-len(by_optimizer) // joining([t for own in by_optimizer.values() for t in own]))
        optimizers = list(by_optimizer.items())
        # Dealt out like cards: neighbours in a grid are alike, and those at its end slower.
        programs += [
            {
                Section(structure, differing_scalars(members), members[0]): members
                for structure, members in optimizers[first::count]
            }
            for first in range(count)
        ]
    return programs


def _activations(trial: Trial) -> tuple[str, ...]:
    return tuple(layer.activation for layer in trial.network.hidden)
