"""The plan of a search: its factors with everything resolved, and a trial for each proposal."""

from collections.abc import Mapping
from functools import cache
from math import ceil, prod
from typing import Any

import pandas as pd
from pydantic import BaseModel, ConfigDict, JsonValue

from dnn_sweep.core.data.folds import divide_folds, divide_once
from dnn_sweep.core.data.schema import Schema
from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.networks.keras_names import (
    defaults_of,
    optimizer_classes,
    resolve_optimizer,
)
from dnn_sweep.core.networks.keras_schedules import resolve_schedule
from dnn_sweep.core.networks.network import Schedule, content_hash
from dnn_sweep.core.networks.resolve import resolve_network
from dnn_sweep.core.plan.folds import ONE_SPLIT, in_every_repeat
from dnn_sweep.core.plan.learning_rates import at_rate
from dnn_sweep.core.plan.planner import choices_of_activations
from dnn_sweep.core.plan.proposal import SearchFactor, name_of, search_factors
from dnn_sweep.core.plan.shapes import SHAPES, Shapes, plan_shapes
from dnn_sweep.core.plan.trial import Trial, TrialPlan
from dnn_sweep.parameters import (
    GridParameters,
    HiddenLayer,
    NetworkParameters,
    OptimizerEntry,
    ScheduleEntry,
    SearchParameters,
    SplitParameters,
    TrainingParameters,
)

CONSTANT = "none"  # the schedule of a constant learning rate, as a choice of its factor


class PlannedOptimizer(BaseModel):
    """An optimizer of a search, as Keras knows it; ``takes`` are the arguments left open."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    class_name: str
    arguments: dict[str, Any]
    learning_rate: float
    schedule: ScheduleEntry | None
    takes: tuple[str, ...]


class SearchPlan(BaseModel):
    """Everything that a search's trials are made from; without factors there is no search."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    settings: SearchParameters = SearchParameters()
    lengths: tuple[int, ...] = ()  # epochs of each rung
    factors: tuple[SearchFactor, ...] = ()  # those with conditions last
    activations: dict[str, tuple[str, ...]] = {}  # by name, one for each layer or for all
    optimizers: dict[str, PlannedOptimizer] = {}
    schedules: dict[str, ScheduleEntry | None] = {}
    network: NetworkParameters | None = None
    table: Schema | None = None
    rows: int = 0  # that a trial is trained on, which decides the length of schedules
    template: Trial | None = None  # what all trials of the search have in common
    shapes: Shapes | None = None  # of programs that networks of several shapes share

    def __bool__(self) -> bool:
        """Whether there is a search."""
        return bool(self.factors)

    @property
    def together(self) -> int:
        """How many configurations of one program are proposed at once, about."""
        settings = self.settings
        kinds = prod(each.choices for each in self.factors if each.of_program)
        return ceil(settings.batch / min(kinds, settings.programs))

    @property
    def draws_apart(self) -> bool:
        """Whether there are so few programs that no two proposals need to share one."""
        kinds = prod(each.choices for each in self.factors if each.of_program)
        return kinds <= self.settings.programs

    @property
    def hash(self) -> str:
        """A name for all that decides the proposals and their trials; empty without a search."""
        return content_hash(self.model_dump(mode="json"))[:16] if self else ""

    def trial(self, values: Mapping[str, JsonValue], epochs: int, like: Trial) -> Trial:
        """Plan a proposal's training.

        Args:
            values: Of the factors, by name; only those that apply.
            epochs: At most.
            like: A trial with the seed, the fold and all that is not varied.
        """
        network, schema, template = self.network, self.table, self.template
        if network is None or schema is None or template is None:
            raise SweepError("there is no search; set search.method")
        optimizer = self.optimizers[str(values["optimizer"])]
        layers = [units_of(network, values, at) for at in range(depth_of(network, values))]
        changes: dict[str, Any] = {
            n: values[n] for n in ("batch_normalization", "l2") if n in values
        }
        if "width" in values or "depth" in values:
            changes["hidden"] = tuple(HiddenLayer(units=each) for each in layers)
        activation, names = self._activation(values, len(layers))
        built = resolve_network(
            network.model_copy(update=changes),
            schema,
            template.network.inputs,
            names,
            float(str(values.get("dropout", network.dropout))),
            str(values.get("kernel_initializer", network.kernel_initializer)),
        )
        batch_size = int(str(values.get("batch_size", template.batch_size)))
        schedule = optimizer.schedule
        if "schedule" in values:
            schedule = self.schedules[str(values["schedule"])]
        given = {n: values[n] for n in optimizer.takes if n in values}
        defaults = defaults_of(optimizer_classes()[optimizer.class_name])
        steps = epochs * -(-self.rows // batch_size)
        own = {
            "combination": name_of(values),
            "activation": activation,
            "optimizer": str(values["optimizer"]),
            "optimizer_class": optimizer.class_name,
            "optimizer_arguments": optimizer.arguments
            | {name: each for name, each in given.items() if each != defaults[name]},
            "learning_rate": optimizer.learning_rate,
            "network": built,
            "batch_size": batch_size,
            "epochs": epochs,
            "schedule": schedule
            and _schedule(schedule.model_dump_json(), optimizer.learning_rate, steps),
            "factors": dict(values),
        }
        trial = Trial(**{name: getattr(like, name) for name in Trial.model_fields} | own)
        rate = values.get("learning_rate")
        return trial if rate is None else at_rate(trial, float(str(rate)))

    def _activation(
        self, values: Mapping[str, JsonValue], layers: int
    ) -> tuple[str, tuple[str, ...]]:
        """The activation's name, and those of the layers."""
        if "activation_1" not in values:
            name = str(values["activation"])
            return name, self.activations[name]
        names = tuple(str(values[f"activation_{at}"]) for at in range(1, layers + 1))
        return "-".join(names), names


@cache
def _schedule(entry: str, rate: float, steps: int) -> Schedule:
    """Build a schedule, which takes Keras a moment, once for all trials that have it."""
    given = ScheduleEntry.model_validate_json(entry)
    return resolve_schedule(given, rate, steps, "search.factors.schedule")


def depth_of(network: NetworkParameters, values: Mapping[str, JsonValue]) -> int:
    """Number of hidden layers of a proposal."""
    return int(str(values.get("depth", len(network.hidden))))


def units_of(network: NetworkParameters, values: Mapping[str, JsonValue], at: int) -> int:
    """Units of a proposal's hidden layer; one beyond those of the network is like its last."""
    own = network.hidden[min(at, len(network.hidden) - 1)].units
    return int(str(values.get("width", own)))


NO_SEARCH = SearchPlan()


def plan_search(
    trial_plan: TrialPlan,
    schema: Schema,
    train_matrix: pd.DataFrame,
    validation_matrix: pd.DataFrame,
    network: NetworkParameters,
    grid: GridParameters,
    training: TrainingParameters,
    search: SearchParameters,
    fold_matrices: pd.DataFrame | None = None,
    split: SplitParameters = ONE_SPLIT,
) -> SearchPlan:
    """Resolve what a search varies; without a search the plan is empty.

    Of the ``trial_plan`` only what no factor decides is used: callbacks, data, class weights. With
    folds, a search tries its proposals on the first fold alone, as a screening does.

    Raises:
        SweepError: If Keras refuses an argument, or the search shares a seed with the finals.

    >>> rows, settings = (train_matrix, validation_matrix), (network, grid, training)
    >>> plan_search(trial_plan, schema, *rows, *settings, search).factors
    ()
    """
    if not search.is_used:
        return SearchPlan()
    if search.seed in (finals := in_every_repeat(training, split)).seeds:
        raise SweepError(
            f"search.seed: {search.seed} is also among the seeds of the finals "
            f"({', '.join(map(str, finals.seeds))}); give it another one"
        )
    varied = search.factors
    entries = varied.optimizer or grid.optimizers
    chosen = grid.model_copy(
        update={"activations": varied.activation or grid.activations, "optimizers": entries}
    )
    key = "search.factors.optimizer" if varied.optimizer else "grid.optimizers"
    optimizers = {
        each.name: _planned(each, tuple(varied.arguments), f"{key} ({each.name})")
        for each in entries
    }
    activations = choices_of_activations(network, chosen)
    schedules = {
        f"{each.class_name}{_numbered(varied.schedule, at)}" if each else CONSTANT: each
        for at, each in enumerate(varied.schedule or ())
    }
    first = trial_plan.trials[0]
    if fold_matrices is not None and len(fold_matrices):
        rows = min(len(fold.train) for fold in divide_folds(fold_matrices, first.inner))
    else:
        rows = len(divide_once(train_matrix, validation_matrix, first.inner).train)
    fields = {name: getattr(first, name) for name in Trial.model_fields}
    lengths = search.lengths(training.epochs)
    factors = search_factors(
        varied, grid, network, tuple(activations), optimizers, tuple(schedules)
    )
    shapes = plan_shapes(factors, network, first.network, search, lengths, rows)
    if shapes:
        factors = tuple(
            each.model_copy(update={"of_program": each.of_program and each.name not in SHAPES})
            for each in factors
        )
    plan = SearchPlan(
        settings=search,
        lengths=lengths,
        factors=factors,
        activations=activations,
        optimizers=optimizers,
        schedules=schedules,
        network=network,
        table=schema,
        rows=rows,
        template=Trial(**fields | {"seed": search.seed}),
        shapes=shapes,
    )
    _check_extremes(plan)
    return plan


def plan_finalists(
    plan: SearchPlan, finals: TrialPlan, finalists: list[dict[str, JsonValue]]
) -> TrialPlan:
    """Plan the finals of a search, best first: each finalist with every seed, and in every fold.

    ``finals`` are those of the grid, whose first combination has the seeds and the folds.
    """
    first = [t for t in finals.trials if t.combination == finals.trials[0].combination]
    trials = [plan.trial(values, t.epochs, t) for values in finalists for t in first]
    return TrialPlan(trials=tuple(trials))


def _planned(entry: OptimizerEntry, searched: tuple[str, ...], where: str) -> PlannedOptimizer:
    name, arguments, rate = resolve_optimizer(entry, where)
    return PlannedOptimizer(
        class_name=name,
        arguments=arguments,
        learning_rate=rate,
        schedule=entry.schedule,
        takes=tuple(n for n in searched if n in _arguments(name) and n not in entry.arguments),
    )


def _arguments(optimizer: str) -> set[str]:
    return set(defaults_of(optimizer_classes()[optimizer], but=("learning_rate", "name", "kwargs")))


def _numbered(schedules: tuple[ScheduleEntry | None, ...] | None, at: int) -> str:
    """A number for a schedule whose class comes before it, too."""
    earlier = [each.class_name for each in (schedules or ())[: at + 1] if each]
    return f" {earlier.count(earlier[-1])}" if earlier and earlier.count(earlier[-1]) > 1 else ""


def _check_extremes(plan: SearchPlan) -> None:
    """Let Keras build every schedule, and every optimizer at the ends of its arguments' ranges."""
    steps = plan.lengths[-1] * max(plan.rows, 1)
    for schedule in filter(None, plan.schedules.values()):
        resolve_schedule(schedule, 1.0, steps, "search.factors.schedule")
    for name, each in plan.optimizers.items():
        for factor in plan.factors:
            if factor.name in each.takes:
                for value in factor.values or (factor.low, factor.high):
                    own = each.arguments | {factor.name: value}
                    entry = OptimizerEntry(name=name, class_name=each.class_name, arguments=own)
                    resolve_optimizer(entry, f"search.factors.arguments ({factor.name})")
