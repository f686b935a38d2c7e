"""The random numbers of ``keras.layers.Dropout``, inside a compiled program.

TensorFlow's kernel and its XLA compiler draw different numbers from one seed, so a compiled program
would drop other units than ``model.fit`` does. Here is the generator itself: Philox4x32-10, with
the keys of TensorFlow's ``stateless_random_uniform``.

References:
    Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3".
"""

from __future__ import annotations

from dnn_sweep.core.lazy import tf

_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_WEYL = (0x9E3779B9, 0xBB67AE85)
_SCRAMBLING_KEY = (0x3EC8F720, 0x02461E29)
_ROUNDS = 10
_LARGEST_SEED = 2**31 - 2  # Keras takes seeds modulo this
_MANTISSA_BITS = {"float32": 23, "bfloat16": 7}  # the drawn bits that make a number


def uniform(
    seeds: tf.Tensor, steps: tf.Tensor, rows: int, units: int, dtype: str = "float32"
) -> tf.Tensor:
    """Draw numbers in [0, 1), ``[lanes, rows, units]``, as each lane's dropout layer draws them.

    Args:
        seeds: The layers' seeds, int32 of shape ``[lanes]``.
        steps: How often each layer has drawn before, int32 of shape ``[lanes]``.
        rows: Rows of a batch.
        units: The layer's width.
        dtype: The type the layer computes in.
    """
    lanes, blocks = seeds.shape[0], -(-rows * units // 4)
    zeros = tf.zeros((lanes, 1), tf.uint32)
    seed = tf.cast(seeds % _LARGEST_SEED, tf.uint32)[:, tf.newaxis]
    step = tf.cast(steps, tf.uint32)[:, tf.newaxis]
    scramble = [tf.fill((lanes, 1), tf.constant(key, tf.uint32)) for key in _SCRAMBLING_KEY]
    mixed = _philox([seed, zeros, step, zeros], scramble)
    block = tf.cast(tf.range(blocks), tf.uint32)[tf.newaxis, :]
    wide = [tf.broadcast_to(each, (lanes, blocks)) for each in (block, zeros, mixed[2], mixed[3])]
    # The low half of the counter starts at 0 and does not overflow: no layer has 2**34 outputs.
    drawn = tf.stack(_philox(wide, mixed[:2]), axis=-1)
    bits = _MANTISSA_BITS[dtype]
    kept = tf.bitwise.bitwise_and(drawn, 2**bits - 1)
    numbers = tf.cast(tf.cast(kept, tf.float32) / 2**bits, dtype)
    return tf.reshape(tf.reshape(numbers, (lanes, -1))[:, : rows * units], (lanes, rows, units))


def _philox(counter: list[tf.Tensor], key: list[tf.Tensor]) -> list[tf.Tensor]:
    for _ in range(_ROUNDS):
        low0, high0 = _multiply(counter[0], _MULTIPLIERS[0])
        low1, high1 = _multiply(counter[2], _MULTIPLIERS[1])
        counter = [
            tf.bitwise.bitwise_xor(tf.bitwise.bitwise_xor(high1, counter[1]), key[0]),
            low1,
            tf.bitwise.bitwise_xor(tf.bitwise.bitwise_xor(high0, counter[3]), key[1]),
            low0,
        ]
        key = [each + tf.constant(step, tf.uint32) for each, step in zip(key, _WEYL, strict=True)]
    return counter


def _multiply(value: tf.Tensor, factor: int) -> tuple[tf.Tensor, tf.Tensor]:
    """The low and the high half of a product of 32-bit numbers."""
    product = tf.cast(value, tf.uint64) * tf.constant(factor, tf.uint64)
    return tf.cast(product & 0xFFFFFFFF, tf.uint32), tf.cast(
        tf.bitwise.right_shift(product, tf.constant(32, tf.uint64)), tf.uint32
    )
