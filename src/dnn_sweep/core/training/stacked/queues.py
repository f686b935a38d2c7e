"""Which trials train together: queues by program, and the number of lanes of a program."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

from dnn_sweep.core.data.arrays import TrainingData
from dnn_sweep.core.networks.weight_layout import weight_layout
from dnn_sweep.core.plan.shapes import Shapes
from dnn_sweep.core.plan.trial import Trial
from dnn_sweep.core.training.device import Device
from dnn_sweep.core.training.stacked.spec import (
    ModelSpec,
    OptimizerSpec,
    ProgramSpec,
    activations_of,
    spec_of,
)

# A uniform cohort computes one activation per layer, a mixed one all that occur, which makes its
# epochs 15 % longer. Cohorts are mixed where uniform ones would leave too many lanes empty: where
# there are fewer trials per kind than this (in the finals, since a screening has fewer).
UNIFORM_TRIALS, UNIFORM_FINALS = 2, 8
# What a compilation costs, in floating-point operations: some seconds of a core. Not in seconds, so
# that a repeated sweep does the same.
WORK_OF_COMPILING = 1.5e11
# Most of a program does not depend on the optimizer and is compiled once for all that share it. But
# then each step copies every weight once more, which takes this share of its time.
COST_OF_SHARING = 0.1
# Each step of a cohort reads and writes all of its weights, slots and gradients, which should stay
# in the cache of a core; docs/decisions/0011 has the figures.
CACHE_BYTES = 8 * 2**20
MEMORY_SHARE = 0.5  # of the free memory, for all cohorts together
FLOAT_BYTES = 4
COPIES_IN_A_STEP = 4  # weights, gradients and, for most optimizers, two slots
COPIES_IN_ALL = 3 * COPIES_IN_A_STEP  # the state before and after an epoch, and a fresh one
QUEUES_PER_WORKER = 2  # with so many, no two workers have to share one

_ByOptimizer = Mapping[OptimizerSpec, Sequence[Trial]]


@dataclass(frozen=True)
class Varied:
    """What the trials of a search may differ in, whichever of them train at a time.

    Programs are made for all of it, so that the next trials of the same shape share them. Each
    optimizer has programs of its own, since a search soon prefers one.

    Args:
        activations: All that may occur.
        arguments: Of optimizers, of which each lane needs its own value.
        together: How many trials of one program are proposed at once.
        shapes: Of programs that networks of several shapes share.
    """

    activations: tuple[str, ...]
    arguments: tuple[str, ...]
    together: int
    shapes: Shapes | None = None


@dataclass(eq=False)
class TrialQueue:
    """Trials that wait for a lane in the cohorts of one program."""

    spec: ProgramSpec
    # Those that have not begun; unless the program is mixed, with the same activations.
    trials: Mapping[OptimizerSpec, deque[Trial]]
    together: int  # trials of one optimizer that can train at the same time
    lanes: int = 0  # of a cohort
    workers: int = 0  # that train these trials now
    finished: Collection[str] = ()  # ids of those that take up their lanes, but are not trained

    def __len__(self) -> int:
        """Number of trials that wait to be trained."""
        return sum(each.id not in self.finished for own in self.trials.values() for each in own)

    def take(self, free: Mapping[OptimizerSpec, int]) -> dict[OptimizerSpec, list[Trial]]:
        """Remove trials from the queue, at most so many of each optimizer."""
        return {
            each: [self.trials[each].popleft() for _ in range(min(n, len(self.trials[each])))]
            for each, n in free.items()
        }

    def cohorts(self) -> Iterator[TrialQueue]:
        """Cut the queue into as many trials as there are lanes, each to be trained elsewhere."""
        size = self.lanes // len(self.spec.optimizers)
        while any(self.trials.values()):
            taken = self.take(dict.fromkeys(self.spec.optimizers, size))
            yield replace(self, trials={each: deque(own) for each, own in taken.items()})

    def shrink(self, lanes: int, held: Iterable[tuple[OptimizerSpec, Trial]]) -> bool:
        """Take the trials of a cohort of so many lanes back, for cohorts of half of them.

        Returns:
            ``False``, and nothing is changed, if the cohort had the fewest lanes already.
        """
        blocks = len(self.spec.optimizers)
        if lanes <= blocks:
            return False
        self.lanes = min(self.lanes, lanes // blocks // 2 * blocks)
        for optimizer, trial in reversed(list(held)):
            self.trials[optimizer].appendleft(trial)
        return True

    def clear(self) -> list[Trial]:
        """Remove all trials, and return them."""
        left = [trial for own in self.trials.values() for trial in own]
        for own in self.trials.values():
            own.clear()
        return left


def plan_queues(
    trials: Sequence[Trial],
    data: TrainingData,
    device: Device,
    finished: Collection[str] = (),
    finals: Sequence[Trial] = (),
    cohort_size: int | None = None,
    varied: Varied | None = None,
) -> list[TrialQueue]:
    """Queue trials by the program that trains them.

    Args:
        trials: All trials of a stage, in order.
        data: The rows.
        device: What trains.
        finished: Ids of those that are trained already. They take up their lanes all the same, so
            that a resumed sweep trains the rest in the same programs, epoch by epoch.
        finals: The trials of the stage that most of a sweep is trained in, if it has several:
            programs are planned for these, so that all stages share them.
        cohort_size: Lanes of a cohort; ``None`` for what suits network and device.
        varied: What the trials of a search may differ in; ``None`` without a search.
    """
    shapes = varied.shapes if varied else None
    waiting = _by_spec(trials, shapes)
    fewest = UNIFORM_FINALS if finals else UNIFORM_TRIALS
    queues: list[TrialQueue] = []
    for model, optimizers in _by_spec(finals or trials, shapes).items():
        most = cohort_size or most_lanes(device, model, data, device.workers)
        epochs = sum(trial.epochs for own in optimizers.values() for trial in own)
        per_program = _optimizers_per_program(len(optimizers), epochs, model, data, most)
        per_program = 1 if varied else per_program
        programs = -(-len(optimizers) // per_program)
        for first in range(programs):
            # Dealt out like cards: neighbours in a grid are alike, and those at its end slower.
            planned = dict(list(optimizers.items())[first::programs])
            own = {each: waiting[model].pop(each, []) for each in planned}
            if varied:
                queues.append(_queue_of_a_search(model, own, varied))
            else:
                queues += _queues_of_a_program(model, planned, own, fewest, device.is_gpu)
    if any(waiting.values()):
        raise ValueError("the finals hold no trial like some of these")
    for queue in queues:
        queue.finished = finished
    workers = min(device.workers, len(trials))
    sharing = workers if len(queues) < QUEUES_PER_WORKER * workers and not varied else 1
    for queue in queues:
        blocks = len(queue.spec.optimizers)
        most = most_lanes(device, queue.spec.model, data, workers)
        even = even_lanes(queue.together, most, blocks, sharing)
        queue.lanes = cohort_size // blocks * blocks if cohort_size else even
    return [queue for queue in queues if len(queue)]


def _by_spec(
    trials: Sequence[Trial], shapes: Shapes | None
) -> dict[ModelSpec, dict[OptimizerSpec, list[Trial]]]:
    models = defaultdict[ModelSpec, dict[OptimizerSpec, list[Trial]]](dict)
    for trial in trials:
        model, optimizer = spec_of(trial, shapes)
        models[model].setdefault(optimizer, []).append(trial)
    return models


def _queues_of_a_program(
    model: ModelSpec, planned: _ByOptimizer, waiting: _ByOptimizer, fewest: int, always_mixed: bool
) -> Iterator[TrialQueue]:
    """One queue for a mixed program, else one per kind of activations."""
    sizes = Counter((each, activations_of(t)) for each, own in planned.items() for t in own)
    kinds = list(dict.fromkeys(kind for _, kind in sizes))
    mixed = always_mixed or sizes.total() // len(kinds) < fewest
    narrowed = {each: each.narrowed_to([*own, *waiting[each]]) for each, own in planned.items()}
    names = tuple(sorted({name for kind in kinds for name in kind}))
    spec = ProgramSpec(model, tuple(narrowed.values()), names, mixed)
    together = max(map(len, planned.values()) if mixed else sizes.values())
    for chosen in [kinds] if mixed else [[kind] for kind in kinds]:
        trials = {
            narrowed[each]: deque(trial for trial in own if activations_of(trial) in chosen)
            for each, own in waiting.items()
        }
        yield TrialQueue(spec, trials, together)


def _queue_of_a_search(model: ModelSpec, waiting: _ByOptimizer, varied: Varied) -> TrialQueue:
    """The queue of one optimizer, whose program is the same for whatever a search proposes."""
    ((optimizer, trials),) = waiting.items()
    narrowed = optimizer.narrowed_to(trials, but=varied.arguments)
    spec = ProgramSpec(model, (narrowed,), tuple(sorted(varied.activations)), mixed=True)
    return TrialQueue(spec, {narrowed: deque(trials)}, varied.together)


def _optimizers_per_program(
    optimizers: int, epochs: int, model: ModelSpec, data: TrainingData, most: int
) -> int:
    """Decide how many of a model's optimizers share a program: in a short sweep as many as fit.

    ``epochs`` are those of all trials together; ``most`` is the largest number of lanes.
    """
    programs = -(-optimizers // max(1, most))
    saved = (optimizers - programs) * WORK_OF_COMPILING
    cost = COST_OF_SHARING * epochs * work_of_an_epoch(model, data)
    return -(-optimizers // programs) if cost < saved else 1


def even_lanes(together: int, most: int, blocks: int = 1, sharing: int = 1) -> int:
    """Decide the number of lanes of a cohort, so that all cohorts are about equally large.

    Args:
        together: How many trials of one block can train at the same time.
        most: Lanes at most.
        blocks: Optimizers that share the program; each gets at least one lane.
        sharing: How many workers train these trials, in equal parts.

    >>> even_lanes(17, most=16)
    9
    """
    cohorts = -(-together // max(most // blocks, 1))
    return -(-together // min(-(-cohorts // sharing) * sharing, together)) * blocks


def most_lanes(device: Device, model: ModelSpec, data: TrainingData, cohorts: int) -> int:
    """Largest number of lanes of a cohort, if so many cohorts share the device's memory."""
    memory = MEMORY_SHARE * device.free_memory / cohorts
    fitting = int(memory / bytes_of_a_lane(model, data))
    if device.is_gpu:
        return min(fitting, 512)
    in_cache = CACHE_BYTES // (COPIES_IN_A_STEP * FLOAT_BYTES * count_weights(model))
    return min(fitting, in_cache, 16)


def count_weights(model: ModelSpec) -> int:
    """Number of trainable weights of a network."""
    return sum(prod(each.shape) for each in weight_layout(model.network) if each.trainable)


def work_of_an_epoch(model: ModelSpec, data: TrainingData) -> float:
    """Floating-point operations of one trial's epoch, about."""
    return 6.0 * count_weights(model) * len(data.x_train)


def bytes_of_a_lane(model: ModelSpec, data: TrainingData) -> int:
    """Memory that one lane takes, estimated."""
    network, rows = model.network, len(data.x_validation)
    widths = network.inputs + sum(layer.units for layer in network.hidden) + network.outputs
    batch = max(model.batch_size, min(rows, 512))
    # Every layer's outputs for a batch, and as much again for the backward pass.
    activations, outputs = 2 * batch * widths, 2 * rows * network.outputs
    state = COPIES_IN_ALL * count_weights(model)
    return FLOAT_BYTES * (state + activations + outputs + len(data.x_train))
