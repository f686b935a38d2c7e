"""A search in place of the grid (``params:search``)."""

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from dnn_sweep.parameters.base import Parameters
from dnn_sweep.parameters.callbacks import CallbackParameters
from dnn_sweep.parameters.factors import SearchFactors
from dnn_sweep.parameters.grid import GridParameters, activation_name
from dnn_sweep.parameters.network import NetworkParameters
from dnn_sweep.parameters.training import TrainingParameters


class SearchParameters(Parameters):
    """A search in place of the grid (``params:search``).

    Args:
        method: ``grid`` trains every combination of ``params:grid``. ``random`` draws
            configurations, ``qmc`` spreads them evenly (a Sobol sequence), ``tpe`` learns from
            those before (tree-structured Parzen estimator).
        proposals: How many configurations are looked at.
        finalists: How many of them go on to the finals.
        seed: Of the proposals, and the seed with which the search's trials train; none of
            ``training.seeds``.
        batch: Configurations that are proposed at once.
        programs: Different programs in a batch: optimizers, batch sizes and networks, unless these
            are small enough to share programs.
        epochs: Epochs of the last rung; ``None`` for ``training.epochs``.
        rungs: How often the better ones of a batch are trained for longer, the first time
            included.
        reduction: By how much each rung has fewer configurations and more epochs.
        factors: What is varied.

    >>> SearchParameters(method="tpe").lengths(10)
    (1, 3, 10)
    """

    method: Literal["grid", "random", "qmc", "tpe"] = "grid"
    proposals: PositiveInt = 256
    finalists: PositiveInt = 5
    seed: NonNegativeInt = 1000
    batch: PositiveInt = 64
    programs: PositiveInt = 16
    epochs: PositiveInt | None = None
    rungs: PositiveInt = 3
    reduction: Annotated[int, Field(ge=2)] = 3
    factors: SearchFactors = SearchFactors()

    @model_validator(mode="after")
    def _finalists_are_proposed(self) -> Self:
        if self.finalists > self.proposals:
            raise ValueError(
                f"search.finalists ({self.finalists}) are chosen among search.proposals "
                f"({self.proposals}), so there cannot be more of them"
            )
        return self

    @property
    def is_used(self) -> bool:
        """Whether configurations are searched for."""
        return self.method != "grid"

    def lengths(self, epochs: int) -> tuple[int, ...]:
        """Epochs of each rung, rising; ``epochs`` are those of the finals."""
        most = self.epochs or epochs
        rungs = reversed(range(self.rungs))
        return tuple(dict.fromkeys(max(1, round(most / self.reduction**rung)) for rung in rungs))

    def contradiction(
        self,
        grid: GridParameters,
        network: NetworkParameters,
        training: TrainingParameters,
        callbacks: CallbackParameters,
    ) -> str | None:
        """Say what contradicts another group; ``None`` where nothing does, or without a search."""
        if not self.is_used:
            return None
        found = self._contradictions(grid, network, training, callbacks)
        return next((f"search.{said}" for said in found), None)

    def _contradictions(
        self,
        grid: GridParameters,
        network: NetworkParameters,
        training: TrainingParameters,
        callbacks: CallbackParameters,
    ) -> Iterator[str]:
        factors = self.factors
        if self.seed in training.seeds:
            yield (
                f"seed: {self.seed} is also among training.seeds; the finals need other seeds, or "
                "the choice of the finalists would bias them"
            )
        activations = factors.activation or grid.activations
        optimizers = factors.optimizer or grid.optimizers
        choices: dict[str, list[str]] = {
            "activation": [activation_name(each) for each in activations],
            "optimizer": [each.name for each in optimizers],
            "schedule": [each.class_name if each else "none" for each in factors.schedule or ()],
        }
        if said := factors.contradiction(choices, optimizers):
            yield f"factors.{said}"
        scheduled = [each for each in optimizers if each.schedule]
        if callbacks.reduce_on_plateau.enabled and (scheduled or any(factors.schedule or ())):
            yield (
                "factors.schedule: a schedule sets the learning rate at every step, so "
                "callbacks.reduce_on_plateau cannot lower it; use one of the two"
            )
        shaped = [name for name in ("width", "depth") if getattr(factors, name)]
        if shaped and network.kind == "custom":
            yield f"factors.{shaped[0]}: the function of a custom network decides its layers"
        if shaped and not network.hidden:
            yield f"factors.{shaped[0]}: network.hidden is empty, so there are no hidden layers"
        own = [layer for layer in network.hidden if layer.activation or layer.name]
        if (shaped or factors.layer_activations) and own:
            key = shaped[0] if shaped else "layer_activations"
            yield f"factors.{key}: layers of network.hidden have activations or names of their own"
        if factors.layer_activations and network.kind != "dense":
            yield f"factors.layer_activations: only for network.kind dense, not {network.kind}"
        several = [each for each in activations if not isinstance(each, str) and len(each) > 1]
        if several and (factors.depth or factors.layer_activations):
            key = "depth" if factors.depth else "layer_activations"
            yield (
                f"factors.{key}: {activation_name(several[0])} has an activation for each layer, "
                "so the layers must stay as they are"
            )
