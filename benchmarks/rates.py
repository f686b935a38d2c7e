"""Rates of matrix products and memory traffic, with the fastest installed library."""

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

SECONDS = 0.2  # how long a product is repeated; its fastest time counts
CALL = 4e8  # operations in one call of a compiled program: some milliseconds
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Product:
    """A stack of equal matrix products.

    Args:
        stack: Number of products.
        rows: Rows of the left matrix.
        inner: Columns of the left and rows of the right matrix.
        columns: Columns of the right matrix.
        transposed: The side that is stored transposed, as in a backward pass.
    """

    stack: int
    rows: int
    inner: int
    columns: int
    transposed: str = ""

    @property
    def flops(self) -> int:
        """Number of multiplications and additions."""
        return 2 * self.stack * self.rows * self.inner * self.columns

    def operands(self) -> tuple[Floats, Floats]:
        """Random matrices; transposed ones are views."""
        draw = partial(np.random.default_rng(0).random, dtype=np.float32)

        def make(rows: int, columns: int, side: str) -> Floats:
            if side == self.transposed:
                return draw((self.stack, columns, rows)).transpose(0, 2, 1)
            return draw((self.stack, rows, columns))

        return make(self.rows, self.inner, "left"), make(self.inner, self.columns, "right")


@cache
def fastest_product(product: Product) -> tuple[float, str]:
    """The shortest time of any library for a stack of products, and the library's name.

    Once all cores share each product, and once each core has a stack of its own, side by side with
    the others; of these the time of one stack is the time of all divided by their number.
    """
    found = [(_least_time(run), name) for name, run in _ways_to_multiply(product)]
    found += _side_by_side(product)
    return min(found)


@cache
def fastest_update(working_set: int) -> tuple[float, str]:
    """Bytes per second that ``a += b`` reads and writes, and the fastest library's name.

    Args:
        working_set: Bytes of both arrays together, divided among the cores; small sets stay in
            the cache.
    """
    count = max(working_set // 8, CORES)
    traffic = 3 * 4 * count  # read both, write one
    arrays = [(np.ones(count // CORES, np.float32), np.full(count // CORES, 1e-9, np.float32))]
    arrays += [(a.copy(), b.copy()) for a, b in arrays * (CORES - 1)]
    # Each core has its share of the arrays, so that all of them take as long as one.
    tasks = [partial(np.add, a, b, out=a) for a, b in arrays]
    seconds = [(CORES * _together(tasks), "NumPy per core")]
    if find_spec("torch"):
        import torch

        a, b = torch.ones(count), torch.full((count,), 1e-9)
        seconds.append((_least_time(partial(a.add_, b)), "PyTorch"))
        tensors = [(torch.from_numpy(a), torch.from_numpy(b)) for a, b in arrays]
        own = CORES * _together_in_torch([partial(a.add_, b) for a, b in tensors])
        seconds.append((own, "PyTorch per core"))
    least, name = min(seconds)
    return traffic / least, name


def _ways_to_multiply(product: Product) -> Iterator[tuple[str, Callable[[], object]]]:
    """Ways in which all cores multiply one stack."""
    left, right = product.operands()
    out = np.empty((product.stack, product.rows, product.columns), np.float32)
    yield "NumPy", partial(np.matmul, left, right, out=out)
    if find_spec("torch"):
        import torch

        operands = [torch.from_numpy(each) for each in (left, right)]
        yield "PyTorch", partial(torch.bmm, *operands, out=torch.from_numpy(out))
    if find_spec("tensorflow"):
        yield "TensorFlow", partial(*_for_tensorflow(product))


def _side_by_side(product: Product) -> Iterator[tuple[float, str]]:
    """Seconds per stack where every core multiplies one of its own."""
    from threadpoolctl import threadpool_limits

    owned = [product.operands() for _ in range(CORES)]
    outs = [np.empty((product.stack, product.rows, product.columns), np.float32) for _ in owned]
    with threadpool_limits(1, "blas"):
        tasks = [partial(np.matmul, *each, out=o) for each, o in zip(owned, outs, strict=True)]
        yield _together(tasks), "NumPy per core"
    if find_spec("torch"):
        import torch

        tensors = [[*map(torch.from_numpy, each)] for each in owned]
        results = map(torch.from_numpy, outs)
        tasks = [partial(torch.bmm, *t, out=o) for t, o in zip(tensors, results, strict=True)]
        yield _together_in_torch(tasks), "PyTorch per core"
    if find_spec("tensorflow"):
        tasks = [_many_in_xla(product) for _ in range(CORES)]
        yield _together(tasks) / _repeats(product), "XLA per core"


def _repeats(product: Product) -> int:
    """How often a compiled loop multiplies in one call."""
    return max(1, round(CALL / product.flops))


def _many_in_xla(product: Product) -> Callable[[], object]:
    """A compiled loop that multiplies the same matrices again and again.

    A call costs as much as a small product, and a training makes one call per epoch.
    """
    from tensorflow.compiler.tf2xla.python import xla

    from dnn_sweep.core.lazy import tf

    multiply, left, right = _for_tensorflow(product)
    shape = product.stack, product.rows, product.columns
    repeats = _repeats(product)

    def step(at: Any, left: Any, last: Any) -> Any:
        # Each product depends on the last one, or XLA would compute it once.
        changed = xla.dynamic_update_slice(left, last[:1, :1, :1], [0, 0, 0])
        return at + 1, changed, multiply(changed, right)

    def run() -> Any:
        state = 0, left, tf.zeros(shape)
        return tf.while_loop(lambda at, *_: at < repeats, step, state)[2]

    return tf.function(run, jit_compile=True, autograph=False)  # type: ignore[no-any-return]


def _for_tensorflow(product: Product) -> list[Any]:
    """A function that multiplies, and its operands.

    They stay as stored: the function transposes them, where XLA can see it. XLA itself uses one
    thread, as in a sweep.
    """
    from dnn_sweep.core.lazy import tf

    flip = {"left": "transpose_a", "right": "transpose_b"}.get(product.transposed)
    stored = [
        tf.constant(each.transpose(0, 2, 1) if side == product.transposed else each)
        for each, side in zip(product.operands(), ("left", "right"), strict=True)
    ]
    return [partial(tf.matmul, **({flip: True} if flip else {})), *stored]


def _together(tasks: list[Callable[[], object]], initializer: Any = None) -> float:
    """Seconds per task, where each core repeats one of its own while the others do the same."""
    with ThreadPoolExecutor(len(tasks), initializer=initializer) as pool:
        return 1 / sum(1 / each for each in pool.map(_least_time, tasks))


def _together_in_torch(tasks: list[Callable[[], object]]) -> float:
    """The same with PyTorch, which has a number of threads for each thread."""
    import torch

    threads = torch.get_num_threads()
    seconds = _together(tasks, partial(torch.set_num_threads, 1))
    torch.set_num_threads(threads)
    return seconds


def _least_time(run: Callable[[], object]) -> float:
    run()
    least, ends = float("inf"), time.perf_counter() + SECONDS
    while time.perf_counter() < ends:
        began = time.perf_counter()
        run()
        least = min(least, time.perf_counter() - began)
    return least
