"""How learning rates are screened (``params:screening``)."""

from typing import Annotated, Self

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from dnn_sweep.parameters.base import Parameters


class ScreeningParameters(Parameters):
    """How each combination's learning rate is found before the finals (``params:screening``).

    Args:
        enabled: Try several rates; otherwise every combination trains at its optimizer's own.
        factors: The rates tried, as multiples of the optimizer's own rate.
        seeds: Replicates of the screening; none of ``training.seeds``, so that the finals carry
            no luck of the screening.
        epochs: Epochs of a screening trial at most; ``None`` for ``training.epochs``.
        extensions: How often a combination's grid grows where its best rate is the lowest or the
            highest tried.
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
