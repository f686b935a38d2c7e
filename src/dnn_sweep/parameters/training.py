"""How every trial is trained (``params:training``)."""

from typing import Literal

from pydantic import Field, NonNegativeInt, PositiveInt, field_validator

from dnn_sweep.parameters.base import Parameters, Precision, Weight


class TrainingParameters(Parameters):
    """How every trial is trained (``params:training``).

    Args:
        engine: ``stacked`` trains many networks in one compiled program, ``keras`` each with
            ``model.fit``; ``auto`` takes the fastest engine that can train the trial.
        cohort_size: Trials that ``stacked`` trains together; ``None`` for what suits network
            and machine.
        epochs: Passes over the training rows at most.
        batch_size: Rows a step.
        seeds: One replicate a seed: it fixes initial weights, data order and dropout.
        class_weight: What the loss of a class's training rows counts, by label (1 for a label
            left out); ``balanced`` gives every class the same say; ``None``: all rows alike.
        precision: Keras's dtype policy of the hidden layers.
        diagnostics: Measure every layer's gradients and units at a few epochs of each trial; no
            part of a trial's id.
    """

    engine: Literal["auto", "stacked", "keras"] = "auto"
    cohort_size: PositiveInt | None = None
    epochs: PositiveInt = 10
    batch_size: PositiveInt = 32
    seeds: tuple[NonNegativeInt, ...] = Field(default=(0,), min_length=1)
    class_weight: Literal["balanced"] | dict[bool | int | float | str, Weight] | None = None
    precision: Precision = "float32"
    diagnostics: bool = True

    @field_validator("seeds")
    @classmethod
    def _seeds_are_distinct(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(seeds)) < len(seeds):
            raise ValueError("training.seeds lists a seed more than once")
        return seeds
