"""Rates of matrix products and memory traffic, with the fastest installed library."""

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

SECONDS = 0.08  # how long a product is repeated; its fastest time counts
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
    """The shortest time of any library for a stack of products, and the library's name."""
    return min((_least_time(run), name) for name, run in _ways_to_multiply(product))


@cache
def fastest_update(working_set: int) -> tuple[float, str]:
    """Bytes per second that ``a += b`` reads and writes, and the fastest library's name.

    Args:
        working_set: Bytes of both arrays together; small sets stay in the cache.
    """
    count = max(working_set // 8, CORES)
    traffic = 3 * 4 * count  # read both, write one
    ways: list[tuple[str, Callable[[], object]]] = []
    a, b = np.ones(count, np.float32), np.full(count, 1e-9, np.float32)
    parts = list(zip(np.array_split(a, CORES), np.array_split(b, CORES), strict=True))
    ways.append(("NumPy", _in_threads([partial(np.add, x, y, out=x) for x, y in parts])))
    if find_spec("torch"):
        import torch

        ways.append(("PyTorch", partial(torch.from_numpy(a).add_, torch.from_numpy(b))))
    seconds, name = min((_least_time(run), name) for name, run in ways)
    return traffic / seconds, name


def _ways_to_multiply(product: Product) -> Iterator[tuple[str, Callable[[], object]]]:
    from threadpoolctl import threadpool_limits

    left, right = product.operands()
    out = np.empty((product.stack, product.rows, product.columns), np.float32)
    yield "NumPy", partial(np.matmul, left, right, out=out)
    if product.stack >= CORES:  # one share of the stack per core
        shares = [np.array_split(each, CORES) for each in (left, right, out)]
        with threadpool_limits(1, "blas"):
            parts = zip(*shares, strict=True)
            yield "NumPy", _in_threads([partial(np.matmul, x, y, out=z) for x, y, z in parts])
    if find_spec("torch"):
        import torch

        operands = [torch.from_numpy(each) for each in (left, right)]
        yield "PyTorch", partial(torch.bmm, *operands, out=torch.from_numpy(out))
    if find_spec("tensorflow"):
        from dnn_sweep.core.lazy import tf

        # The operands stay as stored: the program transposes them, where XLA can see it.
        flip = {"left": "transpose_a", "right": "transpose_b"}.get(product.transposed)
        stored = [
            tf.constant(each.transpose(0, 2, 1) if side == product.transposed else each)
            for each, side in ((left, "left"), (right, "right"))
        ]
        multiply = partial(tf.matmul, **({flip: True} if flip else {}))
        yield "TensorFlow", lambda: multiply(*stored).numpy()
        compiled = tf.function(multiply, jit_compile=True)
        yield "XLA", lambda: compiled(*stored).numpy()


def _in_threads(tasks: list[Callable[[], object]]) -> Callable[[], object]:
    pool = ThreadPoolExecutor(len(tasks))

    def run() -> None:
        for future in [pool.submit(task) for task in tasks]:
            future.result()

    return run


def _least_time(run: Callable[[], object]) -> float:
    run()
    least, ends = float("inf"), time.perf_counter() + SECONDS
    while time.perf_counter() < ends:
        began = time.perf_counter()
        run()
        least = min(least, time.perf_counter() - began)
    return least
