"""The division of rows (``params:split``)."""

from typing import Annotated, Self

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from dnn_sweep.parameters.base import Parameters

Part = Annotated[float, Field(gt=0, lt=1)] | PositiveInt  # a fraction, or a number of rows


class SplitParameters(Parameters):
    """The division of rows into training, validation and test (``params:split``).

    Args:
        validation: Fraction of the rows for selection, or their number.
        test: Fraction for the evaluation of the champion, or their number; ignored where the
            source has a test split.
        stratify: Keep the class shares equal in every part (classification only).

    >>> SplitParameters(validation=5000)
    SplitParameters(validation=5000, test=0.2, stratify=True, seed=0)
    """

    validation: Part = 0.2
    test: Part = 0.2
    stratify: bool = True
    seed: NonNegativeInt = 0

    @model_validator(mode="after")
    def _leave_rows_to_train_on(self) -> Self:
        fractions = [each for each in (self.validation, self.test) if isinstance(each, float)]
        if sum(fractions) >= 1:
            raise ValueError(
                f"split.validation ({self.validation}) and split.test ({self.test}) "
                "leave no rows to train on: their sum must be below 1"
            )
        return self
