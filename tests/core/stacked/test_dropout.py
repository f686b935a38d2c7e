"""Dropout draws what Keras draws, bit by bit."""

import numpy as np

from dnn_sweep.core.engines.stacked.dropout import uniform
from dnn_sweep.core.quiet_keras import keras
from dnn_sweep.core.quiet_keras import tensorflow as tf


def test_masks_equal_those_of_the_keras_layer():
    rows, units, rate = 7, 5, 0.37
    seeds = [0, 1, 12345, 2**31 - 3, 2**31 - 2, 2**31 - 1]
    compiled = tf.function(uniform, jit_compile=True)
    layers = [keras.layers.Dropout(rate, seed=seed) for seed in seeds]
    for step in range(3):
        theirs = [layer(tf.ones((rows, units)), training=True).numpy() > 0 for layer in layers]
        steps = tf.fill((len(seeds),), step)
        mine = compiled(tf.constant(seeds, tf.int32), steps, rows, units).numpy() >= rate
        np.testing.assert_array_equal(mine, theirs)


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
