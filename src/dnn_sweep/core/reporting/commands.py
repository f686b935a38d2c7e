"""Commands that a user may type next, quoted for the shell."""

import json
import os
import shlex
from collections.abc import Mapping, Sequence
from itertools import count, islice
from pathlib import Path

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import JsonValue
from yaml import YAMLError, safe_load

from dnn_sweep.parameters import Configuration, DataParameters, experiment_of, name_of_table
from dnn_sweep.startup import IS_INSTALLED

PYTHON = "python"  # the launcher of a sweep that is run from Python
# An argument of ``sweep``, and the parameter that it stands for.
SHORT = {
    "target": "data.target",
    "activations": "grid.activations",
    "optimizers": "grid.optimizers",
    "hidden": "network.hidden",
    "epochs": "training.epochs",
    "batch_size": "training.batch_size",
    "seeds": "training.seeds",
    "minutes": "budget.minutes",
}
RUN = "dnn-sweep" if IS_INSTALLED else "kedro run"
TRIALS = "dnn-sweep trials" if IS_INSTALLED else "kedro trials"
SERVE = "dnn-sweep serve" if IS_INSTALLED else "kedro serve"
FORMAT = ("encoding", "separator", "decimal", "thousands", "missing", "header")
DEFAULT_ENVIRONMENTS = ("base", "local", "digits")


def launcher() -> str:
    """Return the command that must precede ``kedro`` here; empty if there is none."""
    return "uv run" if "UV_RUN_RECURSION_DEPTH" in os.environ else ""


def same_command(given: Sequence[str]) -> str:
    """Write the command line that started this process, quoted for the shell.

    >>> same_command(["/usr/bin/kedro", "run", "--params=data.filepath=my table.csv"])
    "kedro run '--params=data.filepath=my table.csv'"
    """
    program = Path(given[0]).name  # for `python -m kedro` Kedro writes these words
    return f"{launcher()} {program} {shlex.join(given[1:])}".lstrip()


def kedro_run(
    launcher: str,
    pipeline: str,
    environment: str,
    parameters: Mapping[str, JsonValue] | None = None,
) -> str:
    """Write the ``kedro run`` (of an installed package ``dnn-sweep``) of a pipeline.

    Kedro separates the values of ``--params`` by commas and reads them as YAML. Where a value
    cannot be given so, a comment names the file to write it to.

    Args:
        launcher: How commands of the project begin, such as ``uv run``; may be empty. From
            ``PYTHON`` a call is written that does the same.
        pipeline: A registered pipeline, such as ``train``.
        environment: The folder under ``conf`` that the run used; the default needs no option.
        parameters: Values for ``--params`` by dotted name.

    >>> kedro_run("", "train", "csv", {"data.filepath": "my data.csv"})
    "kedro run --pipeline=train --env=csv --params='data.filepath=my data.csv'"
    >>> kedro_run("", "train", "digits", {"data.target": "height, cm"})
    'kedro run --pipeline=train  # after setting data.target in conf/local/parameters.yml'
    >>> kedro_run(PYTHON, "train", "csv", {"data.target": "y", "training.seeds": 9})
    'sweep(…, seeds=9)  # in the same folder, with the same other arguments'
    """
    if launcher == PYTHON:
        return _call(parameters or {})
    command = f"{launcher} {RUN} --pipeline={pipeline}{_options(environment)}".lstrip()
    given = {key: _spelled(value) for key, value in (parameters or {}).items()}
    if items := [f"{key}={value}" for key, value in given.items() if value is not None]:
        command += f" --params={shlex.quote(','.join(items))}"
    missing: dict[str, list[str]] = {}
    for key in [key for key, value in given.items() if value is None]:
        file = "local/parameters.yml"
        if environment not in DEFAULT_ENVIRONMENTS:  # conf/local is not read then
            stage = "training" if key.startswith("training.") else "ingestion"
            file = f"{environment}/parameters_{stage}.yml"
        missing.setdefault(f"conf/{file}", []).append(key)
    if missing:
        settings = [f"{' and '.join(keys)} in {file}" for file, keys in missing.items()]
        command += f"  # after setting {' and '.join(settings)}"
    return command


def data_parameters(data: DataParameters) -> dict[str, str | int]:
    """Name the parameters that find the same data again: the user's own file or folder.

    >>> data_parameters(DataParameters(filepath="my.csv", target="label"))
    {'data.filepath': 'my.csv', 'data.target': 'label'}
    """
    if data.filepath:
        keys = ["filepath", "target"]
    elif data.folder:
        keys = ["folder", "image_size", "channels", "split_column"]
    else:
        keys = ["source_dir"]
    given = {key: getattr(data, key) for key in keys}
    given |= {f"sequence.{key}": value for key, value in dict(data.sequence).items()}
    return {f"data.{key}": value for key, value in given.items() if value}


def experiment_parameter(
    environment: str, experiment: str, data: DataParameters | None = None
) -> dict[str, str | int]:
    """Name the experiment where neither the environment nor the file of the ``data`` does.

    >>> experiment_parameter("csv", "my", DataParameters(filepath="my.csv"))
    {}
    >>> experiment_parameter("csv", "my")
    {'experiment': 'my'}
    """
    known = {"digits" if environment in DEFAULT_ENVIRONMENTS else environment}
    if data and data.filepath:
        name = name_of_table(data.filepath)
        known = {name, f"{name}_table"}
    return {} if experiment in known else {"experiment": experiment}


def more_seeds(configuration: Configuration, number: int) -> dict[str, str | int]:
    """Name the parameters that train so many seeds of the same sweep, and only the missing ones.

    A number of seeds stands for the first ones from 0, which may have to be more than asked for.
    A list is for a file; it is named where the first seeds leave out trained ones, or would be
    those of the screening.

    >>> more_seeds(configuration, 45)
    {'training.seeds': 45}
    """
    seeds, screening = configuration.training.seeds, configuration.screening
    first = range(max(number, max(seeds) + 1))
    taken = screening.enabled and not set(first).isdisjoint(screening.seeds)
    value: str | int = len(first)
    if taken or len(first) > max(2 * number, 10):
        used = set(seeds) | set(screening.seeds)
        fresh = (seed for seed in count() if seed not in used)
        value = str([*seeds, *islice(fresh, number - len(seeds))])
    return {**data_parameters(configuration.data), "training.seeds": value}


def more_minutes(configuration: Configuration, minutes: int) -> dict[str, str | int]:
    """Name the parameters that give the same sweep another budget.

    >>> more_minutes(configuration, 10)
    {'budget.minutes': 10}
    """
    return {**data_parameters(configuration.data), "budget.minutes": minutes}


def rows_to_score(data: DataParameters, outputs: str) -> dict[str, str | int]:
    """Name a file to score that is there: the example beside the report, if it can be read.

    Where the configuration says how the user's files are written, one of these is named instead.

    >>> rows_to_score(DataParameters(), "data/08_reporting/iris")
    {'inference.filepath': 'data/08_reporting/iris/rows.csv'}
    >>> rows_to_score(DataParameters(filepath="my.csv", decimal=","), "data/08_reporting/my")
    {'inference.filepath': 'my.csv'}
    """
    if data.folder:
        return {"inference.filepath": data.folder, **data_parameters(data)}
    is_special = any(getattr(data, name) != getattr(DataParameters(), name) for name in FORMAT)
    file = data.filepath if data.filepath and is_special else f"{outputs}/rows.csv"
    return {"inference.filepath": file}


def next_commands(
    launcher: str, environment: str, model: str, alias: str, scored: dict[str, str | int]
) -> list[tuple[str, str]]:
    """List what to do after a sweep: pairs of a purpose and a command for the project's folder.

    Args:
        launcher: How commands of the project begin.
        environment: The folder under ``conf`` that the run used.
        model: The registered model.
        alias: Of the version that was registered.
        scored: The parameters that name a file to score.
    """
    scored = scored | experiment_parameter(environment, experiment_of(model))
    if alias != "champion":
        scored["inference.alias"] = alias
    options = _options(environment)
    look = [
        ("compare the runs", f"{launcher} kedro mlflow ui{options}".lstrip()),
        ("see the pipelines and their outputs", f"{launcher} kedro viz run{options}".lstrip()),
    ]
    if IS_INSTALLED:  # other commands of Kedro's need the project's folder
        look = [("compare the runs", "mlflow ui --backend-store-uri sqlite:///mlflow.db")]
    return [
        *look,
        ("score a file", kedro_run(launcher, "inference", environment, scored)),
        ("serve the model", serve_model(launcher, environment, model, alias)),
    ]


def serve_model(launcher: str, environment: str, model: str, alias: str) -> str:
    """Write the command that serves a registered model, or the call after a sweep from Python.

    >>> print(serve_model("", "csv", "dnn_sweep_iris", "champion"))
    kedro serve --env=csv --experiment=iris
    """
    if launcher == PYTHON:
        return "result.predict(rows)"
    options = {
        name: str(value)
        for name, value in experiment_parameter(environment, experiment_of(model)).items()
    }
    options |= {} if alias == "champion" else {"alias": alias}
    given = "".join(f" --{name}={shlex.quote(value)}" for name, value in options.items())
    return f"{launcher} {SERVE}{_options(environment)}{given}".lstrip()


def _call(parameters: Mapping[str, JsonValue]) -> str:
    """Write a call of ``sweep``; the rows are the same, so nothing is said of them."""
    given, groups = "", dict[str, dict[str, object]]()
    short = {parameter: name for name, parameter in SHORT.items()}
    for name, value in parameters.items():
        group, _, key = name.partition(".")
        if not key or group == "data":
            continue
        read = safe_load(str(value))
        if name in short:
            given += f", {short[name]}={read!r}"
        else:
            groups.setdefault(group, {})[key] = read
    given += "".join(f", {group}={values}" for group, values in groups.items())
    others = "the same other arguments" if given else "the same arguments"
    return f"sweep(…{given})  # in the same folder, with {others}"


def _options(environment: str) -> str:
    default = environment in DEFAULT_ENVIRONMENTS
    return "" if default else f" --env={shlex.quote(environment)}"


def _spelled(value: JsonValue) -> str | None:
    """Write a value so that Kedro reads it as it is; ``None`` where that is not possible."""
    written = json.dumps(value, ensure_ascii=False)
    for spelling in (value, written) if isinstance(value, str) else (written,):
        if "," in spelling or "${" in spelling:
            continue
        try:
            read = OmegaConf.to_container(OmegaConf.from_dotlist([f"value={spelling}"]))
        except (OmegaConfBaseException, YAMLError):
            continue
        if read == {"value": value}:
            return spelling
    return None
