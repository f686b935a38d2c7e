"""The comparison's record: what it rests on and what it supports."""

from pydantic import BaseModel, ConfigDict


class Margin(BaseModel):
    """A margin of practical equivalence."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    given: float  # as the user states it, ``evaluation.equivalence_margin``
    value: float  # in the metric's unit


class Comparison(BaseModel):
    """The comparison of all combinations: what it rests on, and what it supports."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")

    metric: str  # the metric that ranks, such as ``val_accuracy``
    combinations: int
    comparisons: int  # number of pairs among the combinations
    seeds: tuple[int, ...]  # the seeds of the finals
    rows: int  # of the validation set
    confidence: float  # of all differences at once
    resamples: int  # bootstrap resamples behind every interval
    margin: Margin  # how much worse still counts as the same
    best: str  # the combination that leads the leaderboard
    tied_with_best: tuple[str, ...]  # those not shown to be worse
    first_worse: str | None  # the best of those shown to be worse; ``None`` where there is none
    smallest_p: float  # the smallest p-value that an exact test over so many seeds can give
    smallest_p_holm: float  # the same after Holm's correction
    seeds_needed: int  # how many seeds an exact test would need
    seeds_suffice: bool  # whether there are so many
    champion_rule: str  # ``best`` or ``cheapest_tied``
    sentences: tuple[str, ...] = ()  # the above in words, the answer first
