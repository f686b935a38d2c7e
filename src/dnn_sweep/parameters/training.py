"""How every trial is trained (``params:training``)."""

from typing import Any, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt, field_validator

from dnn_sweep.parameters.base import Parameters, Precision, Weight


class TrainingParameters(Parameters):
    """How every trial is trained (``params:training``).

    Args:
        engine: ``stacked`` trains many networks in one compiled program, ``keras`` each with
            ``model.fit``; ``auto`` takes the fastest engine that can train the trial.
        cohort_size: Number of trials that ``stacked`` trains together; ``None`` chooses it by
            network and machine.
        epochs: Epochs at most.
        seeds: One replicate per seed, which fixes initial weights, data order and dropout. A
            number *n* in place of a list stands for the seeds 0 to *n* - 1.
        class_weight: Loss weight of each class by label (1 for a label left out); ``balanced``
            weights classes inversely to their frequency; ``None`` for equal weights.
        precision: Keras's dtype policy of the hidden layers.
        diagnostics: Measure every layer's gradients and units at a few epochs of each trial; not
            part of a trial's id.
        checkpoint_seconds: How often what is being trained is saved, in seconds, so that the same
            command goes on from there after a kill; 0 for never. Not part of a trial's id.

    >>> TrainingParameters(seeds=[0, 1, 2]).epochs
    10
    >>> TrainingParameters(seeds=3).seeds
    (0, 1, 2)
    """

    engine: Literal["auto", "stacked", "keras"] = "auto"
    cohort_size: PositiveInt | None = None
    epochs: PositiveInt = 10
    batch_size: PositiveInt = 32
    seeds: tuple[NonNegativeInt, ...] = Field(default=(0,), min_length=1)
    class_weight: Literal["balanced"] | dict[bool | int | float | str, Weight] | None = None
    precision: Precision = "float32"
    diagnostics: bool = True
    checkpoint_seconds: NonNegativeFloat = 60

    @field_validator("seeds", mode="before")
    @classmethod
    def _a_number_counts_seeds(cls, seeds: Any) -> Any:
        """Kedro's ``--params`` cannot carry a list: it splits at commas."""
        return range(seeds) if isinstance(seeds, int) and not isinstance(seeds, bool) else seeds

    @field_validator("seeds")
    @classmethod
    def _seeds_are_distinct(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(seeds)) < len(seeds):
            raise ValueError("training.seeds lists a seed more than once")
        return seeds
