"""How many trials train together, and how many cohorts at a time."""

import os
from collections.abc import Sequence
from math import prod

from dnn_sweep.core.data.arrays import TrainingData
from dnn_sweep.core.lazy import tf
from dnn_sweep.core.plan.trial import Trial
from dnn_sweep.core.training.stacked.network import weight_shapes
from dnn_sweep.core.training.stacked.structure import Structure, structure_of

# On a processor a cohort's weights, slots and gradients should stay in a core's cache, since
# every step reads and writes them all; docs/decisions/0011 has the figures.
CACHE_BYTES = 8 * 2**20
# Whatever the processor: a bound for small networks, beyond which nothing is gained, and the
# share of the free memory that all cohorts together may take.
MOST_SEATS = {"cpu": 16, "gpu": 512}
MEMORY_SHARE = 0.5
FLOAT_BYTES = 4
COPIES_IN_A_STEP = 4  # weights, gradients and, for most optimizers, two slots
# The state exists before and after an epoch, and as every trial begins.
COPIES_IN_ALL = 3 * COPIES_IN_A_STEP
# To train on empty seats costs time, and so does compiling for fewer. Once as much has been lost
# on empty seats as compiling takes (some seconds of a core), a cohort moves. Counted in
# operations, not in seconds, so that a sweep that is repeated does the same.
WORK_OF_COMPILING = 1.5e11
# Most of a program is the way forward and back, which is compiled once for all optimizers that
# share it. But then each step copies every weight once more, which takes so much of its time.
COST_OF_SHARING = 0.1


def has_gpu() -> bool:
    """Whether TensorFlow sees a GPU."""
    return bool(tf.config.list_physical_devices("GPU"))


def worker_count() -> int:
    """How many cohorts train at the same time: one a core, or one on a GPU."""
    if has_gpu():
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def seats_for(
    structure: Structure,
    data: TrainingData,
    together: int,
    workers: int,
    sharing: int = 1,
    sections: int = 1,
) -> int:
    """Decide how many trials train in one program.

    Args:
        structure: What the trials share.
        data: The rows they train on.
        together: How many trials can sit in one section of a cohort.
        workers: How many cohorts train at the same time.
        sharing: How many of the workers will share these trials.
        sections: How many optimizers share the program.

    Returns:
        At least 1 for each section, all alike. Cohorts come out about equally large, so that no
        seat stays empty for long.
    """
    most = _most_seats(structure, data, workers) // sections
    cohorts = -(-together // max(most, 1))
    # As many for one worker as for another, or some would have nothing to do at the end.
    each = -(-together // min(-(-cohorts // sharing) * sharing, together))
    return each * sections


def optimizers_together(
    trials: Sequence[Trial], data: TrainingData, workers: int, most: int | None = None
) -> int:
    """Decide how many optimizers share a program.

    Args:
        trials: All trials of one network.
        data: The rows they train on.
        workers: How many cohorts train at the same time.
        most: Trials in a cohort, at most; ``None`` for what suits network and machine.

    Returns:
        All, or as many as a cohort has seats, if that saves more than it costs; else 1.
    """
    optimizers = {structure_of(trial) for trial in trials}
    structure = next(iter(optimizers))
    programs = -(-len(optimizers) // max(1, most or _most_seats(structure, data, workers)))
    saved = (len(optimizers) - programs) * WORK_OF_COMPILING
    epochs = sum(trial.epochs for trial in trials)
    cost = COST_OF_SHARING * epochs * work_of_an_epoch(structure, data)
    return -(-len(optimizers) // programs) if cost < saved else 1


def work_of_an_epoch(structure: Structure, data: TrainingData) -> float:
    """Floating-point operations of one trial's epoch, about."""
    return 6.0 * _weights(structure) * len(data.x_train)


def _most_seats(structure: Structure, data: TrainingData, workers: int) -> int:
    fitting = int(MEMORY_SHARE * _free_memory() / workers / _bytes_of_a_trial(structure, data))
    if has_gpu():
        return min(fitting, MOST_SEATS["gpu"])
    in_cache = CACHE_BYTES // (COPIES_IN_A_STEP * FLOAT_BYTES * _weights(structure))
    return min(fitting, in_cache, MOST_SEATS["cpu"])


def _weights(structure: Structure) -> int:
    return sum(prod(shape) for shape in weight_shapes(structure))


def _bytes_of_a_trial(structure: Structure, data: TrainingData) -> int:
    widths = structure.inputs + sum(layer.units for layer in structure.hidden) + structure.outputs
    rows = max(structure.batch_size, min(len(data.x_validation), 512))
    outputs = 2 * len(data.x_validation) * structure.outputs
    # A batch's outputs of every layer, and as much again for the way back.
    numbers = COPIES_IN_ALL * _weights(structure) + 2 * rows * widths + outputs + len(data.x_train)
    return FLOAT_BYTES * numbers


def _free_memory() -> int:
    """Bytes that TensorFlow may still take on the device it uses."""
    if has_gpu():
        from tensorflow.python.client import device_lib

        return max(int(each.memory_limit) for each in device_lib.list_local_devices())
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
