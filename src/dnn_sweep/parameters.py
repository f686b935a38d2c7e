"""Every ``params:`` group as a frozen model: what a user may set, checked before anything runs."""

from string import Formatter
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveInt,
    field_validator,
    model_validator,
)

Task = Literal["multiclass", "binary", "regression"]
Precision = Literal["float32", "mixed_bfloat16", "mixed_float16"]
Fraction = Annotated[float, Field(ge=0, lt=1)]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]

CHECKPOINT_FIELDS = (
    "epoch",
    "loss",
    "accuracy",
    "mae",
    "val_loss",
    "val_accuracy",
    "val_mae",
)


class Parameters(BaseModel):
    """A group of parameters: immutable, and a key that is not declared is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def __str__(self) -> str:
        """As JSON: kedro-mlflow shows a group as its text among the sweep's parameters."""
        return self.model_dump_json()


class DataParameters(Parameters):
    """Where the rows come from and how to read them (``params:data``).

    Args:
        target: The column to predict; it must be given, by the experiment or by the user.
        task: What kind of prediction; ``auto`` infers it from the target.
        split_column: Column that says ``train`` or ``test`` for each row, where the source has
            an official test split.
        sample_weight: Column that says what each training row counts; no feature.
        ignore: Columns left out.
        categorical: Numeric columns to treat as categories (codes such as a postcode).
        max_rows: Use at most this many rows, drawn at random within classes; ``None`` for all.
        image_shape: Height and width of a row that is an image, for the figures.
        filepath: The user's CSV or Parquet file (experiment ``csv``).
        source_dir: A folder that already holds the IDX files (experiments ``mnist`` and
            ``fashion_mnist``).
    """

    # A column may be called 2020, which the command line reads as a number.
    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)

    target: str | None = None
    task: Literal["auto", "multiclass", "binary", "regression"] = "auto"
    split_column: str | None = None
    sample_weight: str | None = None
    ignore: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    max_rows: PositiveInt | None = None
    image_shape: tuple[PositiveInt, PositiveInt] | None = None
    filepath: str | None = None
    source_dir: str | None = None


class SplitParameters(Parameters):
    """How rows are divided (``params:split``).

    Args:
        validation: Fraction of the rows kept for selection.
        test: Fraction kept for the champion alone; ignored where the source has a test split.
        stratify: Keep the class shares equal in every part (classification only).
        seed: Seed of the division.
    """

    validation: Annotated[float, Field(gt=0, lt=1)] = 0.2
    test: Annotated[float, Field(gt=0, lt=1)] = 0.2
    stratify: bool = True
    seed: NonNegativeInt = 0

    @model_validator(mode="after")
    def _leave_rows_to_train_on(self) -> Self:
        if self.validation + self.test >= 1:
            raise ValueError(
                f"split.validation ({self.validation}) and split.test ({self.test}) "
                "leave no rows to train on: their sum must be below 1"
            )
        return self


class ScalingParameters(Parameters):
    """How columns become numbers of one size (``params:scaling``).

    Args:
        numeric: ``standard`` for mean 0 and variance 1, ``minmax`` for the range 0 to 1,
            ``none`` to leave values alone.
        impute: What replaces a missing number.
        scale_target: Standardise a regression's target for training (predictions come back in
            the target's own unit).
    """

    numeric: Literal["standard", "minmax", "none"] = "standard"
    impute: Literal["median", "mean"] = "median"
    scale_target: bool = True


def _layer_from_units(value: object) -> object:
    return {"units": value} if isinstance(value, int) else value


class HiddenLayer(Parameters):
    """One hidden layer; a bare number in the configuration means its units.

    Args:
        units: Number of neurons.
        activation: A Keras activation for this layer alone; ``None`` takes the grid's.
        name: The layer's name; ``hidden1``, ``hidden2`` … by default.
    """

    units: PositiveInt
    activation: str | None = None
    name: str | None = Field(default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_.\-]*$")


class NetworkParameters(Parameters):
    """The network that every combination shares (``params:network``).

    Args:
        hidden: The hidden layers, input side first.
        dropout: Share of a hidden layer's outputs dropped while training.
        batch_normalization: Normalise each hidden layer's outputs over the batch.
        kernel_initializer: A Keras initializer, or ``matched`` for the one that suits each
            activation (He for the relu family, LeCun for selu, Glorot for the others).
        l2: L2 penalty on the kernels.
        output_activation: ``None`` follows the task (softmax, sigmoid, linear).
        loss: ``None`` follows the task and output.
        api: Build through ``keras.Sequential`` or the functional API; the same network.
    """

    hidden: tuple[Annotated[HiddenLayer, BeforeValidator(_layer_from_units)], ...] = Field(
        min_length=1
    )
    dropout: Fraction = 0.0
    batch_normalization: bool = False
    kernel_initializer: str = "glorot_uniform"
    l2: Annotated[float, Field(ge=0)] = 0.0
    output_activation: str | None = None
    loss: str | None = None
    api: Literal["sequential", "functional"] = "sequential"

    @model_validator(mode="after")
    def _names_are_distinct(self) -> Self:
        names = [layer.name or f"hidden{i}" for i, layer in enumerate(self.hidden, start=1)]
        beside = [f"{name}_{part}" for name in names for part in ("dropout", "normalization")]
        taken = [*names, *beside, "features", "output"]
        twice = sorted({name for name in names if taken.count(name) > 1})
        if twice:
            raise ValueError(
                f"network.hidden: layers must have distinct names; taken: {', '.join(twice)}"
            )
        return self


class ScheduleEntry(Parameters):
    """How an optimizer's learning rate changes while it trains.

    Args:
        class_name: The Keras class, any spelling of upper and lower case.
        arguments: Its constructor's arguments without ``initial_learning_rate``, which is the
            optimizer's learning rate; ``decay_steps`` (``first_decay_steps``) are all steps of
            the trial where they are not given.
    """

    class_name: str
    arguments: dict[str, Any] = Field(default_factory=dict)


def _read_schedule(value: object) -> object:
    """Turn ``CosineDecay`` or ``{class: CosineDecay, alpha: 0.1}`` into an entry's fields."""
    if isinstance(value, str):
        return {"class_name": value}
    if isinstance(value, dict):
        if "class" not in value:
            raise ValueError("a schedule names its Keras class, as in {class: CosineDecay}")
        given = {str(name): each for name, each in value.items()}
        return {"class_name": given.pop("class"), "arguments": given}
    return value


class OptimizerEntry(Parameters):
    """One optimizer of the grid.

    Args:
        name: How it is called in the results.
        class_name: The Keras class, any spelling of upper and lower case.
        arguments: Its constructor's arguments; ``learning_rate`` among them, Keras's default
            where it is not given.
        schedule: How the learning rate changes from there; ``None`` for one rate throughout.
    """

    name: str
    class_name: str
    arguments: dict[str, Any] = Field(default_factory=dict)
    schedule: Annotated[ScheduleEntry, BeforeValidator(_read_schedule)] | None = None


OPTIMIZER_SHORTHANDS: dict[str, dict[str, Any]] = {
    "momentum": {"class": "SGD", "momentum": 0.9},
    "nesterov": {"class": "SGD", "momentum": 0.9, "nesterov": True},
}


def _read_optimizer(value: object) -> object:
    """Turn ``adam`` or ``{momentum: {class: SGD, momentum: 0.9}}`` into an entry's fields."""
    if isinstance(value, str):
        arguments = dict(OPTIMIZER_SHORTHANDS.get(value, {}))
        return {"name": value, "class_name": arguments.pop("class", value), "arguments": arguments}
    if isinstance(value, dict) and len(value) == 1:
        ((name, given),) = value.items()
        if given is None or isinstance(given, dict):
            arguments = {**OPTIMIZER_SHORTHANDS.get(str(name), {}), **(given or {})}
            return {
                "name": str(name),
                "class_name": arguments.pop("class", str(name)),
                "schedule": arguments.pop("schedule", None),
                "arguments": arguments,
            }
    return value


class Pair(Parameters):
    """One activation with one optimizer."""

    activation: str
    optimizer: str


class GridParameters(Parameters):
    """What is varied (``params:grid``): a combination is one choice from each list.

    Args:
        activations: Keras activations for the hidden layers.
        optimizers: Keras optimizers, by name or as ``name: {class: …, argument: …}``.
        only: Train just these activation and optimizer pairs; empty for every pair.
        batch_size: Batch sizes to vary; empty takes ``training.batch_size``.
        dropout: Dropout rates to vary; empty takes ``network.dropout``.
        kernel_initializer: Initializers to vary; empty takes ``network.kernel_initializer``.
    """

    activations: tuple[str, ...]
    optimizers: tuple[Annotated[OptimizerEntry, BeforeValidator(_read_optimizer)], ...] = Field(
        min_length=1
    )
    only: tuple[Pair, ...] = ()
    batch_size: tuple[PositiveInt, ...] = ()
    dropout: tuple[Fraction, ...] = ()
    kernel_initializer: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _nothing_is_listed_twice(self) -> Self:
        lists: dict[str, list[Any]] = {
            "activations": list(self.activations),
            "optimizers": [each.name for each in self.optimizers],
            "batch_size": list(self.batch_size),
            "dropout": list(self.dropout),
            "kernel_initializer": list(self.kernel_initializer),
            "only": list(self.only),
        }
        for key, values in lists.items():
            twice = [str(value) for i, value in enumerate(values) if value in values[:i]]
            if twice:
                raise ValueError(f"grid.{key} lists {', '.join(twice)} more than once")
        return self


class TrainingParameters(Parameters):
    """How every trial is trained (``params:training``).

    Args:
        engine: ``stacked`` trains many networks in one compiled program, ``keras`` each with
            ``model.fit``; ``auto`` takes the fastest engine that can train the trial.
        cohort_size: Trials that ``stacked`` trains together; ``None`` for what suits network
            and machine.
        epochs: Passes over the training rows at most.
        batch_size: Rows a step.
        seeds: One replicate a seed: it fixes initial weights, data order and dropout.
        class_weight: What the loss of a class's training rows counts, by label (1 for a label
            left out); ``balanced`` gives every class the same say; ``None``: all rows alike.
        precision: Keras's dtype policy of the hidden layers.
        diagnostics: Measure every layer's gradients and units at a few epochs of each trial; no
            part of a trial's id.
    """

    engine: Literal["auto", "stacked", "keras"] = "auto"
    cohort_size: PositiveInt | None = None
    epochs: PositiveInt = 10
    batch_size: PositiveInt = 32
    seeds: tuple[NonNegativeInt, ...] = Field(default=(0,), min_length=1)
    class_weight: Literal["balanced"] | dict[bool | int | float | str, Weight] | None = None
    precision: Precision = "float32"
    diagnostics: bool = True

    @field_validator("seeds")
    @classmethod
    def _seeds_are_distinct(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(seeds)) < len(seeds):
            raise ValueError("training.seeds lists a seed more than once")
        return seeds


class ScreeningParameters(Parameters):
    """How each combination's learning rate is found before the finals (``params:screening``).

    Args:
        enabled: Try several rates; otherwise every combination trains at its optimizer's own.
        factors: The rates tried, as multiples of the optimizer's own rate.
        seeds: Replicates of the screening; none of ``training.seeds``, so that the finals carry
            no luck of the screening.
        epochs: Epochs of a screening trial at most; ``None`` for ``training.epochs``.
        extensions: How often a combination's grid grows where its best rate is the lowest or the
            highest tried.
    """

    enabled: bool = False
    factors: tuple[Annotated[float, Field(gt=0)], ...] = Field(
        default=(0.1, 1.0, 10.0), min_length=2
    )
    seeds: tuple[NonNegativeInt, ...] = Field(default=(1000,), min_length=1)
    epochs: PositiveInt | None = None
    extensions: NonNegativeInt = 1

    @model_validator(mode="after")
    def _nothing_is_listed_twice(self) -> Self:
        for name in ("factors", "seeds"):
            values = getattr(self, name)
            if len(set(values)) < len(values):
                raise ValueError(f"screening.{name} lists a value more than once")
        return self


class CheckpointParameters(Parameters):
    """Which epoch's weights a trial keeps.

    Args:
        enabled: Keep the best epoch's weights; otherwise those that training ends with (or that
            early stopping restores).
        monitor: A per-epoch metric; ``auto`` is ``val_accuracy``, for regression ``val_mae``.
        mode: Whether more or less of it is better; ``auto`` as Keras infers it.
        filename: Pattern of the kept file's name, ``.keras`` is added; may hold ``{epoch}`` and
            any per-epoch metric, such as ``{epoch:02d}_{val_accuracy:0.2f}``.
    """

    enabled: bool = True
    monitor: str = "auto"
    mode: Literal["auto", "min", "max"] = "auto"
    filename: str = "{epoch:02d}_{val_loss:0.2f}"

    @field_validator("filename")
    @classmethod
    def _pattern_can_be_filled(cls, pattern: str) -> str:
        allowed = ", ".join(f"{{{name}}}" for name in CHECKPOINT_FIELDS)
        if len(pattern) > 100:
            raise ValueError("checkpoint.filename must not be longer than 100 characters")
        if not pattern or "/" in pattern or "\\" in pattern or pattern.startswith("."):
            raise ValueError("checkpoint.filename must be a plain file name, not a path")
        try:
            names = [name for _, name, _, _ in Formatter().parse(pattern) if name is not None]
            if unknown := [name for name in names if name not in CHECKPOINT_FIELDS]:
                raise ValueError(f"unknown field {unknown[0]!r}")
            pattern.format(**dict.fromkeys(CHECKPOINT_FIELDS, 1.0) | {"epoch": 1})
        except (ValueError, KeyError, IndexError) as error:
            raise ValueError(
                f"checkpoint.filename {pattern!r} cannot be filled in ({error}); "
                f"fields allowed: {allowed}"
            ) from None
        return pattern


class EarlyStoppingParameters(Parameters):
    """When a trial that no longer improves is stopped (Keras's ``EarlyStopping``)."""

    enabled: bool = False
    monitor: str = "val_loss"
    mode: Literal["auto", "min", "max"] = "auto"
    patience: NonNegativeInt = 10
    min_delta: Annotated[float, Field(ge=0)] = 0.0
    restore_best_weights: bool = True


class ReduceOnPlateauParameters(Parameters):
    """When the learning rate is lowered (Keras's ``ReduceLROnPlateau``)."""

    enabled: bool = False
    monitor: str = "val_loss"
    mode: Literal["auto", "min", "max"] = "auto"
    factor: Annotated[float, Field(gt=0, lt=1)] = 0.5
    patience: PositiveInt = 5
    min_delta: Annotated[float, Field(ge=0)] = 1e-4
    min_lr: Annotated[float, Field(ge=0)] = 0.0


class CallbackParameters(Parameters):
    """The Keras callbacks that can change a trial's result (``params:callbacks``).

    Args:
        checkpoint: Which epoch's weights are kept.
        early_stopping: Stop a trial that no longer improves.
        stop_on_nan: Stop a trial whose loss is no longer finite; it is recorded as diverged.
        reduce_on_plateau: Lower the learning rate when progress stalls.
    """

    checkpoint: CheckpointParameters = CheckpointParameters()
    early_stopping: EarlyStoppingParameters = EarlyStoppingParameters()
    stop_on_nan: bool = True
    reduce_on_plateau: ReduceOnPlateauParameters = ReduceOnPlateauParameters()


class LoggingParameters(Parameters):
    """Files that trials write while they train (``params:logs``).

    Args:
        folder: Where they go, a folder a trial.
        csv: Keras's ``CSVLogger``: one line an epoch, to follow a long trial.
        tensorboard: Keras's ``TensorBoard``.
    """

    folder: str
    csv: bool = True
    tensorboard: bool = False


class EvaluationParameters(Parameters):
    """How results are compared (``params:evaluation``).

    Args:
        confidence: Level of every interval.
        resamples: Bootstrap resamples behind every interval.
        seed: Seed of the bootstrap.
        calibration_bins: Bins of the expected calibration error.
        equivalence_margin: How much worse than the best still counts as practically the same:
            accuracy as a share of the rows (0.005 is half a percentage point), a regression's
            error as a share of the error of always predicting the median. What a difference is
            worth only the user knows, so it is 0 unless stated.
        champion: ``best`` takes the first of the leaderboard, ``cheapest_tied`` the one that
            trains fastest among those tied with it.
    """

    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    resamples: Annotated[int, Field(ge=100)] = 1000
    seed: NonNegativeInt = 0
    calibration_bins: PositiveInt = 15
    equivalence_margin: Fraction = 0.0
    champion: Literal["best", "cheapest_tied"] = "best"


class RegistrationParameters(Parameters):
    """How the champion is registered (``params:registration``).

    Args:
        alias: What the best version is called.
        challenger_alias: What a version is called that does not beat the holder of ``alias``.
    """

    alias: str = "champion"
    challenger_alias: str = "challenger"


class InferenceParameters(Parameters):
    """What ``kedro run --pipeline=inference`` scores (``params:inference``).

    Args:
        filepath: A CSV or Parquet file of raw rows.
        alias: Which registered version scores it.
    """

    filepath: str | None = None
    alias: str = "champion"
