"""Dropout draws what Keras draws, bit by bit."""

import numpy as np
import pytest

from dnn_sweep.core.lazy import keras, tf
from dnn_sweep.core.training.stacked.forward import uniform


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_masks_equal_those_of_the_keras_layer(dtype):
    rows, units, rate = 7, 5, 0.37
    seeds = [0, 1, 12345, 2**31 - 3, 2**31 - 2, 2**31 - 1]
    compiled = tf.function(uniform, jit_compile=True)
    layers = [keras.layers.Dropout(rate, seed=seed, dtype=dtype) for seed in seeds]
    for step in range(3):
        ones = tf.ones((rows, units), dtype)
        theirs = [layer(ones, training=True).numpy() > 0 for layer in layers]
        steps = tf.fill((len(seeds),), step)
        mine = compiled(tf.constant(seeds, tf.int32), steps, rows, units, dtype)
        np.testing.assert_array_equal((mine >= tf.cast(rate, dtype)).numpy(), theirs)


def test_numbers_equal_those_of_tensorflows_generator():
    """All bits, not only which side of a rate they lie on."""
    rows, units = 33, 17
    mine = uniform(tf.constant([77, 5]), tf.constant([9, 70000]), rows, units)
    for at, seed in enumerate(([77, 9], [5, 70000])):
        key = tf.constant(seed, tf.uint32)
        theirs = tf.random.stateless_uniform(
            (rows, units), tf.bitcast(tf.cast(key, tf.int32), tf.int32)
        )
        np.testing.assert_array_equal(mine[at], theirs)
