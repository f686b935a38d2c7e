"""The champion's record: what was chosen, from what, and how good it is."""

from collections.abc import Collection

from pydantic import BaseModel, ConfigDict

from dnn_sweep.core.comparison.intervals import MetricEstimate
from dnn_sweep.core.formatting import TIMES, count
from dnn_sweep.core.objectives import Objective, objective_of
from dnn_sweep.parameters import Serving, Task


class SplitSizes(BaseModel):
    """Number of rows in each split.

    >>> print(SplitSizes(train=1077, validation=360, test=360))
    1,077 training, 360 validation and 360 test rows
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    train: int
    validation: int
    test: int
    folds: int = 0  # with a cross-validation, the training rows are the validation rows
    one_seed_per_fold: bool = False  # whether each row is validated by the network of one seed

    @property
    def trained_on(self) -> int:
        """Number of rows that a trial is trained on, in the smallest fold."""
        return self.train - (-(-self.train // self.folds) if self.folds else 0)

    def __str__(self) -> str:
        if self.folds:
            return (
                f"{self.train:,} rows, each validated in one of {self.folds} folds, and "
                f"{self.test:,} test rows"
            )
        counts = f"{self.train:,} training, {self.validation:,} validation and {self.test:,} test"
        return f"{counts} rows"


class RegisteredVersion(BaseModel):
    """A version in MLflow's model registry."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str  # of the registered model
    version: str  # empty if the registry did not answer
    alias: str | None  # ``None`` once another version has taken it
    reason: str | None  # why it got its alias, or is not registered
    holder: str | None = None  # the version that stays the champion; ``None`` if this one is
    new: bool = True  # whether it was added now; the same champion is not registered twice

    @classmethod
    def missing(cls, name: str, why: str) -> "RegisteredVersion":
        """Stand for a version that could not be registered, because the registry failed."""
        reason = (
            f"The model registry does not answer ({why}). Run the same command again once it does: "
            "nothing is trained again."
        )
        return cls(name=name, version="", alias=None, reason=reason)

    @property
    def role(self) -> str:
        """What its model is called in texts: the challenger where another stays the champion."""
        return "challenger" if self.alias == "challenger" else "champion"

    @property
    def announced(self) -> str:
        """Whether it was registered now: ``Registered``, ``Registered before``, ``Not registered``.

        >>> RegisteredVersion.missing("dnn_sweep_iris", "no answer").announced
        'Not registered'
        """
        if not self.version:
            return "Not registered"
        return "Registered" if self.new else "Registered before"

    @property
    def standing(self) -> str:
        """What the version is, such as ``version 2 as challenger of version 1``."""
        if not self.version:
            return "as a new version"
        role = f" as {self.alias}" if self.alias else ", without an alias"
        against = f" of version {self.holder}" if self.alias and self.holder else ""
        return f"version {self.version}{role}{against}"


class Served(BaseModel):
    """What is served of the champion.

    >>> few = Served(method="ensemble", seeds=(0, 2), diverged_seeds=(1,), trial_ids=("a", "b"),
    ...              weights=620)
    >>> few.describe("relu + adam")
    'the mean of 2 networks of relu + adam'
    >>> few.left_out
    'Seed 1 diverged and is left out.'
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: Serving  # ``baseline`` only where one is served
    baseline: str | None = None  # its name in the leaderboard; it has no seeds, trials or weights
    seeds: tuple[int, ...]  # of the networks whose mean is served
    diverged_seeds: tuple[int, ...] = ()  # of the combination, which are left out
    trial_ids: tuple[str, ...]  # of the networks, in the order of the seeds
    epochs: int | None = None  # of networks that were trained anew
    weights: int  # numbers in all the networks together

    def describe(self, combination: str, rows: str = "training and validation rows") -> str:
        """Describe it in a phrase, such as ``the mean of 5 networks of relu + adam``.

        ``rows`` names those that networks were trained anew on.
        """
        if self.baseline:
            return f"the baseline {self.baseline}, fitted on {rows}"
        if len(self.seeds) == 1:
            said = f"the network of {combination} with seed {self.seeds[0]}"
        else:
            said = f"the mean of {len(self.seeds)} networks of {combination}"
        if self.epochs is None:
            return said
        epochs = count(self.epochs, "epoch")
        return f"{said}, trained anew on {rows} for {epochs}"

    @property
    def left_out(self) -> str:
        """Say in a sentence which seeds diverged; empty if none did."""
        if not self.diverged_seeds:
            return ""
        listed = ", ".join(map(str, self.diverged_seeds))
        if len(self.diverged_seeds) == 1:
            return f"Seed {listed} diverged and is left out."
        return f"Seeds {listed} diverged and are left out."


class ChampionEvaluation(BaseModel):
    """The champion before it is registered.

    Where a baseline is served, it is the champion; ``combination`` and what follows from it then
    describe the best combination, which it left behind.

    ``seed``, ``best_epoch``, ``trial_id`` and ``engine`` are those of the best trial of its
    combination, which represents it where a single trial is shown. ``test`` is of what is served.
    So is ``validation``, except after a refit: no row is left to validate that on, and these are
    the figures of the mean of the same networks before they were trained anew. With folds, what
    is served is always trained anew; ``validation`` is of the networks of the folds, and
    ``best_epoch``, ``trial_id`` and ``engine`` are of the network on all rows.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")

    combination: str  # its name, such as ``relu + adam``
    activation: str  # as the grid names it
    optimizer: str  # as the grid names it
    learning_rate: float
    batch_size: int  # rows per optimizer step
    dropout: float  # dropout rate of the hidden layers
    kernel_initializer: str  # initializer of the first layer's kernel
    seed: int  # the best replicate
    epochs: int  # at most
    best_epoch: int  # the epoch whose weights were kept, from 1
    trial_id: str
    engine: str  # which trained it
    served: Served
    task: Task
    objective: str  # the metric that ranks combinations, such as ``val_accuracy``
    ranked_by: Objective | None = None  # its description; records of earlier releases lack it
    validation: dict[str, MetricEstimate]  # by metric
    test: dict[str, MetricEstimate]  # by metric
    rows: SplitSizes
    confidence: float  # of every interval
    resamples: int  # bootstrap resamples behind every interval
    chosen_by: str  # the rule, ``best`` or ``cheapest_tied``
    tied_with: tuple[str, ...]  # combinations tied for first with it
    threshold: float = 0.5  # of two classes, the second is predicted above this probability
    combinations: int  # how many were compared
    trials: int  # how many were compared
    seeds: tuple[int, ...]  # the seeds of the finals
    fewest_seeds: int | None = None  # of a combination that a budget dropped; else ``None``
    diverged_trials: int

    @property
    def metric(self) -> Objective:
        """The metric that ranks combinations."""
        return self.ranked_by or objective_of(self.task)

    @property
    def name(self) -> str:
        """The combination, or the baseline that is served in its place."""
        return self.served.baseline or self.combination

    @property
    def what_is_served(self) -> str:
        """What is served, in a phrase."""
        if self.rows.folds:
            return self.served.describe(self.combination, "all rows outside the test split")
        return self.served.describe(self.combination)

    @property
    def budget(self) -> str:
        """The counts of what was compared, such as ``30 combinations × 5 seeds × 10 epochs``."""
        seeds = count(len(self.seeds), "seed")
        seeds = f"{self.fewest_seeds} to {seeds}" if self.fewest_seeds else seeds
        counts = [count(self.combinations, "combination"), seeds]
        if self.rows.one_seed_per_fold:
            counts[-1] += ", one per fold"
        elif self.rows.folds:
            counts.append(count(self.rows.folds, "fold"))
        return f" {TIMES} ".join([*counts, count(self.epochs, "epoch")])


class Champion(ChampionEvaluation):
    """The registered champion, as ``champion.json`` holds it."""

    experiment: str
    registered: RegisteredVersion

    def headline(self, best: str, undecided: Collection[str] = ()) -> str:
        """State what the evidence supports, such as ``relu + adam wins on digits``.

        ``best`` is the combination that leads the leaderboard; those that are ``undecided`` do not
        count as tied.
        """
        name, on = self.combination, f"on {self.experiment}"
        tied = sum(each not in undecided for each in self.tied_with)
        if self.served.baseline:
            return f"The baseline {self.name} comes first {on}, before {best}, the best network"
        if name != best:
            if self.chosen_by == "cheapest_tied" and best in self.tied_with:
                return f"{name} trains fastest of the {tied + 1} tied for first {on}"
            return f"{name} is the best {on} that did not diverge"
        if self.combinations == 1:
            return f"{name} {on}"
        if tied:
            others = count(self.combinations - 1, "other")
            return f"{name} comes first {on}, tied with {tied} of {others}"
        if self.tied_with:
            return f"{name} comes first {on}, {len(self.tied_with)} undecided"
        one_seed = len(self.seeds) == 1
        return f"{name} comes first {on}, with one seed" if one_seed else f"{name} wins {on}"
