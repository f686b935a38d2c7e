"""``sweep``: the pipeline ``train`` as a function."""

import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.reporting.commands import PYTHON
from dnn_sweep.datasets.mlflow_state import refuse_foreign_store
from dnn_sweep.interface.arguments import parameters_of
from dnn_sweep.interface.console import log_to_console
from dnn_sweep.interface.result import SweepResult
from dnn_sweep.interface.rows import frame_of, labelled, settings_of, store_table

TABLE, IMAGES = "csv", "image_folder"  # environments
UNNAMED = "table"  # the rows' file in a temporary folder; a sweep that goes on there finds it
TRIALS = Path("data", "06_models", "trials")


def sweep(
    data: Any,
    y: Any = None,
    *,
    target: str | None = None,
    activations: Sequence[Any] | None = None,
    optimizers: Sequence[Any] | None = None,
    network: str | Callable[..., Any] | Mapping[str, Any] | None = None,
    hidden: Sequence[Any] | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    seeds: int | Sequence[int] | None = None,
    minutes: float | None = None,
    folder: str | Path | None = None,
    sequences: bool = False,
    quiet: bool = False,
    **groups: Mapping[str, Any],
) -> SweepResult:
    """Train every combination of activation and optimizer, and compare them.

    Runs the same pipelines as ``kedro run --pipeline=train``, in this process. What is not given
    is as in ``conf/csv``.

    Args:
        data: A pandas table with the target in it, features as a table or an array, or the path
            of a file or of a folder of images. An array of three axes holds images (images,
            height, width), of four axes images with channels.
        y: One label or number for each row, where ``data`` holds the features alone.
        target: The column to predict.
        activations: Keras activations by name.
        optimizers: Keras optimizers, by name or as ``{"name": {"class": …, "argument": …}}``.
        network: A kind (``dense``, ``cnn``, ``lstm``, ``gru``, ``branched``); a function that
            takes ``input_shape``, ``outputs``, ``activation`` and ``seed`` and returns a
            ``keras.Model``; or the parameters of the network.
        hidden: Units of each hidden layer.
        epochs: Passes over the training rows, at most.
        batch_size: Rows per step.
        seeds: Seeds of the finals, or their number.
        minutes: The whole sweep ends in about this time.
        folder: Where results are kept, and where the next sweep goes on; ``None`` for a temporary
            folder, which is deleted with the result.
        sequences: Whether an array of three axes holds sequences (sequences, steps, features).
        quiet: Whether nothing is shown while it runs.
        groups: Any other parameter, by its group: ``training={"class_weight": "balanced"}``.

    Returns:
        The leaderboard, the champion, its network, the figures and the report.

    Raises:
        SweepError: If the rows or a parameter cannot be used; nothing has been trained then. Or if
            the training fails: what was trained is kept, in a temporary folder too, which the
            error then names.

    Warns:
        UserWarning: If the sweep has ended, but a figure, the registry or the tracking server has
            failed.
    """
    short = {
        "target": target, "activations": activations, "optimizers": optimizers, "hidden": hidden,
        "epochs": epochs, "batch_size": batch_size, "seeds": seeds, "minutes": minutes,
    }  # fmt: skip
    temporary = folder is None
    if temporary:
        refuse_foreign_store()
    where = Path(tempfile.mkdtemp(prefix="dnn_sweep_")) if folder is None else Path(folder)
    where = where.expanduser().resolve()
    result = SweepResult(where, temporary=temporary)  # deletes the folder if anything fails
    environment = TABLE
    if isinstance(data, str | Path):
        environment, source = _described(Path(data).expanduser().resolve(), y)
    else:
        source = settings_of(data, "sequence" if sequences else None)
    defaults = {"data": {}, **source}
    parameters = parameters_of(defaults, groups, short, network, where)
    if not isinstance(data, str | Path):
        given, raw = parameters["data"].get("target"), where / "data" / "01_raw"
        unnamed = temporary or (raw / f"{UNNAMED}.parquet").exists()
        file = raw / f"{UNNAMED if unnamed else where.name}.parquet"
        table, parameters["data"]["target"] = _table(data, y, given, sequences)
        parameters["data"]["filepath"] = str(file)
        store_table(table, file)
    try:
        with log_to_console(quiet):
            from dnn_sweep.interface import session  # imports Kedro's settings

            result.run = session.run_train(where, environment, {**parameters, "launcher": PYTHON})
    except BaseException as error:  # Ctrl-C, too
        if temporary and any((where / TRIALS).glob("*")):
            result.keep()
            _add(error, f"What was trained is kept; go on with folder={str(where)!r}.")
        raise
    if result.run.missing:
        warnings.warn(result.run.missing, stacklevel=2)
    return result


def _add(error: BaseException, said: str) -> None:
    """Say more, in the message of an error that is shown without a traceback."""
    if isinstance(error, SweepError):
        error.args = (f"{error} {said}",)
    else:
        error.add_note(said)


def _described(path: Path, y: Any) -> tuple[str, dict[str, dict[str, Any]]]:
    """The environment for a file or a folder, and the parameter that names it."""
    if y is not None:
        raise SweepError("y goes with an array or a table; a file has its target in a column")
    if path.is_dir():
        return IMAGES, {"data": {"folder": str(path)}}
    return TABLE, {"data": {"filepath": str(path)}}


def _table(data: Any, y: Any, target: str | None, sequences: bool) -> tuple[pd.DataFrame, str]:
    if y is not None:
        return labelled(data, y, target, "sequence" if sequences else None)
    if not isinstance(data, pd.DataFrame):
        raise SweepError("y is missing: sweep(X, y) takes one label or number for each row of X")
    if target is None:
        raise SweepError("target is missing: name the column to predict, as in target='species'")
    return frame_of(data), str(target)
