"""The Keras loop with the two switches that Keras offers for speed."""

from benchmarks.contestants.keras_loop import build_model, build_optimizer, fit_and_read
from benchmarks.workloads import Curve, Work


def train(work: Work) -> list[Curve]:
    """Train every trial."""
    curves = []
    for trial in work.trials:
        model = build_model(trial, work)
        model.compile(
            optimizer=build_optimizer(trial),
            loss="sparse_categorical_crossentropy",
            metrics=["accuracy"],
            steps_per_execution=work.steps_per_epoch,
            jit_compile=True,
        )
        curves.append(fit_and_read(model, trial, work))
    return curves
