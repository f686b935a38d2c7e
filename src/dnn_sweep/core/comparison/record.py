"""The comparison's record: what it rests on and what it supports."""

from pydantic import BaseModel, ConfigDict


class Margin(BaseModel):
    """A margin of practical equivalence.

    Args:
        given: As the user states it, ``evaluation.equivalence_margin``.
        value: In the metric's unit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    given: float
    value: float


class Comparison(BaseModel):
    """What the comparison of all combinations rests on and supports.

    Args:
        metric: The metric that ranks, such as ``val_accuracy``.
        combinations: Number of combinations.
        comparisons: Number of pairs among them.
        seeds: The seeds of the finals.
        rows: Number of validation rows.
        confidence: Of all differences at once.
        resamples: Bootstrap resamples behind every interval.
        margin: How much worse still counts as the same.
        best: The combination that leads the leaderboard.
        tied_with_best: Those not shown to be worse.
        first_worse: The best of those shown to be worse; ``None`` where there is none.
        smallest_p: The smallest p-value that an exact test over so many seeds can give.
        smallest_p_holm: The same after Holm's correction.
        seeds_needed: How many seeds an exact test would need.
        seeds_suffice: Whether there are so many.
        champion_rule: ``best`` or ``cheapest_tied``.
        sentences: The above in words, the answer first.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")

    metric: str
    combinations: int
    comparisons: int
    seeds: tuple[int, ...]
    rows: int
    confidence: float
    resamples: int
    margin: Margin
    best: str
    tied_with_best: tuple[str, ...]
    first_worse: str | None
    smallest_p: float
    smallest_p_holm: float
    seeds_needed: int
    seeds_suffice: bool
    champion_rule: str
    sentences: tuple[str, ...] = ()
