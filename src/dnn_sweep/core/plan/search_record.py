"""What a search has proposed, how it went, and what goes on to the finals."""

from math import isfinite

import pandas as pd
from pydantic import BaseModel, ConfigDict, JsonValue


class Proposal(BaseModel):
    """A configuration that a search has looked at.

    Args:
        number: From 0, in the order of the proposals.
        batch: From 1.
        combination: Its name.
        values: Of the factors that apply.
        epochs: Of the longest of its trainings.
        score: The objective on the validation rows after these; NaN if it diverged.
        trials: Ids of its trainings, one for each rung.
        finalist: Its place among those that go on, from 1; ``None`` if it does not.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")

    number: int
    batch: int
    combination: str
    values: dict[str, JsonValue]
    epochs: int
    score: float
    trials: tuple[str, ...]
    finalist: int | None = None


class SearchRecord(BaseModel):
    """The proposals of a search; none without one.

    >>> SearchRecord().finalists
    []
    """

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")

    plan: str = ""  # hash of the plan that they belong to
    method: str = "grid"
    metric: str = ""  # that decides, such as ``val_accuracy``
    sign: int = 1  # -1 where a lower value is better
    proposals: tuple[Proposal, ...] = ()

    @property
    def finalists(self) -> list[Proposal]:
        """Those that go on to the finals, best first; none before the search has ended."""
        chosen = [each for each in self.proposals if each.finalist is not None]
        return sorted(chosen, key=lambda each: each.finalist or 0)

    @property
    def ranked(self) -> list[Proposal]:
        """All, best first: those that trained longest, by their scores; diverged ones last."""

        def badness(each: Proposal) -> tuple[bool, int, float, int]:
            failed = not isfinite(each.score)
            return failed, -each.epochs, 0.0 if failed else -self.sign * each.score, each.number

        return sorted(self.proposals, key=badness)

    def choose(self, finalists: int) -> "SearchRecord":
        """Choose so many of the best for the finals; equal configurations count once."""
        places: dict[str, int] = {}
        numbers: dict[int, int] = {}
        for each in self.ranked:
            if len(places) < finalists and each.combination not in places and isfinite(each.score):
                places[each.combination] = numbers[each.number] = len(places) + 1
        marked = [p.model_copy(update={"finalist": numbers.get(p.number)}) for p in self.proposals]
        return self.model_copy(update={"proposals": tuple(marked)})


def tabulate_search(record: SearchRecord) -> pd.DataFrame:
    """Tabulate the proposals of a search.

    Returns:
        One row per proposal, in their order: ``number``, ``batch``, ``combination``, a column for
        each factor (empty where it did not apply), ``epochs``, the objective on the validation
        rows, ``diverged`` and ``finalist``; no rows without a search.

    >>> tabulate_search(SearchRecord()).empty
    True
    """
    head = ["number", "batch", "combination"]
    factors = list(dict.fromkeys(name for each in record.proposals for name in each.values))
    rows = [
        {
            **{name: getattr(each, name) for name in head},
            **{name: each.values.get(name) for name in factors},
            "epochs": each.epochs,
            record.metric: each.score,
            "diverged": not isfinite(each.score),
            "finalist": each.finalist,
        }
        for each in record.proposals
    ]
    table = pd.DataFrame(rows, columns=None if rows else [*head, "epochs", "diverged", "finalist"])
    return table.astype({"finalist": "Int64"})
