"""The division of rows (``params:split``)."""

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, NonNegativeInt, PositiveInt, model_validator

from dnn_sweep.parameters.base import Parameters
from dnn_sweep.parameters.data import Name

Part = Annotated[float, Field(gt=0, lt=1)] | PositiveInt  # a fraction, or a number of rows


class SplitParameters(Parameters):
    """The division of rows into training, validation and test (``params:split``).

    Args:
        validation: Fraction of the rows for selection, or their number; not used with folds.
        test: Fraction for the evaluation of the champion, or their number; ignored where the
            source has a test split.
        stratify: Keep the class shares equal in every part (classification only).
        folds: Cross-validation: divide the rows that are not test rows into so many folds, and
            train on the others what validates one. ``None`` validates on one split. ``auto`` takes
            as many folds as there are seeds, one for each, below 5,000 rows; and one split above,
            for a source with a test split of its own, rows in time, or a budget.
        seeds_per_fold: ``all`` trains every seed in every fold; ``one`` trains each seed in one
            fold only, so that cross-validation takes no more trainings than one split does.
            ``None`` is ``one`` for ``folds: auto`` and ``all`` for a number of folds.
        repeats: How often the rows are divided into folds anew, each time with fresh seeds. With
            one seed per fold it follows from the number of seeds.
        group: Column of groups, such as patients, whose rows stay together in every split and
            fold; not a feature. Intervals then count groups, not rows.
        time: Column of numbers or dates: the latest rows are tested, those before them validated,
            and earlier ones trained on; not a feature. Excludes folds and groups.
        inner: Fraction of the training rows, with or without folds, that early stopping, a
            checkpoint and a plateau's lower learning rate watch, so that no row that scores a
            network chooses its epoch; 0 lets them watch the rows that score, whose figures are
            then too good.

    >>> SplitParameters(validation=5000).validation
    5000
    """

    # A column may be called 2020, which the command line reads as a number.
    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)

    validation: Part = 0.2
    test: Part = 0.2
    stratify: bool = True
    seed: NonNegativeInt = 0
    folds: Literal["auto"] | Annotated[int, Field(ge=2)] | None = None
    seeds_per_fold: Literal["all", "one"] | None = None
    repeats: PositiveInt = 1
    group: Name | None = None
    time: Name | None = None
    inner: Annotated[float, Field(ge=0, lt=1)] = 0.1

    @property
    def one_seed_per_fold(self) -> bool:
        """Whether a seed, where there are folds, trains in one of them only.

        >>> SplitParameters(folds="auto").one_seed_per_fold
        True
        """
        return self.seeds_per_fold == "one" or (not self.seeds_per_fold and self.folds == "auto")

    @model_validator(mode="after")
    def _leave_rows_to_train_on(self) -> Self:
        if self.folds is None and self.repeats > 1:
            raise ValueError(
                f"split.repeats ({self.repeats}) repeats a cross-validation, but split.folds is "
                "null; set it to a number of folds, such as 4"
            )
        if self.one_seed_per_fold and self.repeats > 1:
            raise ValueError(
                f"split.repeats ({self.repeats}) follows from the seeds where each trains in one "
                "fold: ask for more training.seeds, or set split.seeds_per_fold: all"
            )
        if self.group and self.time:
            raise ValueError("split.group and split.time exclude each other; set one to null")
        if self.time and isinstance(self.folds, int):
            raise ValueError(
                f"split.folds ({self.folds}) would validate rows by networks that were trained on "
                "later ones, which split.time forbids; set split.folds: null"
            )
        parts = (self.validation, self.test) if self.folds is None else (self.test,)
        fractions = [each for each in parts if isinstance(each, float)]
        if sum(fractions) >= 1:
            raise ValueError(
                f"split.validation ({self.validation}) and split.test ({self.test}) "
                "leave no rows to train on: their sum must be below 1"
            )
        return self
