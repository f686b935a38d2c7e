"""The champion's record: what was chosen, from what, and how good it is."""

from pydantic import BaseModel, ConfigDict

from dnn_sweep.core.comparison.intervals import MetricEstimate
from dnn_sweep.core.formatting import TIMES, count
from dnn_sweep.parameters import Task


class Budget(BaseModel):
    """What a claim about a sweep rests on.

    Args:
        combinations: Number of combinations.
        seeds: Number of seeds per combination.
        epochs: Epochs of a trial at most.

    Example:
        >>> print(Budget(combinations=30, seeds=5, epochs=10))
        30 combinations × 5 seeds × 10 epochs
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    combinations: int
    seeds: int
    epochs: int

    def __str__(self) -> str:
        """As a product of counts."""
        return f" {TIMES} ".join(
            [
                count(self.combinations, "combination"),
                count(self.seeds, "seed"),
                count(self.epochs, "epoch"),
            ]
        )


class SplitSizes(BaseModel):
    """Number of rows in each split.

    Example:
        >>> print(SplitSizes(train=1077, validation=360, test=360))
        1,077 training, 360 validation and 360 test rows
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    train: int
    validation: int
    test: int

    def __str__(self) -> str:
        """As a phrase."""
        return (
            f"{self.train:,} training, {self.validation:,} validation and {self.test:,} test rows"
        )


class RegisteredVersion(BaseModel):
    """A version in MLflow's model registry.

    Args:
        name: The registered model.
        version: Its version.
        alias: The alias it holds; ``None`` once another version has taken it.
        reason: Why it got its alias.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    version: str
    alias: str | None
    reason: str | None


class ChampionEvaluation(BaseModel):
    """The champion before it is registered.

    Args:
        combination: Its name, such as ``relu + adam``.
        activation: The grid's activation.
        optimizer: The grid's optimizer.
        learning_rate: Its learning rate.
        batch_size: Rows per optimizer step.
        dropout: Dropout rate of the hidden layers.
        kernel_initializer: Initializer of the first hidden layer's kernel.
        seed: The replicate that was chosen.
        epochs: Epochs at most.
        best_epoch: The epoch whose weights were kept, from 1.
        trial_id: The trial.
        engine: The engine that trained it.
        task: What is predicted.
        objective: The metric that ranks combinations, such as ``val_accuracy``.
        validation: Metrics on the validation rows, by name.
        test: Metrics on the test rows, by name.
        rows: Number of rows in each split.
        confidence: Of every interval.
        resamples: Bootstrap resamples behind every interval.
        chosen_by: The rule, ``best`` or ``cheapest_tied``.
        tied_with: Combinations that are tied for first with it.
        combinations: Number of combinations compared.
        trials: Number of trials compared.
        seeds: The seeds of the finals.
        diverged_trials: How many trials diverged.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")

    combination: str
    activation: str
    optimizer: str
    learning_rate: float
    batch_size: int
    dropout: float
    kernel_initializer: str
    seed: int
    epochs: int
    best_epoch: int
    trial_id: str
    engine: str
    task: Task
    objective: str
    validation: dict[str, MetricEstimate]
    test: dict[str, MetricEstimate]
    rows: SplitSizes
    confidence: float
    resamples: int
    chosen_by: str
    tied_with: tuple[str, ...]
    combinations: int
    trials: int
    seeds: tuple[int, ...]
    diverged_trials: int

    @property
    def budget(self) -> Budget:
        """What the choice rests on."""
        return Budget(combinations=self.combinations, seeds=len(self.seeds), epochs=self.epochs)


class Champion(ChampionEvaluation):
    """The registered champion, as ``champion.json`` holds it.

    Args:
        experiment: The experiment's name.
        registered: Its version in the registry.
    """

    experiment: str
    registered: RegisteredVersion

    def headline(self, best: str) -> str:
        """Say in a sentence what the champion is, and no more than that.

        Args:
            best: The combination that leads the leaderboard.

        Returns:
            Such as ``relu + adam wins on digits``.
        """
        name, experiment, others = self.combination, self.experiment, self.combinations - 1
        tied = len(self.tied_with)
        if name != best:
            if self.chosen_by == "cheapest_tied" and best in self.tied_with:
                return f"{name} trains fastest of the {tied + 1} tied for first on {experiment}"
            return f"{name} is the best on {experiment} that did not diverge"
        if not others:
            return f"{name} on {experiment}"
        if tied:
            return (
                f"{name} comes first on {experiment}, tied with {tied} of {count(others, 'other')}"
            )
        if len(self.seeds) == 1:
            return f"{name} comes first on {experiment}, with one seed"
        return f"{name} wins on {experiment}"
