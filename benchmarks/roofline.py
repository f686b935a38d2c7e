"""A lower bound on the time of an epoch on this machine: ``python -m benchmarks.roofline``.

The bound counts the matrix products of training and validation, each at the best rate that any
library reaches for exactly its shape, on all cores together or on each core side by side, and the
optimizer's reading and writing of weights, slots and gradients, at the memory bandwidth for a
working set of that size. Everything else is assumed to be free: gathering batches, activations,
losses, sums of biases, and the transfer of results.
"""

import argparse
import json
import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.isa import XLA_FLAGS, environment
from benchmarks.rates import Product, fastest_product, fastest_update
from benchmarks.run import RESULTS
from benchmarks.workloads import WORKLOADS, TrialSpec, Work, load_work

FLOAT = 4  # bytes
VALIDATION_ROWS = 1024  # per batch of the validation


@dataclass(frozen=True)
class Stack:
    """Trials of one optimizer, trained together.

    Args:
        trials: The trials.
        work: Data and network.
    """

    trials: list[TrialSpec]
    work: Work

    @property
    def slots(self) -> int:
        """Number of values that the optimizer keeps per weight."""
        first = self.trials[0]
        if first.optimizer_class == "SGD":
            return 1 if first.arguments.get("momentum") else 0
        return {"Adam": 2}.get(first.optimizer_class, 1)

    @property
    def weights(self) -> int:
        """Number of weights of one network."""
        return sum((inputs + 1) * units for inputs, units in self.layers)

    @property
    def layers(self) -> list[tuple[int, int]]:
        """Inputs and units of each layer."""
        widths = (self.work.x_train.shape[1], *self.work.hidden, self.work.classes)
        return list(pairwise(widths))

    def products(self, rows: int, *, backward: bool) -> Iterator[list[Product]]:
        """The products for one batch, each with the ways in which it can be arranged."""
        stack = len(self.trials)
        # Trials of one seed share their batch, so the first layer can be one wide product.
        batches = len({trial.seed for trial in self.trials}) if backward else 1
        for position, (inputs, units) in enumerate(self.layers):
            first = position == 0
            wide = (batches, units * stack // batches)
            # A kernel may be held either way round.
            forward = [Product(stack, rows, inputs, units, side) for side in ("", "right")]
            if first:
                forward.append(Product(wide[0], rows, inputs, wide[1]))
            yield forward
            if backward:
                kernel = [
                    Product(stack, inputs, rows, units, "left"),
                    Product(stack, units, rows, inputs, "left"),
                ]
                if first:
                    kernel.append(Product(wide[0], inputs, rows, wide[1], "left"))
                yield kernel
            if backward and not first:
                yield [Product(stack, rows, units, inputs, side) for side in ("right", "")]

    def bound(self) -> dict[str, Any]:
        """Seconds of one epoch of the whole stack, part by part."""
        step = [_fastest(ways) for ways in self.products(self.work.batch_size, backward=True)]
        judging = [_fastest(ways) for ways in self.products(VALIDATION_ROWS, backward=False)]
        traffic = len(self.trials) * self.weights * FLOAT * (3 + 2 * self.slots)
        working_set = len(self.trials) * self.weights * FLOAT * (2 + self.slots)
        bandwidth, by = fastest_update(working_set)
        steps = len(self.work.x_train) / self.work.batch_size
        return {
            "optimizer": self.trials[0].optimizer,
            "trials": len(self.trials),
            "products_seconds": steps * sum(each["seconds"] for each in step),
            "validation_seconds": len(self.work.x_validation)
            / VALIDATION_ROWS
            * sum(each["seconds"] for each in judging),
            "traffic_seconds": steps * traffic / bandwidth,
            "gflops": sum(each["flops"] for each in step)
            / sum(each["seconds"] for each in step)
            / 1e9,
            "working_set_mib": working_set / 2**20,
            "bandwidth_gb": bandwidth / 1e9,
            "bandwidth_by": by,
            "products": step,
        }


def measure_roofline(work: Work) -> dict[str, Any]:
    """Lower bound on the seconds of a workload's training on this machine.

    Args:
        work: Data, network and trials.

    Returns:
        ``bound_seconds`` of all epochs, its three parts, and the measurements under ``stacks``.
    """
    by_optimizer = defaultdict(list)
    for trial in work.trials:
        by_optimizer[trial.optimizer].append(trial)
    stacks = [Stack(trials, work).bound() for trials in by_optimizer.values()]
    parts = {
        name: work.epochs * sum(stack[name] for stack in stacks)
        for name in ("products_seconds", "validation_seconds", "traffic_seconds")
    }
    return {
        "trials": len(work.trials),
        "epochs": work.epochs,
        "bound_seconds": sum(parts.values()),
        **parts,
        "stacks": stacks,
    }


def run(results: Path) -> Path:
    """Measure the bound of every prepared workload, print it and save it.

    Args:
        results: The folder of results.

    Returns:
        The file.
    """
    found = {}
    for name in (each for each, workload in WORKLOADS.items() if not workload.counts):
        folder = results / "work" / name
        if not folder.is_dir():
            continue
        planned = len(json.loads((folder / "plan.json").read_text())["trials"])
        found[name] = measure_roofline(load_work(folder, range(planned)))
        parts = {key: f"{found[name][key]:.2f}" for key in found[name] if key.endswith("seconds")}
        print(f"{name}: {parts}", flush=True)
    file = results / "roofline.json"
    file.write_text(json.dumps(found, indent=1))
    return file


def _fastest(ways: list[Product]) -> dict[str, Any]:
    (seconds, by), product = min((fastest_product(way), index) for index, way in enumerate(ways))
    chosen = ways[product]
    return {
        "stack": chosen.stack,
        "shape": [chosen.rows, chosen.inner, chosen.columns],
        "seconds": seconds,
        "flops": chosen.flops,
        "by": by,
    }


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder with prepared work")
    parser.add_argument("--isa", choices=XLA_FLAGS, help="of the code that was run")
    given = parser.parse_args()
    os.environ.update(environment(given.isa, ours=True) or {})  # before a library is imported
    run(given.results)


if __name__ == "__main__":
    main()
