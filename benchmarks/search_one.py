"""One contestant of a search's race, in a process of its own.

Its clock starts with the process, so imports, compilation and proposals count. The score on the
test rows is computed after the clock has stopped.
"""

import time

BEGAN = time.time()

import argparse  # noqa: E402 - the clock runs already
import json  # noqa: E402
import os  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402

from benchmarks.searchers import CONTESTANTS, Best  # noqa: E402


def compete(name: str, rows: Path, seed: int, seconds: float) -> dict[str, Any]:
    """Let a contestant search; return when its best networks were found, and how good they are."""
    best = Best(BEGAN, seconds, rows)
    CONTESTANTS[name](best, seed)
    used = os.times()
    x, y = best.arrays["x_test"], best.arrays["y_test"]
    points = [
        {"seconds": round(at, 2), "validation": score, "test": accuracy(build(), x, y)}
        for at, score, build in best.found
    ]
    processor = used.user + used.system + used.children_user + used.children_system
    return {"trained": best.trained, "cpu_seconds": round(processor, 1), "best": points}


def accuracy(network: Any, x: Any, y: Any) -> float:
    """Share of rows that a network gets right."""
    outputs = np.asarray(network.predict(x, verbose=0))
    given = outputs.argmax(1) if outputs.shape[1] > 1 else (outputs[:, 0] > 0.5).astype(int)
    return float((given == y).mean())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("contestant", choices=CONTESTANTS)
    parser.add_argument("rows", type=Path)
    parser.add_argument("seed", type=int)
    parser.add_argument("seconds", type=float)
    parser.add_argument("result", type=Path)
    asked = parser.parse_args()
    line = compete(asked.contestant, asked.rows, asked.seed, asked.seconds)
    asked.result.write_text(json.dumps(line))
