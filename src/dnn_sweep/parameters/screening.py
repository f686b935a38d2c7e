"""The screening of learning rates (``params:screening``)."""

from typing import Annotated, Self

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from dnn_sweep.parameters.base import Parameters


class ScreeningParameters(Parameters):
    """The search for each combination's learning rate before the finals (``params:screening``).

    Args:
        enabled: Try several learning rates; otherwise every combination trains at its optimizer's
            own.
        factors: The learning rates to try, as multiples of the optimizer's own. The rates of a
            schedule (``warmup_target``, ``end_learning_rate``) are multiplied as well.
        seeds: Replicates of the screening. They must differ from ``training.seeds``, so that the
            choice of a rate does not bias the finals.
        epochs: Epochs of a screening trial at most; ``None`` for ``training.epochs``.
        extensions: How often the grid of a combination grows while its best rate is the lowest
            or the highest tried.

    >>> ScreeningParameters(enabled=True).factors
    (0.1, 1.0, 10.0)
    """

    enabled: bool = False
    factors: tuple[Annotated[float, Field(gt=0)], ...] = Field(
        default=(0.1, 1.0, 10.0), min_length=2
    )
    seeds: tuple[NonNegativeInt, ...] = Field(default=(1000,), min_length=1)
    epochs: PositiveInt | None = None
    extensions: NonNegativeInt = 1

    @model_validator(mode="after")
    def _nothing_is_listed_twice(self) -> Self:
        for name in ("factors", "seeds"):
            values = getattr(self, name)
            if len(set(values)) < len(values):
                raise ValueError(f"screening.{name} lists a value more than once")
        return self
