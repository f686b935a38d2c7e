"""All groups of parameters that shape a sweep's result, as ``configuration.json`` records them."""

from typing import Self

from pydantic import model_validator

from dnn_sweep.parameters.base import Parameters
from dnn_sweep.parameters.budget import BudgetParameters
from dnn_sweep.parameters.callbacks import CallbackParameters
from dnn_sweep.parameters.data import DataParameters
from dnn_sweep.parameters.evaluation import EvaluationParameters
from dnn_sweep.parameters.grid import GridParameters
from dnn_sweep.parameters.network import NetworkParameters
from dnn_sweep.parameters.scaling import ScalingParameters
from dnn_sweep.parameters.screening import ScreeningParameters
from dnn_sweep.parameters.search import SearchParameters
from dnn_sweep.parameters.split import SplitParameters
from dnn_sweep.parameters.training import TrainingParameters


class Configuration(Parameters):
    """The parameters of a sweep, group by group.

    >>> Configuration.model_validate_json(configuration.model_dump_json()) == configuration
    True
    """

    data: DataParameters
    split: SplitParameters
    scaling: ScalingParameters
    network: NetworkParameters
    grid: GridParameters
    training: TrainingParameters
    screening: ScreeningParameters
    search: SearchParameters = SearchParameters()
    budget: BudgetParameters = BudgetParameters()
    callbacks: CallbackParameters
    evaluation: EvaluationParameters

    @model_validator(mode="after")
    def _groups_agree(self) -> Self:
        """Find contradictions that need no data, before any is read."""
        shape = self.data.shape
        rank = "image" if shape else "sequence" if self.data.sequence.id else "table"
        problem = self.network.misfit(rank)
        if not problem and shape and self.network.kind == "cnn":
            problem = self.network.pixels_missing(shape)
        others = self.grid, self.network, self.training, self.callbacks
        problem = problem or self.search.contradiction(*others)
        if problem:
            raise ValueError(problem)
        if self.data.task != "auto":
            self.network.output_and_loss(self.data.task)
        return self
