"""The comparison's record: what it rests on and what it supports."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from dnn_sweep.parameters import BaselineName

# Of a baseline against the best combination, as far as the evidence shows.
Outcome = Literal["better", "worse", "undecided"]
# Of a deep network: ``no_skill`` if it is not shown to beat a constant prediction.
NetworkVerdict = Literal["pays", "undecided", "does_not_pay", "no_skill"]


class Margin(BaseModel):
    """A margin of practical equivalence."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    given: float  # as the user states it, ``evaluation.equivalence_margin``
    value: float  # in the metric's unit


class AgainstBaseline(BaseModel):
    """A baseline against the best combination."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")

    baseline: BaselineName  # its spelling in ``evaluation.baselines``
    name: str  # in the leaderboard
    score: float  # mean over the validation rows
    difference: float  # baseline minus best combination
    ci_low: float  # ends of its interval; those of all baselines hold simultaneously
    ci_high: float
    outcome: Outcome
    rows: int  # training rows it was fitted on
    training_rows: int  # how many there are
    seconds: float  # to fit it and to predict


class Separation(BaseModel):
    """What would tell the best combination from one tied with it, if their difference stays.

    >>> Separation(combination="tanh + rmsprop", difference=-0.001, least_told=0.03,
    ...            rows_alone=0.02).seeds is None
    True
    """

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")

    combination: str  # tied with the best
    difference: float  # its mean minus the best's, as observed
    least_told: float  # the least difference that was told apart, on so many seeds and rows
    rows_alone: float  # the least difference that unlimited seeds could tell on the same rows
    seeds: int | None = None  # in all, on the same rows; ``None`` where no number is enough
    seconds: float | None = None  # to train those that are missing, for every combination
    rows: int | None = None  # validation rows, where no number of seeds is enough on these
    rows_seeds: int | None = None  # the seeds in all that go with so many rows


class Comparison(BaseModel):
    """The comparison of all combinations: what it rests on, and what it supports."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")

    metric: str  # the metric that ranks, such as ``val_accuracy``
    combinations: int
    comparisons: int  # number of pairs among the combinations
    seeds: tuple[int, ...]  # the seeds of the finals
    rows: int  # of the validation set
    groups: int | None = None  # of these rows, where rows belong together
    one_seed_per_fold: bool = False  # whether each row is scored by the network of one seed
    confidence: float  # of all differences at once
    resamples: int  # bootstrap resamples behind every interval
    margin: Margin  # how much worse still counts as the same
    best: str  # the combination that leads the leaderboard
    tied_with_best: tuple[str, ...]  # those not shown to be worse
    undecided: tuple[str, ...] = ()  # of these, those whose seeds differ too much to tell
    diverged: tuple[str, ...] = ()  # those of which a seed diverged, which are never tied
    dropped: tuple[str, ...] = ()  # in an early round, though not shown to be worse
    looks: int = 1  # rounds of a budget in which the scores were looked at
    first_worse: str | None  # the best of those shown to be worse; ``None`` where there is none
    smallest_p: float  # the smallest p-value that an exact test over so many seeds can give
    smallest_p_holm: float  # the same after Holm's correction
    seeds_needed: int  # how many seeds an exact test would need
    seeds_suffice: bool  # whether there are so many
    champion_rule: str  # ``best`` or ``cheapest_tied``
    baselines: tuple[AgainstBaseline, ...] = ()  # in the order of ``evaluation.baselines``
    deep_network: NetworkVerdict | None = None  # whether it pays; ``None`` without baselines
    reservation: str | None = None  # what praise of the best combination must add
    separations: tuple[Separation, ...] = ()  # of the first tied ones; none with a single seed
    next_seeds: int | None = None  # seeds in all that would decide or, after one, let estimate
    to_decide: str | None = None  # what telling the first two apart would take, in words
    sentences: tuple[str, ...] = ()  # the above in words, the answer first

    @property
    def tied(self) -> tuple[str, ...]:
        """Those that do as well as the best, without the undecided."""
        return tuple(name for name in self.tied_with_best if name not in self.undecided)

    @property
    def leading(self) -> tuple[str, ...]:
        """The sentences that a short text needs: the answer, and whether a deep network pays."""
        return self.sentences[: 2 if self.deep_network else 1]
