"""The division of rows (``params:split``)."""

from typing import Annotated, Self

from pydantic import Field, NonNegativeInt, model_validator

from dnn_sweep.parameters.base import Parameters


class SplitParameters(Parameters):
    """The division of rows into training, validation and test (``params:split``).

    Args:
        validation: Fraction of the rows for selection.
        test: Fraction for the evaluation of the champion; ignored where the source has a test
            split.
        stratify: Keep the class shares equal in every part (classification only).

    >>> SplitParameters(test=0.1).validation
    0.2
    """

    validation: Annotated[float, Field(gt=0, lt=1)] = 0.2
    test: Annotated[float, Field(gt=0, lt=1)] = 0.2
    stratify: bool = True
    seed: NonNegativeInt = 0

    @model_validator(mode="after")
    def _leave_rows_to_train_on(self) -> Self:
        if self.validation + self.test >= 1:
            raise ValueError(
                f"split.validation ({self.validation}) and split.test ({self.test}) "
                "leave no rows to train on: their sum must be below 1"
            )
        return self
