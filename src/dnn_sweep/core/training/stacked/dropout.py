"""The masks of ``keras.layers.Dropout``, inside a compiled program."""

from dnn_sweep.core.lazy import tf

# TensorFlow's kernel and its XLA compiler draw different numbers from one seed, so a compiled
# program would drop other units than `model.fit` does. Hence the generator itself: Philox4x32-10
# (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"), keyed as TensorFlow's
# `stateless_random_uniform` keys it. A test compares the masks with Keras's, bit by bit.
_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_WEYL = (0x9E3779B9, 0xBB67AE85)
_SCRAMBLING_KEY = (0x3EC8F720, 0x02461E29)
_ROUNDS = 10
_LARGEST_SEED = 2**31 - 2  # Keras takes seeds modulo this


# Bits of a mantissa: how many of each drawn number's last bits TensorFlow makes a real one of.
_MANTISSA = {tf.float32: 23, tf.bfloat16: 7}


def uniform(
    seeds: tf.Tensor, steps: tf.Tensor, rows: int, units: int, dtype: tf.DType = tf.float32
) -> tf.Tensor:
    """Uniform numbers in [0, 1), each network's own.

    Args:
        seeds: The dropout layers' seeds, int32 of shape ``[seats]``.
        steps: How often each layer has drawn before, int32 of shape ``[seats]``.
        rows: Rows of a batch.
        units: The layer's width.
        dtype: What the layer computes in; it draws fewer different numbers in half precision.

    Returns:
        Of that type and shape ``[seats, rows, units]``.
    """
    seats, blocks = seeds.shape[0], -(-rows * units // 4)
    zeros = tf.zeros((seats, 1), tf.uint32)
    seed = tf.cast(seeds % _LARGEST_SEED, tf.uint32)[:, tf.newaxis]
    step = tf.cast(steps, tf.uint32)[:, tf.newaxis]
    scramble = [tf.fill((seats, 1), tf.constant(key, tf.uint32)) for key in _SCRAMBLING_KEY]
    mixed = _philox([seed, zeros, step, zeros], scramble)
    block = tf.cast(tf.range(blocks), tf.uint32)[tf.newaxis, :]
    wide = [tf.broadcast_to(each, (seats, blocks)) for each in (block, zeros, mixed[2], mixed[3])]
    # The low half of the counter starts at 0 and does not overflow: no layer has 2**34 outputs.
    drawn = tf.stack(_philox(wide, mixed[:2]), axis=-1)
    mantissa = _MANTISSA[dtype]
    kept = tf.bitwise.bitwise_and(drawn, 2**mantissa - 1)
    numbers = tf.cast(tf.cast(kept, tf.float32) / 2**mantissa, dtype)
    return tf.reshape(tf.reshape(numbers, (seats, -1))[:, : rows * units], (seats, rows, units))


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
