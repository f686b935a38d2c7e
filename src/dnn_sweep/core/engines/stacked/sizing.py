"""How many trials train together, and how many cohorts at a time."""

import os
from math import prod

from dnn_sweep.core.engines.stacked.network import weight_shapes
from dnn_sweep.core.engines.stacked.structure import Structure
from dnn_sweep.core.quiet_keras import tensorflow as tf
from dnn_sweep.core.training_data import TrainingData

# On a processor a cohort's weights, slots and gradients should stay in a core's cache, since
# every step reads and writes them all; docs/decisions/0011 has the figures.
CACHE_BYTES = 8 * 2**20
# Whatever the processor: a bound for small networks, beyond which nothing is gained, and the
# share of the free memory that all cohorts together may take.
MOST_SEATS = {"cpu": 16, "gpu": 512}
MEMORY_SHARE = 0.5
FLOAT_BYTES = 4
COPIES_IN_A_STEP = 4  # weights, gradients and, for most optimizers, two slots
COPIES_IN_ALL = 2 * COPIES_IN_A_STEP  # the state exists twice: before and after an epoch


def has_gpu() -> bool:
    """Whether TensorFlow sees a GPU."""
    return bool(tf.config.list_physical_devices("GPU"))


def worker_count() -> int:
    """How many cohorts train at the same time: one a core, or one on a GPU."""
    if has_gpu():
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def seats_for(
    structure: Structure, data: TrainingData, together: int, workers: int, sharing: int = 1
) -> int:
    """Decide how many trials of one structure train in one program.

    Args:
        structure: What the trials share.
        data: The rows they train on.
        together: How many trials can sit in one cohort.
        workers: How many cohorts train at the same time.
        sharing: How many of the workers will share these trials.

    Returns:
        At least 1. Cohorts come out about equally large, so that no seat stays empty for long.
    """
    fitting = int(MEMORY_SHARE * _free_memory() / workers / _bytes_of_a_trial(structure, data))
    if has_gpu():
        most = min(fitting, MOST_SEATS["gpu"])
    else:
        in_cache = CACHE_BYTES // (COPIES_IN_A_STEP * FLOAT_BYTES * _weights(structure))
        most = min(fitting, in_cache, MOST_SEATS["cpu"])
    cohorts = -(-together // max(most, 1))
    # As many for one worker as for another, or some would have nothing to do at the end.
    return -(-together // min(-(-cohorts // sharing) * sharing, together))


def work_of_an_epoch(structure: Structure, data: TrainingData) -> float:
    """Floating-point operations of one trial's epoch, about."""
    return 6.0 * _weights(structure) * len(data.x_train)


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
