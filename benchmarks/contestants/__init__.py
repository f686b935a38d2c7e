"""The contestants: one module each, written as that library's own users would write it.

A module imports its library at the top (imports count as start-up, not as training) and has a
function that trains every trial of a :class:`~benchmarks.workloads.Work` and returns a
:class:`~benchmarks.workloads.Curve` for each.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal

BLOG = "keras_loop"
OURS = "dnn_sweep"


@dataclass(frozen=True)
class Contestant:
    """One way to train a sweep.

    Args:
        title: Its name on the page.
        packages: Distributions that it needs; the page lists their versions.
        how: A one-line description for the page.
        stacks: What it trains together, so that its time per trial depends on their number:
            ``replicates`` of a combination, a ``sweep``, or nothing. It may be measured on a
            subset of what it does not stack.
        activations: The activations that it can train; empty for all.
        optimizers: The optimizers that it can train, by the grid's names; empty for all.
        function: Its function in ``benchmarks.contestants.<module>``.
        module: Its module; empty if it has the contestant's name.
    """

    title: str
    packages: tuple[str, ...]
    how: str
    stacks: Literal["", "replicates", "sweep"] = ""
    activations: tuple[str, ...] = ()
    optimizers: tuple[str, ...] = ()
    function: str = "train"
    module: str = ""

    def trains(self, trial: Mapping[str, Any]) -> bool:
        """Whether the library supports a trial's activation and optimizer."""
        return (not self.activations or trial["activation"] in self.activations) and (
            not self.optimizers or trial["optimizer"] in self.optimizers
        )

    def versions(self) -> dict[str, str]:
        """Versions of its packages.

        Raises:
            PackageNotFoundError: If a package is not installed; ``name`` says which.
        """
        return {package: version(package) for package in self.packages}


KERAS = ("keras", "tensorflow")
CONTESTANTS = {
    OURS: Contestant(
        "dnn-sweep, engine stacked",
        ("dnn-sweep", *KERAS),
        "trials of one network stacked in one XLA program, with all optimizers in a short sweep",
        stacks="sweep",
        function="train_stacked",
    ),
    "dnn_sweep_keras": Contestant(
        "dnn-sweep, engine keras",
        ("dnn-sweep", *KERAS),
        "`model.fit` per trial, one call into TensorFlow per epoch",
        module=OURS,
        function="train_keras",
    ),
    BLOG: Contestant("Keras loop, as in the blog", KERAS, "plain `model.fit` per trial"),
    "keras_compiled": Contestant(
        "Keras loop, compiled",
        KERAS,
        "`model.fit` per trial with `steps_per_execution` and `jit_compile=True`",
    ),
    "keras_tuner": Contestant(
        "KerasTuner GridSearch",
        ("keras-tuner", *KERAS),
        "a grid of combinations, replicates as `executions_per_trial`",
    ),
    "ray_tune": Contestant(
        "Ray Tune with Keras",
        ("ray", *KERAS),
        "`grid_search`, one core per trial, as many trials at once as cores",
    ),
    "scikit_learn": Contestant(
        "scikit-learn MLPClassifier",
        ("scikit-learn",),
        "one `partial_fit` per epoch, as many trials at once as cores",
        activations=("relu", "tanh", "sigmoid"),
        optimizers=("sgd", "momentum", "nesterov", "adam"),
    ),
    "pytorch": Contestant(
        "PyTorch loop",
        ("torch",),
        "rows as tensors, batches by indexing, fused optimizers",
    ),
    "torch_func": Contestant(
        "torch.func, stacked",
        ("torch",),
        "`vmap` of `grad` over the replicates of a combination, one optimizer on the stack",
        stacks="replicates",
    ),
    "jax_vmap": Contestant(
        "JAX and Optax, vmap and scan",
        ("jax", "optax"),
        "each epoch is one compiled `scan` of a `vmap` over the trials of one optimizer",
        stacks="sweep",
    ),
}

__all__ = ["BLOG", "CONTESTANTS", "OURS", "Contestant", "PackageNotFoundError"]
